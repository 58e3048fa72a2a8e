"""The page in a real browser: it computes what Python does, and shows names as they are."""

from importlib.resources import files

import numpy as np
import pytest

from benchmarks.browser import THREE, chromium, draw, resize
from scratchmlp import (
    Data,
    Network,
    adam,
    forward,
    init_params,
    init_state,
    leaky_relu,
    minibatches,
    sigmoid_cross_entropy,
    squared_error,
    tanh,
    train,
)
from scratchmlp.datasets import mnist
from scratchmlp.descriptions import CLASSES, Target, pixels
from scratchmlp.export import export
from tests.exported import CASES, HOSTILE, digits, network, outputs, pet, price, price_scale, table

IMAGE = pixels(784, (28, 28))


@pytest.fixture(scope="module")
def driver():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def deep():
    """The article's deep network after a hundred minibatches."""
    optimizer = adam(0.003)
    start = init_state(init_params([784, 256, 128, 64, 10]), optimizer)
    batches = minibatches(*mnist().train, size=128, seed=0)
    states = train(start, batches, optimizer=optimizer)
    return next(state.params for state in states if state.iteration == 100)


@pytest.fixture
def show(driver, tmp_path):
    """Export a page, open it, and see afterwards that the browser had nothing to say against it."""

    def opened(*arguments, width=1200, dark=False, **named):
        path = tmp_path / "page.html"
        export(path, *arguments, **named)
        resize(driver, width, 900, dark)
        driver.get(path.as_uri())
        return path

    yield opened
    assert driver.get_log("browser") == []
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0


def texts(driver, selector):
    """What elements say, seen or not."""
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)"
    return driver.execute_script(script, selector)


def logits(driver, X):
    script = "return arguments[0].map((x) => [...forward(x).runs[0].Z.at(-1)])"
    return np.array(driver.execute_script(script, X.T.tolist())).T


def test_two_hundred_digits(driver, deep, show):
    path = show(deep, description=IMAGE, examples=digits)
    X = digits.X[:, :200]
    found, expected = logits(driver, X), forward(deep, X).Z[-1]
    # Both add 784 products of numbers about 1, here in float32 and there in float64.
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
    np.testing.assert_array_equal(found.argmax(axis=0), expected.argmax(axis=0))
    assert path.stat().st_size < 2e6


@pytest.mark.parametrize("name", [*CASES])
def test_every_network(name, driver, show):
    case = CASES[name]
    show(case.params, case.network, description=case.description)
    X = case.X[:, :20]
    script = "return arguments[0].map((x) => [...forward(x).outputs])"
    found = np.array(driver.execute_script(script, X.T.tolist())).T
    # Within the rounding of float32, and of the normal distribution function: 1e-7 times z.
    np.testing.assert_allclose(found, outputs(case._replace(X=X)), rtol=1e-5, atol=1e-5)
    assert texts(driver, "#verdict")[0]


@pytest.mark.parametrize("name", [name for name in CASES if "outputs" not in name])
def test_the_gradient_of_a_logit(name, driver, show):
    case = CASES[name]
    show(case.params, case.network, description=case.description)
    x = case.X[:, 0].astype(np.float64)
    direction = np.random.default_rng(0).normal(size=len(x))
    script = """
        const [x, direction] = arguments, at = (h) => x.map((v, k) => v + h * direction[k]);
        const logit = (point) => forward(point).runs.reduce((sum, { Z }) => sum + Z.at(-1)[0], 0);
        const dX = gradient(forward(x).runs, 0).reduce((sum, d, k) => sum + d * direction[k], 0);
        return [members.length * dX, (logit(at(1e-5)) - logit(at(-1e-5))) / 2e-5];
    """
    found, expected = driver.execute_script(script, x.tolist(), direction.tolist())
    # In float64: h^2 and the rounding of logits near 1 leave 1e-10 / h. The normal distribution
    # function is a fit within 1e-7, and its slope one within 1e-6.
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_drawn_digit_is_centred_and_scaled(driver, deep, show):
    show(deep, description=IMAGE, examples=digits)
    before = texts(driver, "#slopes-title")
    draw(driver, THREE)  # in the place of the example that was there
    image = seen(driver)
    rows, columns = (np.flatnonzero(image.sum(axis=axis) > 0.05) for axis in (1, 0))
    assert np.ptp(rows) in {19, 20}  # 20 pixels, which may lie across 21
    assert np.ptp(columns) < 20
    middle = [(image.sum(axis=axis) * np.arange(28)).sum() / image.sum() for axis in (1, 0)]
    np.testing.assert_allclose(middle, 13.5, atol=0.2)  # bright pixels are cut at 1
    assert forward(deep, image.reshape(784, 1)).A[-1].argmax() == 3
    assert texts(driver, "#verdict")[0].startswith("It says 3, with ")
    assert before != texts(driver, "#slopes-title")
    draw(driver, ((20, 20), (40, 20)))  # and another stroke beside it
    assert seen(driver).sum() != pytest.approx(image.sum(), rel=0.01)
    driver.find_element("id", "clear").click()
    assert seen(driver).max() == 0


def seen(driver):
    return np.array(driver.execute_script("return pixelsOf(x)")).reshape(28, 28)


def test_it_is_drawn_with_keys_too(driver, deep, show):
    show(deep, description=IMAGE)
    script = """
        for (let k = 0; k < 12; k++) pad.dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowDown", shiftKey: true }));
    """
    driver.execute_script(script)
    assert texts(driver, "#verdict")[0].startswith("It says 1, with ")


def test_examples_and_mistakes_are_shown(driver, deep, show):
    show(deep, description=IMAGE, examples=digits)
    right, wrong = driver.find_elements("css selector", "#right button, #wrong button"), []
    labels = [button.get_attribute("title") for button in right]
    wrong = [label for label in labels if "taken for" in label]
    assert (len(labels), len(wrong)) == (24, 12)
    assert [label.partition(": ")[2] for label in labels[:10]] == list("0123456789")
    right[-1].click()
    number = int(labels[-1].split()[1].rstrip(":")) - 1
    np.testing.assert_allclose(seen(driver).ravel(), digits.X[:, number], atol=1e-6)
    shown = texts(driver, "#verdict")[0]
    assert shown.startswith(f"It says {labels[-1].split('taken for ')[1][0]}, with ")


def test_a_unit_shows_its_weights(driver, deep, show):
    show(deep, description=IMAGE, examples=digits)
    strip = driver.find_elements("class name", "strip")[0]
    assert strip.get_attribute("aria-label") == "Layer 1: 256 units, relu, unit"
    strip.send_keys("\ue011")  # Home
    strip.send_keys("\ue014\ue015")  # right, and down a row of 32
    assert strip.get_attribute("aria-valuenow") == "34"
    caption = driver.find_elements("css selector", ".unit figcaption")[0].text
    W = deep[0].W[33]
    assert caption.startswith("Weights to unit 34: ")
    assert f"{W.max():.3g};" in caption
    picture = driver.execute_script(
        "const c = document.querySelector('.unit figure canvas');"
        "return [c.width, c.height, [...c.getContext('2d').getImageData(0, 0, 28, 28).data]]"
    )
    assert picture[:2] == [28, 28]
    red, _, blue, _ = np.array(picture[2]).reshape(784, 4).T
    clear = abs(W) > 0.05 * abs(W).max()
    np.testing.assert_array_equal((red > blue)[clear], (W > 0)[clear])


def test_an_output_can_be_chosen(driver, deep, show):
    show(deep, description=IMAGE, examples=digits)
    assert texts(driver, "#slopes-title") == ["Orange pixels speak for 0, blue ones against it"]
    button = driver.find_elements("css selector", "#outputs button")[7]
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert texts(driver, "#slopes-title") == ["Orange pixels speak for 7, blue ones against it"]
    button.click()
    assert texts(driver, "#slopes-title") == ["Orange pixels speak for 0, blue ones against it"]


def test_names_are_shown_as_they_are_written(driver, show):
    X = table().X
    show(network(8, 6, 3), description=pet, examples=Data(X, np.arange(60) % 3))
    names = texts(driver, "#outputs button > span:first-child")
    assert names == ["cat", f"{HOSTILE}dog", "parrot"]
    assert texts(driver, ".feature label") == ["age", f"colour {HOSTILE}", "smokes", "weight"]
    assert texts(driver, "#feature-1 option") == ["red", "green", HOSTILE]
    assert driver.find_elements("tag name", "b") == []


def test_a_table_is_encoded_as_in_python(driver, show):
    _, X = table()
    show(network(8, 6, 3), description=pet, examples=Data(X, None))
    script = "return arguments[0].map((x) => { choose(x); return encoded(); })"
    back = np.array(driver.execute_script(script, X.T.tolist())).T
    np.testing.assert_allclose(back, X, atol=1e-6)


def test_controls_change_the_output(driver, show):
    _, X = table()
    params = network(8, 6, 3)
    show(params, description=pet, examples=Data(X[:, 1:2], None))
    driver.execute_script(
        "const slide = (name, value) => { const control = find(name); control.value = value;"
        "control.dispatchEvent(new Event('input')); };"
        "slide('feature-0', 58); slide('feature-1', 2); slide('feature-2', 1);"
    )
    driver.find_elements("css selector", ".feature button")[3].click()  # no weight
    expected = forward(params, np.array([[1.5, 0, 0, 1, 0, 1, 0, 1]], np.float32).T).A[-1][:, 0]
    shares = [float(text.removesuffix(" %")) for text in texts(driver, "#outputs .value")]
    np.testing.assert_allclose(shares, 100 * expected, atol=0.06)  # a decimal is shown


def test_numbers_are_shown_on_their_own_scale(driver, show):
    _, X = table()
    params, own = network(8, 6, 2), Network(loss=squared_error)
    show(params, own, description=price, examples=Data(X[:, :3], None))
    expected = forward(params, X[:, :1], own).A[-1] * price_scale.deviation + price_scale.mean
    shown = [float(text.replace("\u2212", "-")) for text in texts(driver, "#outputs .value")]
    np.testing.assert_allclose(shown, expected[:, 0], rtol=0.006)  # three digits are shown
    assert texts(driver, "#verdict")[0].startswith("price: ")


@pytest.mark.parametrize(
    ("own", "n_out", "y"),
    [
        (Network(tanh), 3, np.arange(60) % 3),
        (Network(loss=sigmoid_cross_entropy), 1, (np.arange(60) % 2)[np.newaxis]),
        (Network(loss=sigmoid_cross_entropy), 2, np.eye(2)[:, np.arange(60) % 2]),
        (Network(leaky_relu(0.1), squared_error), 2, np.ones((2, 60))),
        (Network(tanh, squared_error), 3, np.arange(60) % 3),
        (Network(loss=sigmoid_cross_entropy), 3, np.arange(60) % 3),
    ],
)
def test_examples_of_every_kind_of_output(own, n_out, y, driver, show):
    _, X = table()
    show(network(8, 4, n_out), own, examples=Data(X, y))
    labels = texts(driver, "#shown button")
    assert any("taken for" in label for label in labels)
    assert all(label.startswith("example ") and ": " in label for label in labels)


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(dark, driver, deep, show):
    target = Target(CLASSES, ("digit",), tuple("0123456789"))
    show(deep, description=pixels(784, (28, 28), target), examples=digits, width=360, dark=dark)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(22, 22, 20)") == dark
    draw(driver, THREE)
    assert seen(driver).max() > 0.9


def test_the_template_can_be_read():
    lines = files("scratchmlp.export").joinpath("page.html").read_text("utf-8").splitlines()
    assert len(lines) < 400
    assert max(map(len, lines)) <= 100
    assert "//" not in "".join(line.partition("// ")[0] for line in lines)  # no address

"""What can be exported, and what is said of the rest."""

import subprocess
import sys

import numpy as np
import pytest

from scratchmlp import Activation, Data, Layer, Loss, Network, identity, relu, squared_error
from scratchmlp.descriptions import CLASSES, Target, pixels
from scratchmlp.export import export
from tests.exported import network
from tests.helpers import same_bytes

KINDS = [".onnx", ".safetensors", ".html"]


def square(Z):
    return Z * Z


def twice(Z, A):
    return 2 * Z


OWN = Activation(square, twice)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [OWN, (relu, OWN)])
def test_an_activation_of_ones_own(kind, hidden, tmp_path):
    with pytest.raises(ValueError, match=r"test_export\.square, which .* relu, .*leaky_relu"):
        export(tmp_path / f"model{kind}", network(4, 3, 3, 2), Network(hidden))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_of_ones_own_with_a_known_activation(kind, tmp_path):
    loss = Loss(identity, *squared_error[1:3])
    export(tmp_path / f"model{kind}", network(4, 3, 2), Network(loss=loss))
    with pytest.raises(ValueError, match="the output activation is "):
        export(tmp_path / f"other{kind}", network(4, 2), Network(loss=Loss(OWN, *loss[1:3])))


def best(A):
    return A.argmax(axis=0)


def test_decisions_of_ones_own(tmp_path):
    with pytest.raises(
        ValueError, match=r"^export: the loss of network must decode its outputs as"
    ):
        export(
            tmp_path / "model.onnx",
            network(4, 2),
            Network(loss=squared_error._replace(decode=best)),
        )


@pytest.mark.parametrize("name", ["model", "model.pt", "model.onnx.gz"])
def test_another_suffix(name, tmp_path):
    with pytest.raises(ValueError, match=rf"{name} must end in \.onnx, \.safetensors or \.html"):
        export(tmp_path / name, network(4, 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ((), TypeError, "params must be"),
        ("model.npz", TypeError, "params must be a network's tuple of Layers"),
        ([network(4, 2), "other"], TypeError, r"params\[1\] must be a network's tuple"),
        ([network(4, 2), network(4, 3)], ValueError, "outputs"),
        ([network(4, 2), network(5, 2)], ValueError, "4"),
        (network(4, 3) + network(4, 3), ValueError, "4"),
        ((Layer(np.full((2, 4), np.nan), np.zeros((2, 1))),), ValueError, "of layer 1 must be fin"),
        (
            (Layer(np.zeros((3, 2, 4)), np.zeros((2, 2, 1))),),
            ValueError,
            "one size of the first axis",
        ),
    ],
)
def test_parameters_that_do_not_fit(kind, params, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export(tmp_path / f"model{kind}", params)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("description", "error", "message"),
    [
        ("pixels", TypeError, "description must be a Description or None, not str"),
        (pixels(5), ValueError, "has 5 features but the network takes 4"),
        (pixels(4, (), Target(CLASSES, ("a",), ("b", "c", "d"))), ValueError, "3 outputs"),
        (pixels(4, (), Target("labels", ("a", "b"))), ValueError, "are labels, but .* are classes"),
    ],
)
def test_descriptions_that_do_not_fit(description, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export(tmp_path / "model.html", network(4, 2), description=description)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (Data(np.zeros((5, 3)), None), "5"),
        (Data(np.zeros((4, 3)), np.array([0, 1])), "3"),
        (Data(np.zeros((4, 3)), np.array([0, 1, 2])), "2"),
        (Data(np.full((4, 3), np.nan), None), "finite"),
    ],
)
def test_examples_that_do_not_fit(examples, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(tmp_path / "model.html", network(4, 2), examples=examples)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_what_stood_there_stays_until_all_is_written(kind, tmp_path):
    path = tmp_path / f"model{kind}"
    path.write_text("older")
    with pytest.raises(ValueError, match="which no other program knows"):
        export(path, network(4, 3, 2), Network(OWN))
    assert path.read_text() == "older"
    export(path, network(4, 3, 2))
    assert path.read_bytes() != b"older"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes_again_and_nothing_is_changed(kind, tmp_path):
    params, again = network(4, 3, 2), network(4, 3, 2)
    for layer in params:
        for array in layer:
            array.setflags(write=False)
    for name in "ab":
        export(tmp_path / f"{name}{kind}", params)
    assert (tmp_path / f"a{kind}").read_bytes() == (tmp_path / f"b{kind}").read_bytes()
    assert same_bytes(params, again)


@pytest.mark.parametrize(
    ("kind", "module"), [(".onnx", "onnx"), (".safetensors", "safetensors.numpy")]
)
def test_a_missing_extra(kind, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"is not installed: pip install 'scratchmlp\[export\]'"):
        export(tmp_path / f"model{kind}", network(4, 2))


def test_a_page_needs_no_extra(tmp_path):
    program = (
        "import sys; from scratchmlp import init_params; from scratchmlp.export import export;"
        f"export({str(tmp_path / 'a.html')!r}, init_params([4, 2]));"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert not {"onnx", "safetensors", "pandas", "matplotlib", "scipy"} & set(done.stdout.split())

"""Networks to export: one of every function, depth and kind of output, and one of a table."""

from typing import Any, NamedTuple

import numpy as np

from scratchmlp import (
    Layer,
    Network,
    Statistics,
    classifier,
    forward,
    huber,
    init_params,
    leaky_relu,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
    tanh,
)
from scratchmlp.datasets import mnist
from scratchmlp.descriptions import (
    BOOLEAN,
    CATEGORY,
    CLASSES,
    NUMBER,
    NUMBERS,
    Column,
    Description,
    Target,
    pixels,
)
from tests.helpers import HIDDEN

digits = mnist().test
HOSTILE = "</script><b>"


class Case(NamedTuple):
    """What is exported, with examples X (n_in, m) as the network takes them."""

    params: Any
    network: Network = classifier
    X: np.ndarray = np.zeros((0, 0))
    description: Description | None = None
    raw: dict[str, np.ndarray] | None = None  # what the description makes X of: (m, 1) or (m, n)


def network(*sizes: int, seed: int = 0, dtype=np.float32) -> tuple[Layer, ...]:
    """Parameters whose biases are not zero."""
    layers = init_params(sizes, seed=seed, dtype=dtype)
    own = np.random.default_rng(seed)
    return tuple(Layer(W, own.normal(0, 0.3, b.shape).astype(dtype)) for W, b in layers)


def outputs(case: Case) -> np.ndarray:
    """The mean output of all members, (n_out, m)."""
    members = [case.params] if isinstance(case.params[0], Layer) else case.params
    return np.mean([forward(each, case.X, case.network).A[-1] for each in members], axis=0)


def activations() -> dict[str, Case]:
    X = digits.X[:, :200]
    params = network(784, 12, 8, 10)
    each = {name: Case(params, Network(g), X) for name, g in HIDDEN.items()}
    return each | {"several": Case(params, Network((tanh, leaky_relu(0.3))), X)}


def losses() -> dict[str, Case]:
    X = digits.X[:, :200]
    found = {
        f"{name}, {n_out} outputs": Case(network(784, 8, n_out), Network(loss=loss), X)
        for name, loss, counts in (
            ("softmax", softmax_cross_entropy, (2, 10)),
            ("sigmoid", sigmoid_cross_entropy, (1, 5)),
            ("squared error", squared_error, (1, 3)),
            ("huber", huber(2.0), (1, 3)),
        )
        for n_out in counts
    }
    depths = {
        f"depth {depth}": Case(network(784, *[9] * (depth - 1), 10), Network(), X)
        for depth in (1, 2, 3, 4, 5)
    }
    named = Target(CLASSES, ("digit",), ("no", "yes"))
    binary, of_pixels = Network(loss=sigmoid_cross_entropy), pixels(784, (28, 28), named)
    yes = Case(network(784, 6, 1), binary, X, of_pixels, {"X": (255 * X.T).round()})
    double = Case(network(784, 8, 10, dtype=np.float64), Network(), X)
    return found | depths | {"two classes by one output": yes, "float64": double}


def committees() -> dict[str, Case]:
    X = digits.X[:, :200]
    members = [network(784, 7, 10, seed=1), network(784, 5, 4, 10, seed=2)]
    return {
        "committee": Case(members, Network(tanh), X),
        "committee of regressors": Case(members, Network(loss=squared_error), X),
        "committee of labels": Case(members, Network(loss=sigmoid_cross_entropy), X),
    }


COLUMNS = (
    Column("age"),
    Column(f"colour {HOSTILE}", CATEGORY, ("red", "green", HOSTILE), True),
    Column("smokes", BOOLEAN),
    Column("weight", NUMBER, (), True),
)
STATISTICS = Statistics(
    np.array([[40.0], [0], [0], [0], [0], [0], [70], [0]]),
    np.array([[12.0], [1], [1], [1], [1], [1], [9], [1]]),
)


class Table(NamedTuple):
    """Raw columns, and the same as X (8, m), encoded here by hand."""

    raw: dict[str, np.ndarray]
    X: np.ndarray


def table(m: int = 60) -> Table:
    """Ages, colours (unknown and missing ones too), whether they smoke, weights (NaN: missing)."""
    rng = np.random.default_rng(0)
    age, weight = rng.normal(40, 12, m).astype("f"), rng.normal(70, 9, m).astype("f")
    colours = np.array(["red", "green", HOSTILE, "", "unknown"], object)
    place, smokes = rng.integers(5, size=m), rng.integers(2, size=m).astype("f")
    weight[::7] = age[::11] = np.nan
    X = np.zeros((8, m))
    X[0] = np.nan_to_num((age.astype("d") - 40) / 12)
    known = place < 4
    X[1 + place[known], np.flatnonzero(known)] = 1
    X[5] = smokes
    X[6] = np.nan_to_num((weight.astype("d") - 70) / 9)
    X[7] = np.isnan(weight)
    names = [column.name for column in COLUMNS]
    raw = dict(zip(names, (age, colours[place], smokes, weight), strict=True))
    return Table(raw, X.astype("f"))


pet = Description(
    COLUMNS, Target(CLASSES, ("pet",), ("cat", f"{HOSTILE}dog", "parrot")), STATISTICS, True
)
price_scale = Statistics(np.array([[150.0], [3.0]]), np.array([[77.0], [0.5]]))
price = Description(COLUMNS, Target(NUMBERS, ("price", "size"), (), price_scale), STATISTICS, True)


def of_numbers() -> tuple[Description, np.ndarray, np.ndarray]:
    """A description without categories, raw rows (m, 2) with gaps, and X (3, m)."""
    rng = np.random.default_rng(1)
    statistics = Statistics(np.array([[2000.0], [1], [0]]), np.array([[10.0], [2], [1]]))
    description = Description((Column("year"), Column("b", NUMBER, (), True)), None, statistics)
    raw = np.column_stack([rng.normal(2000, 10, 40), rng.normal(1, 2, 40)]).astype("f")
    raw[::5, 1] = np.nan
    wide = raw.astype("d").T
    X = np.array([(wide[0] - 2000) / 10, np.nan_to_num((wide[1] - 1) / 2), np.isnan(wide[1])])
    return description._replace(missing=True), raw, X.astype("f")


def of_tables() -> dict[str, Case]:
    raw, X = table()
    own = {name: column[:, np.newaxis] for name, column in raw.items()}
    regressor = Network(loss=squared_error)
    description, rows, numbers = of_numbers()
    return {
        "a table with categories": Case(network(8, 6, 3), X=X, description=pet, raw=own),
        "a regressor of a table": Case(network(8, 6, 2), regressor, X, price, own),
        "numbers with gaps": Case(network(3, 5, 2), Network(), numbers, description, {"X": rows}),
    }


CASES = activations() | losses() | committees()

"""What a network's inputs and outputs mean, as plain tuples: columns, categories, scales, classes.

A description is made of a table by `scratchmlp.tables`, stands in a model's file, and is all that
is needed to encode another table in the same way. Nothing here needs pandas.
"""

import json
import math
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.data.preprocessing import Statistics

NUMBER, BOOLEAN, CATEGORY = "number", "boolean", "category"
KINDS = (NUMBER, BOOLEAN, CATEGORY)
"""What a column may be."""
CLASSES, LABELS, NUMBERS = "classes", "labels", "numbers"
TASKS = (CLASSES, LABELS, NUMBERS)
"""What the outputs may be."""


class Column(NamedTuple):
    """A column that is a feature: of numbers, of true and false, or of categories.

    Numbers, and true and false, become one row of X, and categories a row each; where values are
    missing in the data that was described, one row more says which.
    """

    name: str
    kind: str = NUMBER
    categories: tuple[str, ...] = ()
    missing: bool = False


class Target(NamedTuple):
    """What the outputs are: one of several classes, a yes or no for each name, or numbers.

    `names` are the target columns', `classes` the class of each output where the task is classes.
    Numbers are (value - mean) / deviation, with statistics (n_out, 1), which are None otherwise.
    """

    task: str
    names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    statistics: Statistics | None = None


class Description(NamedTuple):
    """How examples are encoded: X is (raw - mean) / deviation, with statistics (n_in, 1).

    `missing` tells whether a value may be missing; it then becomes 0, after the scaling. `shape` is
    the height and width where an example is an image, else ().
    """

    columns: tuple[Column, ...]
    target: Target | None
    statistics: Statistics
    missing: bool = False
    shape: tuple[int, ...] = ()


def row_names(column: Column) -> tuple[str, ...]:
    """The names of the rows of X that a column becomes.

    >>> row_names(Column("sex", CATEGORY, ("f", "m"), missing=True))
    ('sex=f', 'sex=m', 'sex is missing')
    """
    values = tuple(f"{column.name}={each}" for each in column.categories)
    own = values if column.kind == CATEGORY else (column.name,)
    return (*own, f"{column.name} is missing") if column.missing else own


def feature_names(description: Description) -> tuple[str, ...]:
    """The names of the rows of X, in order.

    >>> feature_names(pixels(2))
    ('pixel0', 'pixel1')
    """
    return tuple(name for column in description.columns for name in row_names(column))


def output_names(target: Target) -> tuple[str, ...]:
    """The names of the network's outputs, in order.

    >>> output_names(Target(CLASSES, ("species",), ("cat", "dog")))
    ('cat', 'dog')
    """
    return target.classes if target.task == CLASSES else target.names


def unscaled(n: int) -> Statistics:
    """The statistics by which n features stay as they are.

    >>> unscaled(1)
    Statistics(mean=array([[0.]]), deviation=array([[1.]]))
    """
    return Statistics(freeze(np.zeros((n, 1))), freeze(np.ones((n, 1))))


def pixels(n: int, shape: tuple[int, ...] = (), target: Target | None = None) -> Description:
    """The description of images of n pixels from 0 to 255, which become numbers from 0 to 1.

    >>> pixels(784, (28, 28)).statistics.deviation[0]
    array([255.])
    """
    columns = tuple(Column(f"pixel{k}") for k in range(n))
    return Description(columns, target, pixel_statistics(n), shape=shape)


def pixel_statistics(n: int) -> Statistics:
    """The statistics by which n pixels from 0 to 255 become numbers from 0 to 1.

    >>> pixel_statistics(1)
    Statistics(mean=array([[0.]]), deviation=array([[255.]]))
    """
    return Statistics(freeze(np.zeros((n, 1))), freeze(np.full((n, 1), 255.0)))


def of_pixels(description: Description) -> bool:
    """Whether the features are pixels.

    >>> of_pixels(pixels(2))
    True
    """
    mean, deviation = description.statistics
    return not mean.any() and bool((deviation == 255).all())


def as_json(description: Description) -> str:
    """The description as JSON, without the arrays of its statistics.

    >>> as_json(pixels(1))
    '{"columns": ["pixel0"], "target": null, "missing": false, "shape": []}'
    """
    target = description.target
    content = {
        "columns": [c.name if c == Column(c.name) else list(c) for c in description.columns],
        "target": None if target is None else list(target[:3]),
        "missing": description.missing,
        "shape": list(description.shape),
    }
    return json.dumps(content)


def arrays_of(description: Description) -> dict[str, Array]:
    """The arrays of the statistics by their names in a file.

    >>> [*arrays_of(pixels(1))]
    ['feature_mean', 'feature_deviation']
    """
    found = dict(zip(("feature_mean", "feature_deviation"), description.statistics, strict=True))
    target = description.target
    if target is not None and target.statistics is not None:
        found |= dict(zip(("target_mean", "target_deviation"), target.statistics, strict=True))
    return found


def from_json(text: str, arrays: dict[str, Array]) -> Description:
    """The description of what `as_json` and `arrays_of` gave, checked.

    Raises ValueError where it is anything else.

    >>> from_json(as_json(pixels(1)), arrays_of(pixels(1))) == pixels(1)
    True
    """
    content = json.loads(text)
    if not isinstance(content, dict) or set(content) != {"columns", "target", "missing", "shape"}:
        raise ValueError("the description is not of columns, target, missing and shape")
    columns = tuple(map(_column, _listed(content["columns"])))
    names = [column.name for column in columns]
    if not names or len({*names}) < len(names):
        raise ValueError("the description has no columns, or two of one name")
    if type(content["missing"]) is not bool:
        raise ValueError("missing of the description must be true or false")
    target = None if content["target"] is None else _target(_listed(content["target"]), arrays)
    n_in = sum(len(row_names(column)) for column in columns)
    statistics = _statistics("feature", n_in, arrays)
    missing, shape = content["missing"], _shape(content["shape"], n_in)
    numbers = target is not None and target.statistics is not None
    if len(arrays) != (4 if numbers else 2):
        raise ValueError(f"the description has the arrays {sorted(arrays)}")
    return Description(columns, target, statistics, missing, shape)


def same(one: Description | None, other: Description | None) -> bool:
    """Whether two descriptions are the same, to the last bit of their statistics.

    >>> same(pixels(2), pixels(2)), same(pixels(2), pixels(3))
    (True, False)
    """
    if one is None or other is None:
        return one is other
    arrays, others = arrays_of(one), arrays_of(other)
    equal = set(arrays) == set(others) and as_json(one) == as_json(other)
    return equal and all(np.array_equal(array, others[name]) for name, array in arrays.items())


def check_sizes(description: Description, n_in: int, n_out: int) -> None:
    """ValueError where a network of these inputs and outputs cannot be of these features.

    >>> check_sizes(pixels(2), 3, 1)
    Traceback (most recent call last):
    ValueError: the description has 2 features but the network takes 3
    """
    features = len(feature_names(description))
    if features != n_in:
        raise ValueError(f"the description has {features} features but the network takes {n_in}")
    target = description.target
    if target is not None and (outputs := len(output_names(target))) != n_out:
        fits = target.task == CLASSES and outputs < n_out
        if not (fits or (target.task == CLASSES and (n_out, outputs) == (1, 2))):
            raise ValueError(f"the description has {outputs} outputs but the network {n_out}")


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"the description has a {type(value).__name__} in the place of a list")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    texts = _listed(value)
    if not all(isinstance(text, str) for text in texts) or len({*texts}) < len(texts):
        raise ValueError("names and categories of a description must be texts, each once")
    return tuple(texts)


def _column(value: Any) -> Column:
    if isinstance(value, str):
        return Column(value)
    name, kind, categories, missing = _listed(value)
    texts = _texts(categories)
    fits = isinstance(name, str) and kind in KINDS and type(missing) is bool
    if not fits or (kind == CATEGORY) != bool(texts):
        raise ValueError(f"the description has a column {value!r:.80}")
    return Column(name, kind, texts, missing)


def _target(value: list[Any], arrays: dict[str, Array]) -> Target:
    task, names, classes = value[0], _texts(value[1]), _texts(value[2])
    if len(value) != 3 or task not in TASKS or not names:
        raise ValueError(f"the description has a target {value!r:.80}")
    if (task == CLASSES) != bool(classes):
        raise ValueError("the description must have classes, if that is the task")
    statistics = _statistics("target", len(names), arrays) if task == NUMBERS else None
    return Target(task, names, classes, statistics)


def _statistics(whose: str, n: int, arrays: dict[str, Array]) -> Statistics:
    mean, deviation = (arrays[f"{whose}_{name}"] for name in Statistics._fields)
    for name, array in (("mean", mean), ("deviation", deviation)):
        if array.dtype != np.float64 or array.shape != (n, 1) or not np.isfinite(array).all():
            came = f"{array.dtype} {array.shape}"
            raise ValueError(f"{whose}_{name} must be finite float64 {(n, 1)}, not {came}")
    if deviation.min() <= 0:
        raise ValueError(f"{whose}_deviation must be above 0")
    return Statistics(mean, deviation)


def _shape(value: Any, n_in: int) -> tuple[int, ...]:
    shape = tuple(_listed(value))
    if not all(type(size) is int and size > 0 for size in shape):
        raise ValueError("shape of the description must be of whole numbers above 0")
    if shape and math.prod(shape) != n_in:
        raise ValueError(f"shape {shape} of the description is not of {n_in} pixels")
    return shape

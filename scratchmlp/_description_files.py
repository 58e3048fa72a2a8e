"""A description as it stands in a file, JSON and arrays, and back."""

import json
import math
from typing import Any

import numpy as np

from scratchmlp.core.arrays import Array
from scratchmlp.core.data.preprocessing import Statistics
from scratchmlp.descriptions import (
    CATEGORY,
    CLASSES,
    KINDS,
    NUMBERS,
    TASKS,
    Column,
    Description,
    Target,
    row_names,
)


def as_json(description: Description) -> str:
    """The description as JSON, without the arrays of its statistics.

    >>> from scratchmlp.descriptions import pixels
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

    >>> from scratchmlp.descriptions import pixels
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

    >>> from scratchmlp.descriptions import pixels
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

    >>> from scratchmlp.descriptions import pixels
    >>> same(pixels(2), pixels(2)), same(pixels(2), pixels(3))
    (True, False)
    """
    if one is None or other is None:
        return one is other
    arrays, others = arrays_of(one), arrays_of(other)
    equal = set(arrays) == set(others) and as_json(one) == as_json(other)
    return equal and all(np.array_equal(array, others[name]) for name, array in arrays.items())


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

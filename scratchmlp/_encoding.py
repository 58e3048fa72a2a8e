"""From a frame to the arrays of examples and back, by a description."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp._columns import listed, numbers, texts
from scratchmlp._frames import Frame
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.data.preprocessing import (
    Statistics,
    codes,
    indicators,
    normalize,
    standardize,
)
from scratchmlp.descriptions import (
    BOOLEAN,
    CATEGORY,
    CLASSES,
    NUMBER,
    NUMBERS,
    Column,
    Description,
    Target,
    feature_names,
    of_pixels,
    row_names,
    unscaled,
)


def encode(frame: Frame, description: Description, *, ignore_unknown: bool = False) -> Array:
    """The features of a frame as X (n_in, m), not yet scaled; NaN where a value is missing.

    The columns may stand in any order, and there may be more of them.

    Raises ValueError, naming the columns, where one is missing, or holds what it cannot: words for
    numbers, no value, or a category that was not there (which may be ignored: it is then none).

    >>> import pandas
    >>> from scratchmlp.tables import describe
    >>> description = describe(pandas.DataFrame({"a": ["x", "z"], "y": [0, 1]})).description
    >>> encode(pandas.DataFrame({"y": [0, 1], "a": ["z", "x"]}), description)
    array([[0., 1.],
           [1., 0.]])
    """
    absent = [c.name for c in description.columns if c.name not in frame.columns]
    if absent:
        raise ValueError(f"has no column {listed(absent)}; there are {listed(frame.columns)}")
    chosen = frame[[column.name for column in description.columns]]
    if all(dtype == np.uint8 for dtype in chosen.dtypes) and of_pixels(description):
        return freeze(np.asfortranarray(chosen.to_numpy().T))
    X = np.empty((len(feature_names(description)), len(frame)), order="F")
    row = 0
    for column in description.columns:
        rows = _rows(chosen[column.name], column, description.missing, ignore_unknown)
        X[row : row + len(rows)] = rows
        row += len(rows)
    return freeze(X)


def encode_target(frame: Frame, description: Description) -> Array:
    """The target of a frame: classes (m,), or numbers (n_out, m), not yet scaled.

    Raises ValueError where there is no such column, a value is missing, or a class is unknown.

    >>> import pandas
    >>> from scratchmlp.tables import describe
    >>> frame = pandas.DataFrame({"a": [1, 2, 3], "y": ["no", "yes", "no"]})
    >>> encode_target(frame, describe(frame).description)
    array([0, 1, 0])
    """
    target = description.target
    if target is None:
        raise ValueError("the description has no target")
    for name in target.names:
        if name not in frame.columns:
            raise ValueError(f"has no column {name!r}; there are {listed(frame.columns)}")
        if gaps := int(frame[name].isna().sum()):
            raise ValueError(f"the target {name!r} is missing in {gaps} rows: take them out")
    if target.task == CLASSES:
        values = texts(frame[target.names[0]])
        y = codes(values, np.array(target.classes))
        if (y < 0).any():
            unknown = sorted({*values[y < 0].tolist()})
            raise ValueError(
                f"{target.names[0]!r} has classes that the network does not know: {listed(unknown)}"
            )
        return y
    Y = np.array([numbers(frame[name]) for name in target.names])
    if not np.isfinite(Y).all():
        raise ValueError(f"the target {listed(target.names)} must hold finite numbers")
    return freeze(Y)


def fitted(description: Description, raw: Array, y: Array | None = None) -> Description:
    """The description with the statistics of these examples, as `encode` and `encode_target` give.

    Categories, true and false stay 0 and 1, and pixels are divided by 255.

    >>> import pandas
    >>> from scratchmlp.tables import describe
    >>> frame = pandas.DataFrame({"a": [1.0, 3.0], "y": ["no", "yes"]})
    >>> description = describe(frame).description
    >>> fitted(description, encode(frame, description)).statistics.mean
    array([[2.]])
    """
    if not of_pixels(description):
        found = standardize(raw, missing=True).statistics
        plain = unscaled(len(raw))
        own = np.array(
            [
                [column.kind == NUMBER and name == column.name]
                for column in description.columns
                for name in row_names(column)
            ]
        )
        both = zip(found, plain, strict=True)
        statistics = Statistics(*(freeze(np.where(own, one, other)) for one, other in both))
        description = description._replace(statistics=statistics)
    target = description.target
    if target is None or target.task != NUMBERS or y is None:
        return description
    return description._replace(target=target._replace(statistics=standardize(y).statistics))


def scaled(raw: Array, description: Description, dtype: DTypeLike = np.float32) -> Array:
    """Encoded examples on the scale of the description, with 0 where a value is missing.

    Raises ValueError for pixels that are not from 0 to 255.

    >>> from scratchmlp.descriptions import pixels
    >>> scaled(np.array([[0, 51]], np.uint8), pixels(1))
    array([[0. , 0.2]], dtype=float32)
    """
    if of_pixels(description):
        return normalize(raw, dtype)
    X = standardize(raw, description.statistics, missing=description.missing).X
    return freeze(X.astype(dtype, copy=False))


def scaled_target(y: Array, description: Description, dtype: DTypeLike = np.float32) -> Array:
    """The encoded target as the network is to give it.

    >>> scaled_target(np.array([1, 0]), Description((), None, unscaled(0)))
    array([1, 0])
    """
    target = description.target
    if target is None or target.task == CLASSES:
        return y
    Y = y if target.statistics is None else standardize(y, target.statistics).X
    return freeze(Y.astype(dtype, copy=False))


def decoded(predicted: Array, target: Target) -> dict[str, list[Any]]:
    """What a network predicts, by the names of the target columns: class names, 0 or 1, numbers.

    >>> decoded(np.array([1, 0]), Target(CLASSES, ("pet",), ("cat", "dog")))
    {'pet': ['dog', 'cat']}
    """
    if target.task == CLASSES:
        places = predicted.reshape(-1)  # one sigmoid output says the one class or the other
        return {target.names[0]: np.array(target.classes)[places].tolist()}
    values = predicted
    if target.statistics is not None:
        mean, deviation = target.statistics
        values = predicted.astype(np.float64) * deviation + mean
    return {name: row.tolist() for name, row in zip(target.names, values, strict=True)}


def _rows(column: Frame, wanted: Column, missing: bool, ignore_unknown: bool) -> Array:
    """The rows of X that a column becomes."""
    name = wanted.name
    gaps = column.isna().to_numpy(bool)
    if gaps.any() and not missing:
        raise ValueError(f"{name!r} is missing in {int(gaps.sum())} rows")
    if wanted.kind == CATEGORY:
        values = texts(column)
        places = codes(values, np.array(wanted.categories))
        unknown = sorted({*values[(places < 0) & ~gaps].tolist()})
        if unknown and not ignore_unknown:
            raise ValueError(
                f"{name!r} has categories that the network does not know: {listed(unknown)}"
            )
        rows = indicators(places, len(wanted.categories), np.float64)
    else:
        if wanted.kind == NUMBER and column.dtype.kind not in "biuf" and not gaps.all():
            word = next(each for each in texts(column).tolist() if each)
            raise ValueError(f"{name!r} must hold numbers, but has words such as {word!r}")
        rows = numbers(column)[np.newaxis]
        if np.isinf(rows).any():
            what = "true and false alone" if wanted.kind == BOOLEAN else "finite numbers"
            raise ValueError(f"{name!r} must hold {what}")
    return np.concatenate([rows, gaps[np.newaxis]]) if wanted.missing else rows

"""Examples and their labels: scaled, and categories as numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze, owned
from scratchmlp.core.border import public, type_error, value_error


class Data(NamedTuple):
    """Examples X (n_in, m), and y: their labels (m,), targets (n_out, m), or None."""

    X: Array
    y: Any


@public
def normalize(pixels: Array, dtype: DTypeLike = np.float32) -> Array:
    """Pixels 0 ... 255 as numbers from 0 to 1, in the same memory order.

    Raises ValueError for a pixel outside that range, TypeError for anything but numbers.

    >>> normalize(np.array([[0, 51, 255]]))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    checks.array("pixels", pixels)
    kind = checks.floating(dtype)
    if pixels.dtype != np.uint8 and pixels.size and not (pixels.min() >= 0 and pixels.max() <= 255):
        raise value_error(
            f"pixels must be from 0 to 255, not from {pixels.min()} to {pixels.max()}"
        )
    scaled = pixels.astype(kind)
    scaled /= 255
    return freeze(scaled)


class Statistics(NamedTuple):
    """The mean and the standard deviation of each feature, both (n_in, 1)."""

    mean: Array
    deviation: Array


class Standardized(NamedTuple):
    """Examples X (n_in, m) whose features have mean 0 and deviation 1 by the statistics."""

    X: Array
    statistics: Statistics


@public
def standardize(
    X: Array, statistics: Statistics | None = None, *, missing: bool = False
) -> Standardized:
    """The examples X (n_in, m), less the mean of each feature and divided by its deviation.

    The statistics are those of X itself, or those given: `standardize(new, statistics)` is how new
    data is brought to the scale of the old, and `X * deviation + mean` the way back. A feature that
    never changes has deviation 1 here. Floating X keeps its dtype, other X becomes float32.

    Where values may be `missing`, a NaN is one: the statistics are those of the other values, and
    the result has 0 in its place, which is the mean. A feature without any value has mean 0.

    Raises ValueError for X that is empty or not finite, or has other features than the statistics;
    TypeError for anything but numbers and Statistics.

    >>> X, statistics = standardize(np.array([[1.0, 3.0], [5.0, 5.0]]))
    >>> X, standardize(np.array([[2.0], [6.0]]), statistics).X
    (array([[-1.,  1.],
           [ 0.,  0.]]), array([[0.],
           [1.]]))
    >>> standardize(np.array([[1.0, np.nan, 3.0]]), missing=True).X
    array([[-1.,  0.,  1.]])
    """
    checks.matrix("X", X)
    if not isinstance(missing, bool):
        raise type_error(f"missing must be true or false, not {checks.kind(missing)}")
    gaps = np.isnan(X) if missing and X.dtype.kind == "f" else None
    if gaps is None or not gaps.any():
        checks.finite("X", X)
        gaps = None
    else:
        checks.finite("X", np.where(gaps, 0, X))
    if statistics is None:
        mean, deviation = _statistics(X) if gaps is None else _present_statistics(X, gaps)
    else:
        mean, deviation = _fitting(X, statistics)
    dtype = X.dtype if X.dtype.kind == "f" else np.float32
    scaled = X - mean
    scaled /= deviation
    scaled = scaled.astype(dtype, copy=False)
    if gaps is not None:
        scaled[gaps] = 0
    return Standardized(freeze(scaled), Statistics(owned(mean), owned(deviation)))


@public
def codes(values: Array, names: Array) -> Array:
    """For each of the values (m,) its place among names (n,), or -1 where it is none of them.

    Both are numbers, or both text.

    Raises ValueError where names are there twice, TypeError where one is text and the other not.

    >>> codes(np.array(["b", "a", "x"]), np.array(["a", "b"]))
    array([ 1,  0, -1])
    """
    for name, array in (("values", values), ("names", names)):
        checks.array(name, array, "biufU")
        if array.ndim != 1:
            raise value_error(f"{name} must have one dimension, not shape {array.shape}")
    if (values.dtype.kind == "U") != (names.dtype.kind == "U"):
        raise type_error(f"values are {values.dtype} but names are {names.dtype}")
    order = names.argsort(kind="stable")
    ascending = names[order]
    if (ascending[1:] == ascending[:-1]).any():
        raise value_error("names must differ from each other")
    if not len(names):
        return freeze(np.full(len(values), -1))
    places = np.minimum(np.searchsorted(ascending, values), len(names) - 1)
    return freeze(np.where(ascending[places] == values, order[places], -1))


@public
def indicators(codes: Array, n: int, dtype: DTypeLike = np.float32) -> Array:
    """Codes (m,) as columns (n, m): 1 in the row of the code, 0 elsewhere; -1 is a column of zeros.

    Raises ValueError for a code that is not in -1 ... n - 1, TypeError for codes that are no
    integers or a dtype but float32 and float64.

    >>> indicators(np.array([1, -1]), 2)
    array([[0., 0.],
           [1., 0.]], dtype=float32)
    """
    checks.count("n", n, least=1)
    checks.array("codes", codes, "iu")
    if codes.ndim != 1 or (codes.size and not (codes.min() >= -1 and codes.max() < n)):
        raise value_error(f"codes must be (m,), each in -1 ... {n - 1}")
    rows = np.arange(n)[:, np.newaxis] == codes
    return freeze(rows.astype(checks.floating(dtype)))


def _statistics(X: Array) -> Statistics:
    mean: Array = X.mean(axis=1, dtype=np.float64, keepdims=True)
    deviation: Array = X.std(axis=1, dtype=np.float64, keepdims=True)
    constant = X.min(axis=1, keepdims=True) == X.max(axis=1, keepdims=True)
    return Statistics(mean, _above_zero(deviation, constant))


def _present_statistics(X: Array, gaps: Array) -> Statistics:
    """As `_statistics`, of the values that are no gaps."""
    count = np.maximum((~gaps).sum(axis=1, keepdims=True), 1)
    values = np.where(gaps, 0, X)
    mean = values.sum(axis=1, dtype=np.float64, keepdims=True) / count
    distances = np.where(gaps, 0, values - mean)
    deviation = np.sqrt((distances**2).sum(axis=1, dtype=np.float64, keepdims=True) / count)
    low = np.where(gaps, np.inf, X).min(axis=1, keepdims=True)
    constant = low >= np.where(gaps, -np.inf, X).max(axis=1, keepdims=True)
    return Statistics(mean, _above_zero(deviation, constant))


def _above_zero(deviation: Array, constant: Array) -> Array:
    # The deviation of numbers that differ is 0 where their squares are too small for a float.
    return np.where(constant | (deviation == 0), 1.0, deviation)


def _fitting(X: Array, statistics: Statistics) -> Statistics:
    if not isinstance(statistics, Statistics):
        came = checks.kind(statistics)
        raise type_error(f"statistics must be Statistics, not {came}")
    for name, value in zip(Statistics._fields, statistics, strict=True):
        checks.array(name, value, "f")
        if value.shape != (len(X), 1):
            raise value_error(
                f"{name} must have shape {(len(X), 1)} for X of shape {X.shape}, not {value.shape}"
            )
        checks.finite(name, value)
    if statistics.deviation.min() <= 0:
        raise value_error("each deviation must be above 0")
    return statistics

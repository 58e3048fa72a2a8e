"""Examples and their labels: scaled, shuffled and split."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze, frozen_view, owned
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.model import fitting
from scratchmlp.core.model.weights import columns
from scratchmlp.core.randomness import Purpose, generator


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
def standardize(X: Array, statistics: Statistics | None = None) -> Standardized:
    """The examples X (n_in, m), less the mean of each feature and divided by its deviation.

    The statistics are those of X itself, or those given: `standardize(new, statistics)` is how new
    data is brought to the scale of the old, and `X * deviation + mean` the way back. A feature that
    never changes has deviation 1 here. Floating X keeps its dtype, other X becomes float32.

    Raises ValueError for X that is empty or not finite, or has other features than the statistics;
    TypeError for anything but numbers and Statistics.

    >>> X, statistics = standardize(np.array([[1.0, 3.0], [5.0, 5.0]]))
    >>> X, standardize(np.array([[2.0], [6.0]]), statistics).X
    (array([[-1.,  1.],
           [ 0.,  0.]]), array([[0.],
           [1.]]))
    """
    checks.matrix("X", X)
    checks.finite("X", X)
    mean, deviation = _statistics(X) if statistics is None else _fitting(X, statistics)
    dtype = X.dtype if X.dtype.kind == "f" else np.float32
    scaled = ((X - mean) / deviation).astype(dtype, copy=False)
    return Standardized(freeze(scaled), Statistics(owned(mean), owned(deviation)))


@public
def shuffle(X: Array, y: Array, *, seed: int) -> Data:
    """The examples X (n_in, m) and their y in a random order, which is a function of seed and m.

    Raises ValueError where X and y differ in the number of examples.

    >>> X, y = shuffle(np.array([[1, 2, 3, 4]]), np.array([1, 2, 3, 4]), seed=0)
    >>> bool((X[0] == y).all())
    True
    """
    fitting.pairs(X, y)
    checks.count("seed", seed, least=0)
    order = generator(seed, Purpose.SHUFFLE).permutation(X.shape[-1])
    return Data(*map(freeze, (columns(X, order), columns(y, order))))


@public
def split(X: Array, y: Array, fraction: float) -> tuple[Data, Data]:
    """The first `fraction` of the examples, rounded to whole ones, and the rest; no copy is made.

    Raises ValueError for a fraction that leaves one side without examples.

    >>> training, validation = split(np.array([[1, 2, 3, 4, 5]]), np.array([1, 2, 3, 4, 5]), 0.8)
    >>> training.y, validation.X
    (array([1, 2, 3, 4]), array([[5]]))
    """
    fitting.pairs(X, y)
    checks.fraction("fraction", fraction)
    m = X.shape[-1]
    cut = round(fraction * m)
    if not 0 < cut < m:
        raise value_error(f"fraction {fraction} of {m} examples leaves one side empty")
    left, right = (
        Data(frozen_view(X[..., part]), frozen_view(y[..., part]))
        for part in (slice(cut), slice(cut, None))
    )
    return left, right


def _statistics(X: Array) -> Statistics:
    mean: Array = X.mean(axis=1, dtype=np.float64, keepdims=True)
    deviation: Array = X.std(axis=1, dtype=np.float64, keepdims=True)
    constant = X.min(axis=1, keepdims=True) == X.max(axis=1, keepdims=True)
    # The deviation of numbers that differ is 0 where their squares are too small for a float.
    return Statistics(mean, np.where(constant | (deviation == 0), 1.0, deviation))


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

"""Targets: labels as columns, smoothed or weighted, and what a loss may say of its targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.border import public, type_error, value_error


@public
def one_hot(y: Array, n_classes: int, dtype: DTypeLike = np.float32) -> Array:
    """Labels (m,) as columns (n_classes, m): 1 in the row of the label, 0 elsewhere.

    Raises TypeError for labels that are no integers or a dtype but float32 and float64, ValueError
    for a label not in 0 ... n_classes - 1.

    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1.],
           [1., 0.],
           [0., 0.]], dtype=float32)
    """
    checks.count("n_classes", n_classes, least=1)
    checks.labels(y, n_classes)
    return freeze(columns_of_labels(y, n_classes, checks.floating(dtype)))


@public
def smooth_labels(Y: Array, alpha: float) -> Array:
    """One-hot columns or other targets Y (n_classes, m), mixed with the uniform distribution.

    It is (1 - alpha) Y + alpha / n_classes, in the dtype of Y if that is a floating one.

    Raises ValueError unless 0 <= alpha < 1, and where Y is not finite or has fewer than two rows.
    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.

    >>> smooth_labels(one_hot(np.array([1, 0]), 2), 0.5)
    array([[0.25, 0.75],
           [0.75, 0.25]], dtype=float32)
    """
    checks.matrix("Y", Y)
    checks.finite("Y", Y)
    share = checks.fraction("alpha", alpha, zero=True)
    if len(Y) < 2:
        raise value_error(f"Y must have a row for each class, not shape {Y.shape}")
    return freeze((1 - share) * Y + share / len(Y))


@public
def balanced_weights(y: Array) -> Array:
    """The weight of each example, (m,) float64, by which every class counts the same.

    An example of a class that has c of the m examples weighs m / (c k), where k classes have any:
    the mean weight is 1.

    Raises TypeError for labels that are no integers, ValueError for anything but (m,), m > 0.

    >>> balanced_weights(np.array([0, 0, 0, 2]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    checks.labels(y, np.iinfo(np.intp).max)
    _, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    return freeze((len(y) / (len(counts) * counts))[places])


def columns_of_labels(y: Array, n_classes: int, dtype: DTypeLike = np.float32) -> Array:
    """`one_hot` of labels (m,), or of a stack of them (k, m) as (k, n_classes, m).

    >>> columns_of_labels(np.array([[1, 0]]), 2).shape
    (1, 2, 2)
    """
    # Comparisons are fastest within one dtype, where it has room for the classes.
    classes = np.arange(n_classes, dtype=y.dtype if n_classes <= 128 else np.intp)
    Y = y[..., np.newaxis, :] == classes[:, np.newaxis]
    if np.count_nonzero(Y) != y.size:  # the column of a label that is no class is zero
        checks.classes(y, n_classes)
    return Y.astype(dtype)


def numbers(y: Array, n_out: int) -> Array:
    """Any finite numbers, (n_out, m), as they are; with several outputs labels too, one-hot.

    >>> numbers(np.array([[0.5, -2.0]]), 1)
    array([[ 0.5, -2. ]])
    """
    if y.ndim == 2:
        if not np.isfinite(y).all():
            raise value_error("y must be finite")
        return y
    if n_out == 1:
        raise value_error(f"y must have shape {(1, len(y))} for one output, not {y.shape}")
    return columns_of_labels(y, n_out)


def at_least_zero(y: Array, n_out: int) -> Array:
    """Finite numbers that are not negative, such as counts, (n_out, m); or labels, one-hot.

    >>> at_least_zero(np.array([[0, 7]]), 1)
    array([[0, 7]])
    """
    if y.min() < 0:
        raise value_error(f"y must be at least 0, not {y.min()}")
    return numbers(y, n_out)


def zeros_and_ones(y: Array, n_out: int) -> Array:
    """Probabilities from 0 to 1, (n_out, m); or labels: one-hot, or 0 and 1 for a single output.

    >>> zeros_and_ones(np.array([0, 1, 1]), 1)
    array([[0, 1, 1]])
    """
    if y.ndim == 1:
        if n_out > 1:
            return columns_of_labels(y, n_out)
        checks.classes(y, 2)
        return y[np.newaxis]
    numbers(y, n_out)
    if y.min() < 0 or y.max() > 1:
        raise value_error("targets y must be probabilities, from 0 to 1")
    return y


def distributions(y: Array, n_out: int) -> Array:
    """Columns of probabilities that sum to 1, (n_out, m); or labels, one-hot.

    >>> distributions(np.array([1, 0]), 2)
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    if y.ndim == 1:
        return columns_of_labels(y, n_out)
    zeros_and_ones(y, n_out)
    if (gaps := abs(y.sum(axis=0) - 1)).max() > 1e-3:
        at = int(gaps.argmax())
        raise value_error(
            f"each column of targets y must sum to 1, but column {at} sums to {y[:, at].sum()}"
        )
    return y


def encoded(
    y: Array, targets: Callable[[Array, int], Array], n_out: int, dtype: np.dtype[Any], stack: bool
) -> Array:
    """Labels or targets as columns Y (n_out, m) of the parameters' dtype, as a loss takes them.

    In a stack y is (k, m) or (k, n_out, m), and Y is (k, n_out, m).

    >>> encoded(np.array([[0, 1]]), distributions, 2, np.dtype(np.float32), stack=True).shape
    (1, 2, 2)
    """
    whole = beside(y) if stack else y
    Y = targets(whole, n_out)
    return (apart(Y, len(y)) if stack else Y).astype(dtype, copy=False)


def check_shape(y: Any, X: Array, n_out: int) -> None:
    """Labels (m,) or targets (n_out, m) of the examples X (n_in, m), or a stack of each."""
    m = X.shape[-1]
    stack = X.shape[:-2]
    if getattr(y, "shape", None) == (*stack, m):
        if y.dtype.kind == "f" and n_out == 1 and not stack:
            raise value_error(f"y must have shape {(1, m)} for one output, not {y.shape}")
        if y.dtype.kind == "f":
            raise type_error(
                f"labels y must hold integers, not {y.dtype}; targets of {n_out} outputs have "
                f"shape {(*stack, n_out, m)}"
            )
        checks.array("labels y", y, "iu")
        return
    checks.array("y", y)
    if y.shape != (*stack, n_out, m):
        expected = f"labels {(*stack, m)} or targets {(*stack, n_out, m)}"
        raise value_error(f"y must be {expected}, not of shape {y.shape}")


def beside(y: Array) -> Array:
    """A stack of labels (k, m) or targets (k, n, m) as one beside the other: (k m,) or (n, k m).

    >>> beside(np.array([[1, 2], [3, 4]]))
    array([1, 2, 3, 4])
    """
    return y.reshape(-1) if y.ndim == 2 else np.moveaxis(y, 0, 1).reshape(y.shape[1], -1)


def apart(Y: Array, k: int) -> Array:
    """The inverse of `beside` for columns: (n, k m) as (k, n, m).

    >>> apart(np.array([[1, 2, 3, 4]]), 2)
    array([[[1, 2]],
    <BLANKLINE>
           [[3, 4]]])
    """
    return np.moveaxis(Y.reshape(*Y.shape[:-1], k, -1), -2, 0)

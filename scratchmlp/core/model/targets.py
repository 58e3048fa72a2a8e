"""Targets: labels as columns, smoothed or weighted, and what of them a loss takes."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.model.activations import sigmoid, softmax
from scratchmlp.core.model.losses import Loss


def one_hot(y: Array, n_classes: int, dtype: DTypeLike = np.float32) -> Array:
    """Labels (m,) as columns (n_classes, m): 1 in the row of the label, 0 elsewhere.

    Raises TypeError for labels that are no integers or a dtype but float32 and float64, ValueError
    for a label not in 0 ... n_classes - 1.

    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1.],
           [1., 0.],
           [0., 0.]], dtype=float32)
    """
    checks.count("one_hot", "n_classes", n_classes, least=1)
    checks.labels("one_hot", y, n_classes)
    return freeze(_one_hot(y, n_classes, checks.floating("one_hot", dtype)))


def smooth_labels(Y: Array, alpha: float) -> Array:
    """One-hot columns or other targets Y (n_classes, m), drawn by `alpha` to the uniform ones.

    It is (1 - alpha) Y + alpha / n_classes, in the dtype of Y if that is a floating one.

    Raises ValueError unless 0 <= alpha < 1, and where Y is not finite or has fewer than two rows.
    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.

    >>> smooth_labels(one_hot(np.array([1, 0]), 2), 0.5)
    array([[0.25, 0.75],
           [0.75, 0.25]], dtype=float32)
    """
    checks.matrix("smooth_labels", "Y", Y)
    checks.finite("smooth_labels", "Y", Y)
    share = checks.fraction("smooth_labels", "alpha", alpha, zero=True)
    if len(Y) < 2:
        raise ValueError(f"smooth_labels: Y must have a row for each class, not shape {Y.shape}")
    return freeze((1 - share) * Y + share / len(Y))


def balanced_weights(y: Array) -> Array:
    """The weight of each example, (m,) float64, by which every class counts the same.

    An example of a class that has c of the m examples weighs m / (c k), where k classes have any:
    the mean weight is 1.

    Raises TypeError for labels that are no integers, ValueError for anything but (m,), m > 0.

    >>> balanced_weights(np.array([0, 0, 0, 2]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    checks.labels("balanced_weights", y, np.iinfo(np.intp).max)
    _, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    return freeze((len(y) / (len(counts) * counts))[places])


def check_targets(where: str, y: Any, m: int, n_out: int, loss: Loss) -> None:
    """Labels (m,), or targets (n_out, m) of the kind that the loss takes."""
    if getattr(y, "shape", None) == (m,):
        if n_out == 1 and loss.activation not in (sigmoid, softmax):
            raise ValueError(f"{where}: y must have shape {(1, m)} for one output, not {y.shape}")
        checks.labels(where, y, 2 if n_out == 1 and loss.activation == sigmoid else n_out)
        return
    checks.array(where, "y", y)
    if y.shape != (n_out, m):
        expected = f"labels ({m},) or targets {(n_out, m)}"
        raise ValueError(f"{where}: y must be {expected}, not of shape {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError(f"{where}: y must be finite")
    if loss.activation in (softmax, sigmoid) and (y.min() < 0 or y.max() > 1):
        raise ValueError(f"{where}: targets y must be probabilities, from 0 to 1")
    if loss.activation == softmax and (gaps := abs(y.sum(axis=0) - 1)).max() > 1e-3:
        at = int(gaps.argmax())
        raise ValueError(
            f"{where}: each column of targets y must sum to 1, "
            f"but column {at} sums to {y[:, at].sum()}"
        )


def _one_hot(y: Array, n_classes: int, dtype: "np.dtype[Any]") -> Array:
    Y = np.zeros((n_classes, len(y)), dtype)
    Y[y, np.arange(len(y))] = 1
    return Y


def targets(y: Array, n_out: int, loss: Loss, dtype: "np.dtype[Any]") -> Array:
    """Checked labels or targets as targets Y (n_out, m) of the parameters' dtype."""
    if y.ndim == 2:
        return y.astype(dtype, copy=False)
    if n_out == 1 and loss.activation == sigmoid:
        return y[np.newaxis].astype(dtype)
    return _one_hot(y, n_out, dtype)

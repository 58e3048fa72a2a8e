"""Losses: an output activation, the value of each example, its delta and its curvature."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array
from scratchmlp.core.model.activations import (
    Activation,
    exp,
    identity,
    shifted,
    sigmoid,
    softmax,
    softplus,
)


class Loss(NamedTuple):
    """A loss over the last layer's Z and the targets Y, both (n_out, m).

    `activation` makes the prediction A of Z; it also says what `predict` returns: classes under a
    softmax, the 0 or 1 of each output under a sigmoid, the outputs themselves under any other.
    `value(Z, Y)` is each example's loss, (m,), finite for every finite Z. `delta(A, Y)` is the
    derivative of `value` in Z, (n_out, m). `curvature(A, Y, dZ)` is the product of the Hessian of
    `value` in Z with dZ, column by column, which `hvp` and `gnvp` alone ask for. A user's own loss
    is an Activation and two or three such functions.

    >>> absolute = Loss(identity, lambda Z, Y: abs(Z - Y).sum(axis=0), lambda A, Y: np.sign(A - Y))
    >>> absolute.value(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([2., 0.])
    """

    activation: Activation
    value: Callable[[Array, Array], Array]
    delta: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array, Array], Array] | None = None


def _softmax_cross_entropy(Z: Array, Y: Array) -> Array:
    S = shifted(Z)
    return np.log(exp(S).sum(axis=0)) - (S * Y).sum(axis=0)


def softmax_product(A: Array, dZ: Array) -> Array:
    """The product of the softmax's Jacobian with dZ: A (dZ - sum(A dZ)) down each column.

    >>> softmax_product(np.array([[0.5], [0.5]]), np.array([[4.0], [0.0]]))
    array([[ 1.],
           [-1.]])
    """
    D = A * dZ
    D -= A * D.sum(axis=0)
    return D


def _softmax_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return softmax_product(A, dZ)


def _sigmoid_cross_entropy(Z: Array, Y: Array) -> Array:
    return (softplus.function(Z) - Z * Y).sum(axis=0)


def _sigmoid_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return A * (1 - A) * dZ


def _half_squared_error(Z: Array, Y: Array) -> Array:
    return 0.5 * np.square(Z - Y).sum(axis=0)


def _squared_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return dZ


def _difference(A: Array, Y: Array) -> Array:
    return A - Y


def _huber(threshold: float, Z: Array, Y: Array) -> Array:
    distance = np.abs(Z - Y)
    near = np.minimum(distance, threshold)
    return (near * (distance - 0.5 * near)).sum(axis=0)


def _huber_delta(threshold: float, A: Array, Y: Array) -> Array:
    return np.clip(A - Y, -threshold, threshold)


def _huber_curvature(threshold: float, A: Array, Y: Array, dZ: Array) -> Array:
    return (np.abs(A - Y) < threshold) * dZ


def huber(threshold: float = 1.0) -> Loss:
    """The squared error of outputs within `threshold` of their targets; beyond it a straight line.

    With d = |Z - Y|, the sum over the outputs of d^2 / 2, or of threshold (d - threshold / 2) where
    d is above the threshold: outliers have a bounded pull.

    Raises ValueError for a threshold that is not above 0, TypeError where it is no number.
    Source: Huber 1964, "Robust Estimation of a Location Parameter".

    >>> huber(1.0).value(np.array([[0.5, 3.0]]), np.array([[0.0, 0.0]]))
    array([0.125, 2.5  ])
    """
    number = checks.positive("huber", "threshold", threshold)
    parts = (partial(part, number) for part in (_huber, _huber_delta, _huber_curvature))
    return Loss(identity, *parts)


# -sum(Y log A) down each column, for columns of Y that sum to 1.
softmax_cross_entropy = Loss(softmax, _softmax_cross_entropy, _difference, _softmax_curvature)
# -sum(Y log A + (1 - Y) log(1 - A)) down each column: each output is a yes or no of its own.
sigmoid_cross_entropy = Loss(sigmoid, _sigmoid_cross_entropy, _difference, _sigmoid_curvature)
# 1/2 sum((Z - Y)^2) down each column.
squared_error = Loss(identity, _half_squared_error, _difference, _squared_curvature)


def decide(loss: Loss, Z: Array) -> Array:
    """What outputs Z (n_out, m) say: classes (m,), 0 and 1 (n_out, m), or numbers (n_out, m).

    >>> decide(softmax_cross_entropy, np.array([[1.0, 3.0], [2.0, 2.0]]))
    array([1, 0])
    """
    if loss.activation == softmax:
        return Z.argmax(axis=0)
    if loss.activation == sigmoid:
        return (Z > 0).astype(np.int8)
    return loss.activation.function(Z)


def right(loss: Loss, Z: Array, y: Array) -> Array:
    """How right outputs Z (n_out, m) are of each example, (m,), by labels (m,) or targets as Z.

    1 or 0 for a class, the share of right outputs where each is 0 or 1, NaN for numbers.

    >>> right(softmax_cross_entropy, np.array([[1.0, 3.0], [2.0, 2.0]]), np.array([1, 1]))
    array([ True, False])
    """
    if loss.activation == softmax:
        return decide(loss, Z) == (y if y.ndim == 1 else y.argmax(axis=0))
    if loss.activation != sigmoid:
        return np.full(Z.shape[1], np.nan)
    truth = y > 0.5 if y.ndim == 2 or len(Z) == 1 else np.arange(len(Z))[:, np.newaxis] == y
    return ((Z > 0) == truth).mean(axis=0)

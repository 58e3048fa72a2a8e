"""Losses: an output activation, the value of each example, its derivatives, and its targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array
from scratchmlp.core.model.activations import (
    Activation,
    exp,
    identity,
    shifted,
    sigmoid,
    softmax,
)
from scratchmlp.core.model.relu_relatives import softplus
from scratchmlp.core.model.targets import distributions, numbers, zeros_and_ones
from scratchmlp.core.shown import shown_tuple

FEWEST_BY_ROWS = 2000  # columns of a stack


class Loss(NamedTuple):
    """A loss over the last layer's Z and the targets Y, both (n_out, m), column by column.

    `activation` makes the prediction A of Z. `value(Z, Y)` is each example's loss, (m,), finite
    wherever that number is within the range of the dtype. `delta(A, Y)` is the derivative of
    `value` in Z, (n_out, m). `curvature(A, Y, dZ)` is the product of the Hessian of `value` in Z
    with dZ, which only `hvp` and its like need.

    `targets(y, n_out)` says what y may be: it gives Y (n_out, m) for labels (m,) or targets (n_out,
    m), or raises. The default takes any finite numbers, and labels as one-hot columns.
    `decode(A)` says what outputs, or targets, mean: classes (m,) or decisions (n_out, m), which
    `predict` gives and accuracy compares. Without it outputs are numbers, and accuracy is NaN.
    `sum_over_outputs` says that `value` is a sum over the outputs, each of its own Z and Y alone:
    then weights may be (n_out, m).

    A user's own loss is an Activation and two or more such functions, or one of the library's with
    `_replace`. Where a linear loss is used, as value = sum(C Z) with a delta of C, `input_grad` and
    `example_grads` give the products of C with the Jacobians of the outputs.

    >>> absolute = Loss(identity, lambda Z, Y: abs(Z - Y).sum(axis=0), lambda A, Y: np.sign(A - Y))
    >>> absolute.value(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    array([2., 0.])

    For distillation at a temperature of 2, whose targets are softmax.function(Z / 2) of a teacher's
    Z, while `predict` and accuracy stay those of a classifier:

    >>> distillation = softmax_cross_entropy._replace(
    ...     value=lambda Z, Y: softmax_cross_entropy.value(Z / 2, Y),
    ...     delta=lambda A, Y: (softmax.function(np.log(A) / 2) - Y) / 2,
    ...     curvature=None,
    ... )
    >>> Z, Y = np.array([[np.log(9)], [0]]), np.array([[0.5], [0.5]])
    >>> distillation.value(Z, Y).round(4), distillation.delta(softmax.function(Z), Y).round(4)
    (array([0.837]), array([[ 0.125],
           [-0.125]]))
    """

    activation: Activation
    value: Callable[[Array, Array], Array]
    delta: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array, Array], Array] | None = None
    targets: Callable[[Array, int], Array] = numbers
    decode: Callable[[Array], Array] | None = None
    sum_over_outputs: bool = False

    def __repr__(self) -> str:
        return shown_tuple(self, self.value)


def most_likely(A: Array) -> Array:
    """The class of the largest output of each column, (m,).

    >>> most_likely(np.array([[0.1, 0.7], [0.9, 0.3]]))
    array([1, 0])
    """
    if A.ndim == 2 or len(A) * A.shape[-1] < FEWEST_BY_ROWS:
        return A.argmax(axis=-2)
    # NumPy finds that of one column after the other; of many short ones, rows are faster.
    top, small = A[..., 0, :].copy(), np.min_scalar_type(A.shape[-2])
    found = np.zeros(top.shape, small)
    for label in range(1, A.shape[-2]):
        row = A[..., label, :]
        np.maximum(found, (row > top) * small.type(label), out=found)
        np.maximum(top, row, out=top)
    return found.astype(np.intp)


def above_half(A: Array) -> Array:
    """1 for each output above 1/2 and 0 for the others, (n_out, m).

    >>> above_half(np.array([[0.1, 0.7], [0.9, 0.3]]))
    array([[0, 1],
           [1, 0]], dtype=int8)
    """
    return (A > 0.5).astype(np.int8)


def column_sums(A: Array) -> Array:
    """The sum of each column of (n, m), (1, m).

    >>> column_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[4., 6.]])
    """
    return np.add.reduce(A, axis=-2, keepdims=True)


def softmax_product(A: Array, dZ: Array) -> Array:
    """The product of the softmax's Jacobian with dZ: A (dZ - sum(A dZ)) down each column.

    >>> softmax_product(np.array([[0.5], [0.5]]), np.array([[4.0], [0.0]]))
    array([[ 1.],
           [-1.]])
    """
    D = A * dZ
    D -= A * column_sums(D)
    return D


def _softmax_cross_entropy(Z: Array, Y: Array) -> Array:
    S = shifted(Z)
    total = np.add.reduce(exp(S), axis=-2)
    S *= Y
    return np.log(total) - np.add.reduce(S, axis=-2)


def _softmax_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return softmax_product(A, dZ)


def _sigmoid_cross_entropy(Z: Array, Y: Array) -> Array:
    return (softplus.function(Z) - Z * Y).sum(axis=-2)


def _sigmoid_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return A * (1 - A) * dZ


def _squared_error(Z: Array, Y: Array) -> Array:
    return 0.5 * np.square(Z - Y).sum(axis=-2)


def _squared_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return dZ


def _difference(A: Array, Y: Array) -> Array:
    return A - Y


softmax_cross_entropy = Loss(
    softmax,
    _softmax_cross_entropy,
    _difference,
    _softmax_curvature,
    targets=distributions,
    decode=most_likely,
)
"""-sum(Y log A) down each column, A being the softmax of Z: for one class of several.

The columns of Y sum to 1. Its delta is A - Y.
"""

sigmoid_cross_entropy = Loss(
    sigmoid,
    _sigmoid_cross_entropy,
    _difference,
    _sigmoid_curvature,
    targets=zeros_and_ones,
    decode=above_half,
    sum_over_outputs=True,
)
"""-sum(Y log A + (1 - Y) log(1 - A)) down each column, A being the sigmoid of Z.

Each output is a yes or no of its own: for two classes by one output, or for several labels at once.
Its delta is A - Y.
"""

squared_error = Loss(
    identity, _squared_error, _difference, _squared_curvature, sum_over_outputs=True
)
"""Half the sum of (Z - Y)^2 down each column: for numbers. Its delta is A - Y."""

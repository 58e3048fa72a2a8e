"""Weights of examples: (m,); one for each output, (n_out, m); or each network of a stack its own.

A stack's own weights are (k, 1, m) or (k, n_out, m), even where its networks share X. The total
weight is the sum divided by the number of rows: weights of ones then equal no weights, and
identical rows equal (m,).
"""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, Params
from scratchmlp.core.border import value_error
from scratchmlp.core.model import fitting
from scratchmlp.core.model.losses import Loss
from scratchmlp.core.stacks import networks, one_a_network


def of_outputs(weights: Array | None) -> TypeGuard[Array]:
    """Whether each output has weights of its own.

    >>> of_outputs(np.ones(3)), of_outputs(np.ones((2, 3)))
    (False, True)
    """
    return weights is not None and weights.ndim > 1 and weights.shape[-2] > 1


def check(weights: Array | None, X: Array, params: Params, loss: Loss) -> None:
    """Weights that fit the examples and the params; of each output only if the loss is a sum."""
    if weights is None:
        return
    fitting.weights(weights, X.shape[-1], params[-1].b.shape[-2], networks(params))
    if of_outputs(weights) and not loss.sum_over_outputs:
        raise value_error(
            f"weights of each output, {weights.shape}, are for a loss that is a sum over the "
            f"outputs, which that of network does not say it is (sum_over_outputs): give weights "
            f"({weights.shape[-1]},)"
        )


def total_weight(weights: Array | None, m: int) -> Numbers:
    """The sum of the weights, one for each network if they have their own; m without weights.

    >>> total_weight(None, 3), total_weight(np.ones((2, 3)), 3)
    (3.0, 3.0)
    """
    if weights is None:
        return float(m)
    if weights.ndim == 1:
        return float(weights.sum(dtype=np.float64))
    sums = weights.sum(axis=(-2, -1), dtype=np.float64) / weights.shape[-2]
    return sums if weights.ndim == 3 else float(sums)


def checked_total(total: Any, k: int | None) -> Numbers:
    """What a sum is divided by: a number above 0, or one for each of the k networks of a stack.

    >>> checked_total(2, None)
    2.0
    """
    number = checks.numbers(checks.positive, "total", total)
    one_a_network("total", number, k)
    return number


def factors(weights: Array | None, total: Numbers, dtype: np.dtype[Any]) -> Any:
    """What each example counts in the mean: its weight divided by the total, or one number for all.

    >>> factors(None, 2.0, np.dtype(float)), factors(np.array([1, 3]), 4.0, np.dtype(float))
    (0.5, array([0.25, 0.75]))
    """
    divisor = total[:, np.newaxis, np.newaxis] if isinstance(total, np.ndarray) else total
    if weights is not None:
        return (weights / divisor).astype(dtype)
    return (1 / divisor).astype(dtype) if isinstance(divisor, np.ndarray) else 1 / divisor


def weighted_sum(figures: Array, weights: Array | None) -> Numbers:
    """The weighted sum of figures (m,), or of those of each network (k, m), in double precision.

    >>> weighted_sum(np.array([1.0, 2.0]), np.array([3, 4]))
    11.0
    """
    if weights is None and figures.ndim == 1 and figures.dtype == bool:
        return float(np.count_nonzero(figures))
    if weights is None:
        return _number(np.add.reduce(figures, axis=-1, dtype=np.float64))
    if weights.ndim == 3:
        return np.einsum("...m,...m->...", weights[:, 0].astype(np.float64), figures)
    row = weights if weights.ndim == 1 else weights[0]
    return _number(np.dot(figures, row.astype(np.float64)))


def weighted_values(loss: Loss, Z: Array, Y: Array, weights: Array | None) -> Numbers:
    """The weighted sum of the losses of outputs Z (n_out, m) with targets Y, as `weighted_sum`."""
    if not of_outputs(weights):
        return weighted_sum(loss.value(Z, Y), weights)
    # One row of outputs is as many examples of one output: so the loss tells what each output adds.
    Z, Y, weights = np.broadcast_arrays(Z, Y, weights)
    rows = [array.reshape(*array.shape[:-2], 1, -1) for array in (Z, Y, weights)]
    each = rows[2] if Z.ndim == 3 else rows[2][0]
    return weighted_sum(loss.value(rows[0], rows[1]), each)


def without_left_out(weights: Array | None, *arrays: Any) -> tuple[Any, ...]:
    """The weights and arrays without the examples whose weight is 0: whatever these hold.

    >>> without_left_out(np.array([0, 2]), np.array([[np.nan, 3.0]]))
    (array([2]), array([[3.]]))
    """
    if weights is None:
        return None, *arrays
    counts = weights if weights.ndim == 1 else weights.any(axis=tuple(range(weights.ndim - 1)))
    if counts.all():
        return weights, *arrays
    places = np.flatnonzero(counts)
    return tuple(None if each is None else columns(each, places) for each in (weights, *arrays))


def known_targets(y: Array, weights: Array | None, loss: Loss, own: bool) -> Array:
    """The targets with 0 in the place of those that have a weight of their own, which is 0.

    Labels, (m,) or, where each network of a stack has its own, (k, m), are as they are.
    """
    labels = y.ndim == 1 + own
    if weights is None or weights.ndim == 1 or labels or not loss.sum_over_outputs:
        return y
    return y if weights.all() else np.where(weights > 0, y, np.zeros(1, y.dtype))


def _number(figure: Any) -> Numbers:
    return figure if figure.ndim else float(figure)


def columns(array: Array, places: Array) -> Array:
    """A fresh array of some examples, along the last axis, in the memory order of the array.

    >>> columns(np.array([[1, 2, 3]]), np.array([2, 0]))
    array([[3, 1]])
    """
    if array.ndim == 2 and array.flags.f_contiguous:
        return array.T.take(places, axis=0).T
    return array.take(places, axis=-1)

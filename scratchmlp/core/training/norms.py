"""Optimizers with a bound or a penalty on a norm: of the gradient, of the weights, of each unit."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Numbers, Params, freeze, leaves
from scratchmlp.core.border import public
from scratchmlp.core.flat import Spare
from scratchmlp.core.shown import written
from scratchmlp.core.stacks import networks, one_a_network, per_network
from scratchmlp.core.training.optimizers import Optimizer, Updated
from scratchmlp.core.training.own_optimizers import check_optimizer, checked_optimizer
from scratchmlp.core.training.schedules import LearningRate, rate_at
from scratchmlp.core.training.update_rules import applied, by_blocks
from scratchmlp.core.training.wrappers import mapped


@written
@public
def clip_by_global_norm(optimizer: Optimizer, max_norm: Numbers) -> Optimizer:
    """The optimizer, given gradients that are scaled down to a norm of at most `max_norm`.

    The norm is the Euclidean norm of all numbers of all layers together, of each network of a stack
    its own.

    Raises ValueError for a norm that is not above 0; TypeError for anything but an Optimizer.
    Source: Pascanu et al. 2013, https://arxiv.org/abs/1211.5063.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),)
    >>> clip_by_global_norm(sgd(1.0), 2.5).update(params, params, (), 0)[0][0].W.item()
    1.5
    """
    limit = checks.numbers(checks.positive, "max_norm", max_norm)
    return mapped(optimizer, grads=partial(_clipped, limit))


@written
@public
def weight_decay(optimizer: Optimizer, decay: LearningRate) -> Optimizer:
    """The optimizer, given the gradient of the loss + decay / 2 times the sum of all W^2.

    It is the L2 penalty, which never is on biases; the losses that are reported are without it. The
    decay is a number or, as a learning rate may be, a function of the iteration. Inside
    `clip_by_global_norm` the penalty is not clipped, outside of it is.

    Raises ValueError for a decay below 0; TypeError for anything but an Optimizer.
    Source: Krogh and Hertz 1991, "A Simple Weight Decay Can Improve Generalization".

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),)
    >>> weight_decay(sgd(1.0), 0.5).update(params, params, (), 0)[0]
    (Layer(W=array([[-1.5]]), b=array([[0.]])),)
    """
    check_optimizer(optimizer)
    if not callable(decay):
        decay = checks.numbers(checks.positive, "decay", decay, zero=True)
    inner = checked_optimizer(optimizer)
    return optimizer._replace(update=partial(_decayed, inner, decay))


@written
@public
def max_norm(optimizer: Optimizer, limit: Numbers) -> Optimizer:
    """The optimizer, after whose update no unit has incoming weights of a norm above `limit`.

    The row of W of each unit, in every layer, is scaled down to that Euclidean norm if it is above;
    biases are free. In a tree without Layers these are the rows of matrices, and vectors are free.
    What is put around this, as `moving_average`, sees the bounded weights.

    Raises ValueError for a limit that is not above 0; TypeError for anything but an Optimizer.
    Source: Srebro and Shraibman 2005, "Rank, Trace-Norm and Max-Norm"; with dropout, Srivastava et
    al. 2014, section 5.1.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0, 4.0], [0.3, 0.4]]), np.zeros((2, 1))),)
    >>> max_norm(sgd(0.0), 1.0).update(params, params, (), 0)[0][0].W
    array([[0.6, 0.8],
           [0.3, 0.4]])
    """
    bound = checks.numbers(checks.positive, "limit", limit)
    return mapped(optimizer, params=partial(_bounded, bound))


def global_norm(tree: tuple[Any, ...]) -> Numbers:
    """The Euclidean norm of all numbers of a tree of arrays, (k,) of a stack of networks.

    >>> global_norm((Layer(np.array([[3.0]]), np.array([[4.0]])),))
    5.0
    """
    if networks(tree):
        squares = [np.square(a, dtype=np.float64).sum(axis=(1, 2)) for a in leaves(tree)]
        return np.sqrt(np.sum(squares, axis=0))
    square = sum(float(squared_norm(array)) for array in leaves(tree))
    if math.isinf(square):  # of float32, perhaps
        square = sum(float(np.square(array, dtype=np.float64).sum()) for array in leaves(tree))
    return math.sqrt(square)


def squared_norm(array: Array) -> Any:
    """The sum of all squares, in the dtype of the array.

    >>> float(squared_norm(np.array([[3.0], [4.0]])))
    25.0
    """
    numbers = array.ravel(order="K")  # as they lie in memory: vdot may have to copy them
    return np.vdot(numbers, numbers)


def _clipped(max_norm: Numbers, grads: Grads) -> Grads:
    norm = global_norm(grads)
    one_a_network("max_norm", max_norm, networks(grads))
    if not isinstance(norm, np.ndarray) and not isinstance(max_norm, np.ndarray):
        if norm <= max_norm:
            return grads
        factor: Numbers = max_norm / norm
    else:
        factor = np.minimum(1.0, max_norm / np.maximum(norm, np.finfo(float).tiny))
    (scaled,) = applied(_scale, [factor], grads, grads)
    return scaled


def _scale(factor: Any, g: Array, _: Array, new: Array) -> None:
    np.multiply(factor, g, out=new)


def _decayed(
    optimizer: Optimizer,
    decay: LearningRate,
    params: Params,
    grads: Grads,
    state: Any,
    iteration: int,
) -> Updated:
    number = rate_at(decay, iteration, "decay")
    if isinstance(number, float) and _are_spare_layers(grads):
        for layer, gradient in zip(params, grads, strict=True):
            by_blocks(_with_penalty, [number], layer.W, gradient.W, gradient.W)
    else:
        (grads,) = applied(_with_penalty, [number], params, grads, biases=[0.0])
    return optimizer.update(params, grads, state, iteration)


def _are_spare_layers(grads: Grads) -> bool:
    """Whether they are of layers, and may be written to, as those of `train` may."""
    return isinstance(grads, Spare) and all(
        isinstance(each, Layer) and each.W.flags.writeable for each in grads
    )


def _with_penalty(decay: Any, a: Array, g: Array, new: Array) -> None:
    np.add(decay * a, g, out=new)


def _bounded(limit: Numbers, tree: Any) -> Any:
    if not isinstance(tree, tuple):
        return tree if tree.ndim < 2 else _shortened(limit, tree)
    if isinstance(tree, Layer):
        return Layer(_shortened(limit, tree.W), tree.b)
    return getattr(tree, "_make", tuple)([_bounded(limit, branch) for branch in tree])


def _shortened(limit: Numbers, W: Array) -> Array:
    """The rows, none of them longer than the limit."""
    norms = np.sqrt(np.einsum("...ij,...ij->...i", W, W))[..., np.newaxis]
    bound = per_network(limit, W)
    factors = _shortening(bound, norms)
    if not (finite := np.isfinite(norms)).all():  # in float32, perhaps
        exact = np.linalg.norm(W.astype(np.float64), axis=-1, keepdims=True)
        factors = np.where(finite, factors, _shortening(bound, exact))
    return W if (factors == 1).all() else freeze(W * factors.astype(W.dtype))


def _shortening(bound: Any, norms: Array) -> Array:
    """The factor by which each row is as long as the bound, 1 where it is not longer."""
    factors: Array = bound / np.where(norms > bound, norms, bound)
    return factors

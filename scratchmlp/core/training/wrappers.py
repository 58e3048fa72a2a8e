"""Optimizers made of others: they change the gradients before an update, or what comes of it."""

import math
from functools import partial
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, freeze, leaves, map_layers
from scratchmlp.core.training.optimizers import Optimizer, Updated, check_optimizer


def clip_by_global_norm(optimizer: Optimizer, max_norm: float) -> Optimizer:
    """The optimizer, given gradients that are scaled down to a norm of at most `max_norm`.

    The norm is the Euclidean norm of all numbers of all layers together.

    Raises ValueError for a norm that is not above 0; TypeError for anything but an Optimizer.
    Source: Pascanu et al. 2013, https://arxiv.org/abs/1211.5063.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),)
    >>> clip_by_global_norm(sgd(1.0), 2.5).update(params, params, (), 0)[0][0].W.item()
    1.5
    """
    limit = checks.positive("clip_by_global_norm", "max_norm", max_norm)
    check_optimizer("clip_by_global_norm", optimizer)
    return Optimizer(optimizer.init, partial(_clipped, limit, optimizer=optimizer))


def weight_decay(optimizer: Optimizer, decay: float) -> Optimizer:
    """The optimizer, given the gradient of the loss + decay / 2 times the sum of all W^2.

    It is the L2 penalty, which never is on biases; the losses that are reported are without it.
    Inside `clip_by_global_norm` the penalty is not clipped, outside of it is.

    Raises ValueError for a decay below 0; TypeError for anything but an Optimizer.
    Source: Krogh and Hertz 1991, "A Simple Weight Decay Can Improve Generalization".

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),)
    >>> weight_decay(sgd(1.0), 0.5).update(params, params, (), 0)[0]
    (Layer(W=array([[-1.5]]), b=array([[0.]])),)
    """
    number = checks.positive("weight_decay", "decay", decay, zero=True)
    check_optimizer("weight_decay", optimizer)
    return Optimizer(optimizer.init, partial(_decayed, number, optimizer=optimizer))


def max_norm(optimizer: Optimizer, limit: float) -> Optimizer:
    """The optimizer, after whose update no unit has incoming weights of a norm above `limit`.

    The row of W of each unit, in every layer, is scaled down to that Euclidean norm if it is above;
    biases are free. What is put around this, as `moving_average`, sees the bounded weights.

    Raises ValueError for a limit that is not above 0; TypeError for anything but an Optimizer.
    Source: Srebro and Shraibman 2005, "Rank, Trace-Norm and Max-Norm"; with dropout, Srivastava et
    al. 2014, section 5.1.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0, 4.0], [0.3, 0.4]]), np.zeros((2, 1))),)
    >>> max_norm(sgd(0.0), 1.0).update(params, params, (), 0)[0][0].W
    array([[0.6, 0.8],
           [0.3, 0.4]])
    """
    bound = checks.positive("max_norm", "limit", limit)
    check_optimizer("max_norm", optimizer)
    return Optimizer(optimizer.init, partial(_bounded, bound, optimizer=optimizer))


def global_norm(tree: tuple[Any, ...]) -> float:
    """The Euclidean norm of all numbers of a tree of arrays.

    >>> global_norm((Layer(np.array([[3.0]]), np.array([[4.0]])),))
    5.0
    """
    square = sum(float(np.vdot(array, array)) for array in leaves(tree))
    if math.isinf(square):  # of float32, perhaps
        square = sum(float(np.square(array, dtype=np.float64).sum()) for array in leaves(tree))
    return math.sqrt(square)


def _clipped(
    max_norm: float,
    params: Params,
    grads: Grads,
    state: tuple[Any, ...],
    iteration: int,
    *,
    optimizer: Optimizer,
) -> Updated:
    norm = global_norm(grads)
    if norm > max_norm:
        grads = map_layers(partial(np.multiply, max_norm / norm), grads)
    return optimizer.update(params, grads, state, iteration)


def _bounded(
    limit: float,
    params: Params,
    grads: Grads,
    state: tuple[Any, ...],
    iteration: int,
    *,
    optimizer: Optimizer,
) -> Updated:
    new, memory = optimizer.update(params, grads, state, iteration)
    return tuple([Layer(_shortened(W, limit), b) for W, b in new]), memory


def _shortened(W: Array, limit: float) -> Array:
    """The rows, none of them longer than the limit."""
    norms = np.sqrt(np.einsum("ij,ij->i", W, W))
    if not np.isfinite(norms).all():  # in float32, perhaps
        norms = np.linalg.norm(W.astype(np.float64), axis=1)
    over = norms > limit
    if not over.any():
        return W
    return freeze(W * (limit / np.where(over, norms, limit)).astype(W.dtype)[:, np.newaxis])


def _decayed(
    decay: float,
    params: Params,
    grads: Grads,
    state: tuple[Any, ...],
    iteration: int,
    *,
    optimizer: Optimizer,
) -> Updated:
    def penalized(W: Array, dW: Array) -> Array:
        penalty = decay * W
        return np.add(penalty, dW, out=penalty)

    pairs = zip(params, grads, strict=True)
    penalties = [Layer(penalized(layer.W, each.W), each.b) for layer, each in pairs]
    return optimizer.update(params, tuple(penalties), state, iteration)

"""Optimizers made of others: they change the gradients before an update, or what comes of it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Numbers, Params, freeze, leaves, owned
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.shown import written
from scratchmlp.core.stacks import networks, one_a_network, per_network
from scratchmlp.core.training.optimizers import Optimizer, Updated
from scratchmlp.core.training.own_optimizers import (
    check_optimizer,
    checked_optimizer,
    like_the_params,
)
from scratchmlp.core.training.state import State
from scratchmlp.core.training.update_rules import applied, blend
from scratchmlp.core.trees import owned_tree


class AverageState(NamedTuple):
    """The inner optimizer's state, the average of the params, and the number of updates (int64)."""

    state: tuple[Any, ...]
    average: Params
    updates: Array


@written
@public
def mapped(
    optimizer: Optimizer,
    *,
    grads: Callable[..., Grads] | None = None,
    params: Callable[[Params], Params] | None = None,
) -> Optimizer:
    """The optimizer with a function of the gradients before its update and of the params after it.

    `grads` is a function of the gradients, or of the params and the gradients: for masks and
    penalties. `params` is a function of the new params: for pruning, bounds and proximal steps.
    Both give a tree like what they get.

    Raises TypeError for anything but an Optimizer and functions; later, ValueError or TypeError
    where these give another structure.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),)
    >>> mapped(sgd(1.0), grads=zero_biases).update(params, params, (), 0)[0]
    (Layer(W=array([[0.]]), b=array([[4.]])),)
    """
    check_optimizer(optimizer)
    for name, function in (("grads", grads), ("params", params)):
        if function is not None:
            checks.function(name, function)
    alone = grads is not None and not _takes_two(grads)
    inner = checked_optimizer(optimizer)
    return optimizer._replace(
        update=partial(_mapped, inner, grads=grads, params=params, alone=alone)
    )


def zero_biases(tree: Params) -> Params:
    """The Params or Grads with biases of 0.

    `mapped(optimizer, grads=zero_biases)` trains a network without biases, if it begins with none.

    >>> zero_biases((Layer(np.ones((1, 1)), np.ones((1, 1))),))
    (Layer(W=array([[1.]]), b=array([[0.]])),)
    """
    return tuple(Layer(owned(W), freeze(np.zeros_like(b))) for W, b in tree)


@written
@public
def layerwise(*optimizers: Optimizer) -> Optimizer:
    """One optimizer for each layer, the first layer's first; the state is the tuple of theirs.

    Raises TypeError for anything but Optimizers, ValueError for none, and later for params of
    another number of layers.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),) * 2
    >>> new, _ = layerwise(frozen(), sgd(0.5)).update(params, params, ((), ()), 0)
    >>> new[0] is params[0], new[1].W.item()
    (True, 1.5)
    """
    if not optimizers:
        raise value_error("optimizers must have at least one")
    for optimizer in optimizers:
        check_optimizer(optimizer)
    each = tuple(map(checked_optimizer, optimizers))
    return Optimizer(partial(_layerwise_start, each), partial(_layerwise, each))


@written
def frozen() -> Optimizer:
    """The optimizer that leaves the params as they are, to the byte.

    `train` does not compute the gradients of the first layers where `layerwise` has them frozen.

    >>> frozen().update((np.ones(1),), (np.ones(1),), (), 0)
    ((array([1.]),), ())
    """
    return Optimizer(_frozen_start, partial(_frozen))


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
def weight_decay(optimizer: Optimizer, decay: Numbers) -> Optimizer:
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
    number = checks.numbers(checks.positive, "decay", decay, zero=True)
    return mapped(optimizer, grads=partial(_penalized, number))


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


@written
@public
def moving_average(optimizer: Optimizer, decay: Numbers = 0.999) -> Optimizer:
    """The optimizer, whose state also has the exponential moving average of the parameters.

    It is the mean of the parameters after all updates, of which each counts `decay` times as much
    as the one after it. Training does not see it; `averaged` puts it in the place of the params. It
    is a part of the state, so a run is resumed with it. Around `max_norm` it is a mean of bounded
    parameters, and so is bounded itself.

    Raises ValueError unless 0 <= decay < 1; TypeError for anything but an Optimizer.
    Source: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; the
    bias towards the start is corrected as in Kingma and Ba 2014, https://arxiv.org/abs/1412.6980.

    >>> from scratchmlp import sgd
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = moving_average(sgd(0.5), 0.5)
    >>> once, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> twice, state = optimizer.update(once, params, state, 1)
    >>> once[0].W.item(), twice[0].W.item(), round(state.average[0].W.item(), 6)
    (0.5, 0.0, 0.166667)
    """
    share = checks.numbers(checks.fraction, "decay", decay, zero=True)
    check_optimizer(optimizer)
    inner = checked_optimizer(optimizer)
    return optimizer._replace(
        init=partial(_average_start, inner), update=partial(_moving_average, inner, share)
    )


@public
def averaged(state: State) -> State:
    """The state with the average of its params in their place, or itself if there is none.

    `map(averaged, states)` is the stream of them, for `records` and the like; training goes on from
    the state itself.

    Raises TypeError for anything but a State.

    >>> from scratchmlp import init_params, init_state, sgd
    >>> state = init_state(init_params([2, 3]), moving_average(sgd(0.1)))
    >>> averaged(state).params is state.optimizer.average
    True
    """
    if not isinstance(state, State):
        raise type_error(f"state must be a State, not {checks.kind(state)}")
    memory = state.optimizer
    return state._replace(params=memory.average) if isinstance(memory, AverageState) else state


def global_norm(tree: tuple[Any, ...]) -> Numbers:
    """The Euclidean norm of all numbers of a tree of arrays, (k,) of a stack of networks.

    >>> global_norm((Layer(np.array([[3.0]]), np.array([[4.0]])),))
    5.0
    """
    if networks(tree):
        squares = [np.square(a, dtype=np.float64).sum(axis=(1, 2)) for a in leaves(tree)]
        return np.sqrt(np.sum(squares, axis=0))
    square = sum(float(np.vdot(array, array)) for array in leaves(tree))
    if math.isinf(square):  # of float32, perhaps
        square = sum(float(np.square(array, dtype=np.float64).sum()) for array in leaves(tree))
    return math.sqrt(square)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function has to be given two arguments, the params and the gradients."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return True
    except ValueError:  # a function without a signature, as some of C are
        return False
    return False


def _mapped(
    optimizer: Optimizer,
    before: Params,
    gradients: Grads,
    state: Any,
    iteration: int,
    *,
    grads: Callable[..., Grads] | None,
    params: Callable[[Params], Params] | None,
    alone: bool,
) -> Updated:
    if grads is not None:
        given = (gradients,) if alone else (before, gradients)
        gradients = like_the_params("the function of the grads", grads, *given)
    new, memory = optimizer.update(before, gradients, state, iteration)
    if params is not None:
        new = like_the_params("the function of the params", params, new)
    return new, memory


def _layerwise_start(optimizers: tuple[Optimizer, ...], params: Params) -> tuple[Any, ...]:
    _check_depth(optimizers, params)
    pairs = zip(optimizers, params, strict=True)
    return tuple(optimizer.init((layer,)) for optimizer, layer in pairs)


def _layerwise(
    optimizers: tuple[Optimizer, ...], params: Params, grads: Grads, state: Any, iteration: int
) -> Updated:
    _check_depth(optimizers, params)
    each = [
        optimizer.update((layer,), (gradient,), memory, iteration)
        for optimizer, layer, gradient, memory in zip(optimizers, params, grads, state, strict=True)
    ]
    return tuple(new for ((new,), _) in each), tuple(memory for _, memory in each)


def frozen_below(optimizer: Optimizer) -> int:
    """How many of the first layers are frozen by `layerwise`, and so need no gradient.

    >>> from scratchmlp import sgd
    >>> frozen_below(layerwise(frozen(), sgd(0.1), frozen())), frozen_below(frozen())
    (1, 0)
    """
    update = optimizer.update
    if not (isinstance(update, partial) and update.func is _layerwise):
        return 0
    functions = (getattr(each.update, "func", None) for each in update.args[0])
    return sum(1 for _ in takewhile(lambda function: function is _frozen, functions))


def _check_depth(optimizers: tuple[Optimizer, ...], params: Params) -> None:
    if len(optimizers) != len(params):
        raise value_error(
            f"layerwise has {len(optimizers)} optimizers but params has {len(params)} layers"
        )


def _frozen_start(params: Params) -> tuple[()]:
    return ()


def _frozen(params: Params, grads: Grads, state: Any, iteration: int) -> Updated:
    return params, state


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


def _penalized(decay: Numbers, params: Params, grads: Grads) -> Grads:
    (penalized,) = applied(_with_penalty, [decay], params, grads, biases=[0.0])
    return penalized


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


def _average_start(optimizer: Optimizer, params: Params) -> AverageState:
    updates = np.zeros(networks(params) or (), np.int64)
    return AverageState(optimizer.init(params), owned_tree(params), freeze(updates))


def _moving_average(
    optimizer: Optimizer,
    decay: Numbers,
    params: Params,
    grads: Grads,
    state: Any,
    iteration: int,
) -> Updated:
    if not isinstance(state, AverageState):
        came = checks.kind(state)
        raise type_error(f"the state of moving_average must be AverageState, not {came}")
    one_a_network("decay", decay, networks(params))
    new, memory = optimizer.update(params, grads, state.state, iteration)
    updates = freeze(np.asarray(state.updates + 1))
    if (updates < 1).any():
        raise value_error(
            f"updates in the state of moving_average must be at least 0: {updates - 1}"
        )
    # The weights of so many updates add up to 1 - decay^updates, and are divided by that.
    kept = 1 - (1 - decay) / (1 - decay ** (updates if updates.ndim else int(updates)))
    (average,) = applied(blend, [1 - kept], state.average, new)
    return new, AverageState(memory, average, updates)

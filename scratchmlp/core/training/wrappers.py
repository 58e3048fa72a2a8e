"""Optimizers made of others: of functions before and after an update, or of one for each layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Grads, Layer, Params, freeze, owned
from scratchmlp.core.border import public, value_error
from scratchmlp.core.shown import written
from scratchmlp.core.training.optimizers import Optimizer, Updated
from scratchmlp.core.training.own_optimizers import (
    check_optimizer,
    checked_optimizer,
    like_the_params,
)


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

"""Optimizers: pairs of functions (init, update) that turn gradients into new parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Numbers, Params, freeze
from scratchmlp.core.border import public, type_error
from scratchmlp.core.model import fitting
from scratchmlp.core.shown import shown_tuple, written
from scratchmlp.core.training import update_rules as rules
from scratchmlp.core.training.schedules import (
    LearningRate,
    check_rate,
    checked_decay,
    rate_at,
)
from scratchmlp.core.trees import map_arrays

Updated: TypeAlias = tuple[Params, tuple[Any, ...]]


class Optimizer(NamedTuple):
    """`init(params)` gives the first state, a tuple of arrays; `update` gives the next.

    `update(params, grads, state, iteration)` is (new params, new state); iterations count from 0.
    The library's take any tree of arrays for params. `learning_rate` is a number, one for each
    network of a stack, (k,), or a schedule; or None where an optimizer does not say. A user's own
    optimizer is two such functions; what its update gives is checked, and taken in the dtype of
    the parameters.
    """

    init: Callable[[Params], tuple[Any, ...]]
    update: Callable[[Params, Grads, Any, int], Updated]
    learning_rate: LearningRate | None = None

    def __repr__(self) -> str:
        return shown_tuple(self, self.update)


class MomentumState(NamedTuple):
    """The decaying sum of the gradients, in the shapes of the parameters."""

    velocity: Grads


@public
def step(params: Params, grads: Grads, learning_rate: Numbers) -> Params:
    """The parameters after one step of gradient descent: W - learning_rate dW, b likewise.

    Raises ValueError where grads are not of the params' shapes, or the rate is negative or not
    finite; TypeError where grads are of another dtype, or the rate is no number.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> step(params, params, 0.5)
    (Layer(W=array([[0.5]]), b=array([[1.]])),)
    """
    fitting.params(params)
    fitting.like_params("grads", grads, params)
    rate = checks.numbers(checks.positive, "learning_rate", learning_rate, zero=True)
    (new,) = rules.applied(rules.descend, [rate], params, grads)
    return new


@written
@public
def sgd(learning_rate: LearningRate) -> Optimizer:
    """Stochastic gradient descent: `step` at a rate, or at that of a schedule. It has no state.

    Raises as `step` for the learning rate.

    >>> sgd(0.1).init(())
    ()
    """
    rate = check_rate(learning_rate)
    return Optimizer(_no_state, partial(_sgd, rate), rate)


@written
@public
def momentum(learning_rate: LearningRate, beta: Numbers = 0.9) -> Optimizer:
    """Heavy-ball momentum: v = beta v + g, and W - learning_rate v.

    Raises ValueError unless 0 <= beta < 1, and as `step` for the learning rate.
    Source: Polyak 1964; the form is that of Sutskever et al. 2013.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = momentum(0.5, 0.5)
    >>> once, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> twice, _ = optimizer.update(once, params, state, 1)
    >>> once[0].W.item(), twice[0].W.item()
    (0.5, -0.25)
    """
    rate, decay = check_rate(learning_rate), checked_decay("beta", beta)
    return Optimizer(partial(at_rest, MomentumState), partial(_momentum, rate, decay), rate)


@written
@public
def nesterov(learning_rate: LearningRate, beta: Numbers = 0.9) -> Optimizer:
    """Nesterov's momentum: v = beta v + g, and W - learning_rate (g + beta v).

    Raises ValueError unless 0 <= beta < 1, and as `step` for the learning rate.
    Source: Nesterov 1983; the form is that of Sutskever et al. 2013.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = nesterov(0.5, 0.5)
    >>> once, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> once[0].W.item(), state.velocity[0].W.item()
    (0.25, 1.0)
    """
    rate, decay = check_rate(learning_rate), checked_decay("beta", beta)
    return Optimizer(partial(at_rest, MomentumState), partial(_nesterov, rate, decay), rate)


def _no_state(params: Params) -> tuple[()]:
    return ()


def at_rest(memory: type[Any], params: Params) -> Any:
    """The first state of a kind: zeros in the shapes of the parameters."""
    still = map_arrays(_zeros, params)
    return memory(*[still] * len(memory._fields))


def _zeros(array: Array) -> Array:
    return freeze(np.zeros_like(array))


@public
def _sgd(
    rate: LearningRate, params: Params, grads: Grads, state: tuple[Any, ...], iteration: int
) -> Updated:
    if state != ():
        raise type_error(f"the state of sgd must be an empty tuple, not {checks.kind(state)}")
    (new,) = rules.applied(rules.descend, [rate_at(rate, iteration)], params, grads)
    return new, state


@public
def _momentum(rate: LearningRate, beta: Numbers, *arguments: Any) -> Updated:
    numbers = rate_at(rate, arguments[-1]), beta
    return updated(MomentumState, rules.heavy_ball, numbers, *arguments)


@public
def _nesterov(rate: LearningRate, beta: Numbers, *arguments: Any) -> Updated:
    numbers = rate_at(rate, arguments[-1]), beta
    return updated(MomentumState, rules.nesterov, numbers, *arguments)


def check_memory_type(memory: type[Any], state: Any) -> None:
    """A state of the kind that the optimizer has."""
    if not isinstance(state, memory):
        came = checks.kind(state)
        raise type_error(f"the state of the optimizer must be {memory.__name__}, not {came}")


def updated(
    memory: type[Any],
    rule: rules.Rule,
    numbers: tuple[Numbers, ...],
    params: Params,
    grads: Grads,
    state: Any,
    iteration: int,
    biases: tuple[Numbers, ...] | None = None,
) -> Updated:
    """The update of a rule by its numbers, of which biases may have their own."""
    check_memory_type(memory, state)
    new, *after = rules.applied(rule, numbers, params, grads, *state, biases=biases)
    return new, memory(*after)

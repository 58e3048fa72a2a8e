"""Optimizers: pairs of functions (init, update) that turn gradients into new parameters."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import (
    Array,
    Grads,
    Params,
    freeze,
    frozen_view,
    leaves,
    map_arrays,
    map_layers,
    spare,
)


class Optimizer(NamedTuple):
    """`init(params)` is the first state, a tuple of arrays; `update` makes the next.

    `update(params, grads, state, iteration)` is (new params, new state); iterations count from 0.
    Gradients that are writable belong to nobody else, and it may write over them: all that a
    public function returns is read-only.
    """

    init: Callable[[Params], tuple[Any, ...]]
    update: Callable[[Params, Grads, Any, int], tuple[Params, tuple[Any, ...]]]


def step(params: Params, grads: Grads, learning_rate: float) -> Params:
    """The parameters after one step of gradient descent: W - learning_rate dW, b likewise.

    Raises ValueError where grads are not of the params' shapes, or the rate is negative or not
    finite; TypeError where the rate is no number.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> step(params, params, 0.5)
    (Layer(W=array([[0.5]]), b=array([[1.]])),)
    """
    checks.params("step", params)
    checks.like_params("step", "grads", grads, params)
    checks.positive("step", "learning_rate", learning_rate, zero=True)
    return descend(params, map_arrays(frozen_view, grads), float(learning_rate))


def descend(params: Params, grads: Grads, learning_rate: float) -> Params:
    """`step` without its checks, in the memory of the gradients if they are writable."""

    def moved(a: Array, gradient: Array) -> Array:
        change = np.multiply(learning_rate, gradient, out=spare(gradient))
        return freeze(np.subtract(a, change, out=change))

    return map_layers(moved, params, grads)


def sgd(learning_rate: float) -> Optimizer:
    """Stochastic gradient descent: `step` at a constant learning rate. It has no state.

    Raises as `step` for the learning rate.

    >>> sgd(0.1).init(())
    ()
    """
    checks.positive("sgd", "learning_rate", learning_rate, zero=True)
    return Optimizer(_no_state, partial(_sgd, float(learning_rate)))


def momentum(learning_rate: float, beta: float = 0.9) -> Optimizer:
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
    return _accelerated("momentum", learning_rate, beta, nesterov=False)


def nesterov(learning_rate: float, beta: float = 0.9) -> Optimizer:
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
    return _accelerated("nesterov", learning_rate, beta, nesterov=True)


class MomentumState(NamedTuple):
    """The decaying sum of the gradients, in the shapes of the parameters."""

    velocity: Grads


def clip_by_global_norm(optimizer: Optimizer, max_norm: float) -> Optimizer:
    """The optimizer, given gradients that are scaled down to a norm of at most `max_norm`.

    The norm is the Euclidean norm of all numbers of all layers together.

    Raises ValueError for a norm that is not above 0; TypeError for anything but an Optimizer.
    Source: Pascanu et al. 2013, https://arxiv.org/abs/1211.5063.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[3.0]]), np.array([[4.0]])),)
    >>> clip_by_global_norm(sgd(1.0), 2.5).update(params, params, (), 0)[0][0].W.item()
    1.5
    """
    checks.positive("clip_by_global_norm", "max_norm", max_norm)
    check_optimizer("clip_by_global_norm", optimizer)
    return Optimizer(optimizer.init, partial(_clipped, optimizer, float(max_norm)))


def check_optimizer(where: str, optimizer: Any) -> None:
    """Nothing but an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{where}: optimizer must be an Optimizer such as sgd(0.1), "
            f"not {type(optimizer).__name__}"
        )


def _no_state(params: Params) -> tuple[()]:
    return ()


def _sgd(
    learning_rate: float, params: Params, grads: Grads, state: tuple[Any, ...], iteration: int
) -> tuple[Params, tuple[Any, ...]]:
    return descend(params, grads, learning_rate), state


def _accelerated(where: str, learning_rate: float, beta: float, nesterov: bool) -> Optimizer:
    checks.positive(where, "learning_rate", learning_rate, zero=True)
    checks.fraction(where, "beta", beta, zero=True)
    rates = float(learning_rate), float(beta)
    return Optimizer(_at_rest, partial(_with_momentum, *rates, nesterov))


def _at_rest(params: Params) -> MomentumState:
    return MomentumState(map_arrays(np.zeros_like, params))


def _with_momentum(
    learning_rate: float,
    beta: float,
    nesterov: bool,
    params: Params,
    grads: Grads,
    state: MomentumState,
    iteration: int,
) -> tuple[Params, MomentumState]:
    def decayed(v: Array, gradient: Array) -> Array:
        fresh = beta * v
        return np.add(fresh, gradient, out=fresh)

    velocity = map_arrays(decayed, state.velocity, grads)
    direction = map_arrays(decayed, velocity, grads) if nesterov else velocity
    return descend(params, direction, learning_rate), MomentumState(velocity)


def _clipped(
    optimizer: Optimizer,
    max_norm: float,
    params: Params,
    grads: Grads,
    state: tuple[Any, ...],
    iteration: int,
) -> tuple[Params, tuple[Any, ...]]:
    norm = math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in leaves(grads)))
    if norm > max_norm:
        grads = map_arrays(partial(np.multiply, max_norm / norm), grads)
    return optimizer.update(params, grads, state, iteration)

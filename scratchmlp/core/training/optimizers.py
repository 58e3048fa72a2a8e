"""Optimizers: pairs of functions (init, update) that turn gradients into new parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params, frozen_tree, map_arrays
from scratchmlp.core.training import update_rules as rules
from scratchmlp.core.training.schedules import LearningRate, check_rate, rate_at

Updated: TypeAlias = tuple[Params, tuple[Any, ...]]


class Optimizer(NamedTuple):
    """`init(params)` is the first state, a tuple of arrays; `update` makes the next.

    `update(params, grads, state, iteration)` is (new params, new state); iterations count from 0.
    """

    init: Callable[[Params], tuple[Any, ...]]
    update: Callable[[Params, Grads, Any, int], Updated]


class MomentumState(NamedTuple):
    """The decaying sum of the gradients, in the shapes of the parameters."""

    velocity: Grads


class RmspropState(NamedTuple):
    """The decaying mean of the squared gradients, in the shapes of the parameters."""

    second_moment: Grads


class AdamState(NamedTuple):
    """The decaying means of the gradients and of their squares, both of them biased to 0."""

    first_moment: Grads
    second_moment: Grads


class AverageState(NamedTuple):
    """The state of another optimizer, and the average of the params after all updates (int64)."""

    state: tuple[Any, ...]
    average: Params
    updates: Array


def step(params: Params, grads: Grads, learning_rate: float) -> Params:
    """The parameters after one step of gradient descent: W - learning_rate dW, b likewise.

    Raises ValueError where grads are not of the params' shapes, or the rate is negative or not
    finite; TypeError where grads are of another dtype, or the rate is no number.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> step(params, params, 0.5)
    (Layer(W=array([[0.5]]), b=array([[1.]])),)
    """
    checks.params("step", params)
    checks.like_params("step", "grads", grads, params)
    rate = checks.positive("step", "learning_rate", learning_rate, zero=True)
    return rules.descend(params, frozen_tree(grads), rate)


def sgd(learning_rate: LearningRate) -> Optimizer:
    """Stochastic gradient descent: `step` at a rate, or at that of a schedule. It has no state.

    Raises as `step` for the learning rate.

    >>> sgd(0.1).init(())
    ()
    """
    return Optimizer(_no_state, partial(_sgd, learning_rate=check_rate("sgd", learning_rate)))


def momentum(learning_rate: LearningRate, beta: float = 0.9) -> Optimizer:
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
    decay = checks.fraction("momentum", "beta", beta, zero=True)
    return _optimizer("momentum", MomentumState, partial(rules.heavy_ball, decay), learning_rate)


def nesterov(learning_rate: LearningRate, beta: float = 0.9) -> Optimizer:
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
    decay = checks.fraction("nesterov", "beta", beta, zero=True)
    return _optimizer("nesterov", MomentumState, partial(rules.nesterov, decay), learning_rate)


def rmsprop(learning_rate: LearningRate, beta: float = 0.9, epsilon: float = 1e-8) -> Optimizer:
    """RMSProp: s = beta s + (1 - beta) g^2, and W - learning_rate g / (sqrt(s) + epsilon).

    Raises ValueError unless 0 <= beta < 1 and epsilon > 0, and as `step` for the learning rate.
    Source: Hinton 2012, lecture 6 of "Neural Networks for Machine Learning".

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = rmsprop(0.5, 0.75)
    >>> new, _ = optimizer.update(params, params, optimizer.init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.0, 1.0)
    """
    decay = checks.fraction("rmsprop", "beta", beta, zero=True)
    rule = partial(rules.rmsprop, decay, checks.positive("rmsprop", "epsilon", epsilon))
    return _optimizer("rmsprop", RmspropState, rule, learning_rate)


def adam(
    learning_rate: LearningRate = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Optimizer:
    """Adam: the mean of the gradients over the root of that of their squares, without their bias.

    m = beta1 m + (1 - beta1) g, s = beta2 s + (1 - beta2) g^2, and W - learning_rate M / (sqrt(S) +
    epsilon), where M = m / (1 - beta1^t), S = s / (1 - beta2^t), and t = iteration + 1: the
    iteration is to count from where the state is 0.

    Raises ValueError unless 0 <= beta < 1 for both and epsilon > 0, and as `step` for the rate.
    Source: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> new, _ = adam(0.5).update(params, params, adam().init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.5, 1.5)
    """
    return _adam_optimizer("adam", learning_rate, beta1, beta2, epsilon)


def adamw(
    learning_rate: LearningRate = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Adam, with learning_rate weight_decay W taken from the weights W too; biases do not shrink.

    Raises as `adam`, and ValueError for a weight decay below 0.
    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> new, _ = adamw(0.5, weight_decay=0.1).update(params, params, adamw().init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.45, 1.5)
    """
    decay = checks.positive("adamw", "weight_decay", weight_decay, zero=True)
    return _adam_optimizer("adamw", learning_rate, beta1, beta2, epsilon, decay)


def check_optimizer(where: str, optimizer: Any) -> None:
    """Nothing but an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{where}: optimizer must be an Optimizer such as sgd(0.1), "
            f"not {checks.kind(optimizer)}"
        )
    checks.functions(where, "optimizer", optimizer)


def rate_of(optimizer: Optimizer, iteration: int) -> float | None:
    """The learning rate of an iteration, or None of an optimizer that does not tell.

    It is the keyword `learning_rate` of a partial `update`, which may be an `optimizer`'s in turn.

    >>> rate_of(momentum(lambda iteration: 0.5**iteration), 2), rate_of(Optimizer(dict, dict), 0)
    (0.25, None)
    """
    known = getattr(optimizer.update, "keywords", {})
    if "optimizer" in known:
        return rate_of(known["optimizer"], iteration)
    return rate_at(known["learning_rate"], iteration) if "learning_rate" in known else None


def _optimizer(
    where: str,
    memory: type[Any],
    rule: rules.Rule | tuple[rules.Rule, rules.Rule],
    learning_rate: LearningRate,
) -> Optimizer:
    both = rule if isinstance(rule, tuple) else (rule, rule)  # of weights, and of biases
    update = partial(_update, where, memory, both, learning_rate=check_rate(where, learning_rate))
    return Optimizer(partial(_at_rest, memory), update)


def _adam_optimizer(
    where: str,
    learning_rate: LearningRate,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float = 0.0,
) -> Optimizer:
    first = checks.fraction(where, "beta1", beta1, zero=True)
    second = checks.fraction(where, "beta2", beta2, zero=True)
    constants = first, second, checks.positive(where, "epsilon", epsilon)
    of_biases = partial(rules.adam, *constants, 0.0)
    of_weights = partial(rules.adam, *constants, decay) if decay else of_biases
    return _optimizer(where, AdamState, (of_weights, of_biases), learning_rate)


def _no_state(params: Params) -> tuple[()]:
    return ()


def _at_rest(memory: type[Any], params: Params) -> tuple[Any, ...]:
    still = map_arrays(np.zeros_like, params)
    return memory(*[still] * len(memory._fields))


def _sgd(
    params: Params,
    grads: Grads,
    state: tuple[Any, ...],
    iteration: int,
    *,
    learning_rate: LearningRate,
) -> Updated:
    if state != ():
        raise TypeError(f"sgd: state must be an empty tuple, not {checks.kind(state)}")
    return rules.descend(params, grads, rate_at(learning_rate, iteration)), state


def _update(
    where: str,
    memory: type[Any],
    both: tuple[rules.Rule, rules.Rule],
    params: Params,
    grads: Grads,
    state: Any,
    iteration: int,
    *,
    learning_rate: LearningRate,
) -> Updated:
    if not isinstance(state, memory):
        raise TypeError(f"{where}: state must be {memory.__name__}, not {checks.kind(state)}")
    rate = rate_at(learning_rate, iteration)
    of_weights, of_biases = (partial(rule, rate, iteration) for rule in both)
    new, *after = rules.applied(of_weights, of_biases, params, grads, *state)
    return new, memory(*after)

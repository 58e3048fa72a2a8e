"""Further optimizers with a rate for each parameter: AdaGrad, NAdam and Lion, with their rules."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Numbers, Params, freeze
from scratchmlp.core.border import public
from scratchmlp.core.shown import written
from scratchmlp.core.stacks import per_network
from scratchmlp.core.training import update_rules as rules
from scratchmlp.core.training.adaptive_optimizers import AdamState
from scratchmlp.core.training.optimizers import Optimizer, Updated, at_rest, updated
from scratchmlp.core.training.schedules import (
    LearningRate,
    check_rate,
    checked_decay,
    checked_size,
    rate_at,
)
from scratchmlp.core.trees import map_arrays


class AdagradState(NamedTuple):
    """The sum of the squared gradients, in the shapes of the parameters."""

    squares: Grads


class LionState(NamedTuple):
    """The decaying mean of the gradients, in the shapes of the parameters."""

    first_moment: Grads


@written
@public
def adagrad(
    learning_rate: LearningRate = 0.01, initial: Numbers = 0.0, epsilon: Numbers = 1e-8
) -> Optimizer:
    """AdaGrad: s = s + g^2, from `initial` on, and W - learning_rate g / (sqrt(s) + epsilon).

    Raises ValueError for an initial sum below 0 or unless epsilon > 0, and as `step` for the rate.
    Source: Duchi, Hazan and Singer 2011, https://jmlr.org/papers/v12/duchi11a.html.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[3.0]]), np.array([[0.0]])),)
    >>> optimizer = adagrad(0.5, initial=16.0)
    >>> new, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> round(new[0].W.item(), 6), state.squares[0].W.item()
    (2.7, 25.0)
    """
    rate, first = check_rate(learning_rate), checked_size("initial", initial, zero=True)
    update = partial(_adagrad, rate, checked_size("epsilon", epsilon))
    return Optimizer(partial(_filled, first), update, rate)


@written
@public
def nadam(
    learning_rate: LearningRate = 0.001,
    beta1: Numbers = 0.9,
    beta2: Numbers = 0.999,
    epsilon: Numbers = 1e-8,
) -> Optimizer:
    """NAdam: Adam, with Nesterov's look ahead in the mean of the gradients.

    As `adam`, but for M = beta1 m / (1 - beta1^(t + 1)) + (1 - beta1) g / (1 - beta1^t), where t =
    iteration + 1: the mean as it will be after another gradient, of which this is the best guess.

    Raises as `adam`.
    Source: Dozat 2016, "Incorporating Nesterov Momentum into Adam", with a constant beta1.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> new, _ = nadam(0.5, 0.5).update(params, params, nadam().init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.333333, 1.333333)
    """
    rate = check_rate(learning_rate)
    betas = checked_decay("beta1", beta1), checked_decay("beta2", beta2)
    update = partial(_nadam, rate, *betas, checked_size("epsilon", epsilon))
    return Optimizer(partial(at_rest, AdamState), update, rate)


@written
@public
def lion(
    learning_rate: LearningRate = 0.0001,
    beta1: Numbers = 0.9,
    beta2: Numbers = 0.99,
    weight_decay: Numbers = 0.0,
) -> Optimizer:
    """Lion: steps of one length, by the sign of a mean of the gradients.

    W - learning_rate (sign(beta1 m + (1 - beta1) g) + weight_decay W), without the decay for
    biases, and then m = beta2 m + (1 - beta2) g. Its rate is three to ten times smaller than
    Adam's, and its weight decay as much larger.

    Raises ValueError unless 0 <= beta < 1 for both and weight_decay >= 0, and as `step` for the
    learning rate.
    Source: Chen et al. 2023, https://arxiv.org/abs/2302.06675.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[-2.0]])),)
    >>> new, _ = lion(0.5, weight_decay=0.1).update(params, params, lion().init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.45, -1.5)
    """
    rate, decay = check_rate(learning_rate), checked_size("weight_decay", weight_decay, zero=True)
    betas = checked_decay("beta1", beta1), checked_decay("beta2", beta2)
    return Optimizer(partial(at_rest, LionState), partial(_lion, rate, *betas, decay), rate)


def nesterov_numbers(beta: Numbers, iteration: int) -> tuple[Numbers, ...]:
    """The numbers of `nesterov_mean` in an iteration, which counts from 0.

    >>> nesterov_numbers(0.5, 0)
    (0.5, 0.6666666666666666, 1.0)
    """
    t = iteration + 1
    return 1 - beta, beta / (1 - beta ** (t + 1)), (1 - beta) / (1 - beta**t)


def nesterov_mean(share: Any, of_m: Any, of_g: Any, *arrays: Array) -> None:
    """m = (1 - share) m + share g, and of_m m + of_g g, for an array that is not looked at.

    >>> mean, first, one = np.empty(1), np.empty(1), np.ones(1)
    >>> nesterov_mean(0.5, 2.0, 3.0, one, one, one, mean, first)
    >>> mean, first
    (array([5.]), array([1.]))
    """
    _, g, m, mean, first = arrays
    rules.blend(share, m, g, first)
    np.multiply(of_g, g, out=mean)
    mean += of_m * first


def _filled(initial: Numbers, params: Params) -> AdagradState:
    def full(array: Array) -> Array:
        return freeze(np.zeros_like(array) + per_network(initial, array))

    return AdagradState(map_arrays(full, params))


@public
def _adagrad(rate: LearningRate, epsilon: Numbers, *arguments: Any) -> Updated:
    numbers = rate_at(rate, arguments[-1]), epsilon
    return updated(AdagradState, _adagrad_rule, numbers, *arguments)


@public
def _nadam(rate: LearningRate, *arguments: Any) -> Updated:
    (beta1, beta2, epsilon), iteration = arguments[:3], arguments[-1]
    now = rate_at(rate, iteration)
    checks.one_length("the numbers of nadam", now, beta1, beta2, epsilon)
    # As Adam's, but for the mean of the gradients: with no beta1 it has no bias to take off.
    step, _, share2, small, _ = rules.adam_numbers(now, 0.0, beta2, epsilon, 0.0, iteration)
    numbers = step, *nesterov_numbers(beta1, iteration), share2, small
    return updated(AdamState, _nadam_rule, numbers, *arguments[3:])


@public
def _lion(rate: LearningRate, *arguments: Any) -> Updated:
    beta1, beta2, decay, params, grads, state, iteration = arguments
    now = rate_at(rate, iteration)
    checks.one_length("the numbers of lion", now, beta1, beta2, decay)
    numbers = now, 1 - beta1, 1 - beta2
    both = (*numbers, decay), (*numbers, 0.0)
    return updated(LionState, _lion_rule, both[0], params, grads, state, iteration, both[1])


def _adagrad_rule(
    rate: Any, epsilon: Any, a: Array, g: Array, s: Array, new: Array, squares: Array
) -> None:
    np.multiply(g, g, out=squares)
    squares += s
    root = np.sqrt(squares)
    root += epsilon
    np.divide(g, root, out=new)
    rules.descend(rate, a, new, new)


def _nadam_rule(
    rate: Any, share1: Any, of_m: Any, of_g: Any, share2: Any, epsilon: Any, *arrays: Array
) -> None:
    a, g, m, s, new, first, second = arrays
    root = g * g
    rules.blend(share2, s, root, second)
    np.sqrt(second, out=root)
    root += epsilon
    nesterov_mean(share1, of_m, of_g, a, g, m, new, first)
    new /= root
    rules.descend(rate, a, new, new)


def _lion_rule(rate: Any, share1: Any, share2: Any, decay: Any, *arrays: Array) -> None:
    a, g, m, new, first = arrays
    rules.blend(share2, m, g, first)
    rules.blend(share1, m, g, new)
    np.sign(new, out=new)
    if isinstance(decay, np.ndarray) or decay:
        new += decay * a
    rules.descend(rate, a, new, new)

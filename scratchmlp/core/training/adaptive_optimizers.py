"""Optimizers with a rate for each parameter: RMSProp, Adam and AdamW."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from scratchmlp.core import checks
from scratchmlp.core.arrays import Grads, Numbers
from scratchmlp.core.border import public
from scratchmlp.core.shown import written
from scratchmlp.core.training import update_rules as rules
from scratchmlp.core.training.optimizers import Optimizer, Updated, at_rest, updated
from scratchmlp.core.training.schedules import (
    LearningRate,
    check_rate,
    checked_decay,
    checked_size,
    rate_at,
)


class RmspropState(NamedTuple):
    """The decaying mean of the squared gradients, in the shapes of the parameters."""

    second_moment: Grads


class AdamState(NamedTuple):
    """The decaying means of the gradients and of their squares, both of them biased to 0."""

    first_moment: Grads
    second_moment: Grads


@written
@public
def rmsprop(learning_rate: LearningRate, beta: Numbers = 0.9, epsilon: Numbers = 1e-8) -> Optimizer:
    """RMSProp: s = beta s + (1 - beta) g^2, and W - learning_rate g / (sqrt(s) + epsilon).

    Raises ValueError unless 0 <= beta < 1 and epsilon > 0, and as `step` for the learning rate.
    Source: Hinton 2012, lecture 6 of "Neural Networks for Machine Learning".

    >>> import numpy as np
    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = rmsprop(0.5, 0.75)
    >>> new, _ = optimizer.update(params, params, optimizer.init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.0, 1.0)
    """
    rate, decay = check_rate(learning_rate), checked_decay("beta", beta)
    update = partial(_rmsprop, rate, decay, checked_size("epsilon", epsilon))
    return Optimizer(partial(at_rest, RmspropState), update, rate)


@written
@public
def adam(
    learning_rate: LearningRate = 0.001,
    beta1: Numbers = 0.9,
    beta2: Numbers = 0.999,
    epsilon: Numbers = 1e-8,
) -> Optimizer:
    """Adam: the mean of the gradients over the root of that of their squares, without their bias.

    m = beta1 m + (1 - beta1) g, s = beta2 s + (1 - beta2) g^2, and W - learning_rate M / (sqrt(S) +
    epsilon), where M = m / (1 - beta1^t), S = s / (1 - beta2^t), and t = iteration + 1: the
    iteration is to count from where the state is 0.

    Raises ValueError unless 0 <= beta < 1 for both and epsilon > 0, and as `step` for the rate.
    Source: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980.

    >>> import numpy as np
    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> new, _ = adam(0.5).update(params, params, adam().init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.5, 1.5)
    """
    rate = check_rate(learning_rate)
    betas = checked_decay("beta1", beta1), checked_decay("beta2", beta2)
    update = partial(_adam, rate, *betas, checked_size("epsilon", epsilon))
    return Optimizer(partial(at_rest, AdamState), update, rate)


@written
@public
def adamw(
    learning_rate: LearningRate = 0.001,
    beta1: Numbers = 0.9,
    beta2: Numbers = 0.999,
    epsilon: Numbers = 1e-8,
    weight_decay: Numbers = 0.01,
) -> Optimizer:
    """Adam, with learning_rate weight_decay W taken from the weights W too, not from biases.

    Raises as `adam`, and ValueError for a weight decay below 0.
    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101.

    >>> import numpy as np
    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> new, _ = adamw(0.5, weight_decay=0.1).update(params, params, adamw().init(params), 0)
    >>> round(new[0].W.item(), 6), round(new[0].b.item(), 6)
    (0.45, 1.5)
    """
    rate, decay = check_rate(learning_rate), checked_size("weight_decay", weight_decay, zero=True)
    betas = checked_decay("beta1", beta1), checked_decay("beta2", beta2)
    update = partial(_adamw, rate, *betas, checked_size("epsilon", epsilon), decay)
    return Optimizer(partial(at_rest, AdamState), update, rate)


@public
def _rmsprop(rate: LearningRate, beta: Numbers, epsilon: Numbers, *arguments: Any) -> Updated:
    numbers = rate_at(rate, arguments[-1]), 1 - beta, epsilon
    return updated(RmspropState, rules.rmsprop, numbers, *arguments)


@public
def _adam(rate: LearningRate, *betas_epsilon: Any) -> Updated:
    *constants, params, grads, state, iteration = betas_epsilon
    return _adamw(rate, *constants, 0.0, params, grads, state, iteration)


@public
def _adamw(rate: LearningRate, *arguments: Any) -> Updated:
    *constants, decay, params, grads, state, iteration = arguments
    beta1, beta2, epsilon = constants
    now = rate_at(rate, iteration)
    checks.one_length("the numbers of adam", now, *arguments[1:5])
    numbers = rules.adam_numbers(now, beta1, beta2, epsilon, decay, iteration)
    of_biases = (*numbers[:4], 0.0)
    return updated(AdamState, rules.adam, numbers, params, grads, state, iteration, of_biases)

"""Schedule-free training: gradients between the params of an optimizer and the average of these."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array, Grads, Numbers, Params, freeze, leaves
from scratchmlp.core.border import public
from scratchmlp.core.shown import written
from scratchmlp.core.stacks import networks, one_a_network
from scratchmlp.core.training.optimizers import Optimizer, Updated, check_memory_type
from scratchmlp.core.training.own_optimizers import check_optimizer, checked_optimizer
from scratchmlp.core.training.schedules import checked_decay, rate_at
from scratchmlp.core.training.update_rules import applied, blend
from scratchmlp.core.trees import owned_tree


class ScheduleFreeState(NamedTuple):
    """The inner optimizer's state, its own params, and their average, which is what to evaluate.

    `weight` is the sum of the weights of the average and `rate` the greatest learning rate yet, in
    the dtype of the params, of shape (1, 1), or (k, 1, 1) of a stack of k networks.
    """

    state: tuple[Any, ...]
    base: Params
    average: Params
    weight: Array
    rate: Array


@written
@public
def schedule_free(optimizer: Optimizer, beta: Numbers = 0.9) -> Optimizer:
    """The optimizer on params of its own, by gradients between these and their average.

    With z for the optimizer's params and x for the average, both of which begin at the params, the
    gradient is that at the params y = (1 - beta) z + beta x; an update takes z to where the
    optimizer takes it, and x to (1 - c) x + c z, where c is the share of this update's weight in
    the sum of all: the square of the greatest learning rate yet, or 1 where the optimizer does not
    tell its rate. `averaged` puts x in the place of the params. It needs no falling learning rate,
    and takes the place of momentum: put it around `sgd`, or Adam with beta1 = 0, with a warm-up
    perhaps. What bounds or maps params, as `max_norm`, belongs inside; what changes gradients, as
    `weight_decay`, may be on either side. Params given to an update are not looked at.

    Raises ValueError unless 0 <= beta < 1; TypeError for anything but an Optimizer.
    Source: Defazio et al. 2024, https://arxiv.org/abs/2405.15682.

    >>> from scratchmlp import Layer, sgd
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = schedule_free(sgd(0.5), 0.5)
    >>> once, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> twice, state = optimizer.update(once, params, state, 1)
    >>> once[0].W.item(), state.base[0].W.item(), state.average[0].W.item(), twice[0].W.item()
    (0.5, 0.0, 0.25, 0.125)
    """
    share = checked_decay("beta", beta)
    check_optimizer(optimizer)
    inner = checked_optimizer(optimizer)
    return optimizer._replace(
        init=partial(_start, inner), update=partial(_schedule_free, inner, share)
    )


def _start(optimizer: Optimizer, params: Params) -> ScheduleFreeState:
    own, k = owned_tree(params), networks(params)
    dtype = next((array.dtype for array in leaves(own)), np.float64)
    nothing = freeze(np.zeros((k, 1, 1) if k else (1, 1), dtype))
    return ScheduleFreeState(optimizer.init(params), own, own, nothing, nothing)


def _schedule_free(
    optimizer: Optimizer, beta: Numbers, params: Params, grads: Grads, state: Any, iteration: int
) -> Updated:
    check_memory_type(ScheduleFreeState, state)
    k = networks(params)
    one_a_network("beta", beta, k)
    base, memory = optimizer.update(state.base, grads, state.state, iteration)
    known = 1.0 if optimizer.learning_rate is None else rate_at(optimizer.learning_rate, iteration)
    now = known.reshape(-1, 1, 1) if isinstance(known, np.ndarray) else known
    rate = freeze(np.maximum(state.rate, now, dtype=state.rate.dtype))
    weight = freeze(state.weight + rate**2)
    # As long as the rate is 0, so is the share.
    share = rate**2 / np.where(weight > 0, weight, 1)
    (average,) = applied(blend, [share.reshape(-1) if k else share.item()], state.average, base)
    (new,) = applied(blend, [beta], base, average)
    return new, ScheduleFreeState(memory, base, average, weight, rate)

"""Averages of the parameters over the updates of an optimizer."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Numbers, Params, freeze
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.shown import written
from scratchmlp.core.stacks import networks, one_a_network
from scratchmlp.core.training.lookahead import LookaheadState
from scratchmlp.core.training.optimizers import Optimizer, Updated
from scratchmlp.core.training.own_optimizers import check_optimizer, checked_optimizer
from scratchmlp.core.training.schedule_free import ScheduleFreeState
from scratchmlp.core.training.state import State
from scratchmlp.core.training.update_rules import applied, blend
from scratchmlp.core.trees import owned_tree


class AverageState(NamedTuple):
    """The inner optimizer's state, the average of the params, and the number of updates (int64)."""

    state: tuple[Any, ...]
    average: Params
    updates: Array


AVERAGES = AverageState, ScheduleFreeState, LookaheadState


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

    >>> from scratchmlp import Layer, sgd
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

    It is the average of `moving_average` or `schedule_free`, or the slow params of `lookahead`;
    where one is around another, that of the outermost.

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
    return state._replace(params=memory.average) if isinstance(memory, AVERAGES) else state


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

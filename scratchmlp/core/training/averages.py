"""Averages: of the parameters over the updates, and of what several networks predict."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params, freeze, frozen_tree, map_layers
from scratchmlp.core.model.network import (
    Network,
    check_network,
    checked_propagate,
    classifier,
    in_tiles,
    quiet,
)
from scratchmlp.core.training.optimizers import AverageState, Optimizer, Updated, check_optimizer
from scratchmlp.core.training.training import State
from scratchmlp.core.training.update_rules import blended


def moving_average(optimizer: Optimizer, decay: float = 0.999) -> Optimizer:
    """The optimizer, whose state also has the exponential moving average of the parameters.

    It is the mean of the parameters after all updates, of which each counts `decay` times as much
    as the one after it. Training does not see it; `averaged` puts it in the place of the params. It
    is a part of the state, so a run is resumed with it. Around `max_norm` it is a mean of bounded
    parameters, and so is bounded itself.

    Raises ValueError unless 0 <= decay < 1; TypeError for anything but an Optimizer.
    Source: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; the
    bias to the start is taken away as in Kingma and Ba 2014, https://arxiv.org/abs/1412.6980.

    >>> from scratchmlp import Layer, sgd
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = moving_average(sgd(0.5), 0.5)
    >>> once, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> twice, state = optimizer.update(once, params, state, 1)
    >>> once[0].W.item(), twice[0].W.item(), round(state.average[0].W.item(), 6)
    (0.5, 0.0, 0.166667)
    """
    share = checks.fraction("moving_average", "decay", decay, zero=True)
    check_optimizer("moving_average", optimizer)
    start = partial(_start, optimizer)
    return Optimizer(start, partial(_update, share, optimizer=optimizer))


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
        raise TypeError(f"averaged: state must be a State, not {checks.kind(state)}")
    memory = state.optimizer
    return state._replace(params=memory.average) if isinstance(memory, AverageState) else state


def committee(members: Sequence[Params], X: Array, network: Network = classifier) -> Array:
    """The mean of the outputs A of several networks for the examples X, (n_out, m).

    Under a softmax these are probabilities, and `.argmax(axis=0)` is what the committee decides.
    X is taken in tiles of columns.

    Raises ValueError for no members, for members whose numbers of outputs differ, and where outputs
    are not finite; TypeError where their dtypes differ; otherwise as `forward`.

    >>> from scratchmlp import Layer, regressor
    >>> members = [(Layer(np.full((1, 1), slope), np.zeros((1, 1))),) for slope in (1.0, 2.0)]
    >>> committee(members, np.array([[3.0, 4.0]]), regressor)
    array([[4.5, 6. ]])
    """
    if not isinstance(members, (list, tuple)):
        raise TypeError(f"committee: members must be a list of params, not {checks.kind(members)}")
    if not members:
        raise ValueError("committee: members must have at least one")
    for number, member in enumerate(members):
        checks.params("committee", member, f"members[{number}]")
        check_network("committee", network, len(member))
        checks.examples("committee", X, member)
        if (came := member[0].W.dtype) != (first := members[0][0].W.dtype):
            raise TypeError(f"committee: members[{number}] is {came} but members[0] is {first}")
    n_out = {len(member[-1].b) for member in members}
    if len(n_out) > 1:
        raise ValueError(f"committee: members must have as many outputs, not {sorted(n_out)}")
    with quiet():
        means = [_mean(members, tile, network) for tile in in_tiles(X)]
    return freeze(np.concatenate(means, axis=1))


def _start(optimizer: Optimizer, params: Params) -> AverageState:
    return AverageState(optimizer.init(params), frozen_tree(params), _count(0))


def _update(
    decay: float,
    params: Params,
    grads: Grads,
    state: Any,
    iteration: int,
    *,
    optimizer: Optimizer,
) -> Updated:
    if not isinstance(state, AverageState):
        raise TypeError(f"moving_average: state must be AverageState, not {checks.kind(state)}")
    new, memory = optimizer.update(params, grads, state.state, iteration)
    count = int(state.updates) + 1
    # The weights of so many updates add up to 1 - decay^count, and are divided by that.
    kept = 1 - (1 - decay) / (1 - decay**count)
    average = map_layers(partial(blended, beta=kept), state.average, new)
    return new, AverageState(memory, frozen_tree(average), _count(count))


def _count(number: int) -> Array:
    return freeze(np.array(number, np.int64))


def _mean(members: Sequence[Params], X: Array, network: Network) -> Array:
    outputs = [checked_propagate("committee", each, X, network).A[-1] for each in members]
    mean: Array = np.mean(outputs, axis=0)
    if not np.isfinite(mean).all():
        raise ValueError("committee: members must give finite outputs, but some are not")
    return mean

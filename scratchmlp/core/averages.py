"""Averages: of the parameters along a stream of states, and of what several networks predict."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from toolz import accumulate, drop

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params, freeze, frozen_tree, map_layers
from scratchmlp.core.network import (
    TILE,
    Network,
    check_network,
    checked_propagate,
    classifier,
    quiet,
)
from scratchmlp.core.rules import blended
from scratchmlp.core.training import State


def averaged(
    states: Iterable[State], *, decay: float, average: Params | None = None
) -> Iterator[State]:
    """The stream of the states with the exponential moving average of their params in the place.

    The average is decay * (the average before) + (1 - decay) * params, for each state that passes;
    it begins at the first state's params, or goes on from an `average` where a run is resumed.

    Raises ValueError unless 0 <= decay < 1, and where the average does not fit the params;
    TypeError for anything but numbers, States and Params.
    Source: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging".

    >>> from scratchmlp import Layer
    >>> def state(b: float) -> State:
    ...     return State((Layer(np.ones((1, 1)), np.full((1, 1), b)),), (), 1, 0.5, 1.0)
    >>> stream = averaged([state(4.0), state(0.0), state(2.0)], decay=0.5)
    >>> [each.params[0].b.item() for each in stream]
    [4.0, 2.0, 2.0]
    """
    share = checks.fraction("averaged", "decay", decay, zero=True)
    checks.stream("averaged", "states", states)
    if average is not None:
        checks.params("averaged", average, "average")
    several = (_checked(state) for state in states)
    blend = partial(_blended, share)
    if average is None:
        return iter(accumulate(blend, several))
    before = State(average, (), 0, math.nan, math.nan)
    return iter(drop(1, accumulate(blend, several, before)))


def committee(members: Sequence[Params], X: Array, network: Network = classifier) -> Array:
    """The mean of the outputs A of several networks for the examples X, (n_out, m).

    Under a softmax these are probabilities, and `.argmax(axis=0)` is what the committee decides.
    X is taken in tiles of columns.

    Raises ValueError for no members, or members whose numbers of outputs differ, or whose outputs
    are not finite; otherwise as `forward`.

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
    n_out = {len(member[-1].b) for member in members}
    if len(n_out) > 1:
        raise ValueError(f"committee: members must have as many outputs, not {sorted(n_out)}")
    tiles = (X[:, start : start + TILE] for start in range(0, X.shape[1], TILE))
    with quiet():
        return freeze(np.concatenate([_mean(members, tile, network) for tile in tiles], axis=1))


def _checked(state: State) -> State:
    if not isinstance(state, State):
        raise TypeError(f"averaged: states must be of State, not {checks.kind(state)}")
    checks.params("averaged", state.params)
    return state


def _blended(decay: float, before: State, state: State) -> State:
    checks.like_params("averaged", "average", before.params, state.params)
    mean = map_layers(partial(blended, beta=decay), before.params, state.params)
    return state._replace(params=frozen_tree(mean))


def _mean(members: Sequence[Params], X: Array, network: Network) -> Array:
    outputs = [checked_propagate("committee", each, X, network).A[-1] for each in members]
    mean: Array = np.mean(outputs, axis=0)
    checks.finite("committee", "what members say", mean)
    return mean

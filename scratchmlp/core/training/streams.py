"""What one does with the stream of states: validate, thin it out, look back.

Each function takes a stream and gives a stream or what is left of it, so they compose:
`pipe(train(...), partial(take, 1000), partial(records, validation=..., every=50), best_record)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, freeze, frozen_view
from scratchmlp.core.border import public, public_stream, type_error
from scratchmlp.core.data.batches import Map, Shards, data_as_shards
from scratchmlp.core.model.network import Network, check_network, classifier
from scratchmlp.core.training.objective import Evaluation, evaluate
from scratchmlp.core.training.state import State, of_those_left


class Record(NamedTuple):
    """How training goes at a State.

    `training` has the means of the batches' figures since the record before; `validation` the
    figures of the state on other examples, or None. Figures are (k,) for a stack of k networks.
    """

    iteration: int | Array
    training: Evaluation
    validation: Evaluation | None
    state: State


class History(NamedTuple):
    """The figures of n states or records, each (n,); NaN where there was no validation.

    The iterations are (n,), the rest (n, k) for a stack of k networks.
    """

    iterations: Array
    losses: Array
    accuracies: Array
    validation_losses: Array
    validation_accuracies: Array


Step = TypeVar("Step", State, Record)


@public_stream
def thinned(stream: Iterable[Step], *, every: int) -> Iterator[Step]:
    """The States or Records whose iteration is a multiple of `every`.

    Raises ValueError for every < 1; TypeError where it is no integer, and, when the stream comes to
    it, for anything but a State or Record.

    >>> states = (State((), (), iteration, 0.0, 0.0) for iteration in range(1, 8))
    >>> [state.iteration for state in thinned(states, every=3)]
    [3, 6]
    """
    checks.count("every", every, least=1)
    checks.stream("stream", stream)
    items = (checked_item("stream", (State, Record), item) for item in stream)
    return (item for item in items if item.iteration % every == 0)


@public_stream
def records(
    states: Iterable[State],
    validation: Shards | None = None,
    *,
    every: int,
    network: Network = classifier,
    map: Map = map,
) -> Iterator[Record]:
    """The lazy stream of a Record for each iteration that is a multiple of `every`, and the last.

    `validation` is a Batch or a sequence of shards. Memory is that of one state, so a stream that
    was resumed has the same records, but for the means since a record before it.

    Raises ValueError for every < 1, TypeError where it is no integer; otherwise as `evaluate`.

    >>> from itertools import repeat
    >>> from scratchmlp import Batch, init_params, init_state, sgd, train
    >>> batch, optimizer = Batch(np.ones((2, 4)), np.array([0, 0, 1, 2])), sgd(0.1)
    >>> states = train(init_state(init_params([2, 3]), optimizer), [batch] * 5, optimizer=optimizer)
    >>> [(each.iteration, each.validation is None) for each in records(states, every=2)]
    [(2, True), (4, True), (5, True)]
    """
    checks.stream("states", states)
    checks.count("every", every, least=1)
    check_network(network)
    checks.function("map", map)
    if validation is not None:
        validation = data_as_shards(validation)  # it is gone through again and again
    return _records(states, validation, every, network, map)


@public
def history(stream: Iterable[State] | Iterable[Record]) -> History:
    """The figures of a stream of States or Records as arrays; it does not hold on to their states.

    Raises TypeError for anything else.

    >>> history(State((), (), iteration, 0.5, 1.0) for iteration in (1, 2)).iterations
    array([1, 2])
    """
    checks.stream("stream", stream)
    rows = [_figures(item) for item in stream]
    iterations = np.array([row[0] for row in rows], np.int64)
    figures = np.array([np.broadcast_arrays(*row[1:]) for row in rows], np.float64)
    columns = np.moveaxis(figures, 1, 0) if rows else np.empty((4, 0))
    return History(freeze(iterations), *map(frozen_view, columns))


def _records(
    states: Iterable[State], validation: Shards | None, every: int, network: Network, map: Map
) -> Iterator[Record]:
    def record(state: State) -> Record:
        means = Evaluation(*(_mean(figures) for figures in zip(*seen, strict=True)))
        if validation is None:
            return Record(state.iteration, means, None, state)
        found = evaluate(state.params, validation, network, map=map)
        if isinstance(found.loss, np.ndarray):
            found = Evaluation(*of_those_left(np.isnan(found.loss), state, found))
        return Record(state.iteration, means, found, state)

    seen: list[tuple[Numbers, Numbers]] = []
    for state in states:
        checked_item("states", (State,), state)
        seen.append((state.loss, state.accuracy))
        if state.iteration % every == 0:
            yield record(state)
            seen.clear()
    if seen:
        yield record(state)


def _mean(figures: tuple[Numbers, ...]) -> Numbers:
    if not isinstance(figures[0], np.ndarray):
        return math.fsum(cast("tuple[float, ...]", figures)) / len(figures)
    return freeze(np.mean(np.array(figures), axis=0))


def _figures(item: State | Record) -> tuple[Any, ...]:
    checked_item("stream", (State, Record), item)
    if isinstance(item, State):
        return item.iteration, item.loss, item.accuracy, math.nan, math.nan
    for figures in (item.training, item.validation or item.training):
        checked_item("training and validation in stream", (Evaluation,), figures)
    return item.iteration, *item.training, *(item.validation or (math.nan, math.nan))


def checked_item(name: str, kinds: tuple[type, ...], item: Any) -> Any:
    """An item of a stream, once it is of one of these kinds.

    >>> checked_item("numbers", (int, float), 1)
    1
    """
    if not isinstance(item, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise type_error(f"{name} must be of {expected}, not {checks.kind(item)}")
    return item

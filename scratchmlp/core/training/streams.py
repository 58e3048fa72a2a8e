"""What one does with the stream of states: validate, stop early, keep the best, look back.

Each function takes a stream and gives a stream or what is left of it, so they compose:
`pipe(train(...), partial(take, 1000), partial(records, validation=..., every=50), best_record)`.
"""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze, frozen_view
from scratchmlp.core.data.batches import Map
from scratchmlp.core.model.network import Network, check_network, classifier
from scratchmlp.core.training.objective import (
    AnyBatch,
    Evaluation,
    Shards,
    check,
    check_shards,
    gather,
)
from scratchmlp.core.training.training import State


class Record(NamedTuple):
    """How training goes at a State.

    `training` has the means of the batches' figures since the record before; `validation` the
    figures of the state on other examples, or None.
    """

    iteration: int
    training: Evaluation
    validation: Evaluation | None
    state: State


class History(NamedTuple):
    """The figures of k states or records, each (k,); NaN where there was no validation."""

    iterations: Array
    losses: Array
    accuracies: Array
    validation_losses: Array
    validation_accuracies: Array


Step = TypeVar("Step", State, Record)


def thinned(stream: Iterable[Step], *, every: int) -> Iterator[Step]:
    """The States or Records whose iteration is a multiple of `every`.

    Raises ValueError for every < 1; TypeError where it is no integer, and, when the stream comes to
    it, for anything but a State or Record.

    >>> states = (State((), (), iteration, 0.0, 0.0) for iteration in range(1, 8))
    >>> [state.iteration for state in thinned(states, every=3)]
    [3, 6]
    """
    checks.count("thinned", "every", every, least=1)
    checks.stream("thinned", "stream", stream)
    items = (_checked("thinned", "stream", (State, Record), item) for item in stream)
    return (item for item in items if item.iteration % every == 0)


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
    checks.stream("records", "states", states)
    checks.count("records", "every", every, least=1)
    check_network("records", network)
    checks.function("records", "map", map)
    if validation is not None:
        check_shards("records", "validation", validation)
    if not (validation is None or isinstance(validation, AnyBatch)):
        validation = tuple(validation)  # it is gone through again and again
    return _records(states, validation, every, network, map)


def early_stopping(
    records: Iterable[Record],
    *,
    patience: int,
    min_improvement: float = 0.0,
    earlier: Iterable[float] = (),
) -> Iterator[Record]:
    """The records up to the one at which `patience` of them in a row have brought no improvement.

    An improvement is a validation loss that is lower than the one at the improvement before by more
    than `min_improvement`. `earlier` has the validation losses of the records before these, where a
    run is resumed. The best state is `best_record(early_stopping(...)).state`.

    Raises ValueError for patience < 1, a negative improvement or a record without validation;
    TypeError where these are no numbers. Source: Prechelt 1998, "Early Stopping - But When?".

    >>> losses = [Evaluation(loss, 0.5) for loss in (3.0, 2.0, 2.5, 2.1, 1.0)]
    >>> course = [Record(number, loss, loss, None) for number, loss in enumerate(losses)]
    >>> [record.iteration for record in early_stopping(course, patience=2)]
    [0, 1, 2, 3]
    """
    checks.stream("early_stopping", "records", records)
    checks.count("early_stopping", "patience", patience, least=1)
    least = checks.positive("early_stopping", "min_improvement", min_improvement, zero=True)
    checks.stream("early_stopping", "earlier", earlier)
    return _patient(records, patience, least, _losses(earlier))


def best_record(records: Iterable[Record]) -> Record:
    """The first of the records with the lowest validation loss; it takes the memory of one.

    Raises ValueError where there are no records, or one without validation.

    >>> losses = [Evaluation(loss, 0.5) for loss in (3.0, 2.0, 2.5)]
    >>> best_record(Record(k, loss, loss, None) for k, loss in enumerate(losses)).iteration
    1
    """
    checks.stream("best_record", "records", records)
    best = min(records, key=partial(_validation_loss, "best_record"), default=None)
    if best is None:
        raise ValueError("best_record: there are no records")
    return best


def history(stream: Iterable[State] | Iterable[Record]) -> History:
    """The figures of a stream of States or Records as arrays; it does not hold on to their states.

    Raises TypeError for anything else.

    >>> history(State((), (), iteration, 0.5, 1.0) for iteration in (1, 2)).iterations
    array([1, 2])
    """
    checks.stream("history", "stream", stream)
    rows = np.array([_figures(item) for item in stream], np.float64).reshape(-1, 5)
    iterations, *figures = rows.T
    return History(freeze(iterations.astype(np.int64)), *map(frozen_view, figures))


def _records(
    states: Iterable[State], validation: Shards | None, every: int, network: Network, map: Map
) -> Iterator[Record]:
    def record(state: State) -> Record:
        means = Evaluation(*(math.fsum(figures) / len(seen) for figures in zip(*seen, strict=True)))
        if validation is None:
            return Record(state.iteration, means, None, state)
        check("records", state.params, network, map)
        evaluation, _ = gather("records", state.params, validation, network, map, None)
        return Record(state.iteration, means, evaluation, state)

    seen: list[tuple[float, float]] = []
    for state in states:
        _checked("records", "states", (State,), state)
        seen.append((state.loss, state.accuracy))
        if state.iteration % every == 0:
            yield record(state)
            seen.clear()
    if seen:
        yield record(state)


def _patient(
    records: Iterable[Record], patience: int, least: float, earlier: Iterable[float]
) -> Iterator[Record]:
    before: Iterable[tuple[float, None]] = ((loss, None) for loss in earlier)
    since = ((_validation_loss("early_stopping", record), record) for record in records)
    best, waited = math.inf, 0
    for loss, record in chain(before, since):
        best, waited = (loss, 0) if loss < best - least else (best, waited + 1)
        if record is not None:
            yield record
        if waited >= patience:
            return


def _figures(item: State | Record) -> tuple[float, ...]:
    _checked("history", "stream", (State, Record), item)
    if isinstance(item, State):
        return item.iteration, item.loss, item.accuracy, math.nan, math.nan
    for figures in (item.training, item.validation or item.training):
        _checked("history", "training and validation in stream", (Evaluation,), figures)
    return item.iteration, *item.training, *(item.validation or (math.nan, math.nan))


def _validation_loss(where: str, record: Record) -> float:
    """Infinite where it is NaN, which is below nothing and above nothing."""
    _checked(where, "records", (Record,), record)
    if record.validation is None:
        raise ValueError(f"{where}: the record of iteration {record.iteration} has no validation")
    loss = _checked(where, "validation in records", (Evaluation,), record.validation).loss
    return math.inf if math.isnan(loss) else loss


def _checked(where: str, name: str, kinds: tuple[type, ...], item: Any) -> Any:
    """An item of a stream, once it is of one of these kinds."""
    if not isinstance(item, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{where}: {name} must be of {expected}, not {checks.kind(item)}")
    return item


def _losses(earlier: Iterable[Any]) -> tuple[float, ...]:
    losses = tuple(earlier)
    for number, loss in enumerate(losses):
        checks.number("early_stopping", f"earlier[{number}]", loss)
    return losses

"""What one does with the stream of states: validate, stop early, keep the best, look back.

Each function takes a stream and gives a stream or what is left of it, so they compose:
`pipe(train(...), partial(take, 1000), partial(records, validation=..., every=50), best_record)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, freeze, frozen_view
from scratchmlp.core.border import public, public_stream, type_error, value_error
from scratchmlp.core.data.batches import Map, Shards, data_as_shards
from scratchmlp.core.model.network import Network, check_network, classifier
from scratchmlp.core.training.objective import Evaluation, evaluate
from scratchmlp.core.training.state import State


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
    items = (_checked("stream", (State, Record), item) for item in stream)
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


@public_stream
def early_stopping(
    records: Iterable[Record],
    *,
    patience: int,
    min_improvement: float = 0.0,
    earlier: Iterable[Numbers] = (),
) -> Iterator[Record]:
    """The records up to the one at which `patience` of them in a row have brought no improvement.

    An improvement is a validation loss that is lower than the one at the improvement before by more
    than `min_improvement`. `earlier` has the validation losses of the records before these, where a
    run is resumed. The best state is `best_record(early_stopping(...)).state`. For a stack it ends
    when all networks have run out of patience; after a network has, its validation is NaN, so that
    its best record is the one that it has alone.

    Raises ValueError for patience < 1, a negative improvement or a record without validation;
    TypeError where these are no numbers. Source: Prechelt 1998, "Early Stopping - But When?".

    >>> losses = [Evaluation(loss, 0.5) for loss in (3.0, 2.0, 2.5, 2.1, 1.0)]
    >>> course = [Record(number, loss, loss, None) for number, loss in enumerate(losses)]
    >>> [record.iteration for record in early_stopping(course, patience=2)]
    [0, 1, 2, 3]

    A whole course of training; among these functions, tqdm would be a progress bar:

    >>> from functools import partial
    >>> from toolz import pipe, take
    >>> from scratchmlp import accuracy, adam, best_record, cosine_decay, init_params, init_state
    >>> from scratchmlp import minibatches, predict, shards, split, train
    >>> from scratchmlp.datasets import mnist
    >>> X, y = mnist().train
    >>> training, validation = split(X[:, :5000], y[:5000], 0.8)
    >>> optimizer = adam(cosine_decay(0.003, iterations=600))
    >>> best = pipe(
    ...     minibatches(*training, size=64, seed=0),
    ...     partial(train, init_state(init_params([784, 32, 10]), optimizer), optimizer=optimizer),
    ...     partial(take, 600),
    ...     partial(records, validation=shards(*validation), every=50),
    ...     partial(early_stopping, patience=3),
    ...     best_record,
    ... )
    >>> accuracy(predict(best.state.params, validation.X), validation.y) > 0.9
    True
    """
    checks.stream("records", records)
    checks.count("patience", patience, least=1)
    least = checks.positive("min_improvement", min_improvement, zero=True)
    checks.stream("earlier", earlier)
    return _patient(records, patience, least, _losses(earlier))


@public
def best_record(records: Iterable[Record]) -> Record:
    """The first of the records with the lowest validation loss; it takes the memory of one.

    For a stack of k networks each network has its own best: its figures, its `iteration` of (k,)
    and its part of the state, whose own iteration is the last of them.

    Raises ValueError where there are no records, or one without validation.

    >>> losses = [Evaluation(loss, 0.5) for loss in (3.0, 2.0, 2.5)]
    >>> best_record(Record(k, loss, loss, None) for k, loss in enumerate(losses)).iteration
    1
    """
    checks.stream("records", records)
    best: Record | None = None
    for record in records:
        loss = _validation_loss(record)
        each = record
        if isinstance(loss, np.ndarray):
            each = record._replace(iteration=freeze(np.full(len(loss), record.iteration)))
        best = each if best is None else _better(best, each, loss)
    if best is None:
        raise value_error("there are no records")
    return best


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
        evaluation = evaluate(state.params, validation, network, map=map)
        return Record(state.iteration, means, _of_those_left(state, evaluation), state)

    seen: list[tuple[Numbers, Numbers]] = []
    for state in states:
        _checked("states", (State,), state)
        seen.append((state.loss, state.accuracy))
        if state.iteration % every == 0:
            yield record(state)
            seen.clear()
    if seen:
        yield record(state)


def _of_those_left(state: State, evaluation: Evaluation) -> Evaluation:
    """The figures, which are NaN for the networks of a stack that have diverged."""
    if not isinstance(evaluation.loss, np.ndarray):
        return evaluation
    lost = np.isnan(evaluation.loss)
    if not (before := np.isnan(state.loss)).all():  # as they are before the first update
        lost |= before
    return _without(lost, evaluation)


def _without(lost: Array, evaluation: Evaluation) -> Evaluation:
    return Evaluation(*(freeze(np.where(lost, np.nan, each)) for each in evaluation))


def _mean(figures: tuple[Numbers, ...]) -> Numbers:
    if not isinstance(figures[0], np.ndarray):
        return math.fsum(cast("tuple[float, ...]", figures)) / len(figures)
    return freeze(np.mean(np.array(figures), axis=0))


def _patient(
    records: Iterable[Record], patience: int, least: float, earlier: Iterable[Numbers]
) -> Iterator[Record]:
    before: Iterable[tuple[Numbers, None]] = ((loss, None) for loss in earlier)
    since = ((_validation_loss(record), record) for record in records)
    best, waited = np.array(np.inf), np.array(0)
    for loss, record in chain(before, since):
        done = waited >= patience
        better = np.less(loss, best - least) & ~done
        best, waited = np.where(better, loss, best), np.where(better, 0, waited + 1)
        if record is not None:
            validation = cast(Evaluation, record.validation)
            yield record._replace(validation=_without(done, validation)) if done.any() else record
        if (waited >= patience).all():
            return


def _better(best: Record, record: Record, loss: Numbers) -> Record:
    """The better of two records, or in a stack the better of each network's."""
    better = np.less(loss, _validation_loss(best))
    if not better.ndim:
        return record if better else best
    return _chosen(better, record, best) if better.any() else best


def _chosen(better: Array, one: Any, other: Any) -> Any:
    """The tree that has one's part of the networks that are better, and the other's of the rest."""
    if isinstance(one, tuple):
        branches = [_chosen(better, *pair) for pair in zip(one, other, strict=True)]
        return getattr(one, "_make", tuple)(branches)
    if np.ndim(one) and len(one) == len(better):
        return freeze(np.where(better.reshape(-1, *(1,) * (one.ndim - 1)), one, other))
    return one


def _figures(item: State | Record) -> tuple[Any, ...]:
    _checked("stream", (State, Record), item)
    if isinstance(item, State):
        return item.iteration, item.loss, item.accuracy, math.nan, math.nan
    for figures in (item.training, item.validation or item.training):
        _checked("training and validation in stream", (Evaluation,), figures)
    return item.iteration, *item.training, *(item.validation or (math.nan, math.nan))


def _validation_loss(record: Record) -> Numbers:
    """Infinite where it is NaN, which is below nothing and above nothing."""
    _checked("records", (Record,), record)
    if record.validation is None:
        raise value_error(f"the record of iteration {record.iteration} has no validation")
    loss = _checked("validation in records", (Evaluation,), record.validation).loss
    if isinstance(loss, np.ndarray):
        return np.where(np.isnan(loss), np.inf, loss)
    return math.inf if math.isnan(loss) else loss


def _checked(name: str, kinds: tuple[type, ...], item: Any) -> Any:
    """An item of a stream, once it is of one of these kinds."""
    if not isinstance(item, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise type_error(f"{name} must be of {expected}, not {checks.kind(item)}")
    return item


def _losses(earlier: Iterable[Any]) -> tuple[Numbers, ...]:
    return tuple(
        checks.numbers(checks.number, f"earlier[{number}]", loss)
        for number, loss in enumerate(earlier)
    )

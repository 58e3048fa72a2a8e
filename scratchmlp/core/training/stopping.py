"""When to stop, and which record to keep: by the validation loss, for each network of a stack."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, freeze
from scratchmlp.core.border import public, public_stream, value_error
from scratchmlp.core.training.objective import Evaluation
from scratchmlp.core.training.state import without
from scratchmlp.core.training.streams import Record, checked_item


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
    >>> from scratchmlp import minibatches, predict, records, shards, split, train
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
            yield _without(done, record) if done.any() else record
        if (waited >= patience).all():
            return


def _without(lost: Array, record: Record) -> Record:
    """The record without the validation of the networks that have run out of patience."""
    left = without(lost, cast(Evaluation, record.validation))
    return record._replace(validation=Evaluation(*left))


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


def _validation_loss(record: Record) -> Numbers:
    """Infinite where it is NaN, which is below nothing and above nothing."""
    checked_item("records", (Record,), record)
    if record.validation is None:
        raise value_error(f"the record of iteration {record.iteration} has no validation")
    loss = checked_item("validation in records", (Evaluation,), record.validation).loss
    if isinstance(loss, np.ndarray):
        return np.where(np.isnan(loss), np.inf, loss)
    return math.inf if math.isnan(loss) else loss


def _losses(earlier: Iterable[Any]) -> tuple[Numbers, ...]:
    return tuple(
        checks.numbers(checks.number, f"earlier[{number}]", loss)
        for number, loss in enumerate(earlier)
    )

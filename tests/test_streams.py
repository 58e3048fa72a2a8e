"""What is made of the stream of states: records, early stopping, the best state, history."""

import itertools
import math

import numpy as np
import pytest
from toolz import last, pipe, take

from scratchmlp import (
    Batch,
    Evaluation,
    Record,
    best_record,
    early_stopping,
    evaluate,
    history,
    init_state,
    minibatches,
    momentum,
    records,
    shards,
    thinned,
    train,
)
from tests.helpers import problem, same_bytes

optimizer = momentum(0.1)
params, X, Y, _ = problem(m=60)
validation = Batch(X[:, :20], Y[:, :20])


def states(count=10, state=None):
    start = init_state(params, optimizer) if state is None else state
    batches = minibatches(X, Y, size=25, start=start.iteration)
    return take(count, train(start, batches, optimizer=optimizer))


def course(*losses):
    figures = [Evaluation(loss, 0.5) for loss in losses]
    return [Record(number, figure, figure, None) for number, figure in enumerate(figures)]


def iterations(stream):
    return [item.iteration for item in stream]


def test_a_record_has_the_means_of_its_batches_and_the_figures_of_its_state():
    first, second, third = records(states(), validation, every=4)
    every = list(states())
    for record, group in ((first, every[:4]), (second, every[4:8]), (third, every[8:])):
        assert record.iteration == record.state.iteration == group[-1].iteration
        assert same_bytes(record.state.params, group[-1].params)
        assert record.training == pytest.approx(np.mean([s[3:] for s in group], axis=0), rel=1e-14)
        assert record.validation == evaluate(group[-1].params, validation)


def test_records_are_lazy():
    taken = []
    observed = (taken.append(state) or state for state in states())
    stream = records(observed, every=2)
    assert taken == []
    next(stream)
    assert iterations(taken) == [1, 2]


def test_a_resumed_stream_has_the_same_records():
    whole = list(records(states(10), validation, every=2))
    rest = list(records(states(6, last(states(4))), validation, every=2))
    assert iterations(rest) == [6, 8, 10]
    for one, other in zip(rest, whole[2:], strict=True):
        assert one[:3] == other[:3]
        assert same_bytes(one.state.params, other.state.params)


def test_validation_may_be_shards_of_any_kind():
    whole = last(records(states(), validation, every=5)).validation
    parts = shards(*validation[:2], size=7)
    for given in (parts, iter(parts), [lambda: validation]):
        assert last(records(states(), given, every=5)).validation == pytest.approx(whole, rel=1e-12)


def test_early_stopping_waits_for_an_improvement():
    losses = course(5, 4, 4.5, 4.2, 3, 3.5, 3.4, 3.3, 1)
    assert iterations(early_stopping(losses, patience=3)) == list(range(8))
    assert iterations(early_stopping(losses, patience=2)) == list(range(4))
    assert iterations(early_stopping(losses, patience=9)) == list(range(9))


def test_an_improvement_may_be_too_small():
    losses = course(5, 4.9, 4.8, 4.7, 1)
    assert iterations(early_stopping(losses, patience=2, min_improvement=0.5)) == [0, 1, 2]
    # 4.7 is 0.3 below the last improvement, the first loss
    assert iterations(early_stopping(losses, patience=3, min_improvement=0.25)) == [0, 1, 2, 3, 4]


def test_early_stopping_takes_no_batch_too_many():
    taken = []
    observed = (taken.append(record) or record for record in course(1, 2, 3, 4, 5))
    assert len(list(early_stopping(observed, patience=2))) == 3
    assert len(taken) == 3


@pytest.mark.parametrize("cut", range(9))
def test_early_stopping_resumes(cut):
    losses = [5, 4, 4.5, 4.2, 3, 3.5, 3.4, 3.3, 1]
    whole = iterations(early_stopping(course(*losses), patience=3))
    rest = early_stopping(course(*losses)[cut:], patience=3, earlier=losses[:cut])
    assert iterations(rest) == whole[cut:]


def test_a_loss_that_is_no_number_is_no_improvement():
    losses = course(5, math.nan, math.inf, 4)
    assert iterations(early_stopping(losses, patience=2)) == [0, 1, 2]
    assert best_record(losses).iteration == 3
    assert best_record(course(math.nan, math.inf, 3)).iteration == 2


def test_the_best_record_is_the_first_with_the_lowest_validation_loss():
    assert best_record(course(3, 1, 2, 1)).iteration == 1


def test_the_best_state_comes_back():
    best = pipe(
        states(30),
        lambda stream: records(stream, validation, every=3),
        lambda stream: early_stopping(stream, patience=5),
        best_record,
    )
    losses = [evaluate(s.params, validation).loss for s in thinned(states(30), every=3)]
    assert best.validation.loss == min(losses)
    assert evaluate(best.state.params, validation) == best.validation


def test_history_of_states_and_of_records():
    every = list(states())
    of_states = history(every)
    assert of_states.iterations.tolist() == list(range(1, 11))
    assert of_states.losses.tolist() == [state.loss for state in every]
    assert np.isnan(of_states.validation_losses).all()
    of_records = history(records(every, validation, every=5))
    assert of_records.iterations.tolist() == [5, 10]
    assert of_records.validation_losses[-1] == evaluate(every[-1].params, validation).loss
    assert [len(each) for each in history([])] == [0] * 5


def test_thinned():
    assert iterations(thinned(states(), every=3)) == [3, 6, 9]
    assert iterations(thinned(records(states(), every=2), every=4)) == [4, 8]


def test_wrong_arguments():
    unseen = [record._replace(validation=None) for record in course(1, 2)]
    for make, error, message in (
        (lambda: records([], every=0), ValueError, "records: every must be at least 1, not 0"),
        (lambda: thinned([], every=1.5), TypeError, "thinned: every must be an integer"),
        (lambda: early_stopping([], patience=0), ValueError, "patience must be at least 1"),
        (
            lambda: early_stopping([], patience=1, min_improvement=-1),
            ValueError,
            "early_stopping: min_improvement must be finite and at least 0",
        ),
        (lambda: list(early_stopping(unseen, patience=1)), ValueError, "has no validation"),
        (lambda: best_record(unseen), ValueError, "the record of iteration 0 has no validation"),
        (lambda: best_record(itertools.chain()), ValueError, "best_record: there are no records"),
    ):
        with pytest.raises(error, match=message):
            make()

"""Training of stacks: one network's divergence is its own, and so is its best record."""

from functools import partial
from itertools import islice, repeat

import numpy as np
import pytest
from toolz import take

from scratchmlp import (
    Batch,
    DivergenceError,
    Evaluation,
    Record,
    State,
    adam,
    best_record,
    clip_by_global_norm,
    committee,
    early_stopping,
    flatten,
    gradient_descent,
    history,
    init_params,
    init_state,
    max_norm,
    minibatches,
    momentum,
    moving_average,
    nesterov,
    predict,
    records,
    regressor,
    rmsprop,
    sgd,
    shards,
    stack,
    thinned,
    train,
    unstack,
    weight_decay,
)
from scratchmlp.checkpoints import load, save
from tests.helpers import OPTIMIZERS, SCHEDULES, same_bytes

K, LOST = 4, 1
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(3, 24)), rng.normal(size=(2, 24))
OWN = rng.normal(size=(K, 3, 24))
OWN_Y = rng.normal(size=(K, 2, 24))
VALIDATION = Batch(rng.normal(size=(3, 10)), rng.normal(size=(2, 10)))
WEIGHTS, LABELS = rng.random((K, 1, 24)).round(), rng.integers(2, size=24)
PARAMS = stack([init_params([3, 5, 2], seed=seed) for seed in range(K)])
RATES = np.full(K, 0.01)
WILD = np.where(np.arange(K) == LOST, 1e12, RATES)
MAKERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "clipped": lambda rate: clip_by_global_norm(sgd(rate), 0.5),
    "max-norm": lambda rate: max_norm(sgd(rate), 0.5),
    "decayed": lambda rate: weight_decay(sgd(rate), 0.1),
    "averaged": lambda rate: moving_average(sgd(rate), 0.9),
}


def states(optimizer, batch, count: int, params=PARAMS, start=None):
    start = init_state(params, optimizer) if start is None else start
    return [*take(count, train(start, repeat(batch), optimizer=optimizer, network=regressor))]


def others(tree):
    """The trees of all networks but the one that is lost."""
    return tuple(one for place, one in enumerate(unstack(tree)) if place != LOST)


@pytest.mark.parametrize("data", [Batch(X, Y), Batch(OWN, OWN_Y), shards(X, Y, size=7)])
@pytest.mark.parametrize("name", MAKERS)
def test_a_network_that_diverges_takes_no_other_with_it(name, data):
    # Bounded weights do not diverge by a rate: this network is lost by what it starts with.
    bounded = name in ("max-norm", "adam", "rmsprop")
    params = PARAMS
    if bounded or name == "clipped":
        scales = np.where(np.arange(K) == LOST, 1e25, 1).astype(np.float32)[:, None, None]
        params = tuple(layer._replace(W=layer.W * scales) for layer in params)
    found = states(MAKERS[name](WILD), data, 12, params)
    quiet = states(MAKERS[name](RATES), data, 12, stack([*unstack(PARAMS)]))
    lost = [bool(np.isnan(state.loss[LOST])) for state in found]
    assert lost == sorted(lost)
    assert lost[-1]
    for state, expected in zip(found, quiet, strict=True):
        assert np.isnan(state.accuracy).all()  # a regressor's
        assert np.isfinite(np.delete(state.loss, LOST)).all()
        assert (np.delete(state.loss, LOST) == np.delete(expected.loss, LOST)).all()
        assert all(map(same_bytes, others(state.params), others(expected.params)))


def test_divergence_is_raised_where_no_network_is_left():
    rates = np.array([1e12, 0.01, 1e6, 1e9])
    assert np.isfinite(states(sgd(rates), Batch(X, Y), 30)[-1].loss).tolist() == [
        False,
        True,
        False,
        False,
    ]
    with pytest.raises(DivergenceError) as caught:
        states(sgd(np.full(K, 1e12)), Batch(X, Y), 30)
    assert np.isfinite(flatten(caught.value.state.params)).all()
    assert caught.value.iteration == 1
    with pytest.raises(DivergenceError):
        gradient_descent(PARAMS, X, Y, iterations=30, learning_rate=1e12, network=regressor)


def test_losses_of_gradient_descent_are_nan_from_where_a_network_is_lost():
    found = gradient_descent(PARAMS, X, Y, iterations=12, learning_rate=WILD, network=regressor)
    lost = np.isnan(found.losses[:, LOST])
    assert (np.diff(lost.astype(int)) >= 0).all()
    assert lost[-1]
    assert np.isfinite(np.delete(found.losses, LOST, axis=1)).all()


def test_what_a_lost_network_says_is_an_error():
    params = states(sgd(WILD), Batch(X, Y), 12)[-1].params
    for function in (predict, committee):
        with pytest.raises(ValueError, match="outputs of X must be finite"):
            function(params, X, regressor)


def test_a_state_with_another_iteration_is_not_taken_for_lost():
    start = init_state(PARAMS, sgd(0.1))._replace(iteration=100)
    (state,) = states(sgd(0.1), Batch(X, Y), 1, start=start)
    assert np.isfinite(state.loss).all()


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_stack_is_resumed_from_a_checkpoint_to_the_bit(name, schedule, tmp_path):
    optimizer = OPTIMIZERS[name](SCHEDULES[schedule])
    batches = partial(minibatches, X, Y, size=7, seed=3, weights=WEIGHTS)
    run = partial(train, optimizer=optimizer, network=regressor)
    straight = [*islice(run(init_state(PARAMS, optimizer), batches()), 9)][-1]
    half = [*islice(run(init_state(PARAMS, optimizer), batches()), 4)][-1]
    save(tmp_path / "half.npz", half, network=regressor)
    resumed, network, _ = load(tmp_path / "half.npz")
    assert network == regressor
    assert resumed.iteration == 4
    assert (resumed.loss == half.loss).all()
    whole = [*islice(run(resumed, batches(start=4)), 5)][-1]
    assert whole.iteration == straight.iteration
    assert same_bytes((whole.params, whole.optimizer), (straight.params, straight.optimizer))


def test_a_stack_with_a_lost_network_is_resumed_to_the_bit(tmp_path):
    optimizer = momentum(WILD)
    straight = states(optimizer, Batch(X, Y), 20)
    save(tmp_path / "half.npz", straight[11], network=regressor)
    resumed = states(optimizer, Batch(X, Y), 8, start=load(tmp_path / "half.npz").state)
    for one, other in zip(resumed, straight[12:], strict=True):
        np.testing.assert_array_equal(one.loss, other.loss)
        np.testing.assert_array_equal(flatten(one.params), flatten(other.params))


def test_records_and_history_of_a_stack_are_those_of_each_network():
    found = [*records(states(sgd(0.05), Batch(X, Y), 7), VALIDATION, every=3, network=regressor)]
    assert [record.iteration for record in found] == [3, 6, 7]
    figures = history(found)
    assert figures.iterations.shape == (3,)
    assert figures.losses.shape == figures.validation_losses.shape == (3, K)
    assert not any(column.flags.writeable for column in figures)
    for place, params in enumerate(unstack(PARAMS)):
        alone = states(sgd(0.05), Batch(X, Y), 7, params)
        course = history(records(alone, VALIDATION, every=3, network=regressor))
        np.testing.assert_allclose(figures.losses[:, place], course.losses, rtol=1e-5)
        np.testing.assert_allclose(
            figures.validation_losses[:, place], course.validation_losses, rtol=1e-5
        )
    unseen = history(records(states(sgd(0.05), Batch(X, Y), 7), every=3, network=regressor))
    assert np.isnan(unseen.validation_losses).all()
    assert unseen.validation_losses.shape == (3, K)
    assert history(states(sgd(0.05), Batch(X, Y), 7)).losses.shape == (7, K)
    thin = thinned(states(sgd(0.05), Batch(X, Y), 7), every=2)
    assert [state.iteration for state in thin] == [2, 4, 6]


def test_the_figures_of_a_lost_network_are_nan_and_stay():
    start = init_state(PARAMS, sgd(WILD))
    seen = train(start, repeat(Batch(X * 1e3, LABELS)), optimizer=sgd(WILD))
    course = history(records(take(30, seen), Batch(X * 1e3, LABELS), every=1))
    for column in course[1:]:
        lost = np.isnan(column[:, LOST])
        assert (np.diff(lost.astype(int)) >= 0).all()
        assert lost[-1]
        assert np.isfinite(np.delete(column, LOST, axis=1)).all()


def course(losses):
    """Records with these validation losses, (n, k), whose params are the iteration."""
    for number, loss in enumerate(np.asarray(losses, float)):
        params = tuple(
            layer._replace(W=np.full_like(layer.W, number), b=np.full_like(layer.b, number))
            for layer in stack([init_params([1, 1])] * loss.size)
        )
        figures = Evaluation(loss, -loss)
        state = State(params, (), number, loss, loss)
        yield Record(number, figures, figures, state)


NAN = np.nan
LOSSES = [[3, NAN, 9, NAN], [1, 5, 8, NAN], [2, 4, 7, NAN], [1, 6, NAN, NAN]]


def test_each_network_has_its_own_best_record():
    best = best_record(course(LOSSES))
    assert best.iteration.tolist() == [1, 2, 2, 0]
    assert best.validation.loss[:3].tolist() == [1, 4, 7]
    assert best.validation.accuracy[:3].tolist() == [-1, -4, -7]
    assert best.state.params[0].W.ravel().tolist() == [1, 2, 2, 0]
    assert best.state.params[0].b.ravel().tolist() == [1, 2, 2, 0]
    assert best.state.loss[:3].tolist() == [1, 4, 7]
    assert best.state.iteration == 2
    assert not best_record(course(LOSSES[:1])).iteration.flags.writeable
    for place in range(4):
        alone = best_record(
            record._replace(validation=Evaluation(float(loss[place]), 0.0))
            for record, loss in zip(course(LOSSES), LOSSES, strict=True)
        )
        assert alone.iteration == best.iteration[place]


def test_early_stopping_ends_when_no_network_has_patience_left():
    losses = [[1, 9], [2, 8], [2, 7], [0, 7.5], [0, 7.5], [0, 6]]
    assert [record.iteration for record in early_stopping(course(losses), patience=2)] == [
        0,
        1,
        2,
        3,
        4,
    ]
    resumed = early_stopping(
        [*course(losses)][3:], patience=2, earlier=[np.array(loss, float) for loss in losses[:3]]
    )
    assert [record.iteration for record in resumed] == [3, 4]


def test_a_network_that_ran_out_of_patience_has_no_more():
    losses = [[1, 9], [2, 8], [2, 7], [0, 6], [0, 7], [0, 7]]
    course_to_the_end = [*early_stopping(course(losses), patience=2)]
    assert history(course_to_the_end).validation_losses[:, 0].tolist()[:3] == [1, 2, 2]
    assert np.isnan(history(course_to_the_end).validation_losses[3:, 0]).all()
    best = best_record(course_to_the_end)
    assert best.iteration.tolist() == [0, 3]
    assert best.validation.loss.tolist() == [1, 6]

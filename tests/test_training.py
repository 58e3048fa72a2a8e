"""Training is a lazy fold; what it records costs nothing and is what it says."""

import itertools
import pickle

import numpy as np
import pytest
from toolz import take

from scratchmlp import (
    Batch,
    DivergenceError,
    Layer,
    clip_by_global_norm,
    evaluate,
    gradient_descent,
    init_params,
    init_state,
    regressor,
    sgd,
    shards,
    step,
    train,
    train_step,
    value_and_grad,
    weight_decay,
)
from tests.helpers import problem, same_bytes

optimizer = sgd(0.1)


def batches(n=6):
    params, X, Y, _ = problem(m=60)
    return params, tuple(itertools.islice(itertools.cycle(shards(X, Y, size=20)), n))


def test_a_step_is_the_gradient_and_the_update():
    params, (batch, *_) = batches()
    (loss, accuracy), grads = value_and_grad(params, batch)
    state = train_step(init_state(params, optimizer), batch, optimizer=optimizer)
    assert same_bytes(state.params, step(params, grads, 0.1))
    assert (state.iteration, state.loss, state.accuracy) == (1, loss, accuracy)


def test_to_go_on_is_to_have_gone_on():
    params, stream = batches()
    state = init_state(params, optimizer)
    whole = list(train(state, stream, optimizer=optimizer))
    first = list(train(state, stream[:2], optimizer=optimizer))
    rest = list(train(first[-1], stream[2:], optimizer=optimizer))
    assert [state.iteration for state in whole] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(whole, first + rest, strict=True):
        assert same_bytes(one.params, other.params)
        assert one[2:] == other[2:]


def test_the_stream_is_lazy():
    params, (batch, *_) = batches()
    seen = []

    def observed():
        for number in itertools.count():
            seen.append(number)
            yield batch

    states = train(init_state(params, optimizer), observed(), optimizer=optimizer)
    assert seen == []
    assert len(list(take(3, states))) == 3
    assert seen == [0, 1, 2]


def test_gradient_descent_records_each_iteration_before_its_update():
    params, X, Y, _ = problem(m=60)
    trained = gradient_descent(params, X, Y, iterations=4, learning_rate=0.1)
    expected = params
    for loss, accuracy in zip(trained.losses, trained.accuracies, strict=True):
        assert evaluate(expected, shards(X, Y)) == (loss, accuracy)
        _, grads = value_and_grad(expected, shards(X, Y))
        expected = step(expected, grads, 0.1)
    assert same_bytes(trained.params, expected)


def test_the_loss_of_gradient_descent_falls():
    params, X, Y, _ = problem(m=60)
    losses = gradient_descent(params, X, Y, iterations=50, learning_rate=0.1).losses
    assert (np.diff(losses) < 0).all()


def test_no_iterations_change_nothing():
    params, X, Y, _ = problem()
    trained = gradient_descent(params, X, Y, iterations=0, learning_rate=0.1)
    assert same_bytes(trained.params, params)
    assert trained.losses.shape == trained.accuracies.shape == (0,)


def test_a_regressor_learns_a_line():
    X = np.linspace(-1, 1, 21)[np.newaxis]
    params = init_params([1, 1], dtype=np.float64)
    trained = gradient_descent(
        params, X, 3 * X + 2, iterations=200, learning_rate=0.5, network=regressor
    )
    # Each step shrinks the error of W by 1 - 0.5 * mean(X^2) = 0.82: by 1e-17 in all.
    np.testing.assert_allclose(trained.params[0].W, 3, atol=1e-12)
    np.testing.assert_allclose(trained.params[0].b, 2, atol=1e-12)
    assert np.isnan(trained.accuracies).all()


def test_divergence_tells_where_and_gives_the_last_good_state():
    params = init_params([1, 1])
    X, Y = np.array([[100.0]]), np.array([[1.0]])
    stream = itertools.repeat(Batch(X, Y))
    fast = sgd(1e3)
    states = train(init_state(params, fast), stream, network=regressor, optimizer=fast)
    last = None
    with pytest.raises(DivergenceError, match="not finite at iteration") as caught:
        for state in states:
            before, last = last, state
    error = caught.value
    assert error.iteration == last.iteration
    assert same_bytes(error.state.params, before.params)
    assert np.isfinite(evaluate(error.state.params, Batch(X, Y), regressor).loss)
    assert error.learning_rate == 1e3
    assert "at learning rate 1000 (before, it was" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.iteration, again.learning_rate) == (error.iteration, error.learning_rate)


def test_a_divergence_tells_the_rate_of_its_schedule_inside_of_combinators():
    params = init_params([1, 1])
    X, Y = np.array([[100.0]]), np.array([[1.0]])
    fast = clip_by_global_norm(weight_decay(sgd(lambda iteration: 1e3 + iteration), 0.1), 1e30)
    states = train(
        init_state(params, fast), itertools.repeat(Batch(X, Y)), network=regressor, optimizer=fast
    )
    with pytest.raises(DivergenceError) as caught:
        list(states)
    assert caught.value.learning_rate == 1e3 + caught.value.iteration - 1


def test_a_first_loss_that_is_not_finite_has_no_learning_rate_to_blame():
    params = (Layer(np.array([[1e300]]), np.zeros((1, 1))),)
    state = init_state(params, sgd(0.1))
    batch = Batch(np.array([[1e300]]), np.array([[1.0]]))
    with pytest.raises(DivergenceError) as caught:
        train_step(state, batch, network=regressor, optimizer=sgd(0.1))
    assert (caught.value.iteration, caught.value.learning_rate) == (0, None)
    assert same_bytes(caught.value.state.params, params)


def test_a_map_that_loses_shards_is_an_error():
    params, parts = batches()

    def fewer(function, each):
        return map(function, each[:-1])

    with pytest.raises(ValueError, match="evaluate: map gave fewer results than there are shards"):
        evaluate(params, parts, map=fewer)
    with pytest.raises(TypeError, match="evaluate: what map gives must be"):
        evaluate(params, parts, map=lambda function, each: None)

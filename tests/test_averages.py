"""Averages of parameters over updates, and of what several networks predict."""

import numpy as np
import pytest
from toolz import pipe

from scratchmlp import (
    AverageState,
    Batch,
    Layer,
    Network,
    adam,
    averaged,
    best_record,
    committee,
    evaluate,
    flatten,
    forward,
    init_params,
    init_state,
    max_norm,
    momentum,
    moving_average,
    predict,
    records,
    regressor,
    sgd,
    tanh,
)
from scratchmlp.checkpoints import load, save
from tests.helpers import SIXTY, same_bytes, states

params, X, Y, _ = SIXTY
y = Y.argmax(axis=0)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_average_is_the_mean_with_weights_that_decay(decay):
    course = states(moving_average(momentum(0.5), decay))
    vectors = [flatten(state.params) for state in course]
    for k, state in enumerate(course, start=1):
        weights = [decay ** (k - 1 - i) if decay else float(i == k - 1) for i in range(k)]
        expected = np.average(vectors[:k], axis=0, weights=weights)
        np.testing.assert_allclose(flatten(averaged(state).params), expected, atol=1e-13)


def test_training_does_not_see_the_average():
    plain, observed = states(momentum(0.5)), states(moving_average(momentum(0.5), 0.9))
    for one, other in zip(plain, observed, strict=True):
        assert same_bytes((one.params, one.optimizer), (other.params, other.optimizer.state))


def test_the_average_resumes_from_a_file(tmp_path):
    optimizer = moving_average(adam(0.1), 0.9)
    whole = states(optimizer)
    save(tmp_path / "half.npz", whole[4])
    again = load(tmp_path / "half.npz").state
    assert isinstance(again.optimizer, AverageState)
    assert same_bytes(states(optimizer, 7, again)[-1][:2], whole[-1][:2])


def test_an_average_may_begin_late():
    """After a warm-up without: it has nothing of what was before."""
    warm = states(momentum(0.5))[-1]
    optimizer = moving_average(momentum(0.5), 0.99)
    begun = warm._replace(optimizer=AverageState(warm.optimizer, warm.params, np.array(0)))
    after = states(optimizer, 3, begun)
    weights = [0.99**2, 0.99, 1]
    expected = np.average([flatten(each.params) for each in after], axis=0, weights=weights)
    np.testing.assert_allclose(flatten(averaged(after[-1]).params), expected, atol=1e-13)


def test_a_stream_of_averages_is_a_map():
    optimizer = moving_average(sgd(0.5), 0.8)
    validation = Batch(X[:, :20], y[:20])
    best = pipe(
        states(optimizer),
        lambda stream: map(averaged, stream),
        lambda stream: records(stream, validation, every=3),
        best_record,
    )
    losses = [evaluate(averaged(s).params, validation).loss for s in states(optimizer)[2::3]]
    assert best.validation.loss == min(losses)


def test_averaging_takes_the_noise_away():
    """Of descent that jumps about in a valley, the average lies nearer to the bottom."""
    optimizer = moving_average(sgd(1.5), 0.99)
    end = states(optimizer, 600)[-1]
    whole = Batch(X, y)
    smooth, jumping = (evaluate(each.params, whole).loss for each in (averaged(end), end))
    assert smooth < jumping


def test_without_an_average_a_state_is_itself():
    state = init_state(params, sgd(0.1))
    assert averaged(state) is state


def test_an_average_outside_a_constraint_keeps_it():
    """The ball is convex, so a mean of what is in it is too."""
    course = states(moving_average(max_norm(sgd(1.0), 0.5), 0.9))
    for W, _ in averaged(course[-1]).params:
        assert np.linalg.norm(W, axis=1).max() <= 0.5 + 1e-12


def test_an_average_of_another_network_is_an_error():
    optimizer = moving_average(sgd(0.1))
    state = init_state(params, optimizer)
    other = init_params([3, 5, 3], dtype=np.float64)
    wrong = state._replace(optimizer=AverageState((), other, np.array(1)))
    with pytest.raises(ValueError, match="train: state.optimizer must be AverageState"):
        states(optimizer, 1, wrong)
    inner = init_state(params, moving_average(momentum(0.1)))
    with pytest.raises(ValueError, match="train: state.optimizer must be AverageState"):
        memory = init_state(other, momentum(0.1)).optimizer
        states(optimizer, 1, inner._replace(optimizer=AverageState(memory, params, np.array(1))))
    for count, message in (
        (np.array(-1), "train: updates in the state of moving_average must be at least 0"),
        (np.array(0.5), "train: state.optimizer must be AverageState"),
        (1, "train: state.optimizer must be AverageState"),
    ):
        memory = state.optimizer._replace(updates=count)
        with pytest.raises(ValueError, match=message):
            states(optimizer, 1, state._replace(optimizer=memory))
    with pytest.raises(TypeError, match=r"train: state.optimizer must be AverageState, not tuple"):
        states(optimizer, 1, init_state(params, sgd(0.1)))


MEMBERS = [init_params([3, 4, 3], seed=seed, dtype=np.float64) for seed in range(5)]


@pytest.mark.parametrize("network", [Network(), Network(tanh), regressor])
@pytest.mark.parametrize("m", [1, 999, 1000, 2500])
def test_a_committee_says_the_mean_of_its_members(network, m):
    examples = np.random.default_rng(0).normal(size=(3, m))
    expected = np.mean([forward(each, examples, network).A[-1] for each in MEMBERS], axis=0)
    # The members' own sums are taken in tiles of columns here.
    np.testing.assert_allclose(committee(MEMBERS, examples, network), expected, atol=1e-13)
    assert not committee(MEMBERS, examples, network).flags.writeable


def test_a_committee_of_one_decides_as_its_member():
    said = committee(MEMBERS[:1], X)
    np.testing.assert_array_equal(said.argmax(axis=0), predict(MEMBERS[0], X))
    np.testing.assert_allclose(said.sum(axis=0), 1, atol=1e-14)


def test_members_of_two_dtypes_are_an_error():
    with pytest.raises(TypeError, match=r"members\[1\] is float32 but members\[0\] is float64"):
        committee([params, init_params([3, 4, 3])], X)


def test_members_may_differ_in_depth():
    several = [params, init_params([3, 3], dtype=np.float64)]
    assert committee(several, X).shape == (3, 60)


def test_a_committees_loss_is_below_the_mean_of_its_members():
    """By Jensen's inequality, for every example: -log is convex."""
    places = np.arange(60)
    alone = [-np.log(forward(each, X).A[-1][y, places]) for each in MEMBERS]
    together = -np.log(committee(MEMBERS, X)[y, places])
    assert (together < np.mean(alone, axis=0)).all()


def test_members_that_are_no_numbers_are_an_error():
    (W, b), *rest = MEMBERS[0]
    with pytest.raises(ValueError, match="committee: the outputs of X must be finite"):
        committee([MEMBERS[1], (Layer(np.full_like(W, 1e308), b), *rest)], 1e5 * X)

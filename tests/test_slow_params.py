"""Lookahead and schedule-free training: params to evaluate beside those that are trained."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    LookaheadState,
    Optimizer,
    ScheduleFreeState,
    adam,
    averaged,
    evaluate,
    flatten,
    frozen,
    init_state,
    layerwise,
    lookahead,
    map_arrays,
    max_norm,
    momentum,
    moving_average,
    schedule_free,
    sgd,
    warmup,
)
from scratchmlp.checkpoints import load, save
from tests.helpers import SIXTY, same_bytes, states, updates

params, X, Y, _ = SIXTY
y = Y.argmax(axis=0)


def followed(optimizer, gradients):
    """W and its average after each update of a single weight that starts at 1."""
    path = updates(optimizer, gradients)
    return np.array([(W, state.average[0].W.item()) for W, state in path])


def test_lookahead_by_hand():
    # 1 - 0.2 = 0.8, - -0.1 = 0.9, and back to 1 + 0.25 (0.9 - 1); then 0.975 - 0.3
    path = followed(lookahead(sgd(0.1), 2, 0.25), [2, -1, 3])
    np.testing.assert_allclose(path, [[0.8, 1], [0.975, 0.975], [0.675, 0.975]], atol=1e-15)


def test_schedule_free_by_hand():
    # z = 0.8, 0.9, 0.6; x their mean, 0.8, 0.85, 2.3 / 3; y = 0.25 z + 0.75 x
    z, x = np.array([0.8, 0.9, 0.6]), np.array([0.8, 0.85, 2.3 / 3])
    path = followed(schedule_free(sgd(0.1), 0.75), [2, -1, 3])
    np.testing.assert_allclose(path, np.transpose([0.25 * z + 0.75 * x, x]), atol=1e-15)


def test_in_the_average_an_update_counts_by_its_squared_rate():
    # Rates of 0.1 and 0.2: z = 1 - 0.2, 0.8 + 0.2; x = 0.8, then (1 * 0.8 + 4 * 1) / 5
    optimizer = schedule_free(sgd(warmup(0.2, iterations=2)), 0.5)
    path = followed(optimizer, [2, -1])
    np.testing.assert_allclose(path, [[0.8, 0.8], [0.98, 0.96]], atol=1e-15)
    # After the rate has fallen the weights stay; while it is 0, nothing moves.
    falling = schedule_free(sgd(lambda t: (0.0, 0.2, 0.1)[t]), 0.5)
    # z = 1, 1.2, 0.9; x = 1, 1.2, (1.2 + 0.9) / 2
    expected = [[1, 1], [1.2, 1.2], [0.975, 1.05]]
    np.testing.assert_allclose(followed(falling, [2, -1, 3]), expected, atol=1e-15)


def test_an_optimizer_that_tells_no_rate_is_averaged_evenly():
    told = schedule_free(momentum(0.1))
    silent = schedule_free(layerwise(momentum(0.1)))
    one, other = (followed(each, [2, -1, 3]) for each in (told, silent))
    np.testing.assert_allclose(one, other, atol=1e-15)


def test_without_a_share_of_the_average_the_training_is_the_optimizers():
    plain, observed = states(momentum(0.5)), states(schedule_free(momentum(0.5), 0.0))
    for one, other in zip(plain, observed, strict=True):
        assert same_bytes((one.params, one.optimizer), (other.params, other.optimizer.state))
    mean = np.mean([flatten(each.params) for each in plain], axis=0)
    np.testing.assert_allclose(flatten(averaged(observed[-1]).params), mean, atol=1e-13)


@pytest.mark.parametrize(
    ("optimizer", "memory"),
    [
        (schedule_free(adam(0.1, beta1=0.0)), ScheduleFreeState),
        (lookahead(adam(0.1), 4), LookaheadState),
    ],
)
def test_they_resume_from_a_file(optimizer, memory, tmp_path):
    whole = states(optimizer)
    save(tmp_path / "half.npz", whole[4])  # between two of lookahead's returns
    again = load(tmp_path / "half.npz").state
    assert isinstance(again.optimizer, memory)
    assert same_bytes(states(optimizer, 7, again)[-1][:2], whole[-1][:2])


def test_the_average_is_what_to_evaluate():
    """Of descent that jumps about in a valley, the average lies nearer to the bottom."""
    end = states(schedule_free(sgd(1.5)), 600)[-1]
    each = averaged(end).params, end.optimizer.base
    smooth, jumping = (evaluate(params, Batch(X, y)).loss for params in each)
    assert smooth < jumping


def test_of_one_around_another_the_outer_one_is_evaluated():
    state = init_state(params, moving_average(lookahead(sgd(0.1))))
    assert averaged(state).params is state.optimizer.average


def test_frozen_layers_stay_to_the_byte():
    inner = layerwise(frozen(), sgd(0.5))
    for optimizer in (schedule_free(inner), lookahead(inner, 2)):
        end = states(optimizer)[-1]
        assert same_bytes(end.params[:1], params[:1])
        assert same_bytes(averaged(end).params[:1], params[:1])


def test_bounds_inside_hold_outside():
    """The ball is convex, and the first params have no share in the average."""
    end = states(schedule_free(max_norm(sgd(1.0), 0.5)), 20)[-1]
    for W, _ in (*end.params, *averaged(end).params):
        assert np.linalg.norm(W, axis=1).max() <= 0.5 + 1e-12


def test_a_users_own_optimizer_inside():
    def update(params, grads, state, iteration):
        return map_arrays(lambda a, g: a - 0.5 * g, params, grads), state

    for wrapper in (schedule_free, lookahead):
        own, ours = wrapper(Optimizer(lambda params: (), update, 0.5)), wrapper(sgd(0.5))
        assert same_bytes(states(own)[-1].params, states(ours)[-1].params)


def test_wrong_states():
    for optimizer in (schedule_free(sgd(0.1)), lookahead(sgd(0.1))):
        with pytest.raises(TypeError, match=r"train: state.optimizer must be \w+State, not tuple"):
            states(optimizer, 1, init_state(params, sgd(0.1)))
        with pytest.raises(TypeError, match="the state of the optimizer must be .*State, not"):
            optimizer.update(params, params, (), 0)
    with pytest.raises(ValueError, match="lookahead: period must be at least 1, not 0"):
        lookahead(sgd(0.1), 0)
    with pytest.raises(ValueError, match="lookahead: share must be below 1, not 1"):
        lookahead(sgd(0.1), 2, 1)
    with pytest.raises(ValueError, match="schedule_free: beta must be below 1, not 1"):
        schedule_free(sgd(0.1), 1)

"""Each optimizer against its formula, worked step by step; and resuming from any of them."""

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Layer,
    adagrad,
    adam,
    adamw,
    clip_by_global_norm,
    cosine_decay,
    init_params,
    init_state,
    lion,
    map_arrays,
    max_norm,
    minibatches,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    sgd,
    train,
    weight_decay,
)
from scratchmlp.checkpoints import load, save
from scratchmlp.core.arrays import leaves
from tests.helpers import OPTIMIZERS, SCHEDULES, problem, same_bytes, updates


def followed(optimizer, gradients):
    """W after each update of a single weight that starts at 1."""
    return [W for W, _ in updates(optimizer, gradients)]


def test_sgd():
    # 1 - 0.1 * 2 = 0.8; - 0.1 * -1 = 0.9; - 0.1 * 3 = 0.6
    assert followed(sgd(0.1), [2, -1, 3]) == pytest.approx([0.8, 0.9, 0.6], abs=1e-15)


def test_momentum():
    # v = 2, 0.5 * 2 - 1 = 0, 0.5 * 0 + 3 = 3
    assert followed(momentum(0.1, 0.5), [2, -1, 3]) == pytest.approx([0.8, 0.8, 0.5], abs=1e-15)


def test_nesterov():
    # g + 0.5 v = 2 + 1 = 3, -1 + 0 = -1, 3 + 1.5 = 4.5
    assert followed(nesterov(0.1, 0.5), [2, -1, 3]) == pytest.approx([0.7, 0.8, 0.35], abs=1e-15)


def test_no_momentum_is_plain_descent():
    for optimizer in (momentum(0.1, 0), nesterov(0.1, 0)):
        assert followed(optimizer, [2, -1, 3]) == followed(sgd(0.1), [2, -1, 3])


def test_clipping_leaves_small_gradients_alone():
    # 2 and 3 become 1.5, -1 stays.
    path = followed(clip_by_global_norm(sgd(0.1), 1.5), [2, -1, 3])
    assert path == pytest.approx([0.85, 0.95, 0.8], abs=1e-15)


def test_the_norm_is_of_all_layers_together():
    params, *_ = problem()
    clipped = clip_by_global_norm(sgd(1.0), 0.1)
    new, _ = clipped.update(params, params, (), 0)
    moved = [a - b for a, b in zip(leaves(params), leaves(new), strict=True)]
    assert np.sqrt(sum((a**2).sum() for a in moved)) == pytest.approx(0.1, rel=1e-12)


def test_rmsprop():
    # s = 0.5 * 0 + 0.5 * 4 = 2; 0.5 * 2 + 0.5 * 1 = 1.5; 0.5 * 1.5 + 0.5 * 9 = 5.25
    moves = [0.1 * 2 / 2**0.5, -0.1 / 1.5**0.5, 0.1 * 3 / 5.25**0.5]
    path = followed(rmsprop(0.1, 0.5, epsilon=1e-300), [2, -1, 3])
    assert path == pytest.approx(1 - np.cumsum(moves), abs=1e-15)


# With beta1 = 1/2 and beta2 = 3/4, of gradients 2, -1, 3:
# m = 1, 0, 1.5, over 1 - 1/2, 1 - 1/4, 1 - 1/8: M = 2, 0, 12/7
# s = 1, 1, 3, over 1 - 3/4, 1 - 9/16, 1 - 27/64: S = 4, 16/7, 192/37
ADAM_MOVES = [0.1 * 2 / 2, 0.0, 0.1 * (12 / 7) / (192 / 37) ** 0.5]


def test_adam():
    path = followed(adam(0.1, 0.5, 0.75, epsilon=1e-300), [2, -1, 3])
    assert path == pytest.approx(1 - np.cumsum(ADAM_MOVES), abs=1e-15)


def test_the_epsilon_of_adam_is_added_to_the_unbiased_root():
    # M / (sqrt(S) + 2) = 2 / (2 + 2)
    assert followed(adam(0.1, 0.5, 0.75, epsilon=2), [2]) == pytest.approx([0.95], abs=1e-15)


def test_adamw_shrinks_the_weight_before_it_moves_it():
    expected, w = [], 1.0
    for move in ADAM_MOVES:
        w = w * (1 - 0.1 * 0.2) - move
        expected.append(w)
    optimizer = adamw(0.1, 0.5, 0.75, epsilon=1e-300, weight_decay=0.2)
    assert followed(optimizer, [2, -1, 3]) == pytest.approx(expected, abs=1e-15)


def test_adagrad():
    # s = 4, 5, 14; or 5, 6, 15 from 1 on
    for initial, sums in ((0, [4, 5, 14]), (1, [5, 6, 15])):
        path = followed(adagrad(0.1, initial, epsilon=1e-300), [2, -1, 3])
        moves = 0.1 * np.array([2, -1, 3]) / np.sqrt(sums)
        assert path == pytest.approx(1 - np.cumsum(moves), abs=1e-15)


def test_nadam():
    # m = 1, 0, 1.5 and S = 4, 16/7, 192/37 as Adam's; with what comes of a gradient more,
    # M = 1/2 m / (1 - 1/4) + 1/2 g / (1 - 1/2) = 2/3 + 2,
    # 1/2 m / (1 - 1/8) + 1/2 g / (1 - 1/4) = 0 - 2/3, 1/2 m / (1 - 1/16) + 1/2 g / (1 - 1/8)
    M, S = [2 / 3 + 2, -2 / 3, 0.8 + 12 / 7], [4, 16 / 7, 192 / 37]
    path = followed(nadam(0.1, 0.5, 0.75, epsilon=1e-300), [2, -1, 3])
    assert path == pytest.approx(1 - np.cumsum(0.1 * np.array(M) / np.sqrt(S)), abs=1e-15)


def test_lion():
    # m = 0, 0.5, 0.125, beside them 0.5 m + 0.5 g = 1, -0.25, 1.5625, and, of -0.1, below 0 too.
    path = followed(lion(0.1, 0.5, 0.75), [2, -1, 3, -3])
    assert path == pytest.approx([0.9, 1.0, 0.9, 1.0], abs=1e-15)
    # Of no gradient and no memory there is no step.
    assert followed(lion(0.1), [0, 0]) == [1, 1]


def test_the_weight_decay_of_lion_is_beside_its_step():
    # 1 - 0.1 (1 + 0.5), then 0.85 - 0.1 (-1 + 0.5 * 0.85)
    path = followed(lion(0.1, 0.5, 0.75, weight_decay=0.5), [2, -1])
    assert path == pytest.approx([0.85, 0.85 + 0.1 * 0.575], abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_max_norm_bounds_each_row_of_weights_and_moves_no_other(dtype):
    params = init_params([5, 40, 3], dtype=dtype)
    limit = 1.2
    bounded, _ = max_norm(sgd(0.0), limit).update(params, params, (), 0)
    for (W, b), (V, c) in zip(params, bounded, strict=True):
        norms = np.linalg.norm(W, axis=1)
        assert 0 < (norms > limit).sum() < len(W) or len(W) == 3
        np.testing.assert_array_equal(V[norms <= limit], W[norms <= limit])
        over = norms > limit
        # Four times the rounding of a row's norm, of 40 numbers or fewer.
        tolerance = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(np.linalg.norm(V[over], axis=1), limit, rtol=tolerance)
        np.testing.assert_allclose(V[over] / limit, W[over] / norms[over, None], rtol=2 * tolerance)
        np.testing.assert_array_equal(b, c)
        assert V.dtype == dtype


def test_weights_whose_squares_overflow_are_scaled_down_and_not_lost():
    params = (Layer(np.full((1, 4), 1e30, np.float32), np.zeros((1, 1), np.float32)),)
    new, _ = max_norm(sgd(0.0), 1.0).update(params, params, (), 0)
    np.testing.assert_allclose(new[0].W, [[0.5] * 4], rtol=1e-6)


def test_a_max_norm_is_after_the_update():
    params = (Layer(np.array([[3.0, 4.0]]), np.array([[7.0]])),)
    new, _ = max_norm(sgd(1.0), 2.0).update(params, (Layer(-params[0].W, params[0].b),), (), 0)
    np.testing.assert_allclose(new[0].W, [[1.2, 1.6]], rtol=1e-15)
    assert new[0].b == 0


def test_weight_decay_is_the_gradient_of_its_penalty_and_not_on_biases():
    params, *_ = problem()
    still = map_arrays(np.zeros_like, params)
    for optimizer in (weight_decay(sgd(0.5), 0.2), adamw(0.5, weight_decay=0.2)):
        new, _ = optimizer.update(params, still, optimizer.init(params), 0)
        for (W, b), (new_W, new_b) in zip(params, new, strict=True):
            np.testing.assert_allclose(new_W, 0.9 * W, rtol=1e-15)
            np.testing.assert_array_equal(new_b, b)


def test_weight_decay_may_be_a_function_of_the_iteration():
    params, *_ = problem()
    still = map_arrays(np.zeros_like, params)
    optimizer = weight_decay(sgd(0.5), cosine_decay(0.2, iterations=2))
    for iteration, factor in enumerate((0.9, 0.95, 1.0)):
        new, _ = optimizer.update(params, still, (), iteration)
        np.testing.assert_allclose(new[0].W, factor * params[0].W, rtol=1e-15)
    optimizer = weight_decay(sgd(0.5), lambda iteration: -1.0)
    with pytest.raises(ValueError, match=r"^decay\(3\) must be finite and at least 0"):
        optimizer.update(params, still, (), 3)


def test_a_schedule_is_asked_for_each_iteration():
    asked = []

    def schedule(iteration):
        asked.append(iteration)
        return 0.1 * 2**-iteration

    # 1 - 0.1 * 2 = 0.8; - 0.05 * -1 = 0.85; - 0.025 * 3 = 0.775
    assert followed(sgd(schedule), [2, -1, 3]) == pytest.approx([0.8, 0.85, 0.775], abs=1e-15)
    assert asked == [0, 1, 2]
    with pytest.raises(
        ValueError, match=r"learning_rate\(0\) must be finite and at least 0, not -1"
    ):
        followed(adam(lambda iteration: -1), [1])


def test_a_norm_beyond_float32_is_clipped_to_its_direction():
    params = map_arrays(lambda a: np.full(a.shape, 1e30, np.float32), problem().params)
    (layer, _), _ = clip_by_global_norm(sgd(1.0), 1e30).update(params, params, (), 0)
    assert (np.float32(1e30) > layer.W).all()  # not left where it was


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_from_a_checkpoint_is_not_interrupted(name, schedule, tmp_path):
    optimizer = OPTIMIZERS[name](SCHEDULES[schedule])
    params, X, Y, _ = problem(m=60)

    def going_on(state, steps):
        batches = minibatches(X, Y, size=25, seed=5, start=state.iteration)  # 3 an epoch
        return last(take(steps, train(state, batches, optimizer=optimizer)))

    whole = going_on(init_state(params, optimizer), 7)
    save(tmp_path / "state.npz", going_on(init_state(params, optimizer), 4))
    rest = going_on(load(tmp_path / "state.npz").state, 3)
    assert same_bytes(rest[:2], whole[:2])
    assert type(rest.optimizer) is type(whole.optimizer)
    assert rest[2:] == whole[2:]


def test_wrong_arguments():
    for make, error, message in (
        (lambda: momentum(0.1, 1), ValueError, "momentum: beta must be below 1, not 1"),
        (lambda: nesterov(0.1, -1), ValueError, "nesterov: beta must be finite and at least 0"),
        (lambda: nesterov(np.nan), ValueError, "nesterov: learning_rate must be finite"),
        (lambda: clip_by_global_norm(sgd(1), 0), ValueError, "max_norm must be finite and above"),
        (lambda: clip_by_global_norm(sgd, 1), TypeError, "optimizer must be an Optimizer"),
        (lambda: weight_decay(sgd(1), -1), ValueError, "weight_decay: decay must be finite and"),
        (lambda: weight_decay(1, 1), TypeError, "optimizer must be an Optimizer"),
        (lambda: adam(0.1, 1.5), ValueError, "adam: beta1 must be below 1"),
        (lambda: adamw(0.1, 0.9, 1), ValueError, "adamw: beta2 must be below 1"),
        (lambda: adamw("0.1"), TypeError, "adamw: learning_rate must be a number, not str '0.1'"),
        (lambda: adamw(weight_decay=-1), ValueError, "adamw: weight_decay must be finite"),
        (lambda: adagrad(0.1, -1), ValueError, "adagrad: initial must be finite and at least 0"),
        (lambda: nadam(0.1, 1), ValueError, "nadam: beta1 must be below 1"),
        (lambda: lion(weight_decay=-1), ValueError, "lion: weight_decay must be finite and"),
        (lambda: rmsprop(0.1, epsilon=0), ValueError, "rmsprop: epsilon must be finite and above"),
    ):
        with pytest.raises(error, match=message):
            make()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_blocks_of_long_arrays_and_any_memory_order_give_the_same_bits(name, monkeypatch):
    """An array is updated number by number, however it is divided and wherever it lies."""
    optimizer, rng = OPTIMIZERS[name](0.1), np.random.default_rng(0)
    params = (Layer(rng.normal(size=(7, 5)), rng.normal(size=(7, 1))),)
    grads = map_arrays(np.sin, params)
    turned = map_arrays(np.asfortranarray, grads)
    state = optimizer.init(params)
    whole = optimizer.update(params, grads, state, 3)
    assert same_bytes(optimizer.update(params, turned, state, 3), whole)
    monkeypatch.setattr("scratchmlp.core.training.update_rules.BLOCK", 8)
    assert same_bytes(optimizer.update(params, grads, state, 3), whole)
    assert same_bytes(optimizer.update(params, turned, state, 3), whole)

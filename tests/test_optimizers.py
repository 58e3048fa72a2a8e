"""Each optimizer against its formula, worked step by step; and resuming from any of them."""

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Batch,
    Layer,
    clip_by_global_norm,
    init_state,
    minibatches,
    momentum,
    nesterov,
    sgd,
    train,
)
from scratchmlp.checkpoints import load, save
from scratchmlp.core.arrays import leaves
from tests.helpers import problem, same_bytes

OPTIMIZERS = {
    "sgd": sgd(0.1),
    "momentum": momentum(0.1),
    "nesterov": nesterov(0.1, 0.5),
    "clipped": clip_by_global_norm(nesterov(0.1), 0.01),
}


def followed(optimizer, gradients):
    """W after each update of a single weight that starts at 1."""
    params = (Layer(np.ones((1, 1)), np.zeros((1, 1))),)
    state, path = optimizer.init(params), []
    for iteration, gradient in enumerate(gradients):
        grads = (Layer(np.full((1, 1), float(gradient)), np.zeros((1, 1))),)
        params, state = optimizer.update(params, grads, state, iteration)
        path.append(params[0].W.item())
    return path


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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_from_a_checkpoint_is_not_interrupted(name, tmp_path):
    optimizer = OPTIMIZERS[name]
    params, X, Y, _ = problem()
    batches = [Batch(X[:, k:], Y[:, k:]) for k in range(5)]
    *_, whole = train(init_state(params, optimizer), batches, optimizer=optimizer)
    *_, half = train(init_state(params, optimizer), batches[:2], optimizer=optimizer)
    save(tmp_path / "state.npz", half)
    *_, rest = train(load(tmp_path / "state.npz").state, batches[2:], optimizer=optimizer)
    assert same_bytes(rest[:2], whole[:2])
    assert rest[2:] == whole[2:]


def test_resumed_in_the_middle_of_an_epoch(tmp_path):
    params, X, Y, _ = problem(m=60)
    optimizer = nesterov(0.1)

    def going_on(state, steps):
        batches = minibatches(X, Y, size=7, seed=5, start=state.iteration)
        return last(take(steps, train(state, batches, optimizer=optimizer)))

    whole = going_on(init_state(params, optimizer), 25)  # 9 batches an epoch
    save(tmp_path / "state.npz", going_on(init_state(params, optimizer), 13))
    rest = going_on(load(tmp_path / "state.npz").state, 12)
    assert same_bytes(rest[:2], whole[:2])
    assert rest[2:] == whole[2:]


def test_wrong_arguments():
    for make, error, message in (
        (lambda: momentum(0.1, 1), ValueError, "momentum: beta must be below 1, not 1"),
        (lambda: nesterov(0.1, -1), ValueError, "nesterov: beta must be finite and at least 0"),
        (lambda: nesterov(np.nan), ValueError, "nesterov: learning_rate must be finite"),
        (lambda: clip_by_global_norm(sgd(1), 0), ValueError, "max_norm must be finite and above"),
        (lambda: clip_by_global_norm(sgd, 1), TypeError, "optimizer must be an Optimizer"),
    ):
        with pytest.raises(error, match=message):
            make()

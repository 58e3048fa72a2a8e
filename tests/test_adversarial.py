"""Training on examples that are moved against the network."""

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Batch,
    Layer,
    Network,
    adam,
    adversarial,
    evaluate,
    flatten,
    init_params,
    init_state,
    input_grad,
    live_shards,
    minibatches,
    nesterov,
    predict,
    shards,
    stack,
    tanh,
    train,
    unstack,
    value_and_grad,
)
from tests.helpers import HIDDEN, LOSSES, problem, same_bytes

LENGTH = 0.3
params, X, Y, weights = problem(depth=3)


def moved(params, X, Y, network, length=LENGTH):
    """The examples moved, by the public functions alone."""
    slopes = input_grad(params, X, Y, network)
    return X + length * slopes / np.linalg.norm(slopes, axis=0)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_moved_examples(hidden, loss):
    params, X, Y, weights = problem(depth=3, loss=LOSSES[loss])
    network = Network(HIDDEN[hidden], LOSSES[loss])
    figures, grads = adversarial(LENGTH)(params, Batch(X, Y, weights), network)
    there = Batch(moved(params, X, Y, network), Y, weights)
    # The same sums of a few numbers of order 1 in another order, in float64.
    np.testing.assert_allclose(
        flatten(grads), flatten(value_and_grad(params, there, network)[1]), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_equal(figures, evaluate(params, Batch(X, Y, weights), network))  # or NaN


def test_examples_move_to_where_their_loss_grows():
    network = Network(tanh)
    losses = [
        evaluate(params, Batch(moved(params, X, Y, network, length), Y), network).loss
        for length in (-LENGTH, 0, LENGTH)
    ]
    assert losses == sorted(losses)


def test_of_length_0_it_is_value_and_grad():
    batch = Batch(X, Y, weights)
    assert same_bytes(adversarial(0)(params, batch)[1], value_and_grad(params, batch)[1])


def test_an_example_without_a_slope_stays():
    first = Layer(np.ones((2, 3)), np.full((2, 1), -1e3))
    dead = (first, Layer(np.ones((3, 2)), np.zeros((3, 1))))
    batch = Batch(np.ones((3, 1)), np.array([1]))  # relu gives 0 for all that is near
    assert same_bytes(adversarial(1.0)(dead, batch)[1], value_and_grad(dead, batch)[1])


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
def test_slopes_whose_squares_are_no_float32(size):
    """However steep the loss is, an example moves by `length`."""
    W = np.array([[3.0, 4.0]], np.float32) * np.float32(size)
    network = Network(loss=LOSSES["poisson"]._replace(delta=lambda A, Y: np.ones_like(A)))
    params = (Layer(W, np.zeros((1, 1), np.float32)),)
    X, y = np.zeros((2, 1), np.float32), np.ones((1, 1), np.float32)
    _, grads = adversarial(10.0)(params, Batch(X, y), network)
    np.testing.assert_allclose(grads[0].W, [[6.0, 8.0]], rtol=1e-6)  # some eps of float32


def test_weights_of_outputs_count():
    """What an example's loss leaves out does not move it."""
    only = np.array([[1.0], [0.0]])
    two = (Layer(np.eye(2), np.zeros((2, 1))),)
    network = Network(loss=LOSSES["sigmoid_cross_entropy"])
    X, Y = np.zeros((2, 1)), np.array([[1.0], [1.0]])
    _, grads = adversarial(2.0)(two, Batch(X, Y, only), network)
    there = Batch(np.array([[-2.0], [0.0]]), Y, only)
    np.testing.assert_allclose(grads[0].W, value_and_grad(two, there, network)[1][0].W, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 4])
def test_shards_add_up(size):
    parts = shards(X, Y, size=size, weights=weights)
    one, other = (
        adversarial(LENGTH)(params, parts),
        adversarial(LENGTH)(params, (Batch(X, Y, weights),)),
    )
    np.testing.assert_allclose(flatten(one[1]), flatten(other[1]), rtol=1e-9, atol=1e-12)


def test_live_shards_move_in_the_rows_that_they_have():
    dead = np.concatenate([X, np.zeros((2, X.shape[1]))])
    wider = (
        Layer(np.concatenate([params[0].W, np.ones((4, 2))], axis=1), params[0].b),
        *params[1:],
    )
    (batch,) = live_shards(dead, Y, size=X.shape[1])
    _, grads = adversarial(LENGTH)(wider, batch)
    order = [int((column[:, np.newaxis] == X).all(axis=0).argmax()) for column in batch.X.T]
    _, there = adversarial(LENGTH)(params, Batch(X[:, order], Y[:, order]))
    np.testing.assert_allclose(grads[0].W[:, :3], there[0].W, rtol=1e-9, atol=1e-12)
    assert not grads[0].W[:, 3:].any()


def test_a_stack_is_its_networks():
    each = [init_params([3, 5, 3], seed=seed, dtype=np.float64) for seed in range(3)]
    figures, grads = adversarial(LENGTH)(stack(each), Batch(X, Y))
    for k, (one, found) in enumerate(zip(each, unstack(grads), strict=True)):
        alone = adversarial(LENGTH)(one, Batch(X, Y))
        np.testing.assert_allclose(flatten(found), flatten(alone[1]), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(figures.loss[k], alone[0].loss, rtol=1e-12)


def test_training_with_it_resists_such_examples():
    """Many features and few examples: what is learnt from these as they are is easily fooled."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 40)), rng.integers(2, size=40)
    start = init_state(init_params([50, 20, 2], dtype=np.float64), adam(0.01))

    def when_moved(objective):
        states = train(start, [Batch(X, y)] * 200, optimizer=adam(0.01), value_and_grad=objective)
        params = last(states).params
        return (predict(params, moved(params, X, y, Network(), 2.0)) == y).mean()

    assert when_moved(value_and_grad) < 0.5
    assert when_moved(adversarial(2.0)) == 1.0


def test_it_goes_on_to_the_same_bits():
    optimizer, objective = nesterov(0.1), adversarial(LENGTH)
    batches = [*take(6, minibatches(X, Y, size=2))]
    start = init_state(params, optimizer)
    whole = [*train(start, batches, optimizer=optimizer, value_and_grad=objective)]
    rest = [*train(whole[2], batches[3:], optimizer=optimizer, value_and_grad=objective)]
    assert same_bytes(whole[-1].params, rest[-1].params)

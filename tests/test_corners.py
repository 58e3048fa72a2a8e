"""Corners where arguments meet: masks and weights, outputs and stacks, numbers of NumPy."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    Layer,
    Loss,
    Network,
    backward,
    dropout_masks,
    evaluate,
    forward,
    identity,
    init_params,
    regressor,
    stack,
    unstack,
    value_and_grad,
)
from tests.helpers import problem, same_bytes


def test_an_example_of_weight_0_is_left_out_of_the_masks_too():
    params, X, Y, weights = problem()
    masks = dropout_masks([3, 4, 3], 6, rate=0.5, input_rate=0.2)
    weights = np.where(np.arange(6) == 2, 0.0, weights)
    kept = np.flatnonzero(weights)
    fewer = tuple(mask[:, kept] for mask in masks)
    expected = backward(
        params,
        forward(params, X[:, kept], masks=fewer),
        Y[:, kept],
        weights=weights[kept],
        masks=fewer,
    )
    cache = forward(params, X, masks=masks)
    assert same_bytes(backward(params, cache, Y, weights=weights, masks=masks), expected)


@pytest.mark.parametrize("k", [None, 3])
def test_a_row_of_weights_for_one_output(k):
    params, X, Y, weights = problem(n_out=1, loss=regressor.loss)
    if k:
        params = stack([params] * k)
    one, row = (Batch(X, Y, each) for each in (weights, weights[np.newaxis]))
    np.testing.assert_array_equal(
        evaluate(params, one, regressor).loss, evaluate(params, row, regressor).loss
    )
    both = [value_and_grad(params, batch, regressor)[1] for batch in (one, row)]
    assert same_bytes(*both)


def test_a_total_of_numpy_does_not_promote():
    (layer,) = init_params([2, 1])
    own = Network(loss=Loss(identity, lambda Z, Y: (Z - Y).sum(axis=0), lambda A, Y: A - Y))
    X, Y = np.ones((2, 3), np.float32), np.zeros((1, 3), np.float32)
    grads = backward((layer,), forward((layer,), X, own), Y, own, total=np.float64(7))
    assert grads[0].W.dtype == np.float32


def test_examples_that_would_broadcast_into_a_stack_are_an_error():
    params = stack([init_params([4, 1], seed=seed) for seed in range(5)])
    with pytest.raises(ValueError, match="forward: X is of 1 networks but params of 5"):
        forward(params, np.ones((1, 4, 6), np.float32), regressor)


def test_a_stack_of_nothing_cannot_be_unstacked():
    with pytest.raises(ValueError, match="unstack: tree must have one size of the first axis"):
        unstack((Layer(np.array(1.0), np.array(2.0)),))

"""Law 4: weight 2 is the example twice, weight 0 is the example left out."""

import numpy as np
import pytest

from scratchmlp import Batch, evaluate, flatten, value_and_grad
from tests.helpers import problem

# Sums of a dozen numbers of order 1, taken in another order.
ROUNDING = 1e-14


def figures(params, *batch):
    evaluation, grads = value_and_grad(params, Batch(*batch))
    return np.append(flatten(grads), evaluation)


def test_weight_two_is_the_example_twice():
    params, X, Y, _ = problem()
    twice = np.array([0, 1, 1, 2, 3, 4, 4, 5])
    weights = np.array([1, 2, 1, 1, 2, 1])
    np.testing.assert_allclose(
        figures(params, X, Y, weights), figures(params, X[:, twice], Y[:, twice]), atol=ROUNDING
    )


def test_weight_zero_is_the_example_left_out():
    params, X, Y, _ = problem()
    weights = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    kept = weights > 0
    np.testing.assert_allclose(
        figures(params, X, Y, weights), figures(params, X[:, kept], Y[:, kept]), atol=ROUNDING
    )


def test_only_the_proportions_of_weights_matter():
    params, X, Y, weights = problem()
    np.testing.assert_allclose(
        figures(params, X, Y, weights), figures(params, X, Y, 1000 * weights), atol=ROUNDING
    )


def test_a_shard_without_weight_adds_nothing():
    params, X, Y, _ = problem()
    shards = Batch(X, Y), Batch(-X, Y, np.zeros(6))
    grads, alone = (value_and_grad(params, each)[1] for each in (shards, Batch(X, Y)))
    np.testing.assert_allclose(flatten(grads), flatten(alone), atol=ROUNDING)


def test_no_weight_at_all_is_an_error():
    params, X, Y, _ = problem()
    for shards in (Batch(X, Y, np.zeros(6)), [Batch(X, Y, np.zeros(6))] * 2):
        with pytest.raises(ValueError, match="weights are all 0"):
            evaluate(params, shards)
        with pytest.raises(ValueError, match="weights are all 0"):
            value_and_grad(params, shards)

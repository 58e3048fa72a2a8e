"""Law 2: the sum over any sharding is the whole, and the same bits under any map."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    backward,
    evaluate,
    flatten,
    forward,
    gradient_descent,
    map_arrays,
    shards,
    value_and_grad,
)
from scratchmlp.workers import threads
from tests.helpers import problem, same_bytes


def data(m=60):
    params, X, Y, weights = problem(depth=3, m=m)
    return params, X, Y.argmax(axis=0), weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 7, 20, 60, 100])
def test_the_sum_over_shards_is_the_whole(size, weighted):
    params, X, y, weights = data()
    weights = weights if weighted else None
    (loss, accuracy), grads = value_and_grad(params, Batch(X, y, weights))
    evaluation, sums = value_and_grad(params, shards(X, y, size=size, weights=weights))
    # Sums of 60 numbers of order 1 in another order: 60 times eps is 1e-14.
    np.testing.assert_allclose(flatten(sums), flatten(grads), atol=1e-12)
    np.testing.assert_allclose(evaluation, (loss, accuracy), atol=1e-12)
    np.testing.assert_allclose(
        evaluate(params, shards(X, y, size=size, weights=weights)), evaluation, atol=1e-12
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_backward_with_the_total_of_all_adds_up(weighted):
    params, X, y, weights = data()
    weights = weights if weighted else None
    total = weights.sum() if weighted else len(y)
    whole = backward(params, forward(params, X), y, weights=weights)
    parts = [
        backward(params, forward(params, part.X), part.y, weights=part.weights, total=total)
        for part in shards(X, y, size=25, weights=weights)
    ]
    summed = map_arrays(lambda *each: sum(each), *parts)
    np.testing.assert_allclose(flatten(summed), flatten(whole), atol=1e-12)


def test_a_shard_may_be_a_function():
    params, X, y, _ = data()
    parts = shards(X, y, size=16)
    as_functions = [lambda part=part: part for part in parts]
    assert same_bytes(value_and_grad(params, as_functions)[1], value_and_grad(params, parts)[1])


def backwards_in_time(function, items):
    """A map that computes the last first, as a pool might."""
    return reversed([function(item) for item in reversed(list(items))])


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_bits_do_not_depend_on_the_map(n):
    params, X, y, weights = data()
    parts = shards(X, y, size=7, weights=weights)
    with threads(1) as plain, threads(n) as pool:
        expected = value_and_grad(params, parts, map=plain)
        for each in (map, pool, backwards_in_time):
            evaluation, grads = value_and_grad(params, parts, map=each)
            assert evaluation == expected[0]
            assert same_bytes(grads, expected[1])


def test_gradient_descent_takes_shards_in_the_place_of_data():
    params, X, y, _ = data()
    options = {"iterations": 5, "learning_rate": 0.1}
    whole = gradient_descent(params, X, y, **options)
    assert same_bytes(gradient_descent(params, Batch(X, y), **options), whole)
    parts = gradient_descent(params, shards(X, y, size=7), **options)
    np.testing.assert_allclose(flatten(parts), flatten(whole), atol=1e-11)


def test_no_shards_are_an_error():
    params, *_ = data()
    with pytest.raises(ValueError, match="value_and_grad: there are no shards"):
        value_and_grad(params, [])


def test_what_is_no_batch_is_an_error():
    params, X, y, _ = data()
    with pytest.raises(TypeError, match="a shard must be a Batch or a function.*not ndarray"):
        value_and_grad(params, (X, y))

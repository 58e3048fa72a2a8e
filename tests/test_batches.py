"""Shards and minibatches: each example once, batch k a function of (seed, k) alone."""

from itertools import islice

import numpy as np
import pytest
from toolz import concat, take

from scratchmlp import minibatches, normalize, one_hot, shards, split

m = 23
X = np.asfortranarray(np.arange(3.0 * m).reshape(3, m))
y = np.arange(m)
weights = np.arange(m) / m


def labels(batches):
    return [batch.y.tolist() for batch in batches]


@pytest.mark.parametrize("size", [1, 5, 23, 100])
def test_each_example_comes_once_an_epoch(size):
    per_epoch = -(-m // size)
    stream = minibatches(X, y, size=size)
    epochs = [[*concat(labels(take(per_epoch, stream)))] for _ in range(3)]
    assert all(sorted(epoch) == list(range(m)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("start", [0, 1, 4, 5, 6, 17])
def test_a_batch_is_a_function_of_the_seed_and_its_number(start):
    whole = labels(take(20, minibatches(X, y, size=5, seed=3)))
    assert labels(take(20 - start, minibatches(X, y, size=5, seed=3, start=start))) == whole[start:]
    assert labels(take(20, minibatches(X, y, size=5, seed=4))) != whole


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("targets", [y, np.stack([y, -y])])
def test_examples_keep_their_labels_and_weights(order, targets):
    stream = minibatches(np.asarray(X, order=order), targets, size=4, weights=weights)
    for batch in islice(stream, 12):
        places = batch.X[0].astype(int)
        np.testing.assert_array_equal(batch.X, X[:, places])
        np.testing.assert_array_equal(batch.y, targets[..., places])
        np.testing.assert_array_equal(batch.weights, weights[places])
        assert batch.X.flags.f_contiguous
        assert not any(array.flags.writeable for array in batch[:3])
        assert batch.total == pytest.approx(weights.mean() * len(places), rel=1e-15)


def test_pixels_stay_bytes_until_they_are_used():
    batch = next(minibatches(X.astype(np.uint8), y, size=4))
    assert batch.X.dtype == np.uint8


def test_shards_are_views_in_order():
    parts = shards(X, y, size=10, weights=weights)
    assert labels(parts) == [y[:10].tolist(), y[10:20].tolist(), y[20:].tolist()]
    assert all(np.shares_memory(part.X, X) for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.weights for part in parts]), weights)


def test_a_split_is_two_views():
    (left, _), (right, rest) = split(X, y, 0.8)
    assert left.shape == (3, 18)
    assert rest.tolist() == [18, 19, 20, 21, 22]
    assert np.shares_memory(right, X)


def test_normalize_keeps_the_order_and_the_dtype_asked_for():
    pixels = np.asfortranarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    for dtype in (np.float32, np.float64):
        scaled = normalize(pixels, dtype)
        assert scaled.dtype == dtype
        assert scaled.flags.f_contiguous
        np.testing.assert_allclose(scaled, pixels / 255, rtol=1e-7)


def test_one_hot_of_labels_of_any_width():
    for dtype in (np.uint8, np.int64, np.uint64):
        assert one_hot(np.array([2, 0], dtype), 3).T.tolist() == [[0, 0, 1], [1, 0, 0]]


WRONG = {
    "size 0": ({"size": 0}, "size must be at least 1, not 0"),
    "start -1": ({"size": 1, "start": -1}, "start must be at least 0, not -1"),
    "seed -1": ({"size": 1, "seed": -1}, "seed must be at least 0, not -1"),
    "weights": ({"size": 1, "weights": weights[1:]}, "weights must have shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_errors_before_the_first_batch(case):
    options, message = WRONG[case]
    with pytest.raises(ValueError, match=f"^minibatches: {message}"):
        minibatches(X, y, **options)

"""Numbers at the edge of what their dtype can tell apart, and sizes that divide by nothing."""

import numpy as np
import pytest

from scratchmlp import Batch, dropout, dropout_masks, standardize
from scratchmlp.core.model import products


@pytest.mark.parametrize("mean", [1e15, -1e15, 1e12, 1e8, 1.0])
def test_a_feature_far_from_0_is_scaled(mean):
    X = mean + np.array([[-500.0, 500.0, -500.0, 500.0]])
    scaled, statistics = standardize(X)
    # Neighbours of 1e15 are 1/8 apart, which is 1/4000 of the deviation.
    np.testing.assert_allclose(scaled, [[-1, 1, -1, 1]], atol=1e-3)
    np.testing.assert_allclose(statistics.deviation, 500, rtol=1e-3)


@pytest.mark.parametrize("value", [0.1, 1e15 + 0.1, 1 / 3, -1e30, 5e-324, 0.0])
@pytest.mark.parametrize("m", [1, 3, 1001])
def test_a_feature_that_never_changes_is_none(value, m):
    scaled, statistics = standardize(np.full((1, m), value))
    assert statistics.deviation == 1
    assert abs(scaled).max() <= 1e-15 * abs(value)  # the rounding of its mean, if anything


@pytest.mark.parametrize("rate", [1 - 2e-8, 1 - 1e-12, np.nextafter(1, 0)])
def test_a_dropout_rate_that_float32_cannot_tell_from_1(rate):
    sizes, batches = [4, 8, 3], [Batch(np.ones((4, 2)), np.array([0, 1]))]
    for options in ({"rate": rate}, {"rate": 0.5, "input_rate": rate}, {"rate": [rate]}):
        name = "input_rate" if "input_rate" in options else "rate"
        with pytest.raises(ValueError, match=f"dropout_masks: {name} must be below 1"):
            dropout_masks(sizes, 2, **options)
        with pytest.raises(ValueError, match=f"dropout: {name} must be below 1"):
            dropout(batches, sizes, **options)


def test_a_dropout_rate_that_it_can():
    kept = np.float32(1) - np.finfo(np.float32).eps
    masks = dropout_masks([4, 8, 3], 2, rate=float(kept))
    assert all(mask is None or np.isfinite(mask).all() for mask in masks)


# Of a tiny layer and many columns, where products in tiles are ten times faster than in one.
PRIMES = (20_011, 40_009, 100_003)


@pytest.mark.parametrize("m", PRIMES)
def test_a_prime_number_of_columns_is_multiplied_in_tiles_too(m):
    A = np.asfortranarray(np.zeros((10, m), np.float32))
    multiplied = products._tiles(4, A)
    assert multiplied is not None
    tiles, columns, _ = multiplied.shape
    assert columns >= products.FEWEST_COLUMNS
    assert m - tiles * columns < columns


@pytest.mark.parametrize("m", [*PRIMES, 20_010, 19_997])
def test_and_the_product_is_the_same(m):
    rng = np.random.default_rng(0)
    W, dZ = rng.normal(size=(4, 10)), rng.normal(size=(4, m))
    A = np.asfortranarray(rng.normal(size=(10, m)))
    np.testing.assert_allclose(products.product(W, A), W @ A, rtol=1e-10, atol=1e-12)
    # Sums of 1e5 numbers of order 1, in another order.
    np.testing.assert_allclose(products.product_transposed(dZ, A), dZ @ A.T, atol=1e-8)

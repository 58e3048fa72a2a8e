"""Stacked or not, a product is the product."""

import numpy as np
import pytest

from scratchmlp.core.model.products import _tiles, product, product_transposed

rng = np.random.default_rng(0)
STACKED = [(10, 784, 1000), (10, 784, 2000), (16, 784, 1000), (3, 1000, 5000)]
PLAIN = [(256, 784, 1000), (10, 784, 100), (10, 784, 997), (1, 1, 1), (10, 64, 1000)]


@pytest.mark.parametrize(("n_out", "n_in", "m"), STACKED + PLAIN)
@pytest.mark.parametrize("order", ["C", "F"])
def test_products(n_out, n_in, m, order):
    W, dZ = rng.standard_normal((n_out, n_in)), rng.standard_normal((n_out, m))
    A = np.asarray(rng.standard_normal((n_in, m)), order=order)
    # Sums of up to 5000 products of standard normal numbers: 5000 times eps is 1e-12.
    np.testing.assert_allclose(product(W, A), W @ A, atol=1e-11)
    np.testing.assert_allclose(product_transposed(dZ, A), dZ @ A.T, atol=1e-11)
    assert product(W, A).flags.c_contiguous
    assert product(W, A).flags.writeable


def test_tiles_are_used_where_they_are_meant_to_be():
    for shapes, stacked in ((STACKED, True), (PLAIN, False)):
        for n_out, n_in, m in shapes:
            A = np.zeros((n_in, m), order="F")
            assert (_tiles(n_out, A) is not None) == stacked
            assert _tiles(n_out, np.zeros((n_in, m + 1))[:, 1:]) is None

"""Standardised features, of the data and of new data."""

import numpy as np
import pytest

from scratchmlp import Statistics, standardize

rng = np.random.default_rng(0)
X = rng.normal([[5.0], [-300.0], [1e-3]], [[2.0], [100.0], [1e-5]], (3, 50))


def test_each_feature_has_mean_zero_and_deviation_one():
    scaled, statistics = standardize(X)
    np.testing.assert_allclose(scaled.mean(axis=1), 0, atol=1e-13)
    np.testing.assert_allclose(scaled.std(axis=1), 1, rtol=1e-13)
    np.testing.assert_allclose(scaled * statistics.deviation + statistics.mean, X, rtol=1e-12)


def test_new_data_is_brought_to_the_scale_of_the_old():
    _, statistics = standardize(X)
    new = rng.normal(size=(3, 7))
    scaled, same = standardize(new, statistics)
    np.testing.assert_array_equal(scaled, (new - statistics.mean) / statistics.deviation)
    assert [a.tobytes() for a in same] == [a.tobytes() for a in statistics]


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_feature_becomes_zero(value, dtype):
    scaled, statistics = standardize(np.full((1, 1001), value, dtype))
    assert statistics.deviation.item() == 1
    assert abs(scaled).max() < 1e-6
    assert scaled.dtype == dtype


def test_integers_become_float32():
    scaled, _ = standardize(np.array([[0, 255]], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [[-1, 1]]


def test_wrong_arguments():
    statistics = standardize(X).statistics
    for make, error, message in (
        (lambda: standardize(X[0]), ValueError, "standardize: X must have shape"),
        (lambda: standardize(X[:, :0]), ValueError, "X is empty"),
        (lambda: standardize(X.tolist()), TypeError, "X must be a NumPy array, not list"),
        (lambda: standardize(np.full((2, 2), np.nan)), ValueError, "X must be finite"),
        (lambda: standardize(X[:2], statistics), ValueError, r"mean must have shape \(2, 1\)"),
        (lambda: standardize(X, X), TypeError, "statistics must be Statistics, not ndarray"),
        (lambda: standardize(X, Statistics(1.0, 2.0)), TypeError, "mean must be a NumPy array"),
    ):
        with pytest.raises(error, match=message):
            make()

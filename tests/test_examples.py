"""Standardised features, of the data and of new data."""

import numpy as np
import pytest

from scratchmlp import Statistics, codes, indicators, standardize, stratified_split

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


def test_missing_values_leave_the_statistics_of_the_others():
    X = np.array([[1.0, np.nan, 3.0, 5.0], [np.nan] * 4, [7.0, 7.0, np.nan, 7.0]])
    scaled, (mean, deviation) = standardize(X, missing=True)
    np.testing.assert_allclose(mean[:, 0], [3, 0, 7])
    np.testing.assert_allclose(deviation[:, 0], [np.std([1, 3, 5]), 1, 1])
    assert (scaled[np.isnan(X)] == 0).all()
    np.testing.assert_array_equal(
        standardize(X, Statistics(mean, deviation), missing=True).X, scaled
    )
    with pytest.raises(ValueError, match="X must be finite"):
        standardize(np.array([[np.nan, np.inf]]), missing=True)
    without = np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(standardize(without, missing=True).X, standardize(without).X)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.8, 0.99])
def test_a_stratified_split_has_the_share_of_every_class(fraction):
    rng = np.random.default_rng(0)
    y = rng.choice(5, 1000, p=[0.6, 0.3, 0.08, 0.015, 0.005])
    X = np.arange(1000.0)[np.newaxis]
    one, other = stratified_split(X, y, fraction, seed=3)
    assert len(one.y) == round(1000 * fraction)
    for label in range(5):
        assert abs((one.y == label).sum() - fraction * (y == label).sum()) <= 1
    together = np.concatenate([one.X[0], other.X[0]]).astype(int)
    assert sorted(together) == list(range(1000))
    np.testing.assert_array_equal(y[together], np.concatenate([one.y, other.y]))
    again, _ = stratified_split(X, y, fraction, seed=3)
    np.testing.assert_array_equal(again.X, one.X)
    another, _ = stratified_split(X, y, fraction, seed=4)
    assert not np.array_equal(another.X, one.X)


def test_codes_and_indicators():
    names = np.array(["b", "a", "c"])
    found = codes(np.array(["a", "c", "x", "b", ""]), names)
    assert found.tolist() == [1, 2, -1, 0, -1]
    assert indicators(found, 3).T.tolist() == [[0, 1, 0], [0, 0, 1], [0] * 3, [1, 0, 0], [0] * 3]
    assert codes(np.array([1.5, 2.0]), np.array([2, 3])).tolist() == [-1, 0]
    assert codes(np.array(["a"]), names[:0]).tolist() == [-1]
    with pytest.raises(TypeError, match="codes: values are int64 but names are <U1"):
        codes(np.array([1]), names)
    with pytest.raises(ValueError, match="names must differ"):
        codes(names, np.array(["a", "a"]))

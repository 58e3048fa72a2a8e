"""Smoothed and weighted labels, and what `predict` and accuracy make of each kind of target."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    Network,
    balanced_weights,
    evaluate,
    forward,
    huber,
    one_hot,
    poisson,
    predict,
    sigmoid_cross_entropy,
    smooth_labels,
    value_and_grad,
)
from tests.helpers import problem, same_bytes

labels = Network(loss=sigmoid_cross_entropy)


def test_smoothed_labels_still_sum_to_one():
    Y = smooth_labels(one_hot(np.array([0, 3, 1]), 4), 0.2)
    np.testing.assert_allclose(Y.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(Y[:, 0], [0.85, 0.05, 0.05, 0.05], rtol=1e-6)
    assert Y.dtype == np.float32
    assert smooth_labels(np.eye(2, dtype=int), 0.5).tolist() == [[0.75, 0.25], [0.25, 0.75]]


def test_no_smoothing_changes_nothing():
    Y = one_hot(np.array([0, 1]), 3)
    np.testing.assert_array_equal(smooth_labels(Y, 0), Y)


def test_balanced_weights_give_every_class_the_same_sum():
    y = np.array([5, 0, 0, 5, 5, 5, 2, 0, 5])
    weights = balanced_weights(y)
    for label in (0, 2, 5):
        assert weights[y == label].sum() == pytest.approx(3, rel=1e-14)
    assert weights.mean() == pytest.approx(1, rel=1e-14)


def test_balanced_weights_are_repetition():
    """Two of one class and one of another: as if the other came twice."""
    params, X, *_ = problem()
    X, y = X[:, :3], np.array([0, 1, 0])
    balanced = value_and_grad(params, Batch(X, y, balanced_weights(y)))
    repeated = value_and_grad(params, Batch(X[:, [0, 1, 1, 2]], y[[0, 1, 1, 2]]))
    assert balanced[0] == pytest.approx(repeated[0], rel=1e-12)
    for one, other in zip(balanced[1], repeated[1], strict=True):
        np.testing.assert_allclose(one.W, other.W, atol=1e-15)


def test_a_yes_or_no_is_one_output():
    params, X, *_ = problem(n_out=1)
    y = np.array([0, 1, 1, 0, 1, 0])
    Z = forward(params, X, labels).Z[-1]
    assert predict(params, X, labels).tolist() == (Z > 0).astype(int).tolist()
    # -log A or -log(1 - A), written out
    A = 1 / (1 + np.exp(-Z[0]))
    loss, accuracy = evaluate(params, Batch(X, y), labels)
    assert loss == pytest.approx(-np.log(np.where(y, A, 1 - A)).mean(), rel=1e-12)
    assert accuracy == ((A > 0.5) == y).mean()
    as_row = value_and_grad(params, Batch(X, y[np.newaxis]), labels)
    assert same_bytes(as_row[1], value_and_grad(params, Batch(X, y), labels)[1])


def test_several_labels_are_judged_each_on_its_own():
    params, X, *_ = problem(n_out=3)
    Y = np.array([[0, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
    predicted = predict(params, X, labels)
    assert predicted.shape == (3, 6)
    assert evaluate(params, Batch(X, Y), labels).accuracy == pytest.approx((predicted == Y).mean())


def test_poisson_is_half_the_deviance():
    Y, Z = np.array([[0.0, 2.0], [3.0, 1.0]]), np.log([[2.0, 2.0], [1.0, 4.0]])
    expected = [2 + 3 * np.log(3) - 2, 0 + np.log(1 / 4) + 3]
    np.testing.assert_allclose(poisson.value(Z, Y), expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(poisson.delta(poisson.activation.function(Z), Y), np.exp(Z) - Y)


def test_poisson_is_a_straight_line_beyond_means_that_no_count_has():
    Z, Y = np.array([[71.0, 72.0, 73.0]]), np.full((1, 3), 5.0)
    value, slope = poisson.value(Z, Y), poisson.delta(poisson.activation.function(Z), Y)
    np.testing.assert_allclose(np.diff(value), slope[0, 0], rtol=1e-12)
    A = poisson.activation.function(Z)
    assert not poisson.curvature(A, Y, np.ones_like(A)).any()
    assert not poisson.activation.derivative(Z, A).any()


def test_counts_are_not_negative():
    params, X, Y, _ = problem(loss=poisson)
    with pytest.raises(ValueError, match=r"^evaluate: y must be at least 0, not -1"):
        evaluate(params, Batch(X, -np.ones_like(Y)), Network(loss=poisson))


def test_a_huber_loss_is_half_the_square_near_and_a_line_far():
    Z, Y = np.array([[0.0, 1.0, -1.0, 10.0]]), np.array([[0.5, -1.0, 1.0, 0.0]])
    loss = huber(1.0)
    np.testing.assert_allclose(loss.value(Z, Y), [0.125, 1.5, 1.5, 9.5])
    np.testing.assert_allclose(loss.delta(Z, Y), [[-0.5, 1, -1, 1]])
    assert huber().value(Z, Y).tolist() == loss.value(Z, Y).tolist()
    far = huber(1e6)
    np.testing.assert_allclose(far.value(Z, Y), [0.125, 2, 2, 50])
    params, X, *_ = problem(n_out=2)
    network = Network(loss=loss)
    np.testing.assert_array_equal(predict(params, X, network), forward(params, X, network).Z[-1])


def test_wrong_arguments():
    Y = one_hot(np.array([0, 1]), 2)
    for make, error, message in (
        (lambda: smooth_labels(Y, 1), ValueError, "smooth_labels: alpha must be below 1, not 1"),
        (lambda: smooth_labels(Y, -0.1), ValueError, "alpha must be finite and at least 0"),
        (lambda: smooth_labels(Y[:1], 0.1), ValueError, "Y must have a row for each class"),
        (lambda: smooth_labels(np.array([0, 1]), 0.1), ValueError, "Y must have shape"),
        (lambda: balanced_weights(np.array([0.0])), TypeError, "y must hold integers"),
        (lambda: balanced_weights(np.array([], int)), ValueError, "y is empty"),
        (lambda: balanced_weights(np.array([-1])), ValueError, "labels y must be in 0 ..."),
        (lambda: balanced_weights(np.zeros((2, 2), int)), ValueError, "must have shape"),
        (lambda: huber(0), ValueError, "huber: threshold must be finite and above 0, not 0"),
    ):
        with pytest.raises(error, match=message):
            make()

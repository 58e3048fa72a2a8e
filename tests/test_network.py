"""Forward, backward and predict against the article's equations, written out."""

import tracemalloc

import numpy as np
import pytest

from scratchmlp import (
    Layer,
    Network,
    accuracy,
    backward,
    confusion_matrix,
    forward,
    init_params,
    one_hot,
    predict,
    regressor,
    relu,
    sigmoid,
    softmax,
    step,
    tanh,
)
from scratchmlp.core.losses import Loss, right
from tests.helpers import problem


def by_the_article(params, X, y):
    """A forward and a backward pass in the article's own words, loops and all."""
    A = [X]
    Z = []
    for W, b in params:
        Z.append(W.dot(A[-1]) + b)
        A.append(np.maximum(Z[-1], 0))
    A[-1] = np.exp(Z[-1]) / np.exp(Z[-1]).sum(axis=0)
    dZ = A[-1] - np.eye(len(A[-1]))[:, y]
    grads = []
    for (W, _), A_in, Z_in in zip(params[::-1], A[-2::-1], [*Z[-2::-1], A[0]], strict=True):
        dW, db = dZ.dot(A_in.T) / len(y), dZ.sum(axis=1, keepdims=True) / len(y)
        grads.insert(0, (dW, db))
        dZ = W.T.dot(dZ) * (Z_in > 0)
    return Z, A, grads


def test_the_equations_of_the_article():
    params, X, Y, _ = problem(depth=4, n_out=5, m=20)
    y = Y.argmax(axis=0)
    cache = forward(params, X)
    Z, A, expected = by_the_article(params, X, y)
    for ours, theirs in zip((*cache.Z, *cache.A), (*Z, *A), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    for (dW, db), (W, b) in zip(backward(params, cache, y), expected, strict=True):
        np.testing.assert_allclose(dW, W, atol=1e-15)
        np.testing.assert_allclose(db, b, atol=1e-15)


def test_the_update():
    params, *_ = problem()
    for (W, b), (dW, _), (new_W, new_b) in zip(
        params, params, step(params, params, 0.25), strict=True
    ):
        np.testing.assert_array_equal(new_W, W - 0.25 * dW)
        np.testing.assert_array_equal(new_b, 0.75 * b)


def test_the_cache_begins_with_the_examples():
    params, X, *_ = problem()
    cache = forward(params, X)
    assert np.shares_memory(cache.A[0], X)
    assert len(cache.A) == len(cache.Z) + 1 == len(params) + 1


def test_a_shard_without_the_last_class_has_its_rows():
    params, X, *_ = problem()
    assert backward(params, forward(params, X), np.zeros(6, int))[-1].W.shape == (3, 4)
    assert one_hot(np.array([0, 0]), 3).shape == (3, 2)


def test_predict_says_what_the_loss_is_for():
    params, X, *_ = problem(m=2500)
    Z = forward(params, X).Z[-1]
    np.testing.assert_array_equal(predict(params, X), Z.argmax(axis=0))
    np.testing.assert_array_equal(predict(params, X, regressor), Z)
    labels = Network(loss=Loss(sigmoid, regressor.loss.value, regressor.loss.delta))
    np.testing.assert_array_equal(predict(params, X, labels), Z > 0)


def test_the_memory_of_predict_does_not_grow_with_the_examples():
    params = init_params([20, 200, 10])
    X = np.zeros((20, 40_000), np.float32)
    predict(params, X[:, :10])
    tracemalloc.start()
    predict(params, X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One layer of all the examples would be 32 MB, and so would the cache; the labels are 0.3 MB.
    assert peak < 6e6


def test_a_network_of_one_layer_is_softmax_regression():
    params = (Layer(np.zeros((3, 2)), np.zeros((3, 1))),)
    assert forward(params, np.ones((2, 4))).A[-1] == pytest.approx(1 / 3)


def test_how_right_each_kind_of_output_is():
    Z = np.array([[1.0, -1.0, 2.0], [0.5, 3.0, 1.0]])
    labels = Loss(sigmoid, None, None)
    assert right(Loss(softmax, None, None), Z, np.array([0, 0, 0])).tolist() == [1, 0, 1]
    assert right(labels, Z, np.array([[1, 0, 0], [1, 0, 0]])).tolist() == [1, 0.5, 0]
    assert right(labels, Z[:1], np.array([1, 1, 0])).tolist() == [1, 0, 0]
    assert np.isnan(right(regressor.loss, Z, Z)).all()


def test_activations_of_each_layer_in_turn():
    params, X, *_ = problem(depth=4)
    cache = forward(params, X, Network((tanh, relu, sigmoid)))
    for activation, Z, A in zip((tanh, relu, sigmoid, softmax), cache.Z, cache.A[1:], strict=True):
        np.testing.assert_array_equal(A, activation.function(Z))


def test_accuracy_and_confusion():
    y, predicted = np.array([0, 1, 2, 2, 1]), np.array([0, 2, 2, 2, 1])
    assert accuracy(predicted, y) == 0.8
    assert confusion_matrix(predicted, y, 3).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 2]]
    assert confusion_matrix(np.uint8([1]), np.uint8([0]), 200).sum() == 1
    assert confusion_matrix(np.uint64([150]), np.uint8([199]), 200)[199, 150] == 1

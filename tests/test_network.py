"""Forward, backward and predict against the article's equations, written out."""

import pickle
import re
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
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    step,
    tanh,
)
from scratchmlp.core.model.losses import Loss
from scratchmlp.core.model.prediction import weighted_correct
from scratchmlp.core.model.targets import encoded
from tests.helpers import problem


def right(loss, Z, y):
    """How right each example is: what it alone adds."""
    A, Y = loss.activation.function(Z), encoded(y, loss.targets, len(Z), Z.dtype, stack=False)
    each = [slice(place, place + 1) for place in range(Z.shape[1])]
    return np.array([weighted_correct(loss, A[:, i], Y[:, i], y[..., i]) for i in each])


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
    labels = Network(loss=sigmoid_cross_entropy)
    np.testing.assert_array_equal(predict(params, X, labels), Z > 0)
    own = Network(loss=Loss(sigmoid, regressor.loss.value, regressor.loss.delta))
    np.testing.assert_array_equal(predict(params, X, own), sigmoid.function(Z))


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
    labels = sigmoid_cross_entropy
    assert right(softmax_cross_entropy, Z, np.array([0, 0, 0])).tolist() == [1, 0, 1]
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


def test_labels_of_several_outputs_are_one_against_the_rest():
    Z = np.array([[1.0, -1.0, 2.0], [0.5, 3.0, -1.0]])
    labels = sigmoid_cross_entropy
    assert right(labels, Z, np.array([0, 1, 1])).tolist() == [0.5, 1, 0]
    assert right(labels, Z[:1], np.array([[0.5, 0.5, 0.6]])).tolist() == [0, 1, 1]


def test_a_network_that_came_from_another_process_is_the_same():
    params, X, *_ = problem()
    for network in (Network(), regressor, Network(loss=sigmoid_cross_entropy)):
        other = pickle.loads(pickle.dumps(network))
        assert other.loss.activation is not network.loss.activation
        np.testing.assert_array_equal(predict(params, X, other), predict(params, X, network))
        y = np.eye(3)[:, [0, 1, 2, 0, 1, 2]]
        one, same = (right(each.loss, forward(params, X).Z[-1], y) for each in (network, other))
        np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("hidden", [(), (relu,), (relu, tanh, relu, tanh)])
def test_as_many_activations_as_hidden_layers(hidden):
    params, X, *_ = problem(depth=4)
    message = f"network has {len(hidden)} hidden activations but params has 3 hidden layers"
    with pytest.raises(ValueError, match=message):
        forward(params, X, Network(hidden))


def test_a_cache_of_another_batch_is_told_with_its_shapes():
    params, X, Y, _ = problem()
    cache = forward(params, X)
    wrong = cache._replace(Z=(cache.Z[0], cache.Z[1][:, 1:]))
    message = (
        "backward: cache must have A of shapes [(3, 6), (4, 6), (3, 6)], and Z of all but the first"
        ", but A is [(3, 6), (4, 6), (3, 6)] and Z is [(4, 6), (3, 5)]"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        backward(params, wrong, Y)


def test_a_decision_is_for_what_is_above_and_a_hit_is_no_near_miss():
    Z = np.array([[1.0, -1.0, 2.0], [0.5, 3.0, 1.0]])
    assert right(softmax_cross_entropy, Z, np.array([1, 0, 1])).tolist() == [0, 0, 0]
    labels = Network(loss=sigmoid_cross_entropy)
    undecided = (Layer(np.zeros((2, 3)), np.zeros((2, 1))),)
    assert predict(undecided, np.ones((3, 1)), labels).tolist() == [[0], [0]]


def test_an_infinity_that_relu_would_hide_is_seen():
    params = (Layer(-np.ones((2, 1)), np.zeros((2, 1))), Layer(np.ones((2, 2)), np.zeros((2, 1))))
    with pytest.raises(ValueError, match=r"X must be finite, but X\[0, 1\] is inf"):
        forward(params, np.array([[1.0, np.inf]]))


def test_examples_that_are_not_aligned_give_the_same_bits():
    X = np.asfortranarray(np.random.default_rng(0).random((784, 100), np.float32))
    shifted = np.empty(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(100, 784).T
    shifted[...] = X
    params = init_params([784, 16, 10])
    assert not shifted.flags.aligned
    for one, other in zip(forward(params, X).Z, forward(params, shifted).Z, strict=True):
        assert one.tobytes() == other.tobytes()

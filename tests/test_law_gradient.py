"""Law 1: backward is the gradient, for every activation, loss, depth and number of outputs."""

import numpy as np
import pytest

from scratchmlp import Layer, Network, backward, classifier, forward, one_hot, tanh
from tests.helpers import (
    DEPTHS,
    HIDDEN,
    LOSSES,
    OUTPUTS,
    gradients_agree,
    numerical_gradient,
    problem,
)


def mean_loss(network, X, Y, weights):
    def value(params):
        each = network.loss.value(forward(params, X, network).Z[-1], Y)
        return np.average(each, weights=weights)

    return value


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_out", OUTPUTS)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_backward_agrees_with_central_differences(hidden, loss, depth, n_out, weighted):
    if loss == "softmax_cross_entropy" and n_out == 1:
        return  # which is an error, by a test of its own
    network = Network(HIDDEN[hidden], LOSSES[loss])
    params, X, Y, weights = problem(depth, n_out, network.loss)
    weights = weights if weighted else None
    grads = backward(params, forward(params, X, network), Y, network, weights=weights)
    assert gradients_agree(grads, numerical_gradient(mean_loss(network, X, Y, weights), params))


def test_one_activation_for_each_layer():
    network = Network((HIDDEN["tanh"], HIDDEN["sigmoid"], HIDDEN["identity"]))
    params, X, Y, _ = problem(depth=4)
    grads = backward(params, forward(params, X, network), Y, network)
    assert gradients_agree(grads, numerical_gradient(mean_loss(network, X, Y, None), params))


def test_a_sum_of_everything_as_the_output_bias_is_caught():
    """The article's own fault: db of the last layer as one number, 0 for softmax."""
    network = Network(tanh)
    params, X, Y, _ = problem()
    *rest, last = backward(params, forward(params, X, network), Y, network)
    planted = (*rest, Layer(last.W, np.full_like(last.b, last.b.sum())))
    assert not gradients_agree(planted, numerical_gradient(mean_loss(network, X, Y, None), params))


def test_a_small_planted_error_is_caught():
    network = Network(tanh)
    params, X, Y, _ = problem()
    grads = backward(params, forward(params, X, network), Y, network)
    numerical = numerical_gradient(mean_loss(network, X, Y, None), params)
    assert gradients_agree(grads, numerical)
    for number, layer in enumerate(grads):
        wrong = layer.W.copy()
        wrong[-1, -1] += 1e-5
        planted = (*grads[:number], Layer(wrong, layer.b), *grads[number + 1 :])
        assert not gradients_agree(planted, numerical)


def test_the_output_bias_learns():
    params, X, Y, _ = problem()
    grads = backward(params, forward(params, X), Y, classifier)
    assert (grads[-1].b != 0).all()


def test_labels_give_the_gradient_of_their_one_hot_columns():
    params, X, _, _ = problem()
    y = np.array([0, 2, 1, 1, 0, 0])
    cache = forward(params, X)
    by_labels, by_columns = (backward(params, cache, target) for target in (y, one_hot(y, 3)))
    for one, other in zip(by_labels, by_columns, strict=True):
        np.testing.assert_array_equal(one.W, other.W)
        np.testing.assert_array_equal(one.b, other.b)

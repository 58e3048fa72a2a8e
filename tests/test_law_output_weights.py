"""Law 4 for weights of each output: (n_out, m), where the loss is a sum over the outputs."""

import numpy as np
import pytest
from toolz import take

from scratchmlp import (
    Batch,
    Loss,
    Network,
    backward,
    evaluate,
    flatten,
    forward,
    gnvp,
    huber,
    hvp,
    identity,
    map_arrays,
    minibatches,
    regressor,
    shards,
    sigmoid_cross_entropy,
    stack,
    tanh,
    value_and_grad,
)
from tests.helpers import gradients_agree, numerical_gradient, problem

params, X, Y, each = problem(depth=2, n_out=3, loss=regressor.loss, m=8)
counts = np.random.default_rng(0).integers(0, 3, size=(3, 8))
OWN = Loss(
    identity,
    lambda Z, Y: np.square(Z - Y).sum(axis=0),
    lambda A, Y: 2 * (A - Y),
    lambda A, Y, dZ: 2 * dZ,
    sum_over_outputs=True,
)
NETWORKS = {
    "squared error": Network(tanh, regressor.loss),
    "sigmoid": Network(tanh, sigmoid_cross_entropy),
    "huber": Network(tanh, huber(0.5)),
    "one's own": Network(tanh, OWN),
}
ROUNDING = 1e-12  # sums of two dozen numbers of order 1, in another order


def of_backward(network, X, Y, weights):
    return flatten(backward(params, forward(params, X, network), Y, network, weights=weights))


def of_value_and_grad(network, X, Y, weights):
    (loss, accuracy), grads = value_and_grad(params, Batch(X, Y, weights), network)
    return np.append(flatten(grads), [loss, accuracy])


def of_shards(network, X, Y, weights):
    parts = shards(X, Y, size=3, weights=weights)
    return flatten(value_and_grad(params, parts, network)[1])


def of_evaluate(network, X, Y, weights):
    return np.array(evaluate(params, Batch(X, Y, weights), network))


def of_hvp(network, X, Y, weights):
    return flatten(hvp(params, params, X, Y, network, weights=weights))


def of_gnvp(network, X, Y, weights):
    return flatten(gnvp(params, params, X, Y, network, weights=weights))


def of_minibatches(network, X, Y, weights):
    """The mean of the gradients of an epoch's batches."""
    epoch = take(-(-X.shape[1] // 4), minibatches(X, Y, size=4, weights=weights))
    share = [(value_and_grad(params, b, network)[1], b.X.shape[1] / X.shape[1]) for b in epoch]
    return sum(part * flatten(grads) for grads, part in share)


CALLS = {
    "backward": of_backward,
    "value_and_grad": of_value_and_grad,
    "shards": of_shards,
    "evaluate": of_evaluate,
    "hvp": of_hvp,
    "gnvp": of_gnvp,
    "minibatches": of_minibatches,
}
everywhere = pytest.mark.parametrize("name", CALLS)
always = pytest.mark.parametrize("network", NETWORKS)


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=ROUNDING)


@everywhere
@always
def test_ones_are_no_weights(name, network):
    compute, network = CALLS[name], NETWORKS[network]
    close(compute(network, X, Y, np.ones((3, 8))), compute(network, X, Y, None))


@everywhere
@always
def test_rows_that_are_alike_are_weights_of_examples(name, network):
    compute, network = CALLS[name], NETWORKS[network]
    close(compute(network, X, Y, np.tile(each, (3, 1))), compute(network, X, Y, each))


@everywhere
@always
def test_weight_two_is_the_example_twice(name, network):
    """Each output once for its own first count, and once more where the count is 2."""
    compute, network = CALLS[name], NETWORKS[network]
    twice = (counts > 0).astype(float), (counts > 1).astype(float)
    double = np.hstack([X, X]), np.hstack([Y, Y]), np.hstack(twice)
    close(compute(network, X, Y, counts.astype(float)), compute(network, *double))


@everywhere
@always
@pytest.mark.parametrize("unknown", [np.nan, np.inf, -7.0, 1e300])
def test_what_a_target_of_weight_zero_holds_does_not_matter(name, network, unknown):
    compute, network = CALLS[name], NETWORKS[network]
    holes = np.where(counts > 0, Y, unknown)
    result = compute(network, X, holes, counts.astype(float))
    assert result.tobytes() == compute(network, X, Y, counts.astype(float)).tobytes()


@always
def test_the_gradient_agrees_with_central_differences(network):
    batch = Batch(X, np.where(counts > 0, Y, np.nan), counts.astype(float))
    network = NETWORKS[network]
    expected = numerical_gradient(lambda at: evaluate(at, batch, network).loss, params)
    assert gradients_agree(value_and_grad(params, batch, network)[1], expected)


@pytest.mark.parametrize("network", ["squared error", "one's own"])
def test_the_loss_is_the_mean_of_what_is_known(network):
    network = NETWORKS[network]
    A = forward(params, X, network).A[-1]
    factor = 3 if network.loss is OWN else 1.5  # three outputs, and half the squares or all
    expected = factor * (counts * np.square(A - Y)).sum() / counts.sum()
    found = evaluate(params, Batch(X, Y, counts), network).loss
    assert found == pytest.approx(expected, rel=1e-12)


def test_accuracy_is_of_the_outputs_that_count():
    network = NETWORKS["sigmoid"]
    right = (forward(params, X, network).A[-1] > 0.5) == (Y > 0.5)
    expected = (right * counts).sum() / counts.sum()
    assert evaluate(params, Batch(X, Y, counts), network).accuracy == pytest.approx(expected)


@pytest.mark.parametrize("own", [False, True])
def test_in_a_stack(own):
    network, other = NETWORKS["squared error"], map_arrays(lambda a: 0.5 * a, params)
    weights = counts.astype(float)
    given = (np.stack([X, -X]), np.stack([Y, Y]), np.stack([weights] * 2)) if own else None
    both = Batch(*given) if own else Batch(X, Y, weights)
    _, grads = value_and_grad(stack([params, other]), both, network)
    for place, at in enumerate((params, other)):
        alone = Batch(-X if own and place else X, Y, weights)
        one = map_arrays(lambda a, place=place: a[place], grads)
        close(flatten(one), flatten(value_and_grad(at, alone, network)[1]))


def test_a_loss_that_is_no_sum_is_told():
    weights = np.ones((3, 8))
    with pytest.raises(ValueError, match=r"^value_and_grad: weights of each output, \(3, 8\)"):
        value_and_grad(params, Batch(X, Y / Y.sum(axis=0), weights))

"""Law 4, the other half: an example of weight 0 is left out, whatever it holds."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    Network,
    adversarial,
    backward,
    evaluate,
    forward,
    gnvp,
    hessian_trace,
    huber,
    hvp,
    live_shards,
    newton_cg_step,
    regressor,
    sgd,
    shards,
    sigmoid_cross_entropy,
    tanh,
    train_step,
    value_and_grad,
)
from scratchmlp import init_state as start_of
from scratchmlp.core.arrays import leaves
from tests.helpers import problem

params, X, Y, _ = problem(depth=3, n_out=3, m=8)
weights = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 1.0, 0.0, 3.0])
out = weights == 0
NETWORKS = {
    "softmax": Network(hidden=tanh),
    "sigmoid": Network(hidden=tanh, loss=sigmoid_cross_entropy),
    "squared error": regressor,
    "huber": Network(loss=huber(0.5)),
}
WORST = {"1e30": 1e30, "3e38": 3e38, "1e308": 1e308, "NaN": np.nan, "-inf": -np.inf}

CALLS = {
    "adversarial": lambda network, batch: adversarial(0.5)(params, batch, network),
    "evaluate": lambda network, batch: evaluate(params, batch, network),
    "gnvp": lambda network, batch: gnvp(params, params, batch, network=network),
    "hessian_trace": lambda network, batch: hessian_trace(params, batch, network=network),
    "hvp": lambda network, batch: hvp(params, params, batch, network=network),
    "newton_cg_step": lambda network, batch: newton_cg_step(params, batch, network=network),
    "train_step": lambda network, batch: train_step(
        start_of(params, sgd(0.1)), batch, network=network, optimizer=sgd(0.1)
    ),
    "value_and_grad": lambda network, batch: value_and_grad(params, batch, network),
}


def bits(result):
    return [np.asarray(leaf).tobytes() for leaf in leaves(result)]


def holding(worst, *names):
    """The batch, with this in every number of the examples that do not count."""
    given = {"X": X.copy(), "y": Y.copy()}
    for name in names:
        given[name][:, out] = worst
    return Batch(**given, weights=weights)


def close(one, other):
    """Sums of eight numbers of order 1, in another order: eps is 2e-16."""
    for a, b in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("worst", WORST)
@pytest.mark.parametrize("names", ["X", "y", "Xy"])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", CALLS)
def test_it_is_left_out(name, network, names, worst):
    compute = CALLS[name]
    result = compute(NETWORKS[network], holding(WORST[worst], *names))
    kept = Batch(X[:, ~out], Y[:, ~out], weights[~out])
    if name in ("hessian_trace", "newton_cg_step"):
        assert all(np.isfinite(leaf).all() for leaf in leaves(result))
    else:
        close(result, compute(NETWORKS[network], kept))


@pytest.mark.parametrize("worst", WORST)
@pytest.mark.parametrize("network", NETWORKS)
def test_what_it_holds_changes_no_bit(network, worst):
    one, other = (
        value_and_grad(params, holding(value, "X", "y"), NETWORKS[network])
        for value in (WORST[worst], 7.0)
    )
    assert bits(one) == bits(other)


@pytest.mark.parametrize("worst", WORST)
@pytest.mark.parametrize("network", NETWORKS)
def test_backward_leaves_out_its_target(network, worst):
    batch = holding(WORST[worst], "y")
    cache = forward(params, batch.X, NETWORKS[network])
    grads = backward(params, cache, batch.y, NETWORKS[network], weights=weights)
    close(grads, backward(params, cache, Y, NETWORKS[network], weights=weights))


@pytest.mark.parametrize("worst", ["3e38", "NaN"])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_in_shards_and_where_rows_are_left_out(size, worst):
    X32 = X.astype(np.float32)
    small = tuple(layer._make(array.astype(np.float32) for array in layer) for layer in params)
    X32[:, out] = WORST[worst]
    labels = Y.argmax(axis=0)
    expected = value_and_grad(small, Batch(X32[:, ~out], labels[~out], weights[~out]))
    for sharded in (shards, live_shards):
        result = value_and_grad(small, sharded(X32, labels, size=size, weights=weights))
        for a, b in zip(leaves(result), leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # float32: eps is 1.2e-7


@pytest.mark.parametrize("network", ["sigmoid", "squared error", "huber"])
def test_an_output_of_weight_0_is_left_out_too(network):
    """Where the loss is a sum over outputs, missing ones may be NaN, with a weight of 0."""
    each = np.broadcast_to(weights + 1, Y.shape).copy()
    each[0, :3] = each[2, 5:] = 0
    targets = np.where(each == 0, np.nan, Y)
    one, other = (
        value_and_grad(params, Batch(X, given, each), NETWORKS[network]) for given in (targets, Y)
    )
    assert bits(one) == bits(other)


@pytest.mark.parametrize("worst", ["NaN", "-inf"])
def test_an_example_that_counts_is_no_less_an_error(worst):
    batch = holding(WORST[worst], "X")._replace(weights=weights + 1)
    with pytest.raises(ValueError, match="X must be finite"):
        evaluate(params, batch)

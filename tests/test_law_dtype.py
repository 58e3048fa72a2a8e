"""Law 7: float32 in, float32 out, whatever else comes along."""

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Batch,
    Loss,
    Network,
    adam,
    backward,
    forward,
    gradient_descent,
    identity,
    init_params,
    predict,
    regressor,
    sgd,
    step,
    train_step,
    value_and_grad,
)
from scratchmlp.core.arrays import leaves
from scratchmlp.core.training.training import init_state
from tests.helpers import HIDDEN, LOSSES, OPTIMIZERS

rng = np.random.default_rng(0)
y = rng.integers(3, size=8)
INPUTS = {
    "float32": rng.random((5, 8), dtype=np.float32),
    "float64": rng.random((5, 8)),
    "uint8": rng.integers(256, size=(5, 8), dtype=np.uint8),
    "int64": rng.integers(-9, 9, size=(5, 8)),
    "C order": np.ascontiguousarray(rng.random((5, 8))),
    "Fortran order": np.asfortranarray(rng.random((5, 8))),
    "big-endian": rng.random((5, 8)).astype(">f8"),
    "strided": rng.random((10, 16))[::2, ::2],
}


def dtypes(tree):
    return {leaf.dtype for leaf in leaves(tree)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", INPUTS)
def test_everything_keeps_the_dtype_of_the_parameters(kind, dtype):
    params, X = init_params([5, 4, 3], dtype=dtype), INPUTS[kind]
    cache = forward(params, X)
    weights = np.full(8, 0.5)
    grads = backward(params, cache, y, weights=weights, total=np.float64(4))
    state = train_step(
        init_state(params, sgd(np.float64(0.1))), Batch(X, y, weights), optimizer=sgd(0.1)
    )
    trained = gradient_descent(params, X, y, iterations=2, learning_rate=np.float64(0.1))
    for tree in (cache, grads, step(params, grads, np.float64(0.1)), state.params, trained.params):
        assert dtypes(tree) == {np.dtype(dtype)}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("loss", LOSSES)
def test_no_activation_or_loss_promotes(hidden, loss):
    network = Network(HIDDEN[hidden], LOSSES[loss])
    params, X = init_params([5, 4, 3, 3]), INPUTS["float32"]
    assert dtypes(forward(params, X, network)) == {np.dtype(np.float32)}
    for weights in (None, np.ones(8)):
        _, grads = value_and_grad(params, Batch(X, np.eye(3)[:, y], weights), network)
        assert dtypes(grads) == {np.dtype(np.float32)}


def test_ones_own_functions_cannot_promote():
    double = np.float64(2)  # a NumPy number, which promotes where a Python one would not
    own = Network(
        Activation(lambda Z: double * Z, lambda Z, A: np.full(Z.shape, double)),
        Loss(
            identity,
            lambda Z, Y: (double * (Z - Y) ** 2).sum(axis=0),
            lambda A, Y: 2 * double * (A - Y),
        ),
    )
    params, X = init_params([5, 4, 3, 3]), INPUTS["float32"]
    cache = forward(params, X, own)
    assert dtypes(cache) == {np.dtype(np.float32)}
    assert dtypes(backward(params, cache, np.eye(3)[:, y], own)) == {np.dtype(np.float32)}
    state = init_state(params, adam())
    batch = Batch(X, np.eye(3)[:, y], np.ones(8))
    after = train_step(state, batch, network=own, optimizer=adam(np.float64(0.1)))
    assert dtypes((after.params, after.optimizer)) == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_keep_the_dtype(name):
    for dtype in (np.float32, np.float64):
        params = init_params([5, 4, 3], dtype=dtype)
        optimizer = OPTIMIZERS[name](np.float64(0.1))
        batch = Batch(INPUTS["float64"], y)
        state = train_step(init_state(params, optimizer), batch, optimizer=optimizer)
        found = dtypes((state.params, state.optimizer))
        assert {each for each in found if each.kind != "i"} == {np.dtype(dtype)}  # but for a count


def test_predictions_of_a_regressor_keep_the_dtype():
    assert predict(init_params([5, 1]), INPUTS["float64"], regressor).dtype == np.float32


def test_the_order_of_the_data_changes_rounding_alone():
    params = init_params([5, 4, 3], dtype=np.float64)
    one, other = (forward(params, np.asarray(INPUTS["C order"], order=o)).A[-1] for o in "CF")
    np.testing.assert_allclose(one, other, rtol=1e-14)

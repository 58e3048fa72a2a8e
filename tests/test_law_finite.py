"""Law 8: logits of 10,000 either way give a finite loss and gradient."""

import math

import numpy as np
import pytest

from scratchmlp import Layer, Network, backward, forward, gelu, sigmoid, softmax
from scratchmlp.core.model.activations import relu
from tests.helpers import HIDDEN, LOSSES

EXTREMES = np.array([-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4])
DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_finite_with_its_gradient(loss, dtype):
    network = Network(relu, LOSSES[loss])
    logits = np.array([(a, b) for a in EXTREMES for b in EXTREMES], dtype).T
    params = (Layer(np.eye(2, dtype=dtype), np.zeros((2, 1), dtype)),)
    cache = forward(params, logits, network)
    Y = np.zeros_like(logits)
    Y[0] = 1
    assert np.isfinite(network.loss.value(cache.Z[-1], Y)).all()
    assert all(np.isfinite(a).all() for a in backward(params, cache, Y, network)[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_an_activation_is_finite_with_its_derivative(hidden, dtype):
    Z = EXTREMES.astype(dtype)
    A = HIDDEN[hidden].function(Z)
    assert np.isfinite(A).all()
    assert np.isfinite(HIDDEN[hidden].derivative(Z, A)).all()


def test_cross_entropy_of_a_confident_mistake_is_the_gap_of_the_logits():
    Z, Y = np.array([[0.0], [300.0]]), np.array([[1.0], [0.0]])
    np.testing.assert_allclose(LOSSES["softmax_cross_entropy"].value(Z, Y), 300)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_probability_is_a_denormal_number(dtype):
    A = softmax.function(np.array([[0.0], [80.0], [104.0], [1e4]], dtype))
    assert (np.finfo(np.float32).tiny < A).all()
    np.testing.assert_allclose(A.sum(), 1, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 4e-16), (np.float32, 1e-7)])
def test_gelu_is_exact(dtype, tolerance):
    """Beside the error function of the C library; each is within a few units of the last place."""
    Z = np.linspace(-6, 6, 1001).astype(dtype)
    exact = np.array([0.5 * z * math.erfc(-z / math.sqrt(2)) for z in Z.tolist()])
    slope = np.array(
        [
            0.5 * math.erfc(-z / math.sqrt(2)) + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            for z in Z.tolist()
        ]
    )
    A = gelu.function(Z)
    np.testing.assert_allclose(A, exact, rtol=0, atol=4 * tolerance)
    np.testing.assert_allclose(gelu.derivative(Z, A), slope, rtol=0, atol=4 * tolerance)
    tail = dtype([-12.0, -9.0, -6.0])
    exact = [0.5 * z * math.erfc(-z / math.sqrt(2)) for z in tail.tolist()]
    np.testing.assert_allclose(gelu.function(tail), exact, rtol=100 * tolerance)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_the_slope_at_zero_is_a_half(name):
    Z = np.array([0.0, -0.0, 1e-300, -1e-30])
    np.testing.assert_array_equal(HIDDEN[name].derivative(Z, HIDDEN[name].function(Z)), 0.5)


def test_sigmoid_keeps_the_precision_of_both_tails():
    Z = np.array([-40.0, -5.0, 5.0, 40.0])
    np.testing.assert_allclose(sigmoid.function(Z), 1 / (1 + np.exp(-Z)), rtol=1e-15)

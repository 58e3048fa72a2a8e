"""Law 8: logits of 10,000 either way give a finite loss and gradient."""

import numpy as np
import pytest

from scratchmlp import Layer, Network, backward, forward, sigmoid, softmax
from scratchmlp.core.activations import relu
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


def test_sigmoid_keeps_the_precision_of_both_tails():
    Z = np.array([-40.0, -5.0, 5.0, 40.0])
    np.testing.assert_allclose(sigmoid.function(Z), 1 / (1 + np.exp(-Z)), rtol=1e-15)

"""Initial weights have the moments that their sources say."""

import numpy as np
import pytest

from scratchmlp import Layer, init_params
from scratchmlp._names import INITIALIZERS

N_OUT, N_IN = 300, 500
VARIANCES = {
    "he_normal": 2 / N_IN,
    "he_uniform": 2 / N_IN,
    "glorot_normal": 2 / (N_IN + N_OUT),
    "glorot_uniform": 2 / (N_IN + N_OUT),
    "lecun_normal": 1 / N_IN,
    "orthogonal": 1 / N_IN,
    "article_normal": 1 / N_OUT,
    "zeros": 0,
}


def weights(name):
    ((W, _),) = init_params([N_IN, N_OUT], seed=3, initializer=INITIALIZERS[name])
    return W


def test_each_initializer_is_here():
    assert set(VARIANCES) == set(INITIALIZERS)


@pytest.mark.parametrize("name", VARIANCES)
def test_the_mean_is_zero_and_the_variance_as_said(name):
    """Of n = 150,000 numbers the variance is uncertain by sqrt(2 / n) = 0.4 % at most."""
    W, variance = weights(name), VARIANCES[name]
    assert W.var() == pytest.approx(variance, rel=0.02)
    assert abs(W.mean()) <= 5 * (variance / W.size) ** 0.5


@pytest.mark.parametrize("name", ["he_uniform", "glorot_uniform"])
def test_uniform_weights_fill_their_interval(name):
    W, limit = weights(name), (3 * VARIANCES[name]) ** 0.5
    assert 0.999 * limit < W.max() <= limit
    assert 0.999 * limit < -W.min() <= limit


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5), (5, 1)])
def test_orthogonal_weights(shape):
    rng = np.random.default_rng(0)
    W = INITIALIZERS["orthogonal"](rng, shape, np.float64)
    assert W.shape == shape
    gram = W @ W.T if shape[0] < shape[1] else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_weights_favour_no_direction():
    """Without its signs, QR would give a first entry that is never positive."""
    rng = np.random.default_rng(0)
    signs = [INITIALIZERS["orthogonal"](rng, (2, 2), np.float64)[0, 0] > 0 for _ in range(200)]
    assert 60 < sum(signs) < 140  # 100 and five and a half standard deviations


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_layer_more_changes_none_before_it(name):
    short, long = (init_params(s, initializer=INITIALIZERS[name]) for s in ([5, 4], [5, 4, 3, 2]))
    np.testing.assert_array_equal(short[0].W, long[0].W)
    assert all(layer.W.dtype == layer.b.dtype == np.float32 for layer in long)


def test_ones_own_initializer():
    def ones(rng, shape, dtype):
        return Layer(np.ones(shape, dtype), np.full((shape[0], 1), 2, dtype))

    ((W, b),) = init_params([3, 2], initializer=ones)
    assert (W == 1).all()
    assert (b == 2).all()
    with pytest.raises(TypeError, match="initializer must be a function, not str 'ones'"):
        init_params([3, 2], initializer="ones")

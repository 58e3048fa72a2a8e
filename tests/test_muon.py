"""Muon against its formula: singular values by their own polynomial, and steps worked by hand."""

import numpy as np
import pytest

from scratchmlp import (
    Layer,
    adam,
    adamw,
    init_params,
    layerwise,
    map_arrays,
    muon,
    stack,
    unstack,
)
from scratchmlp.core.training.muon import orthogonal
from tests.helpers import same_bytes

params = init_params([5, 4, 6, 3], dtype=np.float64)
grads = map_arrays(np.cos, params)


def grown(values):
    """Singular values after the five iterations: each goes its own way."""
    x = np.asarray(values) / np.linalg.norm(values)
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    return x


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5), (5, 1)])
def test_an_orthogonal_matrix_keeps_the_singular_vectors(shape):
    M = np.random.default_rng(0).normal(size=shape)
    U, S, Vt = np.linalg.svd(M, full_matrices=False)
    np.testing.assert_allclose(orthogonal(M), U * grown(S) @ Vt, atol=1e-7)  # 1e-8 is in the norm
    assert 0.6 < grown(S).min() <= grown(S).max() < 1.3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_matrix_of_a_stack_is_made_orthogonal(dtype):
    M = np.random.default_rng(0).normal(size=(6, 3, 5)).astype(dtype) * np.logspace(-3, 3, 6)[
        :, np.newaxis, np.newaxis
    ].astype(dtype)
    found = orthogonal(M)
    assert found.dtype == dtype
    for one, alone in zip(M, found, strict=True):
        np.testing.assert_allclose(alone, orthogonal(one), atol=20 * np.finfo(dtype).eps)


def test_no_gradient_is_no_direction():
    assert (orthogonal(np.zeros((2, 3))) == 0).all()


def test_steps_by_hand():
    """Of a diagonal matrix of gradients g, with beta = 1/2.

    m = g / 2, then g / 4 + h / 2; over the biases of the mean, 1 - 1/4 and 1 - 1/8, and those of
    the gradient, 1 - 1/2 and 1 - 1/4, M = (1/3 + 1) g, then (4/7) (g / 4 + h / 2) + (2/3) h.
    """
    g, h = np.array([3.0, 4.0]), np.array([-1.0, 2.0])
    first = grown(g)
    M = 4 / 7 * (g / 4 + h / 2) + 2 / 3 * h
    second = np.sign(M) * grown(abs(M))
    hidden = (Layer(np.eye(2), np.zeros((2, 1))),)
    optimizer = muon(0.1, 0.5, last_layer=True)
    once, state = optimizer.update(
        hidden, (Layer(np.diag(g), np.ones((2, 1))),), optimizer.init(hidden), 0
    )
    np.testing.assert_allclose(once[0].W, np.eye(2) - 0.1 * np.diag(first), atol=1e-8)
    np.testing.assert_allclose(state.first_moment[0].W, np.diag(g / 2), atol=1e-15)
    twice, _ = optimizer.update(once, (Layer(np.diag(h), np.ones((2, 1))),), state, 1)
    np.testing.assert_allclose(twice[0].W, once[0].W - 0.1 * np.diag(second), atol=1e-8)


def test_what_has_more_outputs_than_inputs_moves_further():
    tall = (Layer(np.zeros((8, 2)), np.zeros((8, 1))),)
    wide = (Layer(np.zeros((2, 8)), np.zeros((2, 1))),)
    optimizer = muon(0.1, last_layer=True)
    ((up, _),), _ = optimizer.update(tall, map_arrays(np.cos, tall), optimizer.init(tall), 0)
    ((flat, _),), _ = optimizer.update(wide, map_arrays(np.cos, wide), optimizer.init(wide), 0)
    np.testing.assert_allclose(up, 2 * flat.T, atol=1e-15)


def test_the_last_layer_and_all_biases_are_adams():
    """At a rate that is a share of Muon's, with the weight decay of `adamw`."""
    optimizer, other = muon(0.02, adam_ratio=0.1, weight_decay=0.5), adamw(0.002, weight_decay=0.5)
    new, state = optimizer.update(params, grads, optimizer.init(params), 0)
    expected, _ = other.update(params, grads, other.init(params), 0)
    assert same_bytes(tuple(b for _, b in new), tuple(b for _, b in expected))
    assert same_bytes(new[-1:], expected[-1:])
    assert [s.size for s, _ in state.second_moment] == [0, 0, params[-1].W.size]
    for (W, _), (V, _), (G, _) in zip(params[:-1], new, grads, strict=False):
        scale = 0.02 * max(1, len(W) / W.shape[1]) ** 0.5
        np.testing.assert_allclose(V, W - 0.02 * 0.5 * W - scale * orthogonal(G), atol=1e-9)


def test_in_layerwise_each_layer_is_the_last_of_its_optimizer():
    inner = [muon(1 / 8, adam_ratio=1 / 4, last_layer=True)] * 2
    whole, apart = muon(1 / 8, adam_ratio=1 / 4), layerwise(*inner, adam(1 / 32))
    expected, _ = whole.update(params, grads, whole.init(params), 0)
    found, _ = apart.update(params, grads, apart.init(params), 0)
    assert same_bytes(found, expected)


def test_a_tree_without_layers():
    """Matrices are Muon's, stacked or not; vectors are Adam's."""
    matrix, vector = np.cos(np.arange(6.0)).reshape(2, 3), np.ones(3)
    tree = {"one": matrix, "several": np.stack([matrix, 2 * matrix]), "vector": vector}
    params = (tree["one"], (tree["several"], tree["vector"]))
    optimizer = muon(0.1)
    (one, (several, last)), _ = optimizer.update(params, params, optimizer.init(params), 0)
    np.testing.assert_allclose(one, matrix - 0.1 * orthogonal(matrix), atol=1e-8)
    np.testing.assert_allclose(several[0], one, atol=1e-12)
    np.testing.assert_allclose(last, vector - 0.005, atol=1e-8)
    assert optimizer.update((), (), optimizer.init(()), 0)[0] == ()


def test_own_numbers_of_each_network():
    rates, ratios = np.array([0.1, 0.2]), np.array([0.5, 1.0])
    both = stack([params, map_arrays(np.sin, params)])
    optimizer = muon(rates, np.array([0.5, 0.9]), weight_decay=rates, adam_ratio=ratios)
    found, _ = optimizer.update(both, both, optimizer.init(both), 0)
    for one, start, rate, beta, ratio in zip(
        unstack(found), unstack(both), rates, (0.5, 0.9), ratios, strict=True
    ):
        alone = muon(rate, beta, weight_decay=rate, adam_ratio=ratio)
        expected, _ = alone.update(start, start, alone.init(start), 0)
        map_arrays(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12) or a, one, expected)


def test_wrong_arguments():
    for make, error, message in (
        (lambda: muon(0.1, 1), ValueError, "muon: beta must be below 1, not 1"),
        (lambda: muon(adam_ratio=0), ValueError, "muon: adam_ratio must be finite and above 0"),
        (lambda: muon(weight_decay=-1), ValueError, "muon: weight_decay must be finite and at"),
        (lambda: muon(last_layer=1), TypeError, "muon: last_layer must be True or False, not int"),
        (
            lambda: muon().update(params, grads, adam().init(params), 0),
            TypeError,
            "muon: the state of the optimizer must be MuonState, not AdamState",
        ),
        (
            lambda: muon().update(params, grads[1:], muon().init(params), 0),
            ValueError,
            "the gradients must have the structure of the parameters",
        ),
        (
            lambda: muon(np.ones(2), np.full(3, 0.5)).update(params, grads, muon().init(params), 0),
            ValueError,
            "the numbers of muon must be of as many networks each",
        ),
    ):
        with pytest.raises(error, match=message):
            make()

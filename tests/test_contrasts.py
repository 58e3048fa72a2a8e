"""Initial weights that compare groups of inputs which vary together."""

import itertools

import numpy as np
import pytest

from scratchmlp import contrasts, he_normal, init_params
from scratchmlp._names import initializer_named

N = 20_000


def line(n_in=12, m=4000):
    """Examples of inputs in a line, each like its neighbours: a sum over five places of noise."""
    steps = np.random.default_rng(0).normal(size=(n_in + 4, m))
    return sum(steps[i : n_in + i] for i in range(5))


def made(X, neighbours=3.0, n_out=N):
    return contrasts(X, neighbours)(np.random.default_rng(0), (n_out, len(X)), np.float64)


def pairs(X, neighbours=3.0):
    """By the definition, the weights of each pair of inputs, with its chance."""
    alike, spread = abs(np.corrcoef(X)), X.std(axis=1)
    near = np.exp([[-(row > other).sum() / neighbours for other in row] for row in alike])
    found = {}
    for i, j in itertools.permutations(range(len(X)), 2):
        w, chances = near[i] - near[j], near[i] * spread
        chance = spread[i] / spread.sum() * chances[j] / (chances.sum() - chances[i])
        found[key(w * (2 / (w @ w)) ** 0.5)] = chance
    return found


def key(w):
    return tuple(np.round(w, 6) + 0.0)


X = line()


def test_units_are_pairs_of_inputs_drawn_by_their_chances():
    keys, counts = np.unique(made(X).round(6) + 0.0, axis=0, return_counts=True)
    found = dict(zip(map(tuple, keys), counts, strict=True))
    chances = pairs(X)
    assert len(chances) == 12 * 11
    assert sum(chances.values()) == pytest.approx(1)
    assert found.keys() <= chances.keys()
    for each, chance in chances.items():
        # A count has a deviation of sqrt(N * chance); of 132 one in 10,000 runs is 5 of these off.
        assert abs(found.get(each, 0) - N * chance) < 5 * (N * chance) ** 0.5 + 1


def test_the_norm_is_that_of_he_normal():
    np.testing.assert_allclose((made(X) ** 2).sum(axis=1), 2.0, rtol=1e-12)  # some eps of float64


def test_where_an_input_stands_says_nothing():
    order = np.random.default_rng(1).permutation(12)
    W = made(X[order])[:, np.argsort(order)]
    assert set(map(key, W)) <= pairs(X).keys()


def test_inputs_in_other_units_are_as_near_but_drawn_by_their_size():
    sizes = np.where(np.arange(12) < 6, -1.0, 100.0)[:, np.newaxis]
    W = made(X * sizes)
    assert set(map(key, W)) <= pairs(X).keys()
    # The first of a pair is one of the small with a chance of 1 / 101, the other by as much.
    assert (abs(W[:, :6]).sum(axis=1) > abs(W[:, 6:]).sum(axis=1)).mean() < 0.05


def test_an_input_that_never_changes_has_no_weight():
    still = np.insert(X, [0, 3, 12], 7.0, axis=0)
    W = made(still)
    assert not W[:, [0, 4, 14]].any()
    assert set(map(key, np.delete(W, [0, 4, 14], axis=1))) <= pairs(X).keys()


@pytest.mark.parametrize("neighbours", [0.1, 1e3])
@pytest.mark.parametrize("n_in", [2, 12])
def test_the_fewest_and_the_most_neighbours(neighbours, n_in):
    W = made(X[:n_in], neighbours)
    np.testing.assert_allclose((W * W).sum(axis=1), 2.0, rtol=1e-9)  # of differences of 1e-3


def test_in_images_these_are_edges_of_all_directions():
    """Blurred noise, 12 x 12: bright and dark are some pixels apart, in every eighth of a turn."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(16, 16, 4000))
    images = sum(noise[i : 12 + i, j : 12 + j] for i in range(5) for j in range(5))
    W = made(images.reshape(144, 4000), 14.0, 2000).reshape(-1, 12, 12)
    bright, dark = (np.maximum(sign * W, 0) for sign in (1, -1))
    down, right = (
        np.einsum("nij,i->n", a / a.sum(axis=(1, 2), keepdims=True), np.arange(12.0))
        - np.einsum("nij,i->n", b / b.sum(axis=(1, 2), keepdims=True), np.arange(12.0))
        for a, b in ((bright, dark), (bright.swapaxes(1, 2), dark.swapaxes(1, 2)))
    )
    # Within a circle of 14 pixels, r = 2.1, a pair is up to that far apart, and the centres of the
    # bright and the dark side about as far as that; a unit of noise over the image has either.
    assert (np.hypot(down, right) < 5).mean() > 0.95
    eighths = np.bincount((np.arctan2(down, right) // (np.pi / 4)).astype(int) % 8, minlength=8)
    assert eighths.min() > 0.5 * 2000 / 8


def test_the_first_layer_alone():
    several = init_params([12, 30, 20], initializer=(contrasts(X), he_normal))
    assert (several[1].W == init_params([12, 30, 20])[1].W).all()
    assert several[0].W.dtype == np.float32


def test_wrong_values():
    with pytest.raises(ValueError, match="contrasts: neighbours must be from 0.1 to 1000, not 0.0"):
        contrasts(X, 0.01)
    with pytest.raises(ValueError, match="contrasts: X must have at least two inputs that vary"):
        contrasts(np.array([[1.0, 2.0], [3.0, 3.0]]))
    with pytest.raises(ValueError, match="init_params: X has 12 inputs, but a layer takes 13"):
        init_params([13, 2], initializer=contrasts(X))


def test_by_name():
    same = contrasts(X, 3.0)(np.random.default_rng(0), (3, 12), np.float32)
    for text in ("contrasts(3)", "contrasts(neighbours=3)"):
        W = initializer_named(text, X=X)(np.random.default_rng(0), (3, 12), np.float32)
        np.testing.assert_array_equal(W, same)
    with pytest.raises(ValueError, match=r"'contrasts\(X=3\)'"):
        initializer_named("contrasts(X=3)")

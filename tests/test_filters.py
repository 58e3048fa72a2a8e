"""Initial weights that are filters of an image."""

import numpy as np
import pytest

from scratchmlp import gabor, he_normal, init_params
from scratchmlp._names import initializer_named

N = 2000


def images(height=28, width=28, sigma=1.5, shape=None):
    rng = np.random.default_rng(0)
    return gabor(sigma, shape)(rng, (N, height * width), np.float64).reshape(N, height, width)


def centres(W):
    """The mean place of what a unit sees, weighed by the squares of its weights."""
    y, x = (np.einsum("nij,i->n", W * W, np.arange(28.0)) / 2 for W in (W, W.swapaxes(1, 2)))
    return y, x


@pytest.mark.parametrize("size", [(28, 28), (5, 9), (1, 7), (1, 1)])
@pytest.mark.parametrize("sigma", [0.1, 1.5, 1000])
def test_the_norm_is_that_of_he_normal(size, sigma):
    W = images(*size, sigma, shape=size)
    np.testing.assert_allclose((W * W).sum(axis=(1, 2)), 2.0, rtol=1e-9)  # 784 roundings of 1e-16


def test_units_are_everywhere():
    """A centre is uniform over 28 pixels; a mean of n such has a deviation of 28 / sqrt(12 n)."""
    for place in centres(images()):
        assert place.mean() == pytest.approx(13.5, abs=5 * 28 / (12 * N) ** 0.5)
        assert place.min() < 1
        assert place.max() > 26


def test_an_edge_is_bright_on_one_side_and_dark_on_the_other():
    """The filter is odd about its centre, so that of an even ground nothing is seen."""
    W = images()
    y, x = centres(W)
    inside = (abs(y - 13.5) < 6) & (abs(x - 13.5) < 6)  # 7.5 pixels or more from the border
    assert inside.sum() > N / 8
    # At 5 deviations a Gaussian is 4e-6 of its height; between pixels it adds up to less than 1e-3.
    np.testing.assert_allclose(W[inside].sum(axis=(1, 2)), 0, atol=1e-2)
    assert (abs(W[inside]).sum(axis=(1, 2)) > 1).all()


def test_edges_have_all_directions():
    """What a unit makes of ramps to the right and downwards is cos(t) and sin(t) of a number."""
    W = images()
    ramp = np.arange(28) - 13.5
    y, x = centres(W)
    inside = (abs(y - 13.5) < 6) & (abs(x - 13.5) < 6)
    right, down = W[inside].sum(axis=1) @ ramp, W[inside].sum(axis=2) @ ramp
    np.testing.assert_allclose(np.hypot(right, down), np.hypot(right, down).mean(), rtol=0.02)
    t = np.sort(np.arctan2(down, right))
    even = np.linspace(-np.pi, np.pi, len(t))
    # The largest distance from an even spread: 1.95 / sqrt(n) of the circle in one run of 1000.
    assert abs(t - even).max() < 2 * np.pi * 1.95 / len(t) ** 0.5


def test_a_wider_sigma_sees_more():
    seen = [(abs(images(sigma=sigma)) > 0.1).sum(axis=(1, 2)).mean() for sigma in (0.5, 1, 2)]
    assert seen == sorted(seen)


def test_images_that_are_not_square():
    W = images(7, 4, shape=(7, 4))
    assert W.shape == (N, 7, 4)
    with pytest.raises(
        ValueError, match="gabor: what a layer takes has 28 rows, so its images are"
    ):
        gabor()(np.random.default_rng(0), (3, 28), np.float32)


def test_the_first_layer_alone():
    several = init_params([784, 30, 20, 10], initializer=(gabor(), he_normal, he_normal))
    one = init_params([784, 30, 20, 10])
    assert all((a.W == b.W).all() for a, b in zip(several[1:], one[1:], strict=True))
    assert not (several[0].W == one[0].W).any()
    assert not several[0].b.any()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_initializers_as_layers(count):
    message = f"init_params: initializer must be one, or one for each layer, not {count}"
    with pytest.raises(ValueError, match=message):
        init_params([4, 3, 2], initializer=(he_normal,) * count)


def test_by_name():
    assert initializer_named("he_normal") is he_normal
    made = initializer_named("gabor(sigma=2)", (7, 4))
    W = made(np.random.default_rng(0), (3, 28), np.float32)
    same = gabor(2.0, (7, 4))(np.random.default_rng(0), (3, 28), np.float32)
    np.testing.assert_array_equal(W, same)
    with pytest.raises(ValueError, match="'blobs' is no initializer: there are he_normal"):
        initializer_named("blobs")

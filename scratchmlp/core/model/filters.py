"""Initial weights of a first layer that sees images: filters, in the place of noise."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array
from scratchmlp.core.border import public
from scratchmlp.core.images import Size, check_shape, size_of
from scratchmlp.core.model.initializers import Initializer, Shape

LEAST, MOST = 0.1, 1e3  # pixels: below there may be no pixel near a centre


@public
def gabor(sigma: float = 1.5, shape: Size | None = None) -> Initializer:
    """An initializer of a first layer whose units look for edges in an image, each somewhere.

    The weights of a unit are exp(-(x^2 + y^2) / (2 sigma^2)) sin(pi u / (2 sigma)) at the pixel
    that is x right of its centre and y below, and u = x cos(t) + y sin(t) in its direction. Centres
    are uniform over the image, directions t over the circle, and the norm of each unit's weights is
    sqrt(2), which with `he_normal` it is on average. `sigma` is in pixels; `shape` is (height,
    width), by default a square, of images that lie in X row after row.

    All weights learn as any others do: `init_params(sizes, initializer=(gabor(), he_normal, ...))`.

    Raises ValueError or TypeError for a sigma that is no number from 0.1 to 1000, or no shape;
    later, for layers whose inputs are no image of that shape.
    Source: Jones and Palmer 1987, "An evaluation of the two-dimensional Gabor filter model of
    simple receptive fields in cat striate cortex".

    >>> W = gabor(1.0)(np.random.default_rng(0), (2, 784), np.float64)
    >>> W.shape, (W * W).sum(axis=1).round(12)
    ((2, 784), array([2., 2.]))
    """
    size = checks.within("sigma", sigma, LEAST, MOST)
    check_shape(shape)
    return partial(_gabor, size, shape)


@public
def _gabor(
    sigma: float,
    image: Size | None,
    rng: np.random.Generator,
    shape: Shape,
    dtype: DTypeLike,
) -> Array:
    n_out, n_in = shape
    height, width = size_of(image, n_in, "what a layer takes")
    top, left = rng.uniform(-0.5, [[height - 0.5], [width - 0.5]], (2, n_out))
    t = rng.uniform(0, 2 * np.pi, (n_out, 1, 1))
    y = np.arange(height)[:, np.newaxis] - top[:, np.newaxis, np.newaxis]
    x = np.arange(width) - left[:, np.newaxis, np.newaxis]
    u = x * np.cos(t) + y * np.sin(t)
    W: Array = np.exp(-(x * x + y * y) / (2 * sigma**2)) * np.sin(np.pi * u / (2 * sigma))
    W *= np.sqrt(2 / (W * W).sum(axis=(1, 2), keepdims=True))
    return W.reshape(n_out, n_in).astype(dtype)

"""Augmentations: functions from images and a seed to distorted images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np
from toolz import concat

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data import warps
from scratchmlp.core.data.image_seeds import seeds_given
from scratchmlp.core.data.ranges import MOST, bounded, range_of
from scratchmlp.core.data.warps import Range, Ranges, Warp
from scratchmlp.core.images import check_shape, size_of
from scratchmlp.core.randomness import derived, normals

Augmentation: TypeAlias = Callable[[Array, Any], Array]
Stage: TypeAlias = Warp | Augmentation
MOST_PIXELS = 200_000  # of images at once: of more the cache is too small, of fewer threads wait


@public
def affine(
    *,
    rotation: float | Range = 0.0,
    scale: float | Range = 0.0,
    shear: float | Range = 0.0,
    shift: float | Range = 0.0,
    shape: tuple[int, int] | None = None,
) -> Augmentation:
    """Images that are turned, stretched, slanted and moved, each at random.

    A range is a pair (low, high), from which numbers are drawn uniformly, or one number r for
    (-r, r), of `scale` for (1 - r, 1 + r). About its centre, an image is scaled, each axis by a
    factor of its own; its upper part is sheared to the right by so many pixels for each pixel of
    height; it is rotated counterclockwise by degrees; and shifted right and down by pixels. The
    random numbers have the precision of float32.

    The result is a function of images X (height * width, m), a column an image, row after row, and
    a seed: an integer, or `image_seeds` (m,). It returns images in the same form, floating, read
    bilinearly between pixels, with zeros outside. `shape` is (height, width), by default a square.

    Raises ValueError or TypeError for what is no range of numbers up to a million, or no shape, or
    for scales below a millionth; later, for images that do not have that shape.
    Source: Ciresan et al. 2010, "Deep, Big, Simple Neural Nets", https://arxiv.org/abs/1003.0358.

    >>> X = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> affine(rotation=(90, 90))(X, 0).reshape(2, 2).round(6)
    array([[2., 4.],
           [1., 3.]])
    """
    sizes = range_of("rotation", rotation), range_of("scale", scale, 1.0), range_of("shear", shear)
    ranges = Ranges(*sizes, range_of("shift", shift))
    if ranges.scale[0] < 1 / MOST:
        raise value_error(f"scale must be at least {1 / MOST}, not from {ranges.scale[0]}")
    return _warp(partial(warps.affine, ranges), shape)


@public
def elastic(
    *, sigma: float = 4.0, alpha: float = 34.0, shape: tuple[int, int] | None = None
) -> Augmentation:
    """Images whose pixels are moved by smooth random fields, one down and one across.

    A field is noise, uniform from -alpha to alpha at each pixel, smoothed by a Gaussian of standard
    deviation `sigma` pixels. Its own deviation is 0.16 alpha / sigma where sigma is 1 or more: with
    the defaults, 1.4 pixels down and 1.4 across.

    The result is a function of images and a seed, as that of `affine`.

    Raises ValueError for a sigma that is not above 0, an alpha below 0, or one above a million;
    otherwise as `affine`.
    Source: Simard et al. 2003, "Best Practices for Convolutional Neural Networks", section 2.

    >>> X = np.ones((25, 3))
    >>> distorted = elastic(sigma=2.0, alpha=5.0)(X, 0)
    >>> distorted.shape, bool((distorted[12] == X[12]).all()), bool((distorted[0] < X[0]).any())
    ((25, 3), True, True)
    """
    width = bounded("sigma", checks.positive("sigma", sigma))
    most = bounded("alpha", checks.positive("alpha", alpha, zero=True))
    return _warp(partial(warps.elastic, width, most), shape)


@public
def gaussian_noise(deviation: float) -> Augmentation:
    """Images, or any examples, with noise added to each number: normal, of mean 0.

    The result is a function of examples X (n_in, m) and a seed, as that of `affine`.

    Raises ValueError for a deviation below 0 or above a million, TypeError for no number.

    >>> gaussian_noise(0.1)(np.zeros((10_000, 1)), 0).std().round(2)
    np.float64(0.1)
    """
    size = bounded("deviation", checks.positive("deviation", deviation, zero=True))
    return partial(_augmentation, (partial(_noisy, size),))


@public
def compose(*augmentations: Augmentation) -> Augmentation:
    """One augmentation after another, each by seeds of its own.

    Pixels are interpolated once for all of `affine` and `elastic` that follow each other: they blur
    as little as one, and what leaves the image in between is not lost. One's own functions of
    examples and seeds will do too; they see some of the examples at a time.

    Raises TypeError for anything but functions, ValueError for none of them.

    >>> distort = compose(affine(rotation=10, shift=2), elastic(), gaussian_noise(0.1))
    >>> distort(np.zeros((784, 5), np.float32), 0).dtype
    dtype('float32')
    """
    if not augmentations:
        raise value_error("augmentations must have at least one")
    checks.functions("augmentations", augmentations)
    none: tuple[Stage, ...] = ()
    stages = reduce(_joined, concat(map(_stages, augmentations)), none)
    return partial(_augmentation, stages)


@public
def _augmentation(stages: tuple[Stage, ...], X: Array, seed: Any) -> Array:
    """A tile of images after another, so that what is made of them on the way stays in cache."""
    checks.matrix("X", X)
    seeds = seeds_given(seed, X.shape[1])
    rows = np.empty(X.shape[::-1], np.float64 if X.dtype == np.float64 else np.float32)
    step = max(1, MOST_PIXELS // len(X))
    for start in range(0, len(rows), step):
        tile = slice(start, start + step)
        rows[tile] = _through(stages, X[:, tile].astype(rows.dtype), seeds[tile]).T
    return freeze(rows.T)


def _through(stages: tuple[Stage, ...], X: Array, seeds: Array) -> Array:
    """Examples after all stages, each of which has its own seeds."""
    for number, stage in enumerate(stages):
        own = derived(seeds, np.array([number]))
        if isinstance(stage, Warp):
            images = X.T.reshape(-1, *size_of(stage.shape, len(X)))
            X = warps.warped(stage.moves, images, own).reshape(len(images), -1).T
        else:
            result = stage(X, own)
            checks.result("an augmentation", result, X.shape)
            X = result.astype(X.dtype, copy=False)
    return X


def _joined(stages: tuple[Stage, ...], stage: Stage) -> tuple[Stage, ...]:
    """The stages and one more, which is one with the last if both are warps of one shape."""
    last = stages[-1] if stages else None
    if isinstance(last, Warp) and isinstance(stage, Warp) and last.shape == stage.shape:
        return *stages[:-1], Warp(last.moves + stage.moves, stage.shape)
    return *stages, stage


def _stages(augmentation: Any) -> tuple[Stage, ...]:
    """Those that an augmentation is made of; a function of the user's own is one itself."""
    ours = isinstance(augmentation, partial) and augmentation.func is _augmentation
    whole = ours and len(augmentation.args) == 1 and not augmentation.keywords
    return augmentation.args[0] if whole else (augmentation,)


def _noisy(deviation: float, X: Array, seeds: Array) -> Array:
    noise = normals(seeds, len(X)).T
    return X + np.float32(deviation) * noise


def _warp(move: warps.Move, shape: Any) -> Augmentation:
    check_shape(shape)
    return partial(_augmentation, (Warp((move,), shape),))

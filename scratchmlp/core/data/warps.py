"""Warps: where each pixel of a distorted image is taken from, and the pixels that are there.

Places are (m, 2, height, width): for each pixel of each image its row and its column, counted from
the image's centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from scratchmlp.core.arrays import Array
from scratchmlp.core.randomness import derived, uniforms

Range: TypeAlias = tuple[float, float]
# Where pixels come from that are seen at places, (m, 2, height, width), by each image's seed (m,).
Move: TypeAlias = Callable[[Array, Array], Array]
DEVIATIONS = 3.0  # beyond so many of them a Gaussian counts as 0


class Warp(NamedTuple):
    """Moves, the first of them the first to be made, and the height and width of its images."""

    moves: tuple[Move, ...]
    shape: tuple[int, int] | None


class Ranges(NamedTuple):
    """What an affine warp is drawn from: degrees, factors, a slope and pixels."""

    rotation: Range
    scale: Range
    shear: Range
    shift: Range


def warped(moves: tuple[Move, ...], images: Array, seeds: Array) -> Array:
    """Images (m, height, width) after one move upon another; pixels are interpolated once."""
    places = grid(images)
    for number, move in reversed([*enumerate(moves)]):
        places = move(places, derived(seeds, np.array([number])))
    return interpolated(images, places)


def grid(images: Array) -> Array:
    """The places of the pixels themselves, (1, 2, height, width), in the dtype of the images.

    >>> grid(np.zeros((1, 1, 3)))[0, 1]
    array([[-1.,  0.,  1.]])
    """
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in images.shape[1:])
    places = np.meshgrid(rows, columns, indexing="ij")
    return np.array(places, images.dtype)[np.newaxis]


def affine(ranges: Ranges, places: Array, seeds: Array) -> Array:
    """The places before a scaling of both axes, then a shear, then a rotation, then a shift."""
    of_numbers = *ranges, ranges.scale, ranges.shift
    low, width = np.array([(low, high - low) for low, high in of_numbers], np.float32).T
    turn, x, slant, right, y, down = (low + width * uniforms(seeds, len(low))).T
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    # (column, row), with rows that count downwards, goes to (a column + b row, c column + d row).
    a, b, c, d = cos * x, (sin - slant * cos) * y, -sin * x, (cos + slant * sin) * y
    # Contiguous for one image as for many: how numbers lie decides how matmul rounds.
    inverse, shift = (
        np.ascontiguousarray(np.moveaxis(each, -1, 0), places.dtype)
        for each in (np.array([[a, -c], [-b, d]]) / (x * y), np.array([[down], [right]]))
    )
    moved = inverse @ places.reshape(len(places), 2, -1)
    moved -= inverse @ shift
    return moved.reshape(-1, *places.shape[1:])


def elastic(sigma: float, alpha: float, places: Array, seeds: Array) -> Array:
    """The places moved by white noise of -alpha to alpha, smoothed by a Gaussian of sigma pixels.

    The noise is drawn on a grid as coarse as the Gaussian is wide, if that is more than a pixel: to
    one part in a thousand, smoothed noise has the same covariance as from a grid of pixels.
    """
    spacing = max(1.0, sigma)
    down, across = (_bumps(size, sigma, spacing) for size in places.shape[2:])
    shape = len(seeds), 2, down.shape[1], across.shape[1]
    noise = uniforms(seeds, math.prod(shape[1:])).reshape(shape).astype(places.dtype, copy=False)
    noise -= 0.5
    noise *= 2 * alpha * spacing
    field = down.astype(places.dtype) @ (noise @ across.T.astype(places.dtype))
    field += places
    return field


def interpolated(images: Array, places: Array) -> Array:
    """The images (m, height, width) at places, bilinearly between pixels; outside they are 0.

    >>> interpolated(np.array([[[2.0, 4.0]]]), np.array([[[[0.0, 0.0]], [[0.0, 1.0]]]]))
    array([[[3., 2.]]])
    """
    m, *sizes = images.shape
    frame = np.zeros((m, *(size + 3 for size in sizes)), images.dtype)
    frame[:, 1:-2, 1:-2] = images
    height, width = frame.shape[1:]
    rows, columns = (
        np.clip(places[:, axis] + (size + 1) / 2, 0, size + 1) for axis, size in enumerate(sizes)
    )
    above, left = np.floor(rows), np.floor(columns)
    # As int32 till the end: that is six times as fast as from floating numbers to int64 at once.
    corner = above.astype(np.int32)
    corner *= width
    corner += left.astype(np.int32)
    corner += height * width * np.arange(m, dtype=np.int32)[:, np.newaxis, np.newaxis]
    start = corner.astype(np.intp)
    rows -= above
    columns -= left
    pixels = frame.reshape(-1)
    upper, upper_right, lower, lower_right = (
        pixels[offset:].take(start, mode="clip") for offset in (0, 1, width, width + 1)
    )
    return _between(
        _between(upper, upper_right, columns), _between(lower, lower_right, columns), rows
    )


def _between(one: Array, other: Array, part: Array) -> Array:
    """That part of the way from one to the other, in the memory of the other."""
    other -= one
    other *= part
    other += one
    return other


def _bumps(size: int, sigma: float, spacing: float) -> Array:
    """What each of so many pixels takes of the noise at nodes: (size, nodes)."""
    before = math.ceil(DEVIATIONS * sigma / spacing)
    nodes = spacing * np.arange(-before, before + math.ceil((size - 1) / spacing) + 1)
    distances = (np.arange(size)[:, np.newaxis] - nodes) / sigma
    weights: Array = np.exp(-0.5 * distances**2)
    return weights / (spacing * weights.sum(axis=1, keepdims=True))

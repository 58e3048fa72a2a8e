"""The seeds of what happens to each image: functions of its place in the data and of the epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.randomness import Purpose, derived, generator


@public
def image_seeds(seed: int, epoch: int, places: Array) -> Array:
    """The seeds (m,) uint64 of the images at some places (m,) of the data, in an epoch.

    Each is a function of (seed, epoch, place) alone, whatever images are beside it.

    Raises ValueError for a seed, an epoch or a place below 0; TypeError where one is no integer.

    >>> image_seeds(0, 3, np.array([7, 8]))[1] == image_seeds(0, 3, np.array([8]))[0]
    np.True_
    """
    checks.count("seed", seed, least=0)
    checks.count("epoch", epoch, least=0)
    checks.labels(places, np.iinfo(np.int64).max, "places")
    return freeze(seeds_of(seed, epoch, places))


def seeds_of(seed: int, epoch: int, places: Array) -> Array:
    """`image_seeds` of checked arguments."""
    one = generator(seed, Purpose.IMAGES, epoch).integers(2**64, size=1, dtype=np.uint64)
    return derived(one, places)


def seeds_given(seed: Any, m: int) -> Array:
    """The seeds of m examples: those that are given, or those of a number in the first epoch."""
    if not isinstance(seed, np.ndarray):
        checks.count("seed", seed, least=0)
        return seeds_of(seed, 0, np.arange(m))
    if seed.dtype != np.uint64:
        raise type_error(f"seed must be an integer or image_seeds, not {seed.dtype}")
    if seed.shape != (m,):
        raise value_error(f"seed must be of {m} examples, not of shape {seed.shape}")
    return seed

"""Random numbers as values: functions of a seed and of what they are for."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from scratchmlp.core.arrays import Array

# The increment of SplitMix64 and the multipliers of its mixing function, in the variant "Mix13".
# Sources: Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators"; Stafford 2011.
STEP = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


class Purpose(IntEnum):
    """What random numbers are for, so that no two uses of one seed share their numbers."""

    PARAMS = 0
    SHUFFLE = 1
    MINIBATCHES = 2
    PROBES = 3
    IMAGES = 4
    DROPOUT = 5
    LARGE_SEED = 6


def generator(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """A new generator for (seed, purpose, keys): the same arguments give the same numbers.

    Any integer from 0 on is a seed of its own.

    >>> first, again = (generator(0, Purpose.PARAMS, 1).integers(100, size=3) for _ in range(2))
    >>> bool((first == again).all())
    True
    """
    low, high = seed % 2**32, seed // 2**32
    if not high:
        return np.random.default_rng([low, purpose, *keys])
    # NumPy takes a large number for several, so these are counted: no other keys look the same.
    words = [high >> bits & 0xFFFFFFFF for bits in range(0, high.bit_length(), 32)]
    return np.random.default_rng([low, Purpose.LARGE_SEED, len(words), *words, purpose, *keys])


def derived(seeds: Array, numbers: Array) -> Array:
    """Seeds (m,) uint64 that are made of others (m,) or (1,), and of numbers (m,) or (1,).

    >>> derived(np.zeros(1, np.uint64), np.array([0, 1]))
    array([16294208416658607535,  7960286522194355700], dtype=uint64)
    """
    return _mixed(seeds + STEP * (numbers.astype(np.uint64) + np.uint64(1)))


def uniforms(seeds: Array, count: int) -> Array:
    """Numbers from 0 to 1, less than 1, (m, count) float32: row k is a function of seeds[k] alone.

    A generator of NumPy's would have to be made for each row; this is SplitMix64, for all at once.

    >>> uniforms(np.zeros(1, np.uint64), 2)
    array([[0.48092347, 0.8833108 ]], dtype=float32)
    """
    steps = STEP * np.arange(1, count // 2 + 2, dtype=np.uint64)
    halves = _mixed(seeds[:, np.newaxis] + steps).view(np.uint32)[:, :count]
    numbers = (halves >> np.uint32(8)).astype(np.float32)  # as many bits as a float32 has
    numbers *= np.float32(2**-24)
    return numbers


def normals(seeds: Array, count: int) -> Array:
    """Numbers of mean 0 and deviation 1, normally distributed, (m, count) float32; as `uniforms`.

    Source: Box and Muller 1958, "A Note on the Generation of Random Normal Deviates".

    >>> normals(np.zeros(1, np.uint64), 2).shape
    (1, 2)
    """
    pairs = -(-count // 2)
    numbers = uniforms(seeds, 2 * pairs)
    radius = np.sqrt(-2 * np.log1p(-numbers[:, :pairs]))
    angle = np.float32(2 * np.pi) * numbers[:, pairs:]
    np.multiply(radius, np.cos(angle), out=numbers[:, :pairs])
    np.multiply(radius, np.sin(angle), out=numbers[:, pairs:])
    return numbers[:, :count]


def _mixed(Z: Array) -> Array:
    """Each number of a fresh array of uint64 mixed, in its own memory."""
    first, second, last = SHIFTS
    Z ^= Z >> first
    Z *= MULTIPLIERS[0]
    Z ^= Z >> second
    Z *= MULTIPLIERS[1]
    Z ^= Z >> last
    return Z

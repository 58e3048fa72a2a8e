"""Random numbers as values: a generator is a function of a seed and of what it is for."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for, so that no two uses of one seed share their numbers."""

    PARAMS = 0
    SHUFFLE = 1
    MINIBATCHES = 2
    PROBES = 3


def generator(seed: int, stream: Stream, *keys: int) -> "np.random.Generator":
    """A new generator for (seed, stream, keys): the same arguments give the same numbers.

    >>> first, again = (generator(0, Stream.PARAMS, 1).integers(100, size=3) for _ in range(2))
    >>> bool((first == again).all())
    True
    """
    return np.random.default_rng([seed, stream, *keys])

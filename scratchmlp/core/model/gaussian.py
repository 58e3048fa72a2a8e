"""The normal distribution's upper tail, to the last digits of either dtype: NumPy has no erf."""

import numpy as np

from scratchmlp.core.arrays import Array

# With t = (z - 4) / (z + 4), which takes z >= 0 to -1 <= t < 1, the tail is exp(-z^2 / 2) / (z + 4)
# times a smooth function of t. These are the coefficients of its Chebyshev interpolants, in powers
# of t: of degree 9 for float32 (within 1e-8), of degree 22 for float64 (within 1e-16).
# fmt: off
_SINGLE = (
    0.7552851271, -0.6078964038, 0.3871375629, -0.1865267109, 0.06039529587,
    -0.007512231382, -0.003476167895, 0.001563786899, 0.0001293256813, -0.0001573205696,
)
_DOUBLE = (
    0.7552851304157514, -0.607896641971893, 0.3871374007422266, -0.1865218579595787,
    0.06039657489036092, -0.007540188968891619, -0.0034796923566515025, 0.0016308184854735856,
    0.00013334420916014778, -0.00023109513778728935, -1.907676030719098e-06,
    3.514560235904452e-05, 7.146021531267462e-07, -5.922893777541928e-06, -6.249551077565178e-07,
    1.026984070143193e-06, 2.647337281979868e-07, -1.622316320853567e-07, -7.878360342693638e-08,
    1.9569608939974048e-08, 1.60673869573294e-08, -1.277235143295772e-09, -1.6886576966786735e-09,
)
# fmt: on


def upper_tail(z: Array) -> Array:
    """The probability that a standard normal number is above z, for z >= 0.

    >>> upper_tail(np.array([0.0, 1.0, 10.0]))
    array([5.00000000e-01, 1.58655254e-01, 7.61985302e-24])
    """
    *lower, highest = _SINGLE if z.dtype == np.float32 else _DOUBLE
    t = (z - 4) / (z + 4)
    total = np.full_like(t, highest)
    for coefficient in reversed(lower):
        total *= t
        total += coefficient
    total *= np.exp(-0.5 * z * z)
    total /= z + 4
    return total


def density(z: Array) -> Array:
    """The standard normal density.

    >>> density(np.array([0.0]))
    array([0.39894228])
    """
    return (2 * np.pi) ** -0.5 * np.exp(-0.5 * z * z)

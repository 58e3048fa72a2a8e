"""Losses of regressions other than the squared error: of numbers with outliers, of counts."""

from __future__ import annotations

from functools import partial

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array
from scratchmlp.core.border import public
from scratchmlp.core.model.activations import Activation, identity
from scratchmlp.core.model.losses import Loss
from scratchmlp.core.model.targets import at_least_zero


@public
def huber(threshold: float = 1.0) -> Loss:
    """The squared error of outputs within `threshold` of their targets, linear beyond it.

    With d = |Z - Y|, the sum over the outputs of d^2 / 2, or of threshold (d - threshold / 2) where
    d is above the threshold: outliers have a bounded pull.

    Raises ValueError for a threshold that is not above 0, TypeError where it is no number.
    Source: Huber 1964, "Robust Estimation of a Location Parameter".

    >>> huber(1.0).value(np.array([[0.5, 3.0]]), np.array([[0.0, 0.0]]))
    array([0.125, 2.5  ])
    """
    number = checks.positive("threshold", threshold)
    value, delta, curvature = (
        partial(part, number) for part in (_huber, _huber_delta, _huber_curvature)
    )
    return Loss(identity, value, delta, curvature, sum_over_outputs=True)


def _huber(threshold: float, Z: Array, Y: Array) -> Array:
    distance = np.abs(Z - Y)
    near = np.minimum(distance, threshold)
    return (near * (distance - 0.5 * near)).sum(axis=-2)


def _huber_delta(threshold: float, A: Array, Y: Array) -> Array:
    return np.clip(A - Y, -threshold, threshold)


def _huber_curvature(threshold: float, A: Array, Y: Array, dZ: Array) -> Array:
    return (np.abs(A - Y) < threshold) * dZ


def _exponential(Z: Array) -> Array:
    # The bounds keep every number of the loss finite and normal, in float32 too.
    return np.exp(np.clip(Z, -60, 70))


def _exponential_derivative(Z: Array, A: Array) -> Array:
    return A * (Z < 70)


def _poisson(Z: Array, Y: Array) -> Array:
    # Above Z = 70 the exponential is continued by its tangent, which has the same delta.
    mean = _exponential(Z) * (1 + np.maximum(Z - 70, 0))
    return (mean - Y * Z + Y * np.log(np.where(Y > 0, Y, 1)) - Y).sum(axis=-2)


def _poisson_delta(A: Array, Y: Array) -> Array:
    return A - Y


def _poisson_curvature(A: Array, Y: Array, dZ: Array) -> Array:
    return A * (A < 2.5e30) * dZ  # exp(70) is above that


poisson = Loss(
    Activation(_exponential, _exponential_derivative, _exponential_derivative),
    _poisson,
    _poisson_delta,
    _poisson_curvature,
    targets=at_least_zero,
    sum_over_outputs=True,
)
"""exp(Z) - Y Z + Y log Y - Y, summed down each column, A being exp(Z): for counts.

It is half the deviance of counts Y, none below 0, from their means A. Its delta is A - Y.
Source: McCullagh and Nelder 1989, "Generalized Linear Models", section 2.3.
"""

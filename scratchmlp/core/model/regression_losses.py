"""Losses of regressions other than the squared error."""

from __future__ import annotations

from functools import partial

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array
from scratchmlp.core.border import public
from scratchmlp.core.model.activations import identity
from scratchmlp.core.model.losses import Loss


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

"""Relatives of relu: leaky_relu, softplus, elu, gelu and silu."""

from __future__ import annotations

from functools import partial

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array
from scratchmlp.core.border import public
from scratchmlp.core.model.activations import Activation, sigmoid, zero_second
from scratchmlp.core.model.gaussian import density, upper_tail


@public
def leaky_relu(slope: float = 0.01) -> Activation:
    """The Activation max(Z, slope Z).

    Raises ValueError unless 0 <= slope < 1, TypeError where it is no number.
    Source: Maas et al. 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models".

    >>> leaky_relu(0.5).function(np.array([-2.0, 2.0]))
    array([-1.,  2.])
    """
    number = checks.fraction("slope", slope, zero=True)
    return Activation(
        partial(_leaky_relu, number), partial(_leaky_relu_derivative, number), zero_second
    )


def _leaky_relu(slope: float, Z: Array) -> Array:
    return np.maximum(Z, slope * Z)


def _leaky_relu_derivative(slope: float, Z: Array, A: Array) -> Array:
    return np.maximum((A > 0).astype(A.dtype), slope)


def _elu(Z: Array) -> Array:
    A = np.expm1(np.minimum(Z, 0))
    A += np.maximum(Z, 0)
    return A


def _elu_derivative(Z: Array, A: Array) -> Array:
    return np.minimum(A, 0) + 1


def _elu_second(Z: Array, A: Array) -> Array:
    return (A + 1) * (A < 0)


def _softplus(Z: Array) -> Array:
    A = np.log1p(np.exp(-np.abs(Z)))
    A += np.maximum(Z, 0)
    return A


def _softplus_derivative(Z: Array, A: Array) -> Array:
    return -np.expm1(-A)


def _softplus_second(Z: Array, A: Array) -> Array:
    return -np.exp(-A) * np.expm1(-A)


def _gate(Z: Array, A: Array) -> Array:
    """h(Z) = A / Z where A = Z h(Z), given that h(0) is 1/2."""
    near = (np.abs(Z) < 1e-20).astype(Z.dtype)
    return (A + 0.5 * near) / (Z + near)


def _gelu(Z: Array) -> Array:
    z = np.abs(Z)
    return np.maximum(Z, 0) - z * upper_tail(z)


def _gelu_derivative(Z: Array, A: Array) -> Array:
    return _gate(Z, A) + Z * density(Z)


def _gelu_second(Z: Array, A: Array) -> Array:
    z = np.minimum(np.abs(Z), 40)  # beyond it the density is 0, and z * z may overflow
    return (2 - z * z) * density(z)


def _silu(Z: Array) -> Array:
    return Z * sigmoid.function(Z)


def _silu_derivative(Z: Array, A: Array) -> Array:
    gate = _gate(Z, A)
    return gate + A * (1 - gate)


def _silu_second(Z: Array, A: Array) -> Array:
    gate = _gate(Z, A)
    return gate * (1 - gate) * (2 + Z - 2 * A)


softplus = Activation(_softplus, _softplus_derivative, _softplus_second)
"""log(1 + exp(Z)), a smooth max(Z, 0); its derivative is the sigmoid of Z.

Source: Dugas et al. 2001, "Incorporating Second-Order Functional Knowledge".
"""

elu = Activation(_elu, _elu_derivative, _elu_second)
"""The exponential linear unit: Z above 0, exp(Z) - 1 below it.

Source: Clevert et al. 2015, https://arxiv.org/abs/1511.07289.
"""

gelu = Activation(_gelu, _gelu_derivative, _gelu_second)
"""The Gaussian error linear unit: Z times the probability that a normal number is below Z.

It is exact, where others approximate it by a hyperbolic tangent.
Source: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.
"""

silu = Activation(_silu, _silu_derivative, _silu_second)
"""The sigmoid linear unit, Z sigmoid(Z), also known as swish.

Source: Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.
"""

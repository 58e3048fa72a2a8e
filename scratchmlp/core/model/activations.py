"""Activations: a function A = g(Z), its elementwise derivative, and for curvature the second."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array
from scratchmlp.core.shown import shown_tuple


class Activation(NamedTuple):
    """An activation A = g(Z) and its derivatives g'(Z) and g''(Z), all elementwise.

    `function(Z)` gives A. `derivative(Z, A)` gives g'(Z) from whichever of the two is cheaper; its
    values may be booleans. `second(Z, A)` gives g''(Z), which only `hvp` and its like ask for. A
    user's own activation is two or three such functions, at a module's top level if the network is
    to be pickled. They are handed read-only arrays, and what they give is checked and taken in the
    dtype of the parameters.

    >>> square = Activation(lambda Z: Z * Z, lambda Z, A: 2 * Z)
    >>> square.function(np.array([3.0])), square.derivative(np.array([3.0]), np.array([9.0]))
    (array([9.]), array([6.]))
    """

    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]
    second: Callable[[Array, Array], Array] | None = None

    def __repr__(self) -> str:
        return shown_tuple(self, self.function)


def zero_second(Z: Array, A: Array) -> Array:
    """Zero: the second derivative of a piecewise linear function, corners included.

    >>> zero_second(np.ones(2), np.ones(2))
    array([0., 0.])
    """
    return np.zeros_like(Z)


def _relu(Z: Array) -> Array:
    return np.maximum(Z, 0)


def _relu_derivative(Z: Array, A: Array) -> Array:
    return A > 0


def _identity(Z: Array) -> Array:
    return Z


def _identity_derivative(Z: Array, A: Array) -> Array:
    return np.ones_like(Z)


def _tanh(Z: Array) -> Array:
    return np.tanh(Z)


def _tanh_derivative(Z: Array, A: Array) -> Array:
    return 1 - A * A


def _tanh_second(Z: Array, A: Array) -> Array:
    return -2 * A * (1 - A * A)


def _sigmoid(Z: Array) -> Array:
    E = np.exp(-np.abs(Z))  # never overflows, and keeps the precision of both tails
    return np.where(Z < 0, E, 1) / (1 + E)


def _sigmoid_derivative(Z: Array, A: Array) -> Array:
    return A * (1 - A)


def _sigmoid_second(Z: Array, A: Array) -> Array:
    return A * (1 - A) * (1 - 2 * A)


def shifted(Z: Array) -> Array:
    """Logits Z (n, m) minus the maximum of their column, so that no exponential overflows.

    >>> shifted(np.array([[1000.0], [1001.0]]))
    array([[-1.],
           [ 0.]])
    """
    return Z - np.maximum.reduce(Z, axis=-2, keepdims=True)


def exp(S: Array) -> Array:
    """The exponential of shifted logits, each of which is taken to be at least -60.

    exp(-60) is 9e-27: lost in the rounding of any sum of them, yet far enough above the smallest
    float32 that its products with weights are not denormal numbers, on which processors are slow.

    >>> float(exp(np.array([-1000.0]))[0])
    8.75651076269652e-27
    """
    E = np.maximum(S, -60)
    return np.exp(E, out=E)


def _softmax(Z: Array) -> Array:
    E = exp(shifted(Z))
    E /= np.add.reduce(E, axis=-2, keepdims=True)
    return E


relu = Activation(_relu, _relu_derivative, zero_second)
"""The rectified linear unit: max(Z, 0); its derivative at 0 counts as 0.

Source: Nair and Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines".
"""

identity = Activation(_identity, _identity_derivative, zero_second)
"""Z itself: for the outputs of a regression, and for linear networks."""

tanh = Activation(_tanh, _tanh_derivative, _tanh_second)
"""The hyperbolic tangent, from -1 to 1; its derivative is 1 - A^2."""

sigmoid = Activation(_sigmoid, _sigmoid_derivative, _sigmoid_second)
"""The logistic function 1 / (1 + exp(-Z)), from 0 to 1; its derivative is A (1 - A)."""

softmax = Activation(_softmax, _sigmoid_derivative)
"""exp(Z) divided by its sum, over each column: the probabilities of classes.

It is for outputs only, where the loss gives the exact delta: its derivative is merely the diagonal
of its Jacobian.
"""

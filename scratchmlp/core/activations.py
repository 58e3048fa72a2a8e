"""Activations: pairs of a function A = g(Z) and its elementwise derivative."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array


class Activation(NamedTuple):
    """An activation A = g(Z) and its derivative g'(Z), both elementwise.

    `function(Z)` gives A. `derivative(Z, A)` gives g'(Z) from whichever of the two is cheaper; its
    values may be booleans. A user's own activation is two such functions, at a module's top level
    if the network is to be pickled.

    >>> square = Activation(lambda Z: Z * Z, lambda Z, A: 2 * Z)
    >>> square.function(np.array([3.0])), square.derivative(np.array([3.0]), np.array([9.0]))
    (array([9.]), array([6.]))
    """

    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]


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


def _sigmoid(Z: Array) -> Array:
    E = np.exp(-np.abs(Z))  # never overflows, and keeps the precision of both tails
    return np.where(Z < 0, E, 1) / (1 + E)


def _sigmoid_derivative(Z: Array, A: Array) -> Array:
    return A * (1 - A)


def shifted(Z: Array) -> Array:
    """Logits less the maximum of their column, so that no exponential overflows.

    >>> shifted(np.array([[1000.0], [1001.0]]))
    array([[-1.],
           [ 0.]])
    """
    return Z - Z.max(axis=0)


def exp(S: Array) -> Array:
    """The exponential of shifted logits, none of which counts as less than -60.

    exp(-60) is 9e-27: lost in the rounding of any sum of them, yet far enough above the smallest
    float32 that its products with weights are not denormal numbers, on which processors are slow.

    >>> float(exp(np.array([-1000.0]))[0])
    8.75651076269652e-27
    """
    return np.exp(np.maximum(S, -60))


def _softmax(Z: Array) -> Array:
    E = exp(shifted(Z))
    E /= E.sum(axis=0)
    return E


relu = Activation(_relu, _relu_derivative)
identity = Activation(_identity, _identity_derivative)
tanh = Activation(_tanh, _tanh_derivative)
sigmoid = Activation(_sigmoid, _sigmoid_derivative)
# Down each column. Its derivative is the Jacobian's diagonal, so it is for outputs only, where the
# loss gives the exact delta.
softmax = Activation(_softmax, _sigmoid_derivative)

"""Derivatives of the outputs in a direction, and their transpose.

R is the derivative in a direction: of the parameters, RW and Rb, and of the examples, RX.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from toolz import accumulate

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, freeze, frozen_tree
from scratchmlp.core.border import public, value_error
from scratchmlp.core.model import fitting
from scratchmlp.core.model.activations import Activation, softmax
from scratchmlp.core.model.losses import softmax_product
from scratchmlp.core.model.network import (
    Cache,
    Network,
    activations,
    backpropagated,
    classifier,
    parameter_grads,
    propagate,
    quiet,
    resolved,
    taken,
)
from scratchmlp.core.model.products import product


class Tangents(NamedTuple):
    """What a direction makes of a forward pass: RZ of each layer; RA and g'(Z) of what it takes.

    RZ = RW A + Rb + W RA of the layer before, RA = g'(Z) RZ. Of the examples RA is RX, or None
    where they do not move, and there is no g'(Z).
    """

    RZ: tuple[Array, ...]
    RA: tuple[Array | None, ...]
    slopes: tuple[Array | None, ...]


@public
def jvp(
    params: Params,
    tangent: Params,
    X: Array,
    network: Network = classifier,
    *,
    X_tangent: Array | None = None,
) -> Array:
    """The derivative of the outputs A, (n_out, m), when the params move in a direction: J tangent.

    The outputs are what the loss's activation makes of the last Z: probabilities under a softmax.
    The tangent is a tree like the params. With `X_tangent`, shaped like X, the examples move too;
    for a derivative in the examples alone the tangent is zeros.

    Raises as `forward`, and ValueError or TypeError for a tangent of other layers or dtype.

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> jvp(params, params, np.array([[3.0], [4.0]]), regressor)
    array([[11.5]])
    """
    network = resolved(network, params)
    fitting.like_params("tangent", tangent, params)
    fitting.examples(X, params)
    RX = None if X_tangent is None else tangents_of_X(X_tangent, X, params)
    with quiet():
        cache = propagate(params, taken(X, params), network)
        RZ = forward_tangents(params, tangent, cache, network, RX).RZ[-1]
        return freeze(through_outputs(cache, RZ, network))


@public
def vjp(params: Params, cotangent: Array, X: Array, network: Network = classifier) -> Grads:
    """The gradient of the sum of cotangent * A in the params: J.T cotangent, the transpose of jvp.

    The cotangent is (n_out, m), as the outputs A. The sum is over the outputs and the examples,
    where `backward` and `hvp` take means over the examples.

    Raises as `forward`, and ValueError or TypeError for a cotangent of another shape or kind.

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> vjp(params, np.array([[1.0]]), np.array([[3.0], [4.0]]), regressor)
    (Layer(W=array([[3., 4.]]), b=array([[1.]])),)
    """
    network = resolved(network, params)
    dA = cotangents(params, cotangent, X)
    with quiet():
        cache = propagate(params, taken(X, params), network)
        dZ = through_outputs(cache, dA, network)
        return frozen_tree(parameter_grads(backpropagated(params, cache, dZ, network), cache))


def forward_tangents(
    params: Params, tangent: Params, cache: Cache, network: Network, RX: Array | None = None
) -> Tangents:
    """The derivatives of a forward pass in the direction of a tangent, a fold over the layers."""

    def advance(
        before: tuple[Array, Array | None, Array | None],
        here: tuple[Layer, Layer, Array, Array, Activation],
    ) -> tuple[Array, Array | None, Array | None]:
        layer, moved, Z, A, activation = here
        slope = activation.derivative(Z, A)
        RA = elementwise_product(before[0], slope)
        return _moved(layer, moved, A, RA), RA, slope

    first = _moved(params[0], tangent[0], cache.A[0], RX), RX, None
    layers = zip(params[1:], tangent[1:], cache.Z, cache.A[1:], activations(network), strict=False)
    return Tangents(*zip(*accumulate(advance, layers, first), strict=True))


def elementwise_product(one: Array, other: Array) -> Array:
    """Their product, in the dtype of the first.

    >>> elementwise_product(np.ones(1, np.float32), np.full(1, 2.0))
    array([2.], dtype=float32)
    """
    return np.multiply(one, other, out=np.empty_like(one))


def _moved(layer: Layer, moved: Layer, A: Array, RA: Array | None) -> Array:
    """RZ = RW A + Rb + W RA."""
    RZ = product(moved.W, A)
    RZ += moved.b
    if RA is not None:
        RZ += product(layer.W, RA)
    return RZ


def cotangents(params: Params, cotangent: Array, X: Array) -> Array:
    """A checked cotangent of the outputs of checked params for X, in their dtype."""
    fitting.examples(X, params)
    checks.array("cotangent", cotangent)
    expected = (*params[-1].b.shape[:-1], X.shape[-1])
    if cotangent.shape != expected:
        raise value_error(f"cotangent must have shape {expected}, not {cotangent.shape}")
    checks.finite("cotangent", cotangent)
    return cotangent.astype(params[0].W.dtype, copy=False)


def tangents_of_X(X_tangent: Array, X: Array, params: Params) -> Array:  # noqa: N802
    """A checked direction of the examples, in the dtype of the params."""
    checks.array("X_tangent", X_tangent)
    if X_tangent.shape != X.shape:
        raise value_error(f"X_tangent must have the shape of X, {X.shape}, not {X_tangent.shape}")
    checks.finite("X_tangent", X_tangent)
    return taken(X_tangent, params)


def through_outputs(cache: Cache, dZ: Array, network: Network) -> Array:
    """The product with the Jacobian of the output activation, which is symmetric."""
    Z, A, g = cache.Z[-1], cache.A[-1], network.loss.activation
    if g == softmax:
        return softmax_product(A, dZ)
    return elementwise_product(dZ, g.derivative(Z, A))

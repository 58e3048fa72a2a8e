"""The derivative of the outputs in a direction of the parameters, and its transpose."""

from typing import NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params, freeze, frozen_tree
from scratchmlp.core.model.activations import softmax
from scratchmlp.core.model.losses import softmax_product
from scratchmlp.core.model.network import (
    Cache,
    Network,
    activations,
    check_network,
    checked_propagate,
    classifier,
    gathered,
    pulled_back,
    quiet,
)
from scratchmlp.core.model.products import product


class Pushed(NamedTuple):
    """What a direction makes of a forward pass: RZ of each layer; RA and g'(Z) of all hidden ones.

    R is the derivative in the direction: RZ = RW A + Rb + W RA of the layer before, RA = g'(Z) RZ.
    """

    RZ: tuple[Array, ...]
    RA: tuple[Array, ...]
    slopes: tuple[Array, ...]


def jvp(params: Params, tangent: Params, X: Array, network: Network = classifier) -> Array:
    """The derivative of the outputs A, (n_out, m), when the params move in a direction: J tangent.

    The outputs are what the loss's activation makes of the last Z: probabilities under a softmax.
    The tangent is a tree like the params.

    Raises as `forward`, and ValueError or TypeError for a tangent of other layers or dtype.

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> jvp(params, params, np.array([[3.0], [4.0]]), regressor)
    array([[11.5]])
    """
    _check("jvp", params, network)
    checks.like_params("jvp", "tangent", tangent, params)
    with quiet():
        cache = checked_propagate("jvp", params, X, network)
        RZ = pushed_forward(params, tangent, cache, network, "jvp").RZ[-1]
        return freeze(_through_outputs("jvp", cache, RZ, network))


def vjp(params: Params, cotangent: Array, X: Array, network: Network = classifier) -> Grads:
    """The gradient of the sum of cotangent * A in the params: J.T cotangent, the transpose of jvp.

    The cotangent is (n_out, m), as the outputs A.

    Raises as `forward`, and ValueError or TypeError for a cotangent of another shape or kind.

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> vjp(params, np.array([[1.0]]), np.array([[3.0], [4.0]]), regressor)
    (Layer(W=array([[3., 4.]]), b=array([[1.]])),)
    """
    _check("vjp", params, network)
    checks.examples("vjp", X, params)
    checks.array("vjp", "cotangent", cotangent)
    expected = (len(params[-1].b), X.shape[1])
    if cotangent.shape != expected:
        raise ValueError(f"vjp: cotangent must have shape {expected}, not {cotangent.shape}")
    checks.finite("vjp", "cotangent", cotangent)
    with quiet():
        cache = checked_propagate("vjp", params, X, network)
        dA = cotangent.astype(params[0].W.dtype, copy=False)
        dZ = _through_outputs("vjp", cache, dA, network)
        return frozen_tree(gathered(pulled_back(params, cache, dZ, network, "vjp"), cache))


def pushed_forward(
    params: Params, tangent: Params, cache: Cache, network: Network, where: str
) -> Pushed:
    """The derivatives of a forward pass in the direction of a tangent."""
    RZs, RAs, slopes = list[Array](), list[Array](), list[Array]()
    for number, ((W, _), (RW, Rb), A) in enumerate(zip(params, tangent, cache.A, strict=False)):
        RZ = product(RW, A)
        RZ += Rb
        if number:  # the examples do not move
            Z, g = cache.Z[number - 1], activations(network, len(params))[number - 1]
            slope = g.derivative(Z, A)
            checks.result(where, "an activation's derivative", slope, Z.shape)
            RA = times(RZs[-1], slope)
            RZ += product(W, RA)
            RAs.append(RA)
            slopes.append(slope)
        RZs.append(RZ)
    return Pushed(tuple(RZs), tuple(RAs), tuple(slopes))


def times(one: Array, other: Array) -> Array:
    """Their product, in the dtype of the first.

    >>> times(np.ones(1, np.float32), np.full(1, 2.0))
    array([2.], dtype=float32)
    """
    return np.multiply(one, other, out=np.empty_like(one))


def _through_outputs(where: str, cache: Cache, dZ: Array, network: Network) -> Array:
    """The product with the Jacobian of the output activation, which is symmetric."""
    Z, A, g = cache.Z[-1], cache.A[-1], network.loss.activation
    if g == softmax:
        return softmax_product(A, dZ)
    slope = g.derivative(Z, A)
    checks.result(where, "an activation's derivative", slope, Z.shape)
    return times(dZ, slope)


def _check(where: str, params: Params, network: Network) -> None:
    checks.params(where, params)
    check_network(where, network, len(params))

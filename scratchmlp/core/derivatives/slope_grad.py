"""The gradient of what is made of a network's slopes in its inputs."""

from __future__ import annotations

import numpy as np

from scratchmlp.core.arrays import Array, Grads, Params, frozen_tree, map_layers
from scratchmlp.core.border import public, value_error
from scratchmlp.core.derivatives.directional import (
    cotangents,
    elementwise_product,
    forward_tangents,
    tangents_of_X,
    through_outputs,
)
from scratchmlp.core.derivatives.gradient_tangents import (
    check_second,
    delta_tangents,
    gradient_tangents,
)
from scratchmlp.core.model.activations import softmax
from scratchmlp.core.model.losses import column_sums, softmax_product
from scratchmlp.core.model.network import (
    Cache,
    Network,
    classifier,
    propagate,
    quiet,
    resolved,
    taken,
)


@public
def jvp_grad(
    params: Params,
    cotangent: Array,
    X: Array,
    network: Network = classifier,
    *,
    X_tangent: Array,
) -> Grads:
    """The gradient in the params of the sum of cotangent * (the derivative of A along X_tangent).

    That derivative is `jvp` in a direction of the examples alone; cotangent is (n_out, m), like the
    outputs A, and X_tangent (n_in, m), like X. It is what fits a network to a differential equation
    or penalizes its slopes: with c the derivative less its target, it is the gradient of half the
    sum of their squares.

    Raises as `jvp` and `vjp`, and ValueError where an activation has no `second`.
    Source: Pearlmutter 1994, as `hvp`: it is the derivative of `vjp` in the direction of X_tangent.

    >>> import numpy as np
    >>> from scratchmlp import Layer, regressor
    >>> params = tuple(Layer(np.array([[slope]]), np.zeros((1, 1))) for slope in (2.0, 3.0))
    >>> one = np.ones((1, 1))
    >>> [layer.W.item() for layer in jvp_grad(params, one, one, regressor, X_tangent=one)]
    [3.0, 2.0]
    """
    known = resolved(network, params)
    check_second(known)
    c = cotangents(params, cotangent, X)
    RX = tangents_of_X(X_tangent, X, params)
    still = map_layers(np.zeros_like, params)
    with quiet():
        cache = propagate(params, taken(X, params), known)
        tangents = forward_tangents(params, still, cache, known, RX)
        last = through_outputs(cache, c, known), _outputs_tangent(cache, c, known, tangents.RZ[-1])
        each = [*delta_tangents(params, still, cache, known, tangents, last)]
        return frozen_tree(gradient_tangents(cache, tangents, each))


def _outputs_tangent(cache: Cache, c: Array, network: Network, RZ: Array) -> Array:
    """The derivative of `through_outputs` where the last Z moves by RZ."""
    Z, A, g = cache.Z[-1], cache.A[-1], network.loss.activation
    if g == softmax:
        RA = softmax_product(A, RZ)
        return RA * (c - column_sums(A * c)) - A * column_sums(RA * c)
    if g.second is None:
        raise value_error("network needs the second derivative of its output activation")
    return elementwise_product(elementwise_product(RZ, g.second(Z, A)), c)

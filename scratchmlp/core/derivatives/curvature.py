"""Products of a vector with the loss's Hessian, and with the Gauss-Newton part of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, cast

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params, frozen_tree
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data.batches import Map, Shards, data_as_shards
from scratchmlp.core.derivatives.directional import (
    forward_tangents,
)
from scratchmlp.core.derivatives.gradient_tangents import (
    check_second,
    delta_tangents,
    gradient_tangents,
)
from scratchmlp.core.model import fitting
from scratchmlp.core.model.network import (
    Cache,
    Network,
    backpropagated,
    classifier,
    parameter_grads,
    resolved,
    weighted_delta,
)
from scratchmlp.core.training.objective import Derivative, Work, reduced

HessianOperator: TypeAlias = Callable[[Params], Grads]  # the product with a vector


@public
def hvp(
    params: Params,
    vector: Params,
    X: Array | Shards,
    y: Array | None = None,
    network: Network = classifier,
    *,
    weights: Array | None = None,
    map: Map = map,
) -> Grads:
    """The product of the Hessian of the weighted mean loss with a vector, a tree like the params.

    Exactly, by the derivative of the gradient in the vector's direction: with R for it, RZ = RW A +
    Rb + W RA forwards, RdZ = g'(Z) (W.T RdZ + RW.T dZ) + g''(Z) RZ W.T dZ backwards, and RdW = RdZ
    A.T + dZ RA.T. At the corners of relu there is none, and it is taken to be 0.

    The data is X (n_in, m) with y, labels (m,) or targets (n_out, m), and weights (m,); or, in the
    place of X and with no y, a Batch or a sequence of shards.

    Raises as `value_and_grad`, for a vector of other layers or dtype, and ValueError where an
    activation has no `second` or the loss no `curvature`.
    Source: Pearlmutter 1994, "Fast Exact Multiplication by the Hessian".

    >>> import numpy as np
    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> hvp(params, params, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0]]), regressor)
    (Layer(W=array([[5.]]), b=array([[2.]])),)
    """
    operator = hessian_operator(params, data_as_shards(X, y, weights), network, map)
    fitting.like_params("vector", vector, params)
    return operator(vector)


@public
def gnvp(
    params: Params,
    vector: Params,
    X: Array | Shards,
    y: Array | None = None,
    network: Network = classifier,
    *,
    weights: Array | None = None,
    map: Map = map,
) -> Grads:
    """The product of the Gauss-Newton matrix of the weighted mean loss with a vector: G v.

    G is the mean of J.T H J, with J the Jacobian of the last Z in the params and H the loss's
    Hessian in that Z: the Hessian without the curvature of the network itself. It is positive
    semi-definite for a convex loss, and no activation needs a second derivative.

    The arguments are those of `hvp`, and what is raised, except for activations.
    Source: Schraudolph 2002, "Fast Curvature Matrix-Vector Products".

    >>> import numpy as np
    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> gnvp(params, params, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0]]), regressor)
    (Layer(W=array([[5.]]), b=array([[2.]])),)
    """
    operator = gauss_newton_operator(params, data_as_shards(X, y, weights), network, map)
    fitting.like_params("vector", vector, params)
    return operator(vector)


def hessian_operator(params: Params, data: Shards, network: Network, map: Map) -> HessianOperator:
    """The function that multiplies vectors by the Hessian; the arguments are checked here."""
    known = resolved(network, params)
    check_second(known)
    return _operator(_hessian_product, params, data, known, map)


def gauss_newton_operator(
    params: Params, data: Shards, network: Network, map: Map
) -> HessianOperator:
    """The function that multiplies vectors by the Gauss-Newton matrix."""
    return _operator(_gauss_newton_product, params, data, resolved(network, params), map)


def _operator(
    derivative: Derivative, params: Params, data: Shards, network: Network, map: Map
) -> HessianOperator:
    checks.function("map", map)
    if network.loss.curvature is None:
        raise value_error("network needs the curvature of its loss, which has none")
    return partial(_product, Work(params, network, derivative), data, map)


def _product(work: Work, data: Shards, map: Map, vector: Params) -> Grads:
    return frozen_tree(reduced(work._replace(vectors=(vector,)), data, map)[1])


def _gauss_newton_product(
    params: Params, cache: Cache, Y: Array, network: Network, factors: Any, vector: Params
) -> Grads:
    """J.T H J vector: what backward would make of the curvature in the place of the delta."""
    RZ = forward_tangents(params, vector, cache, network).RZ[-1]
    RdZ = _weighted_curvature(network, cache, Y, RZ, factors)
    return parameter_grads(backpropagated(params, cache, RdZ, network), cache)


def _hessian_product(
    params: Params, cache: Cache, Y: Array, network: Network, factors: Any, vector: Params
) -> Grads:
    """The derivative of `backpropagate` in the direction of the vector."""
    tangents = forward_tangents(params, vector, cache, network)
    dZ = weighted_delta(network.loss, cache, Y, factors)
    RdZ = _weighted_curvature(network, cache, Y, tangents.RZ[-1], factors)
    each = [*delta_tangents(params, vector, cache, network, tangents, (dZ, RdZ))]
    return gradient_tangents(cache, tangents, each)


def _weighted_curvature(network: Network, cache: Cache, Y: Array, RZ: Array, factors: Any) -> Array:
    """RdZ of the last layer."""
    curvature = cast(Callable[..., Array], network.loss.curvature)
    return curvature(cache.A[-1], Y, RZ) * factors

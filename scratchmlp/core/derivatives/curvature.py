"""Products of a vector with the loss's Hessian, and with the Gauss-Newton part of it."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, frozen_tree
from scratchmlp.core.data.batches import Map
from scratchmlp.core.derivatives.directional import pushed_forward, times
from scratchmlp.core.model.activations import flat
from scratchmlp.core.model.network import (
    Cache,
    Network,
    activations,
    classifier,
    gathered,
    pulled_back,
    scale,
)
from scratchmlp.core.model.products import product_transposed
from scratchmlp.core.training.objective import Shards, check, gather, given

Times: TypeAlias = Callable[[Params], Grads]


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

    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> hvp(params, params, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0]]), regressor)
    (Layer(W=array([[5.]]), b=array([[2.]])),)
    """
    check("hvp", params, network, map)
    checks.like_params("hvp", "vector", vector, params)
    return times_hessian("hvp", params, given("hvp", X, y, weights), network, map)(vector)


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

    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> gnvp(params, params, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0]]), regressor)
    (Layer(W=array([[5.]]), b=array([[2.]])),)
    """
    check("gnvp", params, network, map)
    checks.like_params("gnvp", "vector", vector, params)
    return times_gauss_newton("gnvp", params, given("gnvp", X, y, weights), network, map)(vector)


def times_hessian(where: str, params: Params, data: Shards, network: Network, map: Map) -> Times:
    """The function that multiplies by the Hessian at checked parameters."""
    for number, g in enumerate(activations(network, len(params))[:-1], start=1):
        if g.second is None:
            raise ValueError(
                f"{where}: network needs the second derivative of its activations, "
                f"but that of layer {number} has none"
            )
    _check_curvature(where, network)
    return partial(_product, where, _hessian_product, params, data, network, map)


def times_gauss_newton(
    where: str, params: Params, data: Shards, network: Network, map: Map
) -> Times:
    """The function that multiplies by the Gauss-Newton matrix at checked parameters."""
    _check_curvature(where, network)
    return partial(_product, where, _gauss_newton_product, params, data, network, map)


def _check_curvature(where: str, network: Network) -> None:
    if network.loss.curvature is None:
        raise ValueError(f"{where}: network needs the curvature of its loss, which has none")


def _product(
    where: str,
    derivative: Callable[..., Grads],
    params: Params,
    data: Shards,
    network: Network,
    map: Map,
    vector: Params,
) -> Grads:
    return frozen_tree(gather(where, params, data, network, map, derivative, (vector,))[1])


def _gauss_newton_product(
    params: Params,
    cache: Cache,
    Y: Array,
    network: Network,
    weights: Array | None,
    total: float | None,
    where: str,
    vector: Params,
) -> Grads:
    """J.T H J vector: what backward would make of the curvature in the place of the delta."""
    RZ = pushed_forward(params, vector, cache, network, where).RZ[-1]
    RdZ = _curved(where, network, cache, Y, RZ, scale(Y, weights, total))
    return gathered(pulled_back(params, cache, RdZ, network, where), cache)


def _hessian_product(
    params: Params,
    cache: Cache,
    Y: Array,
    network: Network,
    weights: Array | None,
    total: float | None,
    where: str,
    vector: Params,
) -> Grads:
    """The derivative of `backpropagate` in the direction of the vector."""
    RZs, RAs, slopes = pushed_forward(params, vector, cache, network, where)
    share = scale(Y, weights, total)
    delta = network.loss.delta(cache.A[-1], Y)
    checks.result(where, "the loss's delta", delta, Y.shape)
    dZ = (delta * share).astype(Y.dtype, copy=False)
    RdZ = _curved(where, network, cache, Y, RZs[-1], share)
    column = np.ones((Y.shape[1], 1), Y.dtype)
    grads = list[Layer]()
    for above in range(len(params) - 1, 0, -1):
        A, slope = cache.A[above], slopes[above - 1]
        RdW = product_transposed(RdZ, A) + product_transposed(dZ, RAs[above - 1])
        grads.append(Layer(RdW, RdZ @ column))
        W, RW = params[above].W, vector[above].W
        dA, RdA = W.T @ dZ, W.T @ RdZ
        RdA += RW.T @ dZ
        RdA *= slope
        g = activations(network, len(params))[above - 1]
        if g.second not in (None, flat):
            bend = g.second(cache.Z[above - 1], A)
            checks.result(where, "an activation's second derivative", bend, A.shape)
            bend = times(RZs[above - 1], bend)
            bend *= dA
            RdA += bend
        dA *= slope
        dZ, RdZ = dA, RdA
    grads.append(Layer(product_transposed(RdZ, cache.A[0]), RdZ @ column))
    return tuple(reversed(grads))


def _curved(
    where: str, network: Network, cache: Cache, Y: Array, RZ: Array, share: Array | float
) -> Array:
    """RdZ of the last layer."""
    curvature = cast(Callable[..., Array], network.loss.curvature)
    RdZ = curvature(cache.A[-1], Y, RZ)
    checks.result(where, "the loss's curvature", RdZ, RZ.shape)
    return (RdZ * share).astype(Y.dtype, copy=False)

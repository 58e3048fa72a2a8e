"""Products of a vector with the loss's Hessian, and with the Gauss-Newton part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np
from toolz import accumulate

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, frozen_tree, map_layers
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data.batches import Map, Shards, data_as_shards
from scratchmlp.core.derivatives.directional import (
    Tangents,
    cotangents,
    elementwise_product,
    forward_tangents,
    tangents_of_X,
    through_outputs,
)
from scratchmlp.core.model import fitting
from scratchmlp.core.model.activations import softmax, zero_second
from scratchmlp.core.model.losses import column_sums, softmax_product
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
    weighted_delta,
)
from scratchmlp.core.model.products import product_transposed
from scratchmlp.core.training.objective import Derivative, Work, reduced

HessianOperator: TypeAlias = Callable[[Params], Grads]  # the product with a vector
Deltas: TypeAlias = tuple[Array, Array]  # dZ and RdZ of a layer


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
    >>> from scratchmlp import regressor
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
    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> gnvp(params, params, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0]]), regressor)
    (Layer(W=array([[5.]]), b=array([[2.]])),)
    """
    operator = gauss_newton_operator(params, data_as_shards(X, y, weights), network, map)
    fitting.like_params("vector", vector, params)
    return operator(vector)


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
    >>> from scratchmlp import regressor
    >>> params = tuple(Layer(np.array([[slope]]), np.zeros((1, 1))) for slope in (2.0, 3.0))
    >>> one = np.ones((1, 1))
    >>> [layer.W.item() for layer in jvp_grad(params, one, one, regressor, X_tangent=one)]
    [3.0, 2.0]
    """
    known = resolved(network, params)
    _check_second(known)
    c = cotangents(params, cotangent, X)
    RX = tangents_of_X(X_tangent, X, params)
    still = map_layers(np.zeros_like, params)
    with quiet():
        cache = propagate(params, taken(X, params), known)
        tangents = forward_tangents(params, still, cache, known, RX)
        last = through_outputs(cache, c, known), _outputs_tangent(cache, c, known, tangents.RZ[-1])
        each = [*_delta_tangents(params, still, cache, known, tangents, last)]
        return frozen_tree(_gradient_tangents(cache, tangents, each))


def hessian_operator(params: Params, data: Shards, network: Network, map: Map) -> HessianOperator:
    """The function that multiplies vectors by the Hessian; the arguments are checked here."""
    known = resolved(network, params)
    _check_second(known)
    return _operator(_hessian_product, params, data, known, map)


def gauss_newton_operator(
    params: Params, data: Shards, network: Network, map: Map
) -> HessianOperator:
    """The function that multiplies vectors by the Gauss-Newton matrix."""
    return _operator(_gauss_newton_product, params, data, resolved(network, params), map)


def _check_second(network: Network) -> None:
    for number, g in enumerate(activations(network)[:-1], start=1):
        if g.second is None:
            raise value_error(
                f"network needs the second derivative of its activations, "
                f"but that of layer {number} has none"
            )


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
    each = [*_delta_tangents(params, vector, cache, network, tangents, (dZ, RdZ))]
    return _gradient_tangents(cache, tangents, each)


def _gradient_tangents(cache: Cache, tangents: Tangents, each: list[Deltas]) -> Grads:
    """RdW = RdZ A.T + dZ RA.T of every layer, and Rdb, by its deltas from the last layer on."""
    grads = parameter_grads((RdZ for _, RdZ in each), cache)
    layers = zip(grads, reversed(each), tangents.RA, strict=True)
    return tuple(
        layer if RA is None else Layer(layer.W + product_transposed(dZ, RA), layer.b)
        for layer, (dZ, _), RA in layers
    )


def _delta_tangents(
    params: Params,
    vector: Params,
    cache: Cache,
    network: Network,
    tangents: Tangents,
    last: Deltas,
) -> Iterator[Deltas]:
    """The dZ and RdZ of every layer, from the last, which are given, to the first."""

    def before(after: Deltas, above: tuple[Any, ...]) -> Deltas:
        (W, _), (RW, _), g, Z, A, RZ, slope = above
        dZ, RdZ = after
        dA, RdA = W.mT @ dZ, W.mT @ RdZ
        RdA += RW.mT @ dZ
        RdA *= slope
        if g.second not in (None, zero_second):
            curved = elementwise_product(RZ, g.second(Z, A))
            curved *= dA
            RdA += curved
        dA *= slope
        return dA, RdA

    layers = zip(
        params[1:],
        vector[1:],
        activations(network)[:-1],
        cache.Z[:-1],
        cache.A[1:-1],
        tangents.RZ[:-1],
        tangents.slopes[1:],
        strict=True,
    )
    return cast(Iterator[Deltas], accumulate(before, reversed([*layers]), last))


def _weighted_curvature(network: Network, cache: Cache, Y: Array, RZ: Array, factors: Any) -> Array:
    """RdZ of the last layer."""
    curvature = cast(Callable[..., Array], network.loss.curvature)
    return curvature(cache.A[-1], Y, RZ) * factors


def _outputs_tangent(cache: Cache, c: Array, network: Network, RZ: Array) -> Array:
    """The derivative of `through_outputs` where the last Z moves by RZ."""
    Z, A, g = cache.Z[-1], cache.A[-1], network.loss.activation
    if g == softmax:
        RA = softmax_product(A, RZ)
        return RA * (c - column_sums(A * c)) - A * column_sums(RA * c)
    if g.second is None:
        raise value_error("network needs the second derivative of its output activation")
    return elementwise_product(elementwise_product(RZ, g.second(Z, A)), c)

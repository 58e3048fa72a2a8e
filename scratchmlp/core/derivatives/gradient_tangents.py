"""The derivative of the backward pass in a direction: RdZ, RdW and Rdb of every layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from toolz import accumulate

from scratchmlp.core.arrays import Array, Grads, Layer, Params
from scratchmlp.core.border import value_error
from scratchmlp.core.derivatives.directional import Tangents, elementwise_product
from scratchmlp.core.model.activations import zero_second
from scratchmlp.core.model.network import Cache, Network, activations, parameter_grads
from scratchmlp.core.model.products import product_transposed

Deltas: TypeAlias = tuple[Array, Array]  # dZ and RdZ of a layer


def check_second(network: Network) -> None:
    """ValueError where the activation of a hidden layer has no second derivative."""
    for number, g in enumerate(activations(network)[:-1], start=1):
        if g.second is None:
            raise value_error(
                f"network needs the second derivative of its activations, "
                f"but that of layer {number} has none"
            )


def delta_tangents(
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


def gradient_tangents(cache: Cache, tangents: Tangents, each: list[Deltas]) -> Grads:
    """RdW = RdZ A.T + dZ RA.T of every layer, and Rdb, by its deltas from the last layer on."""
    grads = parameter_grads((RdZ for _, RdZ in each), cache)
    layers = zip(grads, reversed(each), tangents.RA, strict=True)
    return tuple(
        layer if RA is None else Layer(layer.W + product_transposed(dZ, RA), layer.b)
        for layer, (dZ, _), RA in layers
    )

"""The neural tangent kernel: how alike the gradients of the outputs are at two examples."""

from __future__ import annotations

import numpy as np

from scratchmlp.core.arrays import Array, Params, freeze
from scratchmlp.core.border import public
from scratchmlp.core.model import fitting
from scratchmlp.core.model.network import (
    Cache,
    Network,
    backpropagated,
    classifier,
    propagate,
    quiet,
    resolved,
    taken,
)


@public
def ntk(
    params: Params,
    X: Array,
    X2: Array | None = None,
    network: Network = classifier,
    *,
    per_output: bool = False,
) -> Array:
    """The empirical neural tangent kernel, (m, m2): inner products of gradients of the outputs.

    K[i, j] is the sum over the outputs Z, those before the loss's activation, of the product of its
    gradient in the params at X[:, i] and at X2[:, j] (by default X itself). With `per_output` it is
    (n_out, m, m2), one kernel an output. No Jacobian is formed: the gradients of a layer are of
    rank one, and so their product is (dZ . dZ') (A . A' + 1).

    Raises as `forward`.
    Source: Jacot et al. 2018, "Neural Tangent Kernel", https://arxiv.org/abs/1806.07572.

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> ntk(params, np.array([[3.0, 4.0]]), network=regressor)
    array([[10., 13.],
           [13., 17.]])
    """
    known = resolved(network, params)
    fitting.examples(X, params)
    first = _cache(params, X, known)
    other = first
    if X2 is not None:
        fitting.examples(X2, params)
        other = _cache(params, X2, known)
    with quiet():
        each = [
            _kernel(params, first, other, known, output) for output in range(params[-1].b.shape[-2])
        ]
    return freeze(np.stack(each, axis=-3) if per_output else np.sum(each, axis=0))


def _cache(params: Params, X: Array, network: Network) -> Cache:
    with quiet():
        return propagate(params, taken(X, params), network)


def _kernel(params: Params, one: Cache, other: Cache, network: Network, output: int) -> Array:
    of_layers = zip(
        _deltas(params, one, network, output),
        _deltas(params, other, network, output),
        one.A[-2::-1],
        other.A[-2::-1],
        strict=True,
    )
    parts = [(dZ.mT @ dZ2) * (A.mT @ A2 + 1) for dZ, dZ2, A, A2 in of_layers]
    return np.sum(parts, axis=0)


def _deltas(params: Params, cache: Cache, network: Network, output: int) -> list[Array]:
    """The derivatives of one output of each example in every layer's Z, the last layer first."""
    dZ = np.zeros_like(cache.Z[-1])
    dZ[..., output, :] = 1
    return [*backpropagated(params, cache, dZ, network)]

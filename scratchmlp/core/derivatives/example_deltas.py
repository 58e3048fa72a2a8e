"""Every example's own dZ of each layer, and what follows from it: its gradient in its input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array, Params, freeze, frozen_tree
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
    weighted_delta,
)
from scratchmlp.core.model.prediction import TILE
from scratchmlp.core.model.targets import check_shape, encoded


class Tile(NamedTuple):
    """Some examples: every layer's A and Z, and from the last layer to the first each one's dZ."""

    cache: Cache
    deltas: tuple[Array, ...]


@public
def input_grad(params: Params, X: Array, y: Array, network: Network = classifier) -> Array:
    """The gradient of each example's loss in its own input, (n_in, m): what it is sensitive to.

    dX = W[1].T dZ[1], for examples X (n_in, m) and their labels y (m,) or targets (n_out, m).

    Raises as `forward` and `backward`.
    Source: Simonyan et al. 2014, "Deep Inside Convolutional Networks", section 3.

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> input_grad(params, np.array([[3.0], [4.0]]), np.array([[10.0]]), regressor)
    array([[1.5],
           [3. ]])
    """
    parts = [params[0].W.mT @ tile.deltas[-1] for tile in tiles(params, X, y, network)]
    return freeze(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1))


@public
def deltas(
    params: Params, cache: Cache, y: Array, network: Network = classifier
) -> tuple[Array, ...]:
    """Each example's own dZ of every layer, (n, m), the first layer's first: d loss / d Z.

    dZ[l] A[l-1].T of an example is its gradient of W[l], and dZ[l] that of b[l]: all that is made
    of the examples' own gradients can be made of these, as the factors of K-FAC. They are not
    divided by m. The cache is that of `forward`.

    Raises as `backward`.

    >>> from scratchmlp import Layer, forward, regressor
    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> cache = forward(params, np.array([[3.0], [4.0]]), regressor)
    >>> deltas(params, cache, np.array([[10.0]]), regressor)
    (array([[1.5]]),)
    """
    network = resolved(network, params)
    fitting.cache(cache, params)
    n_out = params[-1].b.shape[-2]
    check_shape(y, cache.A[0], n_out)
    Y = encoded(y, network.loss.targets, n_out, params[0].W.dtype, cache.A[0].ndim == 3)
    with quiet():
        dZ = weighted_delta(network.loss, cache, Y, 1.0)
        each = [*backpropagated(params, cache, dZ, network)]
    return frozen_tree(tuple(reversed(each)))


def tiles(
    params: Params, X: Array, y: Array, network: Network, size: int | None = TILE
) -> Iterator[Tile]:
    """The examples in tiles of so many columns, with each one's own dZ; arguments are checked."""
    network = resolved(network, params)
    fitting.examples(X, params)
    n_out, m = params[-1].b.shape[-2], X.shape[-1]
    check_shape(y, X, n_out)
    Y = encoded(y, network.loss.targets, n_out, params[0].W.dtype, X.ndim == 3)
    step = size or m

    def tile(start: int) -> Tile:
        part = slice(start, start + step)
        with quiet():
            cache = propagate(params, taken(X[..., part], params), network)
            dZ = weighted_delta(network.loss, cache, Y[..., part], 1.0)
            return Tile(cache, tuple(backpropagated(params, cache, dZ, network)))

    return map(tile, range(0, m, step))

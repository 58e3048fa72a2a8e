"""Every example's own gradient, formed or not, from its dZ and its A of each layer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, freeze, frozen_tree, map_layers
from scratchmlp.core.border import public, public_stream
from scratchmlp.core.derivatives.example_deltas import Tile, tiles
from scratchmlp.core.model.network import (
    Cache,
    Network,
    classifier,
    parameter_grads,
    resolved,
)
from scratchmlp.core.trees import map_arrays


@public
def example_grads(params: Params, X: Array, y: Array, network: Network = classifier) -> Grads:
    """Every example's own gradient: W is (m, n_out, n_in) and b (m, n_out, 1) in each Layer.

    The mean over their first axis is the gradient. They need m times the memory of the parameters:
    where that is too much, `example_grad_tiles` gives them bit by bit, and what is wanted of them
    may not need them at all: `example_grad_norms`, `clipped_grad_sum`, `fisher_diagonal`. Under a
    linear loss they are the rows of a Jacobian: see `Loss`.

    Raises as `forward` and `backward`.

    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> example_grads(params, np.array([[3.0, 4.0]]), np.array([[1.0, 1.0]]), regressor)[0].W
    array([[[ 6.]],
    <BLANKLINE>
           [[12.]]])
    """
    (tile,) = tiles(params, X, y, network, size=None)
    return _formed(tile)


@public_stream
def example_grad_tiles(
    params: Params, X: Array, y: Array, network: Network = classifier, *, size: int = 32
) -> Iterator[Grads]:
    """The stream of the `example_grads` of each `size` examples (the last may have fewer).

    Each is computed when it is asked for. Arguments are checked at once.

    Raises as `example_grads`, and ValueError for a size below 1.

    >>> from scratchmlp import init_params
    >>> X, y = np.ones((2, 5)), np.zeros(5, int)
    >>> [grads[0].W.shape for grads in example_grad_tiles(init_params([2, 3]), X, y, size=2)]
    [(2, 3, 2), (2, 3, 2), (1, 3, 2)]
    """
    checks.count("size", size, least=1)
    return map(_formed, tiles(params, X, y, network, size))


@public
def example_grad_norms(params: Params, X: Array, y: Array, network: Network = classifier) -> Array:
    """The Euclidean norm of each example's own gradient, (m,), without the gradients.

    Its square is the sum over the layers of |dZ|^2 (|A|^2 + 1), with A what the layer takes: dZ A.T
    is of rank one, and so its norm is the product of the norms.

    Raises as `forward` and `backward`.
    Source: Goodfellow 2015, "Efficient Per-Example Gradient Computations",
    https://arxiv.org/abs/1510.01799.

    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> example_grad_norms(params, np.array([[0.0, 4.0]]), np.array([[1.0, 4.0]]), regressor)
    array([1., 0.])
    """
    each = tiles(params, X, y, network)
    parts = [_norms(tile).astype(params[0].W.dtype) for tile in each]
    return freeze(np.concatenate(parts, axis=-1))


@public
def clipped_grad_sum(
    params: Params, X: Array, y: Array, network: Network = classifier, *, max_norm: float
) -> Grads:
    """The sum of the examples' own gradients, each scaled down to a norm of at most `max_norm`.

    The sum of g min(1, max_norm / |g|), without forming any g: what differentially private
    training adds its noise to, for no example moves the sum by more than `max_norm`. Of no
    examples, (n_in, 0), it is zero.

    Raises as `forward` and `backward`, and ValueError for a max_norm that is not above 0.
    Source: Abadi et al. 2016, "Deep Learning with Differential Privacy",
    https://arxiv.org/abs/1607.00133.

    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> X, Y = np.array([[0.0, 0.0]]), np.array([[5.0, 0.5]])
    >>> clipped_grad_sum(params, X, Y, regressor, max_norm=1.0)[0].b
    array([[-1.5]])
    """
    limit = checks.positive("max_norm", max_norm)
    resolved(network, params)
    if getattr(X, "shape", None) == (params[0].W.shape[-1], 0):  # as Poisson sampling may give
        return map_arrays(np.zeros_like, params)

    def clipped(tile: Tile) -> Grads:
        factors = limit / np.maximum(_norms(tile), limit)
        factors = factors.astype(params[0].W.dtype)[..., np.newaxis, :]
        return parameter_grads((dZ * factors for dZ in tile.deltas), tile.cache)

    return _sum(map(clipped, tiles(params, X, y, network)))


@public
def fisher_diagonal(params: Params, X: Array, y: Array, network: Network = classifier) -> Grads:
    """The diagonal of the empirical Fisher information: the mean square of the examples' gradients.

    For W it is (dZ * dZ) (A * A).T / m: no gradient is formed. Empirical, for it is taken at the
    labels y that there are, and not at labels drawn from what the network says.

    Raises as `forward` and `backward`.
    Source: Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks",
    https://arxiv.org/abs/1612.00796.

    >>> from scratchmlp import regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> fisher_diagonal(params, np.array([[3.0, 4.0]]), np.array([[1.0, 1.0]]), regressor)[0].b
    array([[6.5]])
    """

    def squares(tile: Tile) -> Grads:
        squared = Cache((), tuple(A * A for A in tile.cache.A))
        return parameter_grads((dZ * dZ for dZ in tile.deltas), squared)

    total = _sum(map(squares, tiles(params, X, y, network)))
    return map_arrays(lambda a: a / X.shape[-1], total)


def _formed(tile: Tile) -> Grads:
    grads = []
    for dZ, A in zip(tile.deltas, tile.cache.A[-2::-1], strict=True):
        column = dZ.mT[..., np.newaxis]
        grads.append(Layer(column * A.mT[..., np.newaxis, :], column))
    return frozen_tree(tuple(reversed(grads)))


def _norms(tile: Tile) -> Array:
    """In float64: the square of a float32 may be too large or too small for one."""
    squares = [
        _squares(dZ.astype(np.float64)) * (_squares(A) + 1.0)
        for dZ, A in zip(tile.deltas, tile.cache.A[-2::-1], strict=True)
    ]
    return np.sqrt(sum(squares))


def _squares(A: Array) -> Array:
    return np.einsum("...ij,...ij->...j", A, A)


def _sum(trees: Iterator[Grads]) -> Grads:
    return frozen_tree(reduce(lambda one, other: map_layers(np.add, one, other), trees))

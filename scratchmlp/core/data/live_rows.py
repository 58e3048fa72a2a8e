"""Rows of X that are zero throughout a shard cost nothing: the network is restricted to the rest.

Such a row adds nothing to W X, and its part of the gradient is zero. In MNIST they are most of the
border, and more than half of all when shards are made of examples that have their rarest row, the
one that fewest others have, in common.
"""

from typing import NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, freeze
from scratchmlp.core.data.batches import Batch, check_examples, chosen


class LiveBatch(NamedTuple):
    """A batch without its dead rows: X (n_live, m) are the `rows` (n_live,) of n_in in all."""

    X: Array
    y: Array
    weights: Array | None
    rows: Array
    n_in: int


def live_shards(
    X: Array, y: Array, *, size: int = 1250, weights: Array | None = None
) -> tuple[LiveBatch, ...]:
    """The examples as shards without dead rows, in an order that leaves most rows dead.

    They are for wherever shards are taken, and give the same sums in another order. Each holds a
    copy of its live rows, so the whole X is no longer needed.

    Raises as `shards`.

    >>> X = np.array([[0, 1, 0, 1], [2, 0, 2, 0], [0, 0, 0, 0]])
    >>> [(batch.rows, batch.y) for batch in live_shards(X, np.arange(4), size=2)]
    [(array([0]), array([1, 3])), (array([1]), array([0, 2]))]
    """
    check_examples("live_shards", X, y, weights)
    checks.count("live_shards", "size", size, least=1)
    order = _rarest_rows(X).argsort(kind="stable")
    parts = (order[start : start + size] for start in range(0, len(order), size))
    return tuple(_live(chosen(Batch(X, y, weights), part)) for part in parts)


def _live(batch: Batch) -> LiveBatch:
    live = np.asarray(batch.X.any(axis=1))
    live[0] |= not live.any()  # a matrix without rows is more trouble than one row of zeros
    X = np.asfortranarray(batch.X[live])
    return LiveBatch(freeze(X), *batch[1:], freeze(np.flatnonzero(live)), len(live))


def _rarest_rows(X: Array) -> Array:
    """For each example its rarest live row, (m,), as that row's place among all by rarity."""
    by_rarity = np.count_nonzero(X, axis=1).argsort(kind="stable")
    tiles = (X.T[start : start + 1000] for start in range(0, X.shape[1], 1000))
    return np.concatenate([(tile[:, by_rarity] != 0).argmax(axis=1) for tile in tiles])


def check_live(where: str, batch: LiveBatch, params: Params) -> None:
    """A LiveBatch for these parameters; its examples are checked as those of any batch."""
    n_in = params[0].W.shape[1]
    checks.count(where, "n_in", batch.n_in, least=1)
    if batch.n_in != n_in:
        raise ValueError(f"{where}: X has {batch.n_in} features but layer 1 takes {n_in}")
    checks.labels(where, batch.rows, n_in, "rows")
    if (np.diff(batch.rows) < 1).any():
        raise ValueError(f"{where}: rows must be in ascending order, each once")


def restrict(params: Params, rows: Array) -> Params:
    """The network that takes these rows of the examples alone.

    >>> restrict((Layer(np.array([[1, 2, 3]]), np.zeros((1, 1))),), np.array([0, 2]))[0].W
    array([[1, 3]])
    """
    (W, b), *rest = params
    return Layer(W[:, rows], b), *rest


def expand(grads: Grads, rows: Array, n_in: int) -> Grads:
    """The gradient of the whole network: that of the restricted one, and zero for all other rows.

    >>> expand((Layer(np.array([[1, 3]]), np.zeros((1, 1))),), np.array([0, 2]), 3)[0].W
    array([[1, 0, 3]])
    """
    (dW, db), *rest = grads
    whole = np.zeros((len(dW), n_in), dW.dtype)
    whole[:, rows] = dW
    return Layer(whole, db), *rest

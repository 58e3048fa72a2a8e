"""Rows of X that are zero throughout a shard cost nothing: the network is restricted to the rest.

Such a row adds nothing to W X, and its part of the gradient is zero. In MNIST they are most of the
border, and more than half of all when shards are made of examples that have their rarest row, the
one that fewest others have, in common.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, freeze
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data.batches import Batch, check_examples, chosen


@public
def live_shards(
    X: Array, y: Array, *, size: int = 1250, weights: Array | None = None
) -> tuple[Batch, ...]:
    """The examples as shards without dead rows, in an order that leaves most rows dead.

    They are for wherever shards are taken, and give the same sums in another order. Each is a Batch
    whose X (n_live, m) holds a copy of its `rows` alone, so the whole X is no longer needed.

    Raises as `shards`.

    >>> X = np.array([[0, 1, 0, 1], [2, 0, 2, 0], [0, 0, 0, 0]])
    >>> [(batch.rows, batch.y) for batch in live_shards(X, np.arange(4), size=2)]
    [(array([0]), array([1, 3])), (array([1]), array([0, 2]))]
    """
    check_examples(X, y, weights)
    checks.matrix("X", X)
    checks.count("size", size, least=1)
    order = _rarest_rows(X).argsort(kind="stable")
    parts = (order[start : start + size] for start in range(0, len(order), size))
    return tuple(_live(chosen(Batch(X, y, weights), part)) for part in parts)


def _live(batch: Batch) -> Batch:
    live = np.asarray(batch.X.any(axis=1))
    live[0] |= not live.any()  # a matrix without rows is more trouble than one row of zeros
    X = np.asfortranarray(batch.X[live])
    return batch._replace(X=freeze(X), rows=freeze(np.flatnonzero(live)))


def _rarest_rows(X: Array) -> Array:
    """For each example its rarest live row, (m,), as that row's place among all by rarity."""
    by_rarity = np.count_nonzero(X, axis=1).argsort(kind="stable")
    tiles = (X.T[start : start + 1000] for start in range(0, X.shape[1], 1000))
    return np.concatenate([(tile[:, by_rarity] != 0).argmax(axis=1) for tile in tiles])


def check_rows(rows: Any, params: Params) -> None:
    """Places of features that the first layer takes, in ascending order."""
    checks.labels(rows, params[0].W.shape[-1], "rows")
    if (np.diff(rows.astype(np.intp)) < 1).any():
        raise value_error("rows must be in ascending order, each once")


def restrict(params: Params, rows: Array) -> Params:
    """The network that takes these rows of the examples alone.

    >>> restrict((Layer(np.array([[1, 2, 3]]), np.zeros((1, 1))),), np.array([0, 2]))[0].W
    array([[1, 3]])
    """
    (W, b), *rest = params
    return Layer(W[..., rows], b), *rest


def expand(grads: Grads, rows: Array, n_in: int) -> Grads:
    """The gradient of the whole network: that of the restricted one, and zero for all other rows.

    >>> expand((Layer(np.array([[1, 3]]), np.zeros((1, 1))),), np.array([0, 2]), 3)[0].W
    array([[1, 0, 3]])
    """
    (dW, db), *rest = grads
    whole = np.zeros((*dW.shape[:-1], n_in), dW.dtype)
    whole[..., rows] = dW
    return Layer(whole, db), *rest

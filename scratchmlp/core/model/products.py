"""The two matrix products with the examples, stacked in tiles where BLAS is faster so."""

from __future__ import annotations

import numpy as np

from scratchmlp.core.arrays import Array

# OpenBLAS multiplies small matrices without first copying (packing) them. With few outputs the copy
# of the examples is most of the cost, and tiles of this many multiplications are still small.
MOST_MULTIPLICATIONS = 800_000
FEWEST_COLUMNS = 25  # with narrower tiles there is nothing to gain
MANY_COLUMNS = 200  # with narrower tiles, what is left beside them costs more than they gain


def product(W: Array, A: Array) -> Array:
    """W @ A, (n_out, m), for W (n_out, n_in) and A (n_in, m), or a stack of either.

    >>> product(np.array([[1.0, 2.0]]), np.array([[3.0, 5.0], [4.0, 6.0]]))
    array([[11., 17.]])
    """
    if W.ndim == 3 and A.ndim == 2:  # one product of all rows, where the networks share A
        return product(W.reshape(-1, W.shape[-1]), A).reshape(*W.shape[:-1], -1)
    tiles = None if A.ndim == 3 else _tiles(len(W), A)
    if tiles is None:
        return W @ A
    stacked = np.matmul(W, tiles.mT).swapaxes(0, 1).reshape(len(W), -1)
    rest = A[:, stacked.shape[1] :]
    return np.concatenate([stacked, W @ rest], axis=1) if rest.size else stacked


def product_transposed(dZ: Array, A: Array, out: Array | None = None) -> Array:
    """dZ @ A.T, (n_out, n_in), for dZ (n_out, m) and A (n_in, m), or a stack of either.

    That of matrices may be written in memory that is given.

    >>> product_transposed(np.array([[1.0, 2.0]]), np.array([[3.0, 5.0], [4.0, 6.0]]))
    array([[13., 16.]])
    """
    if dZ.ndim == 3 and A.ndim == 2:
        return product_transposed(dZ.reshape(-1, dZ.shape[-1]), A).reshape(*dZ.shape[:-1], -1)
    tiles = None if A.ndim == 3 else _tiles(len(dZ), A)
    if tiles is None:
        return np.matmul(dZ, A.mT, out=out)
    tiled = tiles.shape[0] * tiles.shape[1]
    stacked = dZ[:, :tiled].reshape(len(dZ), *tiles.shape[:2]).swapaxes(0, 1)
    total: Array = np.matmul(stacked, tiles).sum(axis=0, out=out)
    if tiled < A.shape[1]:
        total += dZ[:, tiled:] @ A[:, tiled:].T
    return total


def _tiles(n_out: int, A: Array) -> Array | None:
    """The columns of A in equal tiles, (tiles, columns, n_in), or None where they do not pay.

    They are all of the columns, or where no number of tiles divides these, all but a few.
    """
    if not A.flags.f_contiguous:
        return None
    n_in, m = A.shape
    most = MOST_MULTIPLICATIONS // (n_out * n_in)
    if not FEWEST_COLUMNS <= most < m:
        return None
    divisors = (n for n in range(most, FEWEST_COLUMNS - 1, -1) if m % n == 0)
    columns = next(divisors, m // -(-m // most))
    if m % columns and columns < MANY_COLUMNS:
        return None
    return A.T[: m // columns * columns].reshape(-1, columns, n_in)

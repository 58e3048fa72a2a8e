"""Shards that are read from files when they are used: for data larger than memory, or elsewhere.

A gradient reads through the files, and has the bits of the gradient of the same data in memory:

>>> from tempfile import TemporaryDirectory
>>> from scratchmlp import init_params, shards, value_and_grad
>>> from scratchmlp.datasets import mnist
>>> X, y = mnist().train
>>> params = init_params([784, 10, 10])
>>> with TemporaryDirectory() as folder:
...     np.save(f"{folder}/X.npy", X[:, :5000])
...     np.save(f"{folder}/y.npy", y[:5000])
...     parts = file_shards(f"{folder}/X.npy", f"{folder}/y.npy")
...     from_file, _ = value_and_grad(params, parts)
>>> from_file == value_and_grad(params, shards(X[:, :5000], y[:5000]))[0]
True
"""

import math
from collections.abc import Callable
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchmlp._atomic import PathLike
from scratchmlp._idx import read_idx_header
from scratchmlp._npz import read_npy_header
from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.border import public
from scratchmlp.core.data.batches import Batch
from scratchmlp.core.data.preprocessing import normalize


class Stored(NamedTuple):
    """Examples in a file, one after the other from `offset` on: each of this shape and dtype."""

    path: Path
    offset: int
    dtype: np.dtype[Any]
    examples: int
    shape: tuple[int, ...]


@public
def file_shards(X: PathLike, y: PathLike, *, size: int = 1250) -> tuple[Callable[[], Batch], ...]:
    """The examples of two files in order, as functions that each read a Batch of `size` of them.

    X and y are IDX files, not gzipped, or `.npy` files of X (n_in, m), saved in Fortran order so
    that an example is in one piece, and of labels (m,) or targets (n_out, m), likewise. Pixels in
    bytes become numbers from 0 to 1. Only what is used at the time is in memory, and a cluster's
    workers read the files themselves: the functions hold nothing but their path and place.

    Raises ValueError, naming the file, where it is neither, is cut short, or the counts differ.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/X.npy", np.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    ...     np.save(f"{folder}/y.npy", np.array([0, 1, 1]))
    ...     [shard().y for shard in file_shards(f"{folder}/X.npy", f"{folder}/y.npy", size=2)]
    [array([0, 1]), array([1])]
    """
    checks.count("size", size, least=1)
    inputs, targets = _stored(X), _stored(y)
    if inputs.examples != targets.examples:
        raise ValueError(f"{y}: holds {targets.examples} labels for the {inputs.examples} of {X}")
    if len(targets.shape) > 1:
        raise ValueError(f"{y}: must hold labels (m,) or targets (n_out, m), not images")
    starts = range(0, inputs.examples, size)
    return tuple(partial(_batch, inputs, targets, start, start + size) for start in starts)


def _stored(path: PathLike) -> Stored:
    """Where the examples are in a file, once its size is the one that its header tells."""
    place = Path(path)
    with open(place, "rb") as file:
        start = file.read(6)
        file.seek(0)
        if start[:2] == b"\x1f\x8b":
            raise ValueError(f"{path}: is gzipped: unzip it, to be read in pieces")
        header = _npy_header if start == b"\x93NUMPY" else read_idx_header
        shape, dtype = header(path, file)
        offset = file.tell()
    expected = offset + math.prod(shape) * dtype.itemsize
    if (came := place.stat().st_size) != expected:
        raise ValueError(f"{path}: the header tells of {expected} bytes but the file has {came}")
    return Stored(place, offset, dtype, shape[0], shape[1:])


def _npy_header(path: PathLike, file: BufferedReader) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """As `read_idx_header`: the number of examples comes first."""
    dtype, shape, fortran, _ = read_npy_header(file, f"{path}:")
    if dtype.kind not in "iuf":
        raise ValueError(f"{path}: must hold real numbers, not {dtype}")
    if len(shape) not in (1, 2) or not math.prod(shape):
        raise ValueError(f"{path}: must be labels (m,) or columns (rows, m), not {shape}")
    if len(shape) == 2 and shape[0] > 1 and not fortran:
        raise ValueError(
            f"{path}: is in C order: save array.T if its rows are the examples, "
            "or np.asfortranarray(array) if its columns are"
        )
    return shape[::-1], dtype


def _batch(inputs: Stored, targets: Stored, start: int, stop: int) -> Batch:
    X, y = _read(inputs, start, stop), _read(targets, start, stop)
    X = X.reshape(len(X), -1).T
    return Batch(normalize(X) if X.dtype == np.uint8 else freeze(X), freeze(y.T))


def _read(stored: Stored, start: int, stop: int) -> Array:
    """The examples from `start` to `stop`, each along the first axis."""
    path, offset, dtype, count, shape = stored
    each, stop = math.prod(shape), min(stop, count)
    values = np.fromfile(
        path, dtype, (stop - start) * each, offset=offset + start * each * dtype.itemsize
    )
    if len(values) != (stop - start) * each:
        raise ValueError(f"{path}: has become shorter")
    return values.reshape(-1, *shape).astype(dtype.newbyteorder("="), copy=False)

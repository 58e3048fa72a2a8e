"""IDX files: an array after a header of its type and shape, plain or gzipped.

Source of the format: http://yann.lecun.com/exdb/mnist.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from scratchmlp._atomic import PathLike
from scratchmlp.core.arrays import Array

DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_GZIP_MOST = 1032  # deflate makes of one byte at most so many


def read_idx_header(path: PathLike, file: IO[bytes]) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """The shape and dtype that an IDX file tells of; the file is left where its data begins."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not magic[3]:
        raise ValueError(f"{path}: is no IDX file: it starts with {magic.hex() or 'nothing'}")
    extents = file.read(4 * magic[3])
    if len(extents) < 4 * magic[3]:
        raise ValueError(f"{path}: ends within its header")
    shape = tuple(np.frombuffer(extents, ">u4").tolist())
    if not math.prod(shape):
        raise ValueError(f"{path}: holds no examples: its shape is {shape}")
    return shape, np.dtype(DTYPES[magic[2]])


def read_idx(path: PathLike) -> Array:
    """The array of an IDX file, writable, in the byte order of the machine."""
    with opened(path) as file:
        shape, dtype = read_idx_header(path, file)
        size = math.prod(shape) * dtype.itemsize
        _check_size(path, file, 4 + 4 * len(shape) + size)
        data = read_at_most(file, size + 1)
    if len(data) != size:
        came = "more" if len(data) > size else f"only {len(data)}"
        raise ValueError(f"{path}: shape {shape} takes {size} bytes of data, but there are {came}")
    few = shape if len(shape) <= 32 else (shape[0], -1)  # NumPy has no more dimensions than 64
    values = np.frombuffer(data, dtype).reshape(few)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _check_size(path: PathLike, file: IO[bytes], expected: int) -> None:
    """The header against the file's size, before anything of the size it claims is allocated."""
    on_disk = Path(path).stat().st_size
    zipped = isinstance(file, gzip.GzipFile)
    if (expected > on_disk * _GZIP_MOST) if zipped else (expected != on_disk):
        raise ValueError(f"{path}: the header tells of {expected} bytes but the file has {on_disk}")


def read_at_most(file: IO[bytes], size: int) -> bytearray:
    """So many bytes, or all there are: memory grows with what comes, not with what is claimed."""
    data = bytearray()
    while chunk := file.read(min(1 << 20, size - len(data))):
        data += chunk
    return data


@contextmanager
def opened(path: PathLike) -> Iterator[IO[bytes]]:
    """A file's bytes, unzipped if its first two say so."""
    with open(path, "rb") as raw:
        zipped = raw.peek(2)[:2] == b"\x1f\x8b"
        try:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=raw) if zipped else raw)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: is corrupt: {error}") from None

"""Arrays in `.npy` and `.npz` files, compressed or not, read without trust in what they say."""

import gzip
import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from scratchmlp._atomic import PathLike
from scratchmlp._idx import read_at_most, read_idx
from scratchmlp._npz import read_npy_header
from scratchmlp.core.arrays import Array

_DEFLATE_MOST = 1032  # what deflate makes of one byte at most
_DAMAGE = (EOFError, OSError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def kind_of(path: Path) -> str:
    """What a file holds by its first bytes: `npy`, `npz`, `idx`, or "" for anything else."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        start = _first_unzipped(path)
    if start == b"PK\3\4":
        return "npz" if _is_npz(path) else ""
    if start == b"\x93NUM":
        return "npy"
    return "idx" if len(start) == 4 and start[:2] == b"\0\0" and 0 < start[3] < 32 else ""


def read_arrays(path: PathLike, kind: str) -> dict[str, Array]:
    """The arrays of a file of that kind by their names; one of `npy` or `idx` has the name "".

    Raises ValueError, naming the file, where it is damaged or holds anything but plain arrays.
    """
    if kind == "idx":
        return {"": read_idx(path)}
    with open(path, "rb") as raw:
        try:
            if kind == "npy":
                return {"": _array(raw, "the file", Path(path).stat().st_size)}
            with zipfile.ZipFile(raw) as archive:
                return {each.filename[:-4]: _member(archive, each) for each in archive.infolist()}
        except _DAMAGE as error:
            raise ValueError(f"{path}: is corrupt: {error}") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    if not info.filename.endswith(".npy"):
        raise ValueError(f"has {info.filename[:50]!r}, which is no array")
    if info.file_size > _DEFLATE_MOST * (info.compress_size + 1):
        raise ValueError(f"{info.filename} tells of {info.file_size} bytes, more than there can be")
    with archive.open(info) as file:
        return _array(file, info.filename[:-4], info.file_size)


def _array(file: IO[bytes], name: str, size: int) -> Array:
    dtype, shape, fortran, header = read_npy_header(cast(Any, file), name)
    count = math.prod(shape) * dtype.itemsize
    if len(header) + count != size:
        raise ValueError(f"{name} has {size} bytes, but its shape {shape} takes {count}")
    content = read_at_most(file, count)
    if len(content) != count:
        raise ValueError(f"{name} is cut short")
    array: Array = np.frombuffer(content, dtype).reshape(shape[::-1] if fortran else shape)
    native = array.astype(dtype.newbyteorder("="), copy=False)
    return native.T if fortran else native


def _first_unzipped(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error):
        return b""


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _DAMAGE:
        return path.suffix == ".npz"
    return bool(names) and all(name.endswith(".npy") for name in names)

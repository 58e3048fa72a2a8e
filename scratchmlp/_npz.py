"""The arrays of an `.npz` file as `np.savez` writes it, read without trust in anything it says.

Its members stand one after another, none of them compressed, so that no file holds more than its
own size, and each must be as long as its array: memory is taken for what is there.
"""

import math
import os
import re
import struct
import zlib
from collections.abc import Mapping
from io import BufferedReader
from typing import IO, Any, NamedTuple
from zipfile import ZipFile

import numpy as np

from scratchmlp.core.arrays import Array, freeze

# Source of the format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = 56 + 20
_ELSEWHERE = (0xFFFF, 0xFFFFFFFF)  # in the place of a number that is too large for it
_NAME = re.compile(rb"(\w{1,40})\.npy")
_HEADER = re.compile(
    rb"\{'descr': '([<>|](?:[biuf]\d{1,2}|U[1-9]\d{0,8}))', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, )*\d{1,18},?|)\), \} *\n"
)
_HEADER_MOST = 4096


class NpyHeader(NamedTuple):
    """What an array in a file says of itself, and the bytes in which it says so."""

    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    fortran: bool
    raw: bytes


class _Member(NamedTuple):
    """Where a member starts, and what it says of itself."""

    start: int
    name: bytes
    crc: int
    size: int


def write_npz(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write the arrays to a file, byte for byte as `np.savez` does.

    `np.savez` itself, in NumPy 2.0 and 2.1, leaves its archive open where the disk is full, and
    another exception is printed when that is collected.
    """
    with ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_npz(file: BufferedReader) -> dict[str, Array]:
    """The arrays of numbers or text by their names, read-only, in the order of the file.

    Raises ValueError where the file is anything but whole and as `np.savez` writes it.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    members: list[_Member] = []
    arrays: dict[str, Array] = {}
    while member := _next_member(file):
        found = _NAME.fullmatch(member.name)
        if found is None or (name := found[1].decode()) in arrays:
            raise ValueError(f"it has {member.name[:50]!r}, which is no array or there twice")
        if member.size > end - file.tell():
            raise ValueError(f"{name} goes beyond the end of the file")
        arrays[name] = freeze(_array(file, name, member))
        members.append(member)
    _check_directory(file, members)
    return arrays


def _next_member(file: BufferedReader) -> _Member | None:
    """The member whose data the file comes to, or None where it comes to the directory."""
    start = file.tell()
    head = file.read(_LOCAL.size)
    if head[:4] == b"PK\1\2":
        file.seek(start)
        return None
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
        raise ValueError(f"there is no member of an archive at byte {start}")
    _, _, flags, method, _, _, crc, packed, size, n_name, n_extra = _LOCAL.unpack(head)
    name, extra = file.read(n_name), file.read(n_extra)
    if len(extra) >= 20 and extra[:4] == b"\1\0\x10\0":
        size, packed = struct.unpack_from("<2Q", extra, 4)
    if flags or method or packed != size:
        raise ValueError(f"{name[:50]!r} is compressed or encrypted")
    return _Member(start, name, crc, size)


def read_npy_header(file: BufferedReader, name: object) -> NpyHeader:
    """The header of an array as `np.save` writes it; the file is left where its numbers begin.

    Raises ValueError, with the name, for anything else.
    """
    magic = file.read(10)
    header = file.read(min(int.from_bytes(magic[8:], "little"), _HEADER_MOST))
    found = _HEADER.fullmatch(header)
    if magic[:8] != b"\x93NUMPY\1\0" or found is None:
        raise ValueError(f"{name} is no array of numbers, and no pickle is read: {header[:80]!r}")
    try:
        dtype = np.dtype(found[1].decode())
    except TypeError as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from None
    shape = tuple(map(int, re.findall(rb"\d+", found[3])))
    return NpyHeader(dtype, shape, found[2] == b"True", magic + header)


def _array(file: BufferedReader, name: str, member: _Member) -> Array:
    dtype, shape, fortran, header = read_npy_header(file, name)
    size = len(header) + math.prod(shape) * dtype.itemsize
    if size != member.size:
        raise ValueError(f"{name} has {member.size} bytes, but its shape {shape} takes {size}")
    array = np.empty(shape[::-1] if fortran else shape, dtype)
    content = array.reshape(-1).view(np.uint8).data
    file.readinto(content)
    if zlib.crc32(content, zlib.crc32(header)) != member.crc:
        raise ValueError(f"{name} is corrupt: its check sum is another")
    return array.T if fortran else array


def _check_directory(file: BufferedReader, members: list[_Member]) -> None:
    """The directory, by which others read the file, tells the same; and then the file ends."""
    start = file.tell()
    for member in members:
        entry = file.read(_ENTRY.size)
        if len(entry) < _ENTRY.size:
            raise ValueError("its directory is cut short")
        fields = _ENTRY.unpack(entry)
        _, _, _, flags, method, _, _, crc, packed, size, n_name, *lengths, _, _, _, at = fields
        name, _ = file.read(n_name), file.read(sum(lengths))
        told = (fields[0], flags, method, name, crc, packed, size, at)
        said = (b"PK\1\2", 0, 0, member.name, member.crc, member.size, member.size, member.start)
        _check_same(told, said)
    length, rest = file.tell() - start, file.read(_END_64 + _END.size + 1)
    if len(rest) not in (_END.size, _END_64 + _END.size):
        raise ValueError("its directory is cut short, or not the end of the file")
    count = len(members)
    _check_same(_END.unpack(rest[-_END.size :]), (b"PK\5\6", 0, 0, count, count, length, start, 0))


def _check_same(told: tuple[object, ...], said: tuple[object, ...]) -> None:
    if any(a not in (b, *_ELSEWHERE) for a, b in zip(told, said, strict=True)):
        raise ValueError(f"its directory tells of {told}, but there is {said}")

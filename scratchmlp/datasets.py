"""Data from files: the embedded MNIST, IDX files and the article's CSV files."""

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from scratchmlp._atomic import PathLike
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.data.preprocessing import Data, normalize

_IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_GZIP_MOST = 1032  # deflate makes of one byte at most so many
_LINE_MOST = 1 << 22  # bytes: a third of a million columns, and no endless line out of a small gzip


class Dataset(NamedTuple):
    """Examples to train with, and others to test with, or None."""

    train: Data
    test: Data | None


def mnist() -> Dataset:
    """The MNIST digits that come with the package: 60,000 to train with and 10,000 to test.

    X is (784, m) float32 from 0 to 1, each image's 28 rows of 28 pixels one after the other; y is
    (m,) uint8 labels 0 ... 9. Source: LeCun, Cortes and Burges; licence CC BY-SA 3.0.

    >>> train, test = mnist()
    >>> train.X.shape, test.X.shape, test.y[:4].tolist()
    ((784, 60000), (784, 10000), [7, 2, 1, 0])
    """
    folder = Path(__file__).with_name("mnist")
    raw = (
        load_idx(folder / f"{part}-images-idx3-ubyte.gz", folder / f"{part}-labels-idx1-ubyte.gz")
        for part in ("train", "t10k")
    )
    return Dataset(*(Data(normalize(X), y) for X, y in raw))


def load_idx(images: PathLike, labels: PathLike | None = None) -> Data:
    """The examples of an IDX file, and their labels of another, plain or gzipped.

    X is (n_in, m) in the file's own dtype: the file's first dimension counts the examples, the
    others are one column. y is (m,), or None without a file of labels.
    Source of the format: http://yann.lecun.com/exdb/mnist.

    Raises ValueError, naming the file, where it is no whole IDX file or the counts differ.
    """
    values = _read_idx(images)
    if labels is None:
        return Data(freeze(values.T), None)
    y = _read_idx(labels)
    if y.shape[1] != 1 or y.dtype.kind not in "iu":
        raise ValueError(f"{labels}: labels must be one integer each, not {y.shape[1]} {y.dtype}")
    if len(y) != len(values):
        raise ValueError(f"{labels}: holds {len(y)} labels for the {len(values)} of {images}")
    return Data(freeze(values.T), freeze(y[:, 0]))


def load_csv(path: PathLike, labelled: bool = True) -> Data:
    """The examples of a CSV file, plain or gzipped: a header, then a line an image.

    X is (n_in, m) uint8, pixels from 0 to 255; y is (m,) uint8, the first column, or None where
    the file is not `labelled` and has none. It is the form of Kaggle's "Digit Recognizer".

    Raises ValueError, with the file and the line's number, for a line with more or fewer columns
    than the header or with anything but integers from 0 to 255, and where there are no examples.
    """
    place = [0]
    with _opened(path) as file:
        try:
            lines = _lines(file, place, labelled)
            values = np.loadtxt(lines, np.uint8, delimiter=",", comments=None, ndmin=2)
        except ValueError as error:
            reason = str(error).partition(" at row")[0]
            raise ValueError(f"{path}, line {place[0]}: {reason}") from None
    start = int(labelled)
    X = np.ascontiguousarray(values[:, start:]).T
    return Data(freeze(X), freeze(values[:, 0].copy()) if labelled else None)


def has_labels(path: PathLike) -> bool:
    """Whether a CSV file's first column is named label."""
    with _opened(path) as file:
        line = file.readline(_LINE_MOST)
    return _bare(line.decode("utf-8-sig", "replace").partition(",")[0]) == "label"


def load_folder(path: PathLike) -> Dataset:
    """The examples of a folder of IDX files, to train with and, where it has them, to test with.

    The files are named as MNIST's: `train-images*` and `train-labels*`, and for the test
    `t10k-images*` and `t10k-labels*`; what comes before or after does not matter.

    Raises ValueError, naming the folder, where a file is missing or a name fits several.
    """
    folder = Path(path)
    train = load_idx(_only(folder, "train-images"), _only(folder, "train-labels"))
    if not any(folder.glob("*t10k-images*")):
        return Dataset(train, None)
    return Dataset(train, load_idx(_only(folder, "t10k-images"), _only(folder, "t10k-labels")))


def _only(folder: Path, name: str) -> Path:
    found = sorted(folder.glob(f"*{name}*"))
    if len(found) != 1:
        came = ", ".join(file.name for file in found) or "none"
        raise ValueError(f"{folder}: needs one IDX file named *{name}*, but has {came}")
    return found[0]


def _bare(name: str) -> str:
    return name.strip().strip('"').lower()


def _lines(file: IO[bytes], place: list[int], labelled: bool) -> Iterator[str]:
    """The lines below the header that are not blank; `place` tells the number of the last."""
    columns = examples = 0
    for place[0], line in enumerate(iter(partial(file.readline, _LINE_MOST), b""), start=1):
        if len(line) == _LINE_MOST:
            raise ValueError(f"the line has {_LINE_MOST} bytes or more")
        text = line.decode("utf-8-sig" if place[0] == 1 else "utf-8").strip()
        if not columns:
            _check_header(text, labelled)
            columns = text.count(",") + 1
        elif text:
            if (came := text.count(",") + 1) != columns:
                raise ValueError(f"the line has {came} columns but the header {columns}")
            examples += 1
            yield text
    if not examples:
        raise ValueError("there are no examples")


def _check_header(text: str, labelled: bool) -> None:
    name, comma, _ = text.partition(",")
    first = _bare(name)
    if re.fullmatch(r"[\d\s,]+", text):
        raise ValueError("the first line must be a header, not numbers")
    if labelled and (not comma or first.startswith("pixel")):
        raise ValueError(f"the first column must be labels, not {name[:50]!r}")
    if not labelled and first == "label":
        raise ValueError("the file has labels: read it with labelled=True")


def read_idx_header(path: PathLike, file: IO[bytes]) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """The shape and dtype that an IDX file tells of; the file is left where its data begins."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_DTYPES or not magic[3]:
        raise ValueError(f"{path}: is no IDX file: it starts with {magic.hex() or 'nothing'}")
    extents = file.read(4 * magic[3])
    if len(extents) < 4 * magic[3]:
        raise ValueError(f"{path}: ends within its header")
    shape = tuple(np.frombuffer(extents, ">u4").tolist())
    if not math.prod(shape):
        raise ValueError(f"{path}: holds no examples: its shape is {shape}")
    return shape, np.dtype(_IDX_DTYPES[magic[2]])


def _read_idx(path: PathLike) -> Array:
    with _opened(path) as file:
        shape, dtype = read_idx_header(path, file)
        size = math.prod(shape) * dtype.itemsize
        _check_size(path, file, 4 + 4 * len(shape) + size)
        data = _read_at_most(file, size + 1)
    if len(data) != size:
        came = "more" if len(data) > size else f"only {len(data)}"
        raise ValueError(f"{path}: shape {shape} takes {size} bytes of data, but there are {came}")
    values = np.frombuffer(data, dtype).reshape(shape[0], -1)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _check_size(path: PathLike, file: IO[bytes], expected: int) -> None:
    """The header against the file's size, before anything of the size it claims is allocated."""
    on_disk = Path(path).stat().st_size
    zipped = isinstance(file, gzip.GzipFile)
    if (expected > on_disk * _GZIP_MOST) if zipped else (expected != on_disk):
        raise ValueError(f"{path}: the header tells of {expected} bytes but the file has {on_disk}")


def _read_at_most(file: IO[bytes], size: int) -> bytearray:
    """So many bytes, or all there are: memory grows with what comes, not with what is claimed."""
    data = bytearray()
    while chunk := file.read(min(1 << 20, size - len(data))):
        data += chunk
    return data


@contextmanager
def _opened(path: PathLike) -> Iterator[IO[bytes]]:
    """A file's bytes, unzipped if its first two say so."""
    with open(path, "rb") as raw:
        zipped = raw.peek(2)[:2] == b"\x1f\x8b"
        try:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=raw) if zipped else raw)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: is corrupt: {error}") from None

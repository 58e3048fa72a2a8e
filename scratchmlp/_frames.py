"""Files as data frames: whatever separates the columns, in whatever packing and encoding.

The file tells what it is by its content, never by its name. pandas parses the columns; what is here
finds out how to ask it, and sees to it that memory is taken for what is there.
"""

import bz2
import csv
import gzip
import io
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np

from scratchmlp._atomic import PathLike
from scratchmlp._dialects import Dialect, distinct, sniffed
from scratchmlp._extras import require

Frame: TypeAlias = Any  # a pandas.DataFrame: pandas is loaded where it is used
LINE_MOST = 1 << 22  # bytes: a third of a million columns, and no endless line out of a small gzip
CELLS = 1 << 22  # of a part of the file that is parsed at once
PACKED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


@contextmanager
def unpacked(path: PathLike) -> Iterator[IO[bytes]]:
    """A file's bytes, decompressed if it is compressed; of a zip file the one member.

    Raises ValueError, naming the file, where it is damaged, or a zip file of several members.
    """
    with open(path, "rb") as raw:
        start = raw.peek(6)[:6]
        try:
            if start[:4] == b"PK\3\4":
                with zipfile.ZipFile(raw) as archive, archive.open(_member(archive)) as file:
                    yield file
            else:
                opener = next((PACKED[magic] for magic in PACKED if start.startswith(magic)), None)
                yield raw if opener is None else opener(raw)
        except (*DAMAGE, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"{path}: is corrupt: {error}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{path}: is no text in UTF-8 or UTF-16: save it as UTF-8") from None
        except (ValueError, OverflowError, csv.Error) as error:
            reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
            raise ValueError(f"{path}: {reason or type(error).__name__}") from None


def read_frame(path: PathLike) -> Frame:
    """The columns of a table in a file, by their names; those without a header are `column 1` ...

    Raises ValueError, naming the file, where it is no table, or has no examples.
    """
    pandas = require("pandas", "tables")
    with open(path, "rb") as raw:
        parquet = raw.read(4) == b"PAR1"
    frame = _parquet(pandas, Path(path)) if parquet else _text(pandas, path)
    if not len(frame) or not len(frame.columns):
        raise ValueError(f"{path}: has no examples")
    frame.columns = distinct([str(name) for name in frame.columns])
    return frame


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    infos = [each for each in archive.infolist() if not each.is_dir()]
    found = [each for each in infos if not each.filename.startswith(("__MACOSX/", "."))]
    if any(each.filename.startswith("xl/") for each in found):
        raise ValueError("is an Excel workbook: save its sheet as a CSV file")
    if len(found) != 1:
        names = ", ".join(each.filename for each in found[:5]) or "nothing"
        raise ValueError(f"must hold one file, but has {names}")
    return found[0]


def _parquet(pandas: Any, path: Path) -> Frame:
    require("pyarrow", "tables")
    try:
        frame = pandas.read_parquet(path)
    except Exception as error:  # pyarrow's kinds of error are many, and no part of its interface
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path}: is no whole Parquet file: {reason}") from None
    return frame if frame.index.name is None else frame.reset_index()


def _text(pandas: Any, path: PathLike) -> Frame:
    with unpacked(path) as file:
        encoding = _encoding(file)
        dialect = sniffed(_sample(_decoded(file, encoding)), encoding)
        rows = max(1, CELLS // len(dialect.names))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            try:
                parts = [_small(part) for part in _parsed(pandas, file, dialect, chunksize=rows)]
            except pandas.errors.ParserWarning:
                raise ValueError(f"has a line of more than {len(dialect.names)} columns") from None
        if not parts:
            raise ValueError("has no examples")
        frame = pandas.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        for name in _mixed(parts):
            # Numbers in one part and words in another: words are what the column is of.
            again = _parsed(pandas, file, dialect, usecols=[name], dtype=str)
            frame[name] = again[name].to_numpy()
        return frame


def _parsed(pandas: Any, file: IO[bytes], dialect: Dialect, **more: Any) -> Any:
    return pandas.read_csv(
        _decoded(file, dialect.encoding),
        sep=dialect.separator,
        decimal=dialect.decimal,
        names=list(dialect.names),
        header=0 if dialect.header else None,
        index_col=False,
        skipinitialspace=True,
        na_values=["?"],
        low_memory=False,
        **more,
    )


def _decoded(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """The file's text from its start; the file itself stays open when the text is dropped."""
    file.seek(0)
    return _Lasting(cast(Any, file), encoding=encoding, newline="")


class _Lasting(io.TextIOWrapper):
    """Text that leaves the file below it open."""

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self.detach()

    def __del__(self) -> None:
        pass


def _encoding(file: IO[bytes]) -> str:
    """The encoding by the byte order mark; ValueError where this is no text in lines."""
    start = file.read(4)
    wide = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    line = len(start)
    for chunk in iter(lambda: file.read(1 << 18), b""):
        if not wide and b"\0" in chunk:
            raise ValueError("is neither text in columns nor a Parquet file")
        first, *rest = map(len, chunk.split(b"\n"))
        if max(line + first, *rest, 0) >= LINE_MOST:
            raise ValueError(f"has a line of {LINE_MOST} bytes or more")
        line = rest[-1] if rest else line + first
    return "utf-16" if wide else "utf-8-sig"


def _sample(text: io.TextIOWrapper) -> str:
    """The first lines; what may be cut short is left out."""
    sample = text.read(1 << 16)
    while sample.count("\n") < 10 and (more := text.read(1 << 18)):
        sample += more
    if text.read(1):
        sample = sample[: sample.rfind("\n") + 1] or sample
    return sample


def _small(part: Frame) -> Frame:
    """The same columns, as bytes if all of them are whole numbers from 0 to 255."""
    if all(dtype == np.int64 for dtype in part.dtypes) and len(part):
        values = part.to_numpy()
        if values.min() >= 0 and values.max() <= 255:
            return part.astype(np.uint8)
    return part


def _mixed(parts: Sequence[Frame]) -> list[str]:
    """The columns that are of numbers in one part and of words in another."""
    kinds = [dict(zip(part.columns, part.dtypes, strict=True)) for part in parts]
    found = []
    for name in parts[0].columns:
        if len({_kind(each[name]) for each in kinds}) > 1:
            filled = [part for part in parts if not part[name].isna().all()]
            if len({_kind(part[name].dtype) for part in filled}) > 1:
                found.append(name)
    return found


def _kind(dtype: Any) -> str:
    return "number" if dtype.kind in "iuf" else "boolean" if dtype.kind == "b" else "text"

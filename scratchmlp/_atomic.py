"""Files that are whole or not there at all."""

import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

PathLike: TypeAlias = str | Path
_NAME_MOST = (
    40  # characters of the name: with what comes after them, below the 255 bytes of systems
)


@contextmanager
def replacing(path: PathLike, mode: str = "wb") -> Iterator[IO[Any]]:
    """A file to write, which takes its name and the place of an older one when all is written.

    Until then, and after an exception for ever, what was at `path` stays as it was. The new file
    has the permissions of the old one, and a symbolic link stays a link, to the new file. What is
    no regular file, such as a device or a FIFO, is not replaced but written into, at the end.

    Raises OSError where that cannot be, for a folder before anything is written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/a.txt", "w") as file:
    ...         _ = file.write("whole")
    ...     [each.name for each in Path(folder).iterdir()]
    ['a.txt']
    """
    target = Path(os.path.realpath(path))
    older = target.stat() if target.exists() else None
    if older is None or stat.S_ISREG(older.st_mode):
        with _renamed(target, older, mode) as file:
            yield file
    elif target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    else:
        with _copied(target, mode) as file:
            yield file


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove what processes that are no more have left half written of a file."""
    for partial in folder.glob(f"{name[:_NAME_MOST]}.*-*.partial"):
        process = partial.name.split(".")[-2].partition("-")[0]
        if not (process.isdecimal() and _alive(int(process))):
            partial.unlink(missing_ok=True)


@contextmanager
def _renamed(target: Path, older: os.stat_result | None, mode: str) -> Iterator[IO[Any]]:
    # The number lets threads of one process, and processes of several machines, write at once.
    number = f"{os.getpid()}-{secrets.token_hex(4)}"
    partial = target.with_name(f"{target.name[:_NAME_MOST]}.{number}.partial")
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    try:
        with open(partial, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            if older is not None:
                os.chmod(partial, stat.S_IMODE(older.st_mode))
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _copied(target: Path, mode: str) -> Iterator[IO[Any]]:
    """Memory to write to, of which all goes into the target at the end, and nothing by halves."""
    content = io.BytesIO()
    file = content if "b" in mode else io.TextIOWrapper(content, encoding="utf-8", newline="")
    yield file
    file.flush()
    with open(target, "wb") as written:
        written.write(content.getbuffer())


def _alive(process: int) -> bool:
    """Whether a process of this number is there; where one cannot tell, it is taken to be."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True

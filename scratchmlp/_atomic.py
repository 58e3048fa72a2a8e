"""Files that are whole or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

PathLike: TypeAlias = str | Path


@contextmanager
def replacing(path: PathLike, mode: str = "wb") -> Iterator[IO[Any]]:
    """A file to write, which takes its name and the place of an older one when all is written.

    Until then, and after an exception for ever, what was at `path` stays as it was.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/a.txt", "w") as file:
    ...         _ = file.write("whole")
    ...     [each.name for each in Path(folder).iterdir()]
    ['a.txt']
    """
    target = Path(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    try:
        with open(partial, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)

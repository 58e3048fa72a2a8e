"""What decides the bits of a result in a process: Python, NumPy, scratchmlp's sources, and BLAS."""

import hashlib
import platform
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchmlp._extras import require


class Fingerprint(NamedTuple):
    """Versions as text, each for a person to read."""

    python: str
    numpy: str
    scratchmlp: str
    blas: str


def _digest() -> str:
    """The sources of the package as they are now, in eight digits."""
    folder = Path(__file__).parent
    sources = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    content = b"".join(name.encode() + (folder / name).read_bytes() for name in sources)
    return hashlib.sha256(content).hexdigest()[:8]


# Read at the import, when the other modules are loaded too: a process that goes on while its files
# are replaced is known by the code that it runs.
_LOADED = _digest()


def fingerprint() -> Fingerprint:
    """That of this process; its BLAS threads are noted too, to be given back by `release_blas`.

    >>> fingerprint().numpy == np.__version__
    True
    """
    version = ".".join(platform.python_version_tuple()[:2])
    kernels = sorted({_kernel(library) for library, _ in _blas()})
    return Fingerprint(version, np.__version__, f"sources {_LOADED}", " and ".join(kernels))


def limit_blas() -> None:
    """BLAS has one thread, in every library that was loaded with NumPy, whoever changed it since.

    Asking costs a microsecond; where OpenMP keeps the number for each thread apart, it is this
    thread's that is asked for and set.
    """
    for library, _ in _blas():
        if library.num_threads != 1:
            library.set_num_threads(1)


def release_blas() -> None:
    """BLAS has the threads again that it had before the first `limit_blas`."""
    for library, before in _blas():
        library.set_num_threads(before)
    _blas.cache_clear()


@cache
def _blas() -> tuple[tuple[Any, int], ...]:
    """NumPy's BLAS libraries, each with the number of its threads when they were first looked for.

    SciPy brings one of its own, which has no part in the results.
    """
    controller = require("threadpoolctl", "cluster").ThreadpoolController()
    found = controller.select(user_api="blas").lib_controllers
    own = [each for each in found if "numpy" in each.filepath] or found
    return tuple((each, each.num_threads) for each in own)


def _kernel(library: Any) -> str:
    about = library.info()
    words = about["internal_api"], about["version"], about.get("architecture")
    return " ".join(str(word) for word in words if word)

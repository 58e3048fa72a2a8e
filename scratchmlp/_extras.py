"""The optional dependencies: each is loaded where it is used, and a missing one says what to do."""

from importlib import import_module
from typing import Any


def require(module: str, extra: str) -> Any:
    """The module, or an ImportError of one line that names the extra that installs it.

    >>> require("nonesuch.module", "plot")
    Traceback (most recent call last):
    ImportError: nonesuch is not installed: pip install 'scratchmlp[plot]'
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ImportError(
            f"{package} is not installed: pip install 'scratchmlp[{extra}]'"
        ) from None

"""Functions, and tuples of them, as they would be written in a program."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

OURS = "scratchmlp.core."


def ours(function: Any) -> bool:
    """Whether a function, or what a partial function is made of, is the library's own.

    >>> ours(shown), ours(partial(shown, 1)), ours(len)
    (True, True, False)
    """
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", "")).startswith(OURS)


def shown(value: Any) -> str:
    """A function by its name, a partial one with its arguments, anything else as it shows itself.

    >>> shown(partial(pow, 2)), shown(0.5)
    ('pow(2)', '0.5')
    """
    if isinstance(value, partial):
        options = [f"{name}={shown(each)}" for name, each in value.keywords.items()]
        return f"{shown(value.func)}({', '.join([*map(shown, value.args), *options])})"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__).strip("_")
    return repr(value)


def shown_tuple(value: Any, name_giver: Callable[..., Any]) -> str:
    """A tuple of functions: by the name of one if all are the library's own, else by all of them.

    >>> from scratchmlp import leaky_relu
    >>> leaky_relu(0.1)
    leaky_relu(0.1)
    """
    functions = [each for each in value if callable(each)]
    if all(map(ours, functions)):
        return shown(name_giver)
    parts = [f"{name}={shown(each)}" for name, each in zip(value._fields, value, strict=True)]
    return f"{type(value).__name__}({', '.join(parts)})"

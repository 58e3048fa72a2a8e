"""Functions, and tuples of them, as they would be written in a program."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

import numpy as np

from scratchmlp.core.border import like

OURS = "scratchmlp."
P = ParamSpec("P")
T = TypeVar("T")


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
        call = vars(value).get("written") or (shown(value.func), value.args, value.keywords)
        return _call(*call)
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__).strip("_")
    with np.printoptions(threshold=8):
        return " ".join(repr(value).split()) if isinstance(value, np.ndarray) else repr(value)


def shown_tuple(value: Any, name_giver: Callable[..., Any]) -> str:
    """A tuple of functions: as it was written, or by the name of one if all are ours, or by all.

    >>> from scratchmlp import leaky_relu
    >>> leaky_relu(0.1)
    leaky_relu(0.1)
    """
    functions = [each for each in value if callable(each)]
    if hasattr(name_giver, "written") or all(map(ours, functions)):
        return shown(name_giver)
    given = {
        name: each
        for name, each in zip(value._fields, value, strict=True)
        if each is not value._field_defaults.get(name, value)
    }
    return _call(type(value).__name__, (), given)


def written(make: Callable[P, T]) -> Callable[P, T]:
    """A function that makes an optimizer or a schedule, which is then shown by the call of it.

    >>> from scratchmlp import adam, clip_by_global_norm
    >>> clip_by_global_norm(adam(0.01, beta1=0.8), 0.5)
    clip_by_global_norm(adam(0.01, beta1=0.8), 0.5)
    """

    def making(*args: P.args, **kwargs: P.kwargs) -> T:
        made = make(*args, **kwargs)
        vars(getattr(made, "update", made))["written"] = make.__name__, args, kwargs
        return made

    made_like: Callable[P, T] = like(make, making)
    return made_like


def _call(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    each = [*map(shown, args), *(f"{name}={shown(value)}" for name, value in options.items())]
    return f"{name}({', '.join(each)})"

"""Checks of single arguments, and their messages: what was expected, and what came.

Each raises TypeError for a wrong kind and ValueError for a wrong value or shape, and stands at the
border: nothing inside repeats it. What fits what is checked in `model/fitting.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core.arrays import Array, Numbers, freeze, plain
from scratchmlp.core.border import type_error, value_error


def count(name: str, value: Any, *, least: int) -> int:
    """An integer that is at least so much."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise type_error(f"{name} must be an integer, not {kind(value)}")
    if int(value) < least:
        raise value_error(f"{name} must be at least {least}, not {value}")
    return int(value)


def number(name: str, value: Any) -> float:
    """A real number as a float, infinite where it is too large for one."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise type_error(f"{name} must be a number, not {kind(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def positive(name: str, value: Any, *, zero: bool = False) -> float:
    """A finite real number above zero, or zero itself where that is said."""
    size = number(name, value)
    if not (math.isfinite(size) and (size > 0 or (zero and size == 0))):
        bound = "at least 0" if zero else "above 0"
        raise value_error(f"{name} must be finite and {bound}, not {value}")
    return size


def within(name: str, value: Any, least: float, most: float) -> float:
    """A number above 0 that is in a range, the ends of which belong to it."""
    size = positive(name, value)
    if not least <= size <= most:
        raise value_error(f"{name} must be from {least} to {most:g}, not {size}")
    return size


def fraction(name: str, value: Any, *, zero: bool = False) -> float:
    """A number between 0 and 1, neither of them, or zero itself where that is said."""
    share = positive(name, value, zero=zero)
    if share >= 1:
        raise value_error(f"{name} must be below 1, not {value}")
    return share


def numbers(check: Callable[..., float], name: str, value: Any, **options: bool) -> Numbers:
    """One number as `check` takes it, or an array (k,) of them, one for each network of a stack."""
    if hasattr(value, "__array__") and not isinstance(value, (np.generic, np.ndarray)):
        value = np.asarray(value)  # a scalar of another library, such as JAX
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, np.ndarray):
        return check(name, value, **options)
    if value.ndim != 1 or not value.size:
        raise value_error(f"{name} must be a number, or an array (k,) for a stack of k networks")
    each = [check(f"{name}[{place}]", item, **options) for place, item in enumerate(value)]
    return freeze(np.array(each))


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype that parameters may have."""
    try:
        found = None if dtype is None else np.dtype(dtype)  # NumPy takes None for float64
    except (TypeError, ValueError):
        found = None
    if found not in (np.float32, np.float64):
        came = kind(dtype) if found is None else found
        raise type_error(f"dtype must be float32 or float64, not {came}")
    return found


def sizes(value: Sequence[int]) -> None:
    """The number of inputs and of the units of at least one layer."""
    several = value.ndim == 1 if isinstance(value, np.ndarray) else isinstance(value, Sequence)
    if isinstance(value, (str, bytes)) or not several:
        raise type_error(f"sizes must be a sequence of integers, not {kind(value)}")
    for place, size in enumerate(value):
        count(f"sizes[{place}]", size, least=1)
    if len(value) < 2:
        raise value_error(f"sizes must give the inputs and at least one layer, not {list(value)}")


def array(name: str, value: Any, kinds: str = "iuf") -> None:
    """A plain NumPy array (or memmap) of real numbers: masks and matrices mean something else."""
    if not plain(value):
        raise type_error(f"{name} must be a NumPy array, not {kind(value)}")
    if value.dtype.kind not in kinds:
        expected = "integers" if kinds == "iu" else "real numbers"
        raise type_error(f"{name} must hold {expected}, not {value.dtype}")


def matrix(name: str, value: Any) -> None:
    """Columns of numbers, at least one."""
    array(name, value)
    if value.ndim != 2:
        raise value_error(
            f"{name} must have shape (rows, examples), a column an example, not {value.shape}"
        )
    not_empty(name, value)


def not_empty(name: str, value: Array) -> None:
    """At least one number."""
    if not value.size:
        raise value_error(f"{name} is empty: its shape is {value.shape}")


def finite(name: str, value: Array) -> None:
    """No NaN and no infinity."""
    if not np.isfinite(value).all():
        at = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
        raise value_error(f"{name} must be finite, but {name}{list(at)} is {value[at]}")


def one_length(names: str, *values: Numbers) -> None:
    """Numbers, of which those that are one for each network of a stack are of as many."""
    lengths = {len(value) for value in values if isinstance(value, np.ndarray)}
    if len(lengths) > 1:
        raise value_error(f"{names} must be of as many networks each, not of {sorted(lengths)}")


def labels(y: Any, n_classes: int, name: str = "labels y") -> None:
    """Integers from 0 to n_classes - 1, of shape (m,), at least one."""
    array(name, y, "iu")
    if y.ndim != 1:
        raise value_error(f"{name} must have shape (m,), not {y.shape}")
    classes(y, n_classes, name)


def classes(y: Array, n_classes: int, name: str = "labels y") -> None:
    """Integers from 0 to n_classes - 1, at least one, in an array of integers of any shape."""
    not_empty(name, y)
    # As unsigned numbers the negative ones are the largest: one look finds both.
    unsigned = y if y.dtype.kind == "u" else y.view(f"{y.dtype.byteorder}u{y.itemsize}")
    if np.maximum.reduce(unsigned, axis=None) >= n_classes:
        low, high = 0 if y.dtype.kind == "u" else y.min(), y.max()
        raise value_error(
            f"{name} must be in 0 ... {n_classes - 1}, not {low if low < 0 else high}"
        )


def result(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """What a function of the user's own gave: an array of real numbers or booleans."""
    if type(value) is np.ndarray and value.shape == shape and value.dtype.kind in "fbiu":
        return
    came = f"{value.dtype} {value.shape}" if hasattr(value, "shape") else kind(value)
    raise value_error(f"{name} must give an array of shape {shape}, not {came}")


def function(name: str, value: Any) -> None:
    """Nothing but a function."""
    if not callable(value):
        raise type_error(f"{name} must be a function, not {kind(value)}")


def called(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a user's own function makes of read-only arrays; if it writes into them, it is named."""
    try:
        return function(*arguments, **options)
    except ValueError as error:
        if "read-only" in str(error):
            raise value_error(f"{name} writes into its argument: give a new array") from error
        raise


def functions(name: str, value: Iterable[Any]) -> None:
    """A tuple of functions, such as an Activation."""
    for function in value:
        if not callable(function):
            raise type_error(f"{name} must be made of functions, not {kind(function)}")


def stream(name: str, value: Any) -> None:
    """Something to go through one by one: not a single Batch, State, text or matrix."""
    one = isinstance(value, (str, bytes, dict)) or hasattr(value, "_fields")
    if one or not isinstance(value, Iterable) or getattr(value, "ndim", 1) != 1:
        raise type_error(f"{name} must be an iterable, not {kind(value)}")


def kind(value: Any) -> str:
    """What came, by the name of its type, and by its value where that is short."""
    name = type(value).__name__
    return f"{name} {value!r}" if isinstance(value, (bool, int, float, str)) else name

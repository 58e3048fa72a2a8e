"""Ranges from which numbers are drawn, as arguments give them."""

from __future__ import annotations

from numbers import Real

from scratchmlp.core import checks
from scratchmlp.core.border import type_error, value_error
from scratchmlp.core.data.warps import Range

MOST = 1e6  # pixels, degrees or times: float32 holds what is made of them


def range_of(name: str, value: float | Range, middle: float = 0.0) -> Range:
    """A pair (low, high), or of a number those that are so far from the middle."""
    if not isinstance(value, tuple):
        if not isinstance(value, Real):
            came = checks.kind(value)
            raise type_error(f"{name} must be a number or (low, high), not {came}")
        reach = bounded(name, checks.positive(name, value, zero=True))
        return middle - reach, middle + reach
    if len(value) != 2:
        raise value_error(f"{name} takes a number or (low, high), not {len(value)}")
    low, high = (bounded(name, checks.number(name, each)) for each in value)
    if low > high:
        raise value_error(f"{name} must be (low, high), not {(low, high)}")
    return low, high


def bounded(name: str, size: float) -> float:
    """A number of at most a million in size."""
    if not abs(size) <= MOST:
        raise value_error(f"{name} must be at most {MOST:,.0f}, not {size}")
    return size

"""Images that lie in a column each, row after row: their height and width."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from scratchmlp.core import checks
from scratchmlp.core.border import type_error, value_error

Size: TypeAlias = tuple[int, int]  # height and width


def check_shape(shape: Any) -> None:
    """A pair (height, width), or None for any square."""
    if shape is None:
        return
    if not isinstance(shape, tuple):
        raise type_error(f"shape must be (height, width), not {checks.kind(shape)}")
    if len(shape) != 2:
        raise value_error(f"shape must be (height, width), not {len(shape)} numbers")
    for size in shape:
        checks.count("shape", size, least=1)


def size_of(shape: Size | None, n_in: int, what: str = "X") -> Size:
    """The height and width of images of so many pixels.

    >>> size_of(None, 784), size_of((2, 3), 6)
    ((28, 28), (2, 3))
    """
    side = math.isqrt(n_in)
    height, width = (side, side) if shape is None else shape
    if height * width != n_in:
        expected = f"of shape {shape}" if shape else "square: give their shape"
        raise value_error(f"{what} has {n_in} rows, so its images are not {expected}")
    return height, width

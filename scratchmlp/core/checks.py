"""Every check of an argument, and its message: `function: what came, what was expected`.

Each check takes the name of the public function that it speaks for, raises TypeError for a wrong
kind and ValueError for a wrong value or shape, and stands at the border: nothing inside repeats it.
"""

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core.arrays import Array, Layer, plain


def count(where: str, name: str, value: Any, *, least: int) -> int:
    """An integer that is at least so much."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{where}: {name} must be an integer, not {kind(value)}")
    if int(value) < least:
        raise ValueError(f"{where}: {name} must be at least {least}, not {value}")
    return int(value)


def number(where: str, name: str, value: Any) -> float:
    """A real number as a float, infinite where it is too large for one."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{where}: {name} must be a number, not {kind(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def positive(where: str, name: str, value: Any, *, zero: bool = False) -> float:
    """A finite real number above zero, or zero itself where that is said."""
    size = number(where, name, value)
    if not (math.isfinite(size) and (size > 0 or (zero and size == 0))):
        bound = "at least 0" if zero else "above 0"
        raise ValueError(f"{where}: {name} must be finite and {bound}, not {value}")
    return size


def fraction(where: str, name: str, value: Any, *, zero: bool = False) -> float:
    """A number between 0 and 1, neither of them, or zero itself where that is said."""
    share = positive(where, name, value, zero=zero)
    if share >= 1:
        raise ValueError(f"{where}: {name} must be below 1, not {value}")
    return share


def floating(where: str, dtype: DTypeLike) -> "np.dtype[Any]":
    """The dtype that parameters may have."""
    try:
        found = None if dtype is None else np.dtype(dtype)  # NumPy takes None for float64
    except (TypeError, ValueError):
        found = None
    if found not in (np.float32, np.float64):
        came = kind(dtype) if found is None else found
        raise TypeError(f"{where}: dtype must be float32 or float64, not {came}")
    return found


def sizes(where: str, value: Sequence[int]) -> None:
    """The number of inputs and of the units of at least one layer."""
    several = value.ndim == 1 if isinstance(value, np.ndarray) else isinstance(value, Sequence)
    if isinstance(value, (str, bytes)) or not several:
        raise TypeError(f"{where}: sizes must be a sequence of integers, not {kind(value)}")
    for place, size in enumerate(value):
        count(where, f"sizes[{place}]", size, least=1)
    if len(value) < 2:
        raise ValueError(
            f"{where}: sizes must give the inputs and at least one layer, not {list(value)}"
        )


def array(where: str, name: str, value: Any, kinds: str = "iuf") -> None:
    """A plain NumPy array (or memmap) of real numbers: masks and matrices mean something else."""
    if not plain(value):
        raise TypeError(f"{where}: {name} must be a NumPy array, not {kind(value)}")
    if value.dtype.kind not in kinds:
        expected = "integers" if kinds == "iu" else "real numbers"
        raise TypeError(f"{where}: {name} must hold {expected}, not {value.dtype}")


def matrix(where: str, name: str, value: Any) -> None:
    """Columns of numbers, at least one."""
    array(where, name, value)
    if value.ndim != 2:
        raise ValueError(
            f"{where}: {name} must have shape (rows, examples), a column an example, "
            f"not {value.shape}"
        )
    if 0 in value.shape:
        raise ValueError(f"{where}: {name} is empty: its shape is {value.shape}")


def finite(where: str, name: str, value: Array) -> None:
    """No NaN and no infinity."""
    if not np.isfinite(value).all():
        at = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
        raise ValueError(f"{where}: {name} must be finite, but {name}{list(at)} is {value[at]}")


def layer(where: str, value: Any, shape: tuple[int, int]) -> None:
    """A Layer of this shape (n_out, n_in)."""
    if value.W.shape != shape or value.b.shape != (shape[0], 1):
        raise ValueError(
            f"{where}: a layer of shape {shape} takes W {shape} and b {(shape[0], 1)}, "
            f"but W is {value.W.shape} and b is {value.b.shape}"
        )


def params(where: str, value: Any, name: str = "params") -> None:
    """A tuple of Layers that fit each other, all of one floating dtype."""
    if not isinstance(value, tuple) or not all(isinstance(item, Layer) for item in value):
        raise TypeError(f"{where}: {name} must be a tuple of Layer, not {kind(value)}")
    if not value:
        raise ValueError(f"{where}: {name} must have at least one layer")
    n_in = None
    for place, (W, b) in enumerate(value, start=1):
        for part, member in (("W", W), ("b", b)):
            array(where, f"{part} of layer {place} of {name}", member, "f")
            if member.dtype != value[0].W.dtype:
                raise TypeError(
                    f"{where}: {part} of layer {place} of {name} is {member.dtype} "
                    f"but layer 1 is {value[0].W.dtype}"
                )
        if W.ndim != 2 or 0 in W.shape or b.shape != (W.shape[0], 1):
            raise ValueError(
                f"{where}: layer {place} of {name} must have W (n_out, n_in) and b (n_out, 1), "
                f"but W is {W.shape} and b is {b.shape}"
            )
        if n_in not in (None, W.shape[1]):
            raise ValueError(
                f"{where}: layer {place} of {name} takes {W.shape[1]} inputs "
                f"but the layer before it has {n_in} outputs"
            )
        n_in = W.shape[0]


def finite_params(where: str, value: Any) -> None:
    """Params without NaN and infinity: that takes a look at all their numbers."""
    params(where, value)
    for place, (W, b) in enumerate(value, start=1):
        finite(where, f"W of layer {place} of params", W)
        finite(where, f"b of layer {place} of params", b)


def like_params(where: str, name: str, value: Any, like: Any) -> None:
    """Gradients, or a vector, of the same layers as the parameters."""
    params(where, value, name)
    if value[0].W.dtype != like[0].W.dtype:
        raise TypeError(f"{where}: {name} is {value[0].W.dtype} but params is {like[0].W.dtype}")
    shapes, expected = ([item.W.shape for item in layers] for layers in (value, like))
    if shapes != expected:
        raise ValueError(f"{where}: {name} has layers {shapes} but params has {expected}")


def examples(where: str, X: Any, layers: Any) -> None:
    """A matrix with the features that the first layer takes."""
    matrix(where, "X", X)
    W = layers[0].W
    if X.shape[0] != W.shape[1]:
        raise ValueError(
            f"{where}: X has {X.shape[0]} features but layer 1 takes {W.shape[1]} "
            f"(X is {X.shape}, W is {W.shape})"
        )


def labels(where: str, y: Any, n_classes: int, name: str = "labels y") -> None:
    """Integers from 0 to n_classes - 1, of shape (m,), at least one."""
    array(where, name, y, "iu")
    if y.ndim != 1:
        raise ValueError(f"{where}: {name} must have shape (m,), not {y.shape}")
    if not y.size:
        raise ValueError(f"{where}: {name} is empty")
    # As unsigned numbers the negative ones are the largest: one look finds both.
    if y.view(f"{y.dtype.byteorder}u{y.itemsize}").max() >= n_classes:
        low, high = 0 if y.dtype.kind == "u" else y.min(), y.max()
        raise ValueError(
            f"{where}: {name} must be in 0 ... {n_classes - 1}, not {low if low < 0 else high}"
        )


def pairs(where: str, X: Any, y: Any) -> None:
    """Examples X (n_in, m) and their labels (m,) or targets (n_out, m)."""
    matrix(where, "X", X)
    array(where, "y", y)
    if y.ndim not in (1, 2) or y.shape[-1] != X.shape[1] or not y.size:
        raise ValueError(
            f"{where}: y must be labels (m,) or targets (n_out, m) of the m = {X.shape[1]} "
            f"examples of X, not of shape {y.shape}"
        )
    if y.ndim == 1:
        array(where, "labels y", y, "iu")


def weights(where: str, value: Any, m: int) -> None:
    """Finite weights (m,), none below zero."""
    array(where, "weights", value)
    if value.shape != (m,):
        raise ValueError(f"{where}: weights must have shape {(m,)}, not {value.shape}")
    # Where their sum is not finite there is no mean.
    if not (math.isfinite(float(value.max()) * m) and value.min() >= 0):
        raise ValueError(f"{where}: weights must be finite and at least 0")


def some_weight(where: str, total: float) -> None:
    """A sum of weights that a mean can be taken by."""
    if total == 0:
        raise ValueError(f"{where}: weights are all 0, so they have no mean")


def predictions(where: str, predicted: Any, y: Any) -> None:
    """Integers of one shape, at least one."""
    array(where, "predicted", predicted, "iu")
    array(where, "y", y, "iu")
    if predicted.shape != y.shape or predicted.ndim not in (1, 2):
        raise ValueError(
            f"{where}: predicted and y must have one shape, (m,) or (n_out, m), "
            f"not {predicted.shape} and {y.shape}"
        )
    if not y.size:
        raise ValueError(f"{where}: y is empty")


def result(where: str, of: str, value: Any, shape: tuple[int, ...], layer: int = 0) -> None:
    """What a function of the user's own gave: an array of real numbers or booleans."""
    if type(value) is np.ndarray and value.shape == shape and value.dtype.kind in "fbiu":
        return
    came = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else kind(value)
    whose = f"{of} of layer {layer}" if layer else of
    raise ValueError(f"{where}: {whose} must give an array of shape {shape}, not {came}")


def function(where: str, name: str, value: Any) -> None:
    """Nothing but a function."""
    if not callable(value):
        raise TypeError(f"{where}: {name} must be a function, not {kind(value)}")


def functions(where: str, name: str, value: Iterable[Any]) -> None:
    """A tuple of functions, such as an Activation."""
    for function in value:
        if not callable(function):
            raise TypeError(f"{where}: {name} must be made of functions, not {kind(function)}")


def stream(where: str, name: str, value: Any) -> None:
    """Something to go through one by one: not a single Batch, State, text or matrix."""
    one = isinstance(value, (str, bytes, dict)) or hasattr(value, "_fields")
    if one or not isinstance(value, Iterable) or getattr(value, "ndim", 1) != 1:
        raise TypeError(f"{where}: {name} must be an iterable, not {kind(value)}")


def kind(value: Any) -> str:
    """What came, by the name of its type, and by its value where that is short."""
    name = type(value).__name__
    return f"{name} {value!r}" if isinstance(value, (bool, int, float, str)) else name

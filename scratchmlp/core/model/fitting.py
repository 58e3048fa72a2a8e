"""Checks that parameters, examples, targets and weights fit each other, single or in stacks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Layer, Params
from scratchmlp.core.border import type_error, value_error
from scratchmlp.core.stacks import networks


def params(value: Any, name: str = "params") -> None:
    """A tuple of Layers that fit each other, all of one floating dtype, and of one k in a stack."""
    if not isinstance(value, tuple) or isinstance(value, Layer):
        raise type_error(f"{name} must be a tuple of Layer, not {checks.kind(value)}")
    if not value:
        raise value_error(f"{name} must have at least one layer")
    before: tuple[int, ...] | None = None
    for place, layer in enumerate(value, start=1):
        here = f"layer {place} of {name}"
        if not isinstance(layer, Layer):
            hint = ": write Layer(W, b)" if isinstance(layer, (tuple, list)) else ""
            raise type_error(f"{here} must be a Layer, not {checks.kind(layer)}{hint}")
        W, b = layer
        for part, member in (("W", W), ("b", b)):
            checks.array(f"{part} of {here}", member, "f")
            if member.dtype != value[0].W.dtype:
                raise type_error(
                    f"{part} of {here} is {member.dtype} but layer 1 is {value[0].W.dtype}"
                )
        if W.ndim not in (2, 3) or 0 in W.shape or b.shape != (*W.shape[:-1], 1):
            raise value_error(
                f"{here} must have W (n_out, n_in) and b (n_out, 1), each with k before it in a "
                f"stack of k networks, but W is {W.shape} and b is {b.shape}"
            )
        if before is not None and before != (*W.shape[:-2], W.shape[-1]):
            _say_what_differs(here, W, before)
        before = W.shape[:-1]


def _say_what_differs(here: str, W: Array, before: tuple[int, ...]) -> None:
    if W.shape[:-2] != before[:-1]:
        stacks = [f"a stack of {s[0]}" if s else "one network" for s in (W.shape[:-2], before[:-1])]
        raise value_error(f"{here} is of {stacks[0]} but the layer before it of {stacks[1]}")
    raise value_error(
        f"{here} takes {W.shape[-1]} inputs but the layer before it has {before[-1]} outputs"
    )


def finite_params(value: Any) -> None:
    """Params without NaN and infinity: that takes a look at all their numbers."""
    params(value)
    for place, (W, b) in enumerate(value, start=1):
        checks.finite(f"W of layer {place} of params", W)
        checks.finite(f"b of layer {place} of params", b)


def like_params(name: str, value: Any, like: Any) -> None:
    """Gradients, or a vector, of the same layers as the parameters."""
    params(value, name)
    if value[0].W.dtype != like[0].W.dtype:
        raise type_error(f"{name} is {value[0].W.dtype} but params is {like[0].W.dtype}")
    shapes, expected = ([item.W.shape for item in layers] for layers in (value, like))
    if shapes != expected:
        raise value_error(f"{name} has layers {shapes} but params has {expected}")


def examples(X: Any, layers: Params, rows: Array | None = None) -> None:
    """Examples with the features that the first layer takes, or those of them that `rows` names."""
    W = layers[0].W
    single = W.ndim == 2 and type(X) is np.ndarray and X.shape[:-1] == W.shape[1:]
    if single and X.size and X.dtype.kind == "f":
        return  # as almost always: one network, and examples that fit it
    checks.array("X", X)
    k = networks(layers)
    if X.ndim != 2 and not (X.ndim == 3 and k):
        own = ", or (k, features, examples) where each network of a stack has its own" if k else ""
        raise value_error(
            f"X must have shape (rows, examples), a column an example{own}, not {X.shape}"
        )
    checks.not_empty("X", X)
    if X.ndim == 3 and len(X) != k:
        raise value_error(f"X is of {len(X)} networks but params of {k} (X is {X.shape})")
    n_in = W.shape[-1] if rows is None else len(rows)
    if X.shape[-2] != n_in:
        raise value_error(
            f"X has {X.shape[-2]} features but layer 1 takes {n_in} "
            f"(X is {X.shape}, W is {W.shape})"
        )


def pairs(X: Any, y: Any) -> None:
    """Examples X (n_in, m) and their labels (m,) or targets (n_out, m), or a stack of each."""
    checks.array("X", X)
    if X.ndim not in (2, 3):
        raise value_error(f"X must have shape (rows, examples), a column an example, not {X.shape}")
    checks.not_empty("X", X)
    checks.array("y", y)
    own = X.ndim - 2
    wrong_stack = own and y.ndim > 1 and len(y) != len(X)
    if y.ndim - own not in (1, 2) or y.shape[-1] != X.shape[-1] or not y.size or wrong_stack:
        raise value_error(
            f"y must be labels (m,) or targets (n_out, m) of the m = {X.shape[-1]} examples of X, "
            f"not of shape {y.shape}"
        )
    if y.ndim - own == 1 and y.dtype.kind == "f":
        raise type_error(
            f"y of shape {y.shape} must be labels, which are integers, not {y.dtype}: for a "
            f"regression give targets of shape (n_out, {X.shape[-1]}), as y[np.newaxis] for one "
            "output"
        )


def weights(value: Any, m: int, n_out: int | None = None, k: int | None = None) -> None:
    """Finite weights, none below zero: (m,), (n_out, m), (k, 1, m) or (k, n_out, m)."""
    checks.array("weights", value)
    heights = {1, n_out} if k else {n_out}
    fits = value.shape == (m,) or (
        value.ndim in ((2, 3) if k else (2,))
        and value.shape[-1] == m
        and (n_out is None or value.shape[-2] in (heights if value.ndim == 3 else {n_out}))
        and (value.ndim == 2 or len(value) == k)
    )
    if not fits:
        outputs = "n_out" if n_out is None else n_out
        stacks = f", or {(k, 1, m)} or ({k}, {outputs}, {m}) of a stack" if k else ""
        raise value_error(
            f"weights must have shape ({m},), or ({outputs}, {m}) for each output its own"
            f"{stacks}, not {value.shape}"
        )
    # Where their sum is not finite there is no mean.
    if not (math.isfinite(float(value.max()) * value.size) and value.min() >= 0):
        raise value_error("weights must be finite and at least 0")


def some_weight(total: Any) -> None:
    """A sum of weights that a mean can be taken by."""
    if not (np.all(total) if isinstance(total, np.ndarray) else total):
        raise value_error("weights are all 0, so they have no mean")


def predictions(predicted: Any, y: Any) -> None:
    """Integers of one shape, at least one."""
    checks.array("predicted", predicted, "iu")
    checks.array("y", y, "iu")
    if predicted.shape != y.shape or predicted.ndim not in (1, 2):
        raise value_error(
            f"predicted and y must have one shape, (m,) or (n_out, m), "
            f"not {predicted.shape} and {y.shape}"
        )
    checks.not_empty("y", y)


def cache(value: Any, params: Params) -> None:
    """A Cache of these parameters: the Z of every layer, and the A that it takes and gives."""
    if getattr(value, "_fields", None) != ("Z", "A"):
        raise type_error(f"cache must be a Cache, not {type(value).__name__}")
    for name, arrays in zip("ZA", value, strict=True):
        if not isinstance(arrays, tuple):
            raise type_error(f"cache.{name} must be a tuple, not {checks.kind(arrays)}")
        for number, array in enumerate(arrays):
            checks.array(f"cache.{name}[{number}]", array, "f")
    X: Any = value.A[0] if value.A else np.zeros(())
    k, m = params[0].W.shape[:-2], X.shape[-1] if X.ndim else 0
    own = X.shape[:-2] if X.ndim == 3 else ()
    heights = [params[0].W.shape[-1], *(b.shape[-2] for _, b in params)]
    came = ([Z.shape for Z in value.Z], [A.shape for A in value.A])
    expected = [(*(k if number else own), n, m) for number, n in enumerate(heights)]
    dtypes = {str(array.dtype) for array in (*value.Z, *value.A, params[0].W)}
    if len(dtypes) > 1:
        raise type_error(f"cache and params must have one dtype, not {sorted(dtypes)}")
    if came != (expected[1:], expected) or own not in ((), k):
        raise value_error(
            f"cache must have A of shapes {expected}, and Z of all but the first, "
            f"but A is {came[1]} and Z is {came[0]}"
        )

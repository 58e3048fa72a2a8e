"""Masks: what of X and of each hidden layer's A the next layer takes, as factors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params
from scratchmlp.core.border import type_error, value_error
from scratchmlp.core.model.activations import Activation, zero_second

# One for X (n_in, m), and one for the A (n, m) of each hidden layer; None takes all as it is.
Masks: TypeAlias = tuple[Array | None, ...]


def masked(activation: Activation, mask: Array | None) -> Activation:
    """The activation whose A = g(Z) is multiplied by a mask, with its derivatives.

    >>> from scratchmlp import tanh
    >>> masked(tanh, np.array([0.0, 2.0])).derivative(np.zeros(2), np.zeros(2))
    array([0., 2.])
    """
    if mask is None:
        return activation
    function, derivative, second = activation
    return Activation(
        partial(_product, mask, function),
        partial(_product_of_derivative, mask, function, derivative),
        second
        if second in (None, zero_second)
        else partial(_product_of_derivative, mask, function, second),
    )


def masked_examples(X: Array, masks: Masks) -> Array:
    """The examples times their mask, once they are known to be finite: infinity times 0 is NaN.

    >>> masked_examples(np.ones((1, 2)), (np.array([[0.0, 2.0]]),))
    array([[0., 2.]])
    """
    if masks[0] is None:
        return X
    checks.finite("X", X)
    with np.errstate(over="ignore"):
        return X * masks[0]


def check_masks(masks: Any, params: Params, X: Array) -> None:
    """Masks for these parameters and examples, for all networks of a stack or for each its own."""
    if not isinstance(masks, tuple):
        raise type_error(f"masks must be a tuple, not {checks.kind(masks)}")
    k, m = params[0].W.shape[:-2], X.shape[-1]
    shapes = [X.shape, *((*k, b.shape[-2], m) for _, b in params[:-1])]
    if len(masks) != len(shapes):
        raise value_error(f"masks has {len(masks)} but params has {len(shapes)} layers")
    for number, (mask, shape) in enumerate(zip(masks, shapes, strict=True)):
        if mask is not None:
            checks.array(f"masks[{number}]", mask)
            if mask.shape not in (shape, shape[-2:]):  # an X that is shared stays so
                expected = " or ".join(map(str, dict.fromkeys((shape[-2:], shape))))
                raise value_error(f"masks[{number}] must be {expected}, not {mask.shape}")
            checks.finite(f"masks[{number}]", mask)


def _product(mask: Array, function: Callable[..., Array], Z: Array) -> Array:
    return (function(Z) * mask).astype(Z.dtype, copy=False)


def _product_of_derivative(
    mask: Array,
    function: Callable[..., Array],
    derivative: Callable[..., Array],
    Z: Array,
    A: Array,
) -> Array:
    """From g(Z), since the A that comes is no longer that."""
    return (derivative(Z, function(Z)) * mask).astype(Z.dtype, copy=False)

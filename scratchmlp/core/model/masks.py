"""Masks: what of X and of each hidden layer's A the next layer takes, as factors."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params
from scratchmlp.core.model.activations import Activation, flat

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
        if second in (None, flat)
        else partial(_product_of_derivative, mask, function, second),
    )


def masked_examples(where: str, X: Array, masks: Masks) -> Array:
    """The examples times their mask, once they are known to be finite: infinity times 0 is NaN.

    >>> masked_examples("forward", np.ones((1, 2)), (np.array([[0.0, 2.0]]),))
    array([[0., 2.]])
    """
    if masks[0] is None:
        return X
    checks.finite(where, "X", X)
    with np.errstate(over="ignore"):
        return X * masks[0]


def check_masks(where: str, masks: Any, params: Params, X: Array) -> None:
    """Masks for these parameters and examples."""
    if not isinstance(masks, tuple):
        raise TypeError(f"{where}: masks must be a tuple, not {checks.kind(masks)}")
    shapes = [X.shape, *((len(b), X.shape[1]) for _, b in params[:-1])]
    if len(masks) != len(shapes):
        raise ValueError(f"{where}: masks has {len(masks)} but params has {len(shapes)} layers")
    for number, (mask, shape) in enumerate(zip(masks, shapes, strict=True)):
        if mask is not None:
            checks.array(where, f"masks[{number}]", mask)
            if mask.shape != shape:
                raise ValueError(f"{where}: masks[{number}] must be {shape}, not {mask.shape}")
            checks.finite(where, f"masks[{number}]", mask)


def _product(mask: Array, function: Callable[..., Array], Z: Array) -> Array:
    A = function(Z)
    checks.result("network", "an activation", A, mask.shape)
    return A * mask


def _product_of_derivative(
    mask: Array,
    function: Callable[..., Array],
    derivative: Callable[..., Array],
    Z: Array,
    A: Array,
) -> Array:
    """From g(Z), since the A that comes is no longer that."""
    slope = derivative(Z, function(Z))
    checks.result("network", "an activation's derivative", slope, mask.shape)
    return slope * mask

"""Functions of the user's own, wrapped once so that they check and cast what they give.

They are handed read-only arrays. The library's own functions are known to be right and are not
wrapped, so arithmetic has no checks in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params, frozen_view
from scratchmlp.core.border import type_error, value_error
from scratchmlp.core.model.activations import Activation, softmax
from scratchmlp.core.model.losses import Loss
from scratchmlp.core.model.targets import apart, beside
from scratchmlp.core.shown import ours


def check_functions(hidden: Any, loss: Loss, params: Params | None = None) -> None:
    """Activations and a loss made of functions, that fit checked params if these are given."""
    each = (hidden,) if isinstance(hidden, Activation) else hidden
    if not isinstance(each, tuple) or not all(isinstance(g, Activation) for g in each):
        raise type_error("network.hidden must be an Activation or a tuple of them")
    if not isinstance(loss.activation, Activation):
        raise type_error("the loss of network must have an Activation")
    checks.functions("network", (loss.value, loss.delta, loss.targets))
    optional = (loss.curvature, loss.decode, *(g.second for g in (*each, loss.activation)))
    checks.functions("network", (function for function in optional if function is not None))
    for activation in (*each, loss.activation):
        checks.functions("network", activation[:2])
    if params and each is hidden and len(hidden) != len(params) - 1:
        raise value_error(
            f"network has {len(hidden)} hidden activations "
            f"but params has {len(params) - 1} hidden layers"
        )
    if softmax in each:
        raise value_error(
            "softmax is for outputs: it is not elementwise, so network cannot hide it"
        )
    if params and loss.activation == softmax and params[-1].b.shape[-2] == 1:
        raise value_error(
            "network has a softmax over one output, which is always 1: take sigmoid_cross_entropy "
            "with one output, or softmax_cross_entropy with two"
        )


def checked_activation(activation: Activation, layer: int) -> Activation:
    """The activation of a layer, whose own functions give an array of the shape and dtype of Z.

    >>> checked_activation(Activation(np.abs, np.vdot), 1).derivative(np.ones(2), np.ones(2))
    Traceback (most recent call last):
    ValueError: the derivative of the activation of layer 1 must give an array of shape (2,), not \
float64 ()
    """
    names = (
        f"the activation of layer {layer}",
        f"the derivative of the activation of layer {layer}",
        f"the second derivative of the activation of layer {layer}",
    )
    return Activation(*map(_elementwise, activation, names))


def checked_loss(loss: Loss) -> Loss:
    """The loss, whose own functions give arrays of the shapes that they should, in the dtype of Z.

    A function of columns is given the columns of all networks of a stack beside each other.
    """
    function, *rest = loss.activation
    return loss._replace(
        activation=Activation(
            _columns(function, "the activation of the loss", _shape_of_first),
            *(_elementwise(part, "the derivative of the activation of the loss") for part in rest),
        ),
        value=_columns(loss.value, "the loss's value", _one_a_column),
        delta=_columns(loss.delta, "the loss's delta", _shape_of_first),
        curvature=_columns(loss.curvature, "the loss's curvature", _shape_of_first),
        targets=loss.targets if ours(loss.targets) else partial(_own_targets, loss.targets),
        decode=_columns(loss.decode, "the loss's decode", None),
    )


def _own_targets(targets: Callable[[Array, int], Array], y: Array, n_out: int) -> Array:
    name = "the loss's targets"
    Y = checks.called(name, targets, frozen_view(y), n_out)
    checks.result(name, Y, (n_out, y.shape[-1]))
    return frozen_view(Y)


def _elementwise(function: Any, name: str) -> Any:
    if function is None or ours(function):
        return function
    return partial(_called, function, name, _shape_of_first)


def _columns(function: Any, name: str, shape: Callable[..., Any] | None) -> Any:
    if function is None or ours(function):
        return function
    return partial(_called_on_columns, function, name, shape)


def _called(
    function: Callable[..., Any], name: str, shape: Callable[..., Any] | None, *arrays: Array
) -> Array:
    result = checks.called(name, function, *map(frozen_view, arrays))
    if shape is None:
        return _decoded(result, name, arrays[0].shape[-1])
    checks.result(name, result, shape(arrays[0]))
    return frozen_view(result.astype(arrays[0].dtype, copy=False))


def _called_on_columns(
    function: Callable[..., Any], name: str, shape: Callable[..., Any] | None, *arrays: Array
) -> Array:
    stacks = [len(array) for array in arrays if array.ndim == 3]
    if not stacks:
        return _called(function, name, shape, *arrays)
    k = stacks[0]
    whole = [np.broadcast_to(array, (k, *array.shape[-2:])) for array in arrays]
    return apart(_called(function, name, shape, *map(beside, whole)), k)


def _decoded(result: Any, name: str, m: int) -> Array:
    if type(result) is np.ndarray and result.ndim in (1, 2) and result.shape[-1] == m:
        return result
    came = f"{result.dtype} {result.shape}" if hasattr(result, "shape") else checks.kind(result)
    raise value_error(f"{name} must give classes ({m},) or decisions (n, {m}), not {came}")


def _shape_of_first(first: Array) -> tuple[int, ...]:
    return first.shape


def _one_a_column(first: Array) -> tuple[int, ...]:
    return first.shape[-1:]

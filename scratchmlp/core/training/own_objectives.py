"""Functions of the user's own in the place of `value_and_grad`: what they give is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Grads, Numbers, Params, freeze
from scratchmlp.core.border import type_error, value_error
from scratchmlp.core.data.batches import Map
from scratchmlp.core.flat import as_tuples
from scratchmlp.core.model.network import Network
from scratchmlp.core.shown import ours
from scratchmlp.core.stacks import networks
from scratchmlp.core.training.objective import Evaluation
from scratchmlp.core.training.own_optimizers import taken_as


def checked_objective(
    objective: Callable[..., Any], network: Network, map: Map, params: Params, batch: Any
) -> tuple[Evaluation, Grads]:
    """What a user's own objective gives, as the library's `value_and_grad` gives it.

    >>> from scratchmlp import classifier, init_params
    >>> half = lambda *_, map: 0.5
    >>> half.__module__ = "elsewhere"  # the library's own is not checked
    >>> checked_objective(half, classifier, map, init_params([1, 1]), None)
    Traceback (most recent call last):
    TypeError: value_and_grad must give (Evaluation, grads), not float 0.5
    """
    params = as_tuples(params)
    if ours(objective):
        return cast("tuple[Evaluation, Grads]", objective(params, batch, network, map=map))
    result = checks.called("value_and_grad", objective, params, batch, network, map=map)
    pair = isinstance(result, tuple) and len(result) == 2 and not hasattr(result, "_fields")
    if not (pair and isinstance(result[0], tuple) and len(result[0]) == 2):
        came = checks.kind(result)
        raise type_error(f"value_and_grad must give (Evaluation, grads), not {came}")
    figures, grads = result
    k = networks(params)
    loss, accuracy = (
        _figure(n, each, k) for n, each in zip(Evaluation._fields, figures, strict=True)
    )
    return Evaluation(loss, accuracy), taken_as("the grads of value_and_grad", grads, params)


def _figure(name: str, value: Any, k: int | None) -> Numbers:
    """A number, or one for each network of a stack."""
    if not k:
        return checks.number(f"the {name} of value_and_grad", value)
    figures = np.asarray(value, np.float64)
    if figures.shape != (k,):
        raise value_error(
            f"the {name} of value_and_grad must be one a network, {(k,)}, not {figures.shape}"
        )
    return freeze(figures.copy())

"""Optimizers of the user's own, wrapped once so that what they give is checked and cast."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from scratchmlp.core import checks
from scratchmlp.core.arrays import Layer, Params, freeze, frozen_view, plain
from scratchmlp.core.border import type_error, value_error
from scratchmlp.core.flat import as_tuples
from scratchmlp.core.shown import ours, shown
from scratchmlp.core.training.optimizers import Optimizer, Updated
from scratchmlp.core.training.state import State
from scratchmlp.core.trees import form, outline


def check_optimizer(optimizer: Any) -> None:
    """Nothing but an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise type_error(
            f"optimizer must be an Optimizer such as sgd(0.1), not {checks.kind(optimizer)}"
        )
    checks.functions("optimizer", optimizer[:2])


def checked_optimizer(optimizer: Optimizer) -> Optimizer:
    """The optimizer; a user's own, as one whose update gives params like those that it got.

    >>> ours(checked_optimizer(Optimizer(tuple, print)).update)
    True
    """
    if ours(optimizer.update):
        return optimizer
    name = f"update of the optimizer {shown(optimizer.update)}"
    return optimizer._replace(update=partial(_checked_update, optimizer.update, name))


def all_ours(optimizer: Optimizer) -> bool:
    """Whether an optimizer, and all that it is made of, is the library's own.

    >>> from scratchmlp import adam, moving_average
    >>> all_ours(moving_average(adam())), all_ours(Optimizer(tuple, tuple))
    (True, False)
    """
    update = optimizer.update
    parts = [part for part in _arguments(update) if isinstance(part, Optimizer)]
    own = isinstance(update, partial) and update.func is _checked_update
    return ours(update) and not own and all(map(all_ours, parts))


def _arguments(function: Any) -> tuple[Any, ...]:
    """What a partial function holds, and what is in tuples of it."""
    held = (*function.args, *function.keywords.values()) if isinstance(function, partial) else ()
    return tuple(part for each in held for part in (each if type(each) is tuple else (each,)))


def check_memory(state: State, optimizer: Optimizer) -> None:
    """The optimizer's state is like the one that it starts with."""
    if not isinstance(state.optimizer, tuple):
        came = checks.kind(state.optimizer)
        raise type_error(f"state.optimizer must be a tuple, not {came}")
    if not all_ours(optimizer):
        return
    first = optimizer.init(state.params)
    if type(state.optimizer) is not type(first):
        came = checks.kind(state.optimizer)
        raise type_error(f"state.optimizer must be {type(first).__name__}, not {came}")
    if form(state.optimizer) != form(first):
        raise value_error(
            f"state.optimizer must be {outline(first)}, not {outline(state.optimizer)}"
        )


def like_the_params(name: str, function: Callable[..., Params], *trees: Params) -> Params:
    """What a function makes of trees, once it is like the last of them, and in its dtypes."""
    if ours(function):
        return function(*trees)
    views = [*map(_views, trees)]
    return taken_as(name, checks.called(name, function, *views), views[-1])


def _checked_update(
    update: Callable[..., Updated],
    name: str,
    params: Params,
    grads: Params,
    state: Any,
    iteration: int,
) -> Updated:
    params = as_tuples(params)
    result = checks.called(name, update, params, _views(grads), as_tuples(state), iteration)
    pair = isinstance(result, tuple) and len(result) == 2 and not isinstance(result[0], Layer)
    if not pair or isinstance(result, Layer):
        raise type_error(f"{name} must give (params, state), not {checks.kind(result)}")
    new, memory = result
    if not isinstance(memory, tuple):
        raise type_error(f"the state that {name} gives must be a tuple, not {checks.kind(memory)}")
    return taken_as(f"the params that {name} gives", new, params), memory


def taken_as(name: str, tree: Any, like: Any) -> Any:
    """A tree of the structure and shapes of another, cast to its dtypes, read-only."""
    if isinstance(like, tuple):
        if type(tree) is not type(like) or len(tree) != len(like):
            hint = ": write Layer(W, b)" if isinstance(like, Layer) else ""
            raise type_error(f"{name} must be like {outline(like)}, not {outline(tree)}{hint}")
        branches = [taken_as(name, one, other) for one, other in zip(tree, like, strict=True)]
        return getattr(like, "_make", tuple)(branches)
    if not plain(tree) or tree.dtype.kind not in "iuf":
        raise type_error(f"{name} must have arrays of numbers, not {outline(tree)}")
    if tree.shape != like.shape:
        raise value_error(f"{name} must have an array of shape {like.shape}, not {tree.shape}")
    return freeze(tree.astype(like.dtype, copy=False))


def _views(tree: Any) -> Any:
    """The tree, of read-only views: nobody's own arrays are made read-only."""
    if isinstance(tree, tuple):
        return getattr(tree, "_make", tuple)([*map(_views, tree)])
    return frozen_view(tree)

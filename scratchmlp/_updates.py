"""The checks of optimizers: the first step of one, and its updates by gradients of any size."""

from typing import Any

import numpy as np

from scratchmlp import Array, Layer, Optimizer, Params
from scratchmlp._properties import leaves, outline, pure, same_bytes


def downhill(optimizer: Optimizer, start: Params, state: Any) -> None:
    """The first step, where the gradient is W itself, does not make |W|^2 larger."""
    once, _ = _updated(optimizer, start, start, state, 0, "the first iteration")
    pairs = zip(leaves(start), leaves(once), strict=True)
    if sum(np.vdot(old, new - old) for old, new in pairs) > 0:
        raise ValueError("update must go downhill, but its first step on |W|^2 / 2 goes up")


def steady(
    optimizers: tuple[Optimizer, Optimizer],
    params: Params,
    state: Any,
    largest: float,
    rng: np.random.Generator,
) -> None:
    """Updates by an optimizer and by its pickled copy, for gradients of different sizes."""
    optimizer, copy = optimizers
    for iteration, size in ((0, 1.0), (1, 0.0), (2, largest), (3, 1.0), (10**6, 1.0)):
        grads = tuple(Layer(*(_gradient(rng, size, each) for each in layer)) for layer in params)
        where = f"iteration {iteration} for {params[0].W.dtype} gradients of the size {size:g}"
        again = pure("update", copy.update, params, grads, state, iteration)
        params, state = _updated(optimizer, params, grads, state, iteration, where)
        if not same_bytes((params, state), again):
            raise ValueError(f"update must be the same once pickled, but is not in {where}")


def _updated(
    optimizer: Optimizer, params: Params, grads: Params, state: Any, iteration: int, where: str
) -> tuple[Params, Any]:
    result = pure("update", optimizer.update, params, grads, state, iteration)
    if not isinstance(result, tuple) or len(result) != 2:
        raise ValueError(f"update must give (new params, new state), not {outline(result)}")
    for name, after, before in zip(("parameters", "state"), result, (params, state), strict=True):
        if outline(after) != outline(before):
            raise ValueError(
                f"update must give {name} of the form {outline(before)}, but gives "
                f"{outline(after)} in {where}"
            )
        if not all(np.isfinite(leaf).all() for leaf in leaves(after)):
            raise ValueError(f"update must keep the {name} finite, but does not in {where}")
    return result


def _gradient(rng: np.random.Generator, size: float, like: Array) -> Array:
    return (size * rng.normal(size=like.shape)).astype(like.dtype)

"""The arrays of a State by their names in a file, and the outline of the trees that they make."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Layer, leaves
from scratchmlp.core.border import value_error
from scratchmlp.core.training.adaptive_optimizers import AdamState, RmspropState
from scratchmlp.core.training.averages import AVERAGES
from scratchmlp.core.training.further_optimizers import AdagradState, LionState
from scratchmlp.core.training.muon import MuonState
from scratchmlp.core.training.optimizers import MomentumState
from scratchmlp.core.training.state import State

_KINDS = "biuf"
_STATES = (MomentumState, RmspropState, AdagradState, AdamState, LionState, MuonState)
_TUPLES: dict[str, type] = {each.__name__: each for each in (Layer, *_STATES, *AVERAGES)}


def named(state: State) -> dict[str, Array]:
    """All arrays of a State: W1, b1, W2, ... and optimizer1, ..."""
    layers = {
        f"{part}{number}": array
        for number, layer in enumerate(state.params, start=1)
        for part, array in zip("Wb", layer, strict=True)
    }
    memory = enumerate(leaves(state.optimizer), start=1)
    return layers | {f"optimizer{number}": array for number, array in memory}


def outline(tree: Any) -> Any:
    """The tree as JSON can have it, each array as its dtype and shape."""
    if not isinstance(tree, tuple):
        if not isinstance(tree, np.ndarray | np.generic) or tree.dtype.kind not in _KINDS:
            raise value_error(f"a state of {checks.kind(tree)} is not of numbers")
        return [str(tree.dtype), list(tree.shape)]
    name = "tuple" if type(tree) is tuple else type(tree).__name__
    if name != "tuple" and name not in _TUPLES:
        raise value_error(f"a state of the type {name} is not scratchmlp's")
    return {"type": name, "items": [outline(branch) for branch in tree]}


def expected(about: dict[str, Any], arrays: dict[str, Array]) -> list[tuple[str, Array]]:
    """The arrays in the order of the outline, once their names are the right ones."""
    depth = len(about["params"]["items"])
    layers = [f"{part}{number}" for number in range(1, depth + 1) for part in "Wb"]
    names = layers + [f"optimizer{number}" for number in range(1, len(arrays) - 2 * depth + 1)]
    if set(names) != set(arrays):
        raise ValueError(f"it has the arrays {sorted(arrays)}, not {sorted(names)}")
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS:
            raise ValueError(f"{name} is {array.dtype}, not numbers")
    return [(name, arrays[name]) for name in names]


def rebuild(form: Any, left: Iterator[tuple[str, Array]]) -> Any:
    """The tree of an outline, of the arrays that are left, by their names in its order."""
    if isinstance(form, dict):
        items = tuple(rebuild(item, left) for item in form["items"])
        return items if form["type"] == "tuple" else _TUPLES[form["type"]](*items)
    dtype, shape = form
    name, array = next(left, ("an array that is missing", None))
    if array is None or (str(array.dtype), list(array.shape)) != (dtype, shape):
        came = "not there" if array is None else f"{array.dtype} {list(array.shape)}"
        raise ValueError(f"{name} is {came}, but should be {dtype} {shape}")
    return array

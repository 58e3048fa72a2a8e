"""A State and its network to a file and back: one `.npz`, with no pickle in it."""

import json
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core import activations, checks, losses
from scratchmlp.core.activations import Activation
from scratchmlp.core.arrays import Array, Layer, freeze, leaves
from scratchmlp.core.losses import Loss
from scratchmlp.core.network import Network, classifier
from scratchmlp.core.optimizers import MomentumState
from scratchmlp.core.training import State
from scratchmlp.files import PathLike, replacing

FORMAT = 1
_TUPLES: dict[str, type] = {"Layer": Layer, "MomentumState": MomentumState}
_ACTIVATIONS = {name: g for name, g in vars(activations).items() if isinstance(g, Activation)}
_LOSSES = {name: loss for name, loss in vars(losses).items() if isinstance(loss, Loss)}


class Checkpoint(NamedTuple):
    """What a file holds: the State, and the Network that it was trained with."""

    state: State
    network: Network


def save(path: PathLike, state: State, *, network: Network = classifier) -> None:
    """Write a State, and the network by the names of its functions, as one `.npz` file.

    The arrays are named W1, b1, W2, ... and optimizer1, ...; `about` is JSON that says the rest.
    There is never half a file: it takes its name when it is whole.

    Raises ValueError for a network of functions other than scratchmlp's, which have no names;
    OSError where the file cannot be written.

    >>> import tempfile
    >>> from scratchmlp import init_params, init_state, sgd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model.npz", init_state(init_params([2, 3]), sgd(0.1)))
    ...     load(f"{folder}/model.npz").state.iteration
    0
    """
    if not isinstance(state, State):
        raise TypeError(f"save: state must be a State, not {type(state).__name__}")
    checks.params("save", state.params)
    checks.network("save", network, len(state.params))
    about = {
        "format": FORMAT,
        "network": _names(network),
        "iteration": state.iteration,
        "loss": state.loss,
        "accuracy": state.accuracy,
        "params": _outline(state.params),
        "optimizer": _outline(state.optimizer),
    }
    arrays = {"about": np.array(json.dumps(about)), **_named(state)}
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load(path: PathLike) -> Checkpoint:
    """The State and Network that `save` wrote.

    Raises ValueError, naming the file, where it is no such file, of a later format, or an array
    is missing, unexpected, or of another shape or dtype than it says.
    """
    arrays = _read(path)
    try:
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']}, but this version reads {FORMAT}")
        values = iter(_expected(about, arrays))
        params, optimizer = (_rebuild(about[part], values) for part in ("params", "optimizer"))
        figures = int(about["iteration"]), float(about["loss"]), float(about["accuracy"])
        checks.params("load", params)
        return Checkpoint(State(params, optimizer, *figures), _network(about["network"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: is no checkpoint: {reason}") from None


def _named(state: State) -> dict[str, Array]:
    layers = {
        f"{part}{number}": array
        for number, layer in enumerate(state.params, start=1)
        for part, array in zip("Wb", layer, strict=True)
    }
    memory = enumerate(leaves(state.optimizer), start=1)
    return layers | {f"optimizer{number}": array for number, array in memory}


def _read(path: PathLike) -> dict[str, Array]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: freeze(archive[name]) for name in archive.files}
    except (ValueError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: is no checkpoint: {error}") from None


def _outline(tree: Any) -> Any:
    """The tree as JSON can have it, each array as its dtype and shape."""
    if not isinstance(tree, tuple):
        return [str(tree.dtype), list(tree.shape)]
    name = "tuple" if type(tree) is tuple else type(tree).__name__
    if name != "tuple" and name not in _TUPLES:
        raise ValueError(f"save: a state of the type {name} is not scratchmlp's")
    return {"type": name, "items": [_outline(branch) for branch in tree]}


def _expected(about: dict[str, Any], arrays: dict[str, Array]) -> list[Array]:
    """The arrays in the order of the outline, once their names are the right ones."""
    depth = len(about["params"]["items"])
    layers = [f"{part}{number}" for number in range(1, depth + 1) for part in "Wb"]
    names = layers + [f"optimizer{number}" for number in range(1, len(arrays) - 2 * depth + 1)]
    if set(names) != set(arrays):
        raise ValueError(f"it has the arrays {sorted(arrays)}, not {sorted(names)}")
    return [arrays[name] for name in names]


def _rebuild(outline: Any, values: Any) -> Any:
    if isinstance(outline, dict):
        items = tuple(_rebuild(item, values) for item in outline["items"])
        return items if outline["type"] == "tuple" else _TUPLES[outline["type"]](*items)
    array = next(values, None)
    came = None if array is None else [str(array.dtype), list(array.shape)]
    if came != outline:
        raise ValueError(f"an array is {came}, but it should be {outline}")
    return array


def _names(network: Network) -> dict[str, Any]:
    hidden = network.hidden
    return {
        "hidden": _name(hidden, _ACTIVATIONS)
        if isinstance(hidden, Activation)
        else [_name(each, _ACTIVATIONS) for each in hidden],
        "loss": _name(network.loss, _LOSSES),
    }


def _name(value: Any, known: dict[str, Any]) -> str:
    for name, candidate in known.items():
        if value == candidate:
            return name
    raise ValueError(f"save: network has a function of its own; those saved are {sorted(known)}")


def _network(names: dict[str, Any]) -> Network:
    hidden = names["hidden"]
    several = isinstance(hidden, list)
    each = tuple(_ACTIVATIONS[name] for name in hidden) if several else _ACTIVATIONS[hidden]
    return Network(each, _LOSSES[names["loss"]])

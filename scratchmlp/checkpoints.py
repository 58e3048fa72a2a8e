"""A State and its network to a file and back: one `.npz`, with no pickle in it."""

import json
from typing import Any, NamedTuple

import numpy as np

from scratchmlp._atomic import PathLike, replacing
from scratchmlp._description_files import arrays_of, as_json, from_json
from scratchmlp._names import network_named, network_names
from scratchmlp._npz import read_npz, write_npz
from scratchmlp._state_files import expected, named, outline, rebuild
from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, Params, freeze, leaves
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.model import fitting
from scratchmlp.core.model.network import Network, classifier, resolved
from scratchmlp.core.stacks import networks
from scratchmlp.core.training.state import State
from scratchmlp.descriptions import Description, check_sizes

FORMAT, DESCRIBED_FORMAT = 1, 2
"""The versions of the format that `save` writes, without a description and with one."""


class Checkpoint(NamedTuple):
    """What a file holds: the State, the Network that it was trained with, and for what data.

    The description is that of a table, as `scratchmlp.tables` makes it, or None.
    """

    state: State
    network: Network
    description: Description | None = None


@public
def save(
    path: PathLike,
    state: State,
    *,
    network: Network = classifier,
    description: Description | None = None,
) -> None:
    """Write a State, and the network by the names of its functions, as one `.npz` file.

    The arrays are named W1, b1, W2, ... and optimizer1, ...; one named about is JSON with the rest.
    A description of the data is JSON too, `description`, and arrays such as feature_mean.
    There is never half a file: it takes its name when it is whole.

    Raises ValueError where a parameter is not finite, or the optimizer's state has anything but
    arrays of numbers, in tuples that are plain or of scratchmlp's types, or the description is of
    other inputs or outputs; OSError where the file cannot be written.

    >>> import tempfile
    >>> from scratchmlp import init_params, init_state, sgd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model.npz", init_state(init_params([2, 3]), sgd(0.1)))
    ...     load(f"{folder}/model.npz").state.iteration
    0
    """
    if not isinstance(state, State):
        raise type_error(f"state must be a State, not {checks.kind(state)}")
    _check(state.params, state.optimizer)
    resolved(network, state.params)
    about = {
        "format": FORMAT if description is None else DESCRIBED_FORMAT,
        "network": network_names(network),
        "iteration": state.iteration,
        "loss": _listed(state.loss),
        "accuracy": _listed(state.accuracy),
        "params": outline(state.params),
        "optimizer": outline(state.optimizer),
    }
    arrays = {"about": np.array(json.dumps(about)), **named(state)}
    if description is not None:
        check_sizes(description, *_ends(state.params))
        arrays |= {"description": np.array(as_json(description)), **arrays_of(description)}
    with replacing(path) as file:
        write_npz(file, arrays)


def load(path: PathLike, *, network: Network | None = None) -> Checkpoint:
    """The State, Network and description that `save` wrote.

    A network with functions of one's own has to be given again, since a file has their names alone.

    Raises ValueError, naming the file, where it is no such file, of a later format, or an array
    is missing, unexpected, or of another shape or dtype than it says; where a parameter is not
    finite; where the network given is not the one saved, or one with functions of one's own is
    not given.
    """
    try:
        with open(path, "rb") as file:
            arrays = read_npz(file)
        about = _about(arrays.pop("about"))
        description = _description(arrays) if about["format"] == DESCRIBED_FORMAT else None
        left = iter(expected(about, arrays))
        params, optimizer = (rebuild(about[part], left) for part in ("params", "optimizer"))
        _check(params, optimizer)
        state = State(params, optimizer, *_figures(about, networks(params)))
        if description is not None:
            check_sizes(description, *_ends(params))
        return Checkpoint(state, _network(about["network"], network, params), description)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: is no checkpoint: {reason}") from None


def _about(array: Array) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(_text("about", array))
    if not isinstance(about, dict):
        raise ValueError("about is no object of JSON")
    if type(about["format"]) is not int or about["format"] not in (FORMAT, DESCRIBED_FORMAT):
        known = f"{FORMAT} and {DESCRIBED_FORMAT}"
        raise ValueError(f"its format is {about['format']}, but this version reads {known}")
    return about


def _listed(figures: Numbers) -> float | list[float]:
    return figures.tolist() if isinstance(figures, np.ndarray) else figures


def _text(name: str, array: Array) -> str:
    if array.shape != () or array.dtype.kind != "U":
        raise ValueError(f"{name} is {array.dtype} {list(array.shape)}, but should be text")
    return str(array)


def _description(arrays: dict[str, Array]) -> Description:
    """The description, whose arrays are taken out of the others."""
    text = _text("description", arrays.pop("description"))
    names = [name for name in arrays if name.startswith(("feature_", "target_"))]
    return from_json(text, {name: arrays.pop(name) for name in names})


def _ends(params: Params) -> tuple[int, int]:
    """The number of inputs and of outputs."""
    return params[0].W.shape[-1], params[-1].b.shape[-2]


def _figures(about: dict[str, Any], k: int | None) -> tuple[int, Numbers, Numbers]:
    iteration = checks.count("iteration", about["iteration"], least=0)
    return iteration, _figure(about["loss"], k), _figure(about["accuracy"], k)


def _figure(value: Any, k: int | None) -> Numbers:
    """A number, or one for each network of a stack."""
    each = value if k and isinstance(value, list) else [value]
    if not {type(one) for one in each} <= {int, float} or len(each) != (k or 1):
        raise ValueError("loss and accuracy must be numbers, one for each network")
    return freeze(np.array(each, np.float64)) if k else float(value)


def _check(params: Params, optimizer: Any) -> None:
    """Finite params, of which a stack has to have one: the others may have diverged."""
    fitting.params(params)
    finite = [np.isfinite(array).all(axis=(-2, -1)) for array in leaves(params)]
    if not np.logical_and.reduce(finite).any():
        fitting.finite_params(params)
    if not isinstance(optimizer, tuple):
        raise value_error("the optimizer's state must be a tuple")


def _network(names: dict[str, Any], given: Network | None, params: Params) -> Network:
    if given is not None and network_names(given) != names:
        raise ValueError(f"its network is {names}, not {network_names(given)}")
    network = network_named(names) if given is None else given
    resolved(network, params)
    return network

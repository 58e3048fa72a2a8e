"""Models in files: one network, or several as a committee."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp import (
    Data,
    Network,
    Params,
    Statistics,
    averaged,
    checkpoints,
    committee,
    flatten,
    unstack,
)
from scratchmlp._description_files import as_json, same
from scratchmlp._names import network_names
from scratchmlp.cli import data, folders
from scratchmlp.cli.checked import (
    train_settings,
)
from scratchmlp.core.arrays import Array
from scratchmlp.core.data.augment import Augmentation
from scratchmlp.core.stacks import networks
from scratchmlp.descriptions import Description


class Models(NamedTuple):
    """The parameters of each member, the scale of its data, and the network that all are of."""

    members: tuple[Params, ...]
    descriptions: tuple[Description | None, ...]
    network: Network


class Copies(NamedTuple):
    """How many distorted copies of each example there are, over which outputs are averaged."""

    augment: Augmentation | None = None
    number: int = 1


PLAIN = Copies()


def load(paths: Sequence[Path]) -> Models:
    """The models in files, or in the folders of runs: the average where a state has one.

    A stack of networks is as many members.

    Raises ValueError as `checkpoints.load`, and where their networks have other functions, or they
    are of data that is encoded in another way.
    """
    found = [checkpoints.load(folders.model(path) if path.is_dir() else path) for path in paths]
    first = found[0]
    for path, (_, network, description) in zip(paths, found, strict=True):
        if network_names(network) != network_names(first.network):
            raise ValueError(f"{path}: its network has other functions than that of {paths[0]}")
        if _form(description) != _form(first.description):
            raise ValueError(f"{path}: is of data with other columns than that of {paths[0]}")
    each = [(one, about) for state, _, about in found for one in _networks(averaged(state).params)]
    members, descriptions = zip(*each, strict=True)
    return Models(members, descriptions, first.network)


def _networks(params: Params) -> tuple[Params, ...]:
    """The params themselves, or those of the networks of a stack that have not diverged."""
    if not networks(params):
        return (params,)
    each = unstack(params)
    return tuple(one for one in each if np.isfinite(flatten(one)).all())


def outputs(models: Models, raw: Data, copies: Copies = PLAIN) -> Array:
    """The mean of the members' outputs (n_out, m) of encoded examples, on the scale of the first.

    Each member has the scale of its own training examples. With an augmentation, what a member says
    of an example is the mean over distorted copies, the same ones for all members.
    """
    first = models.descriptions[0]
    each = []
    for params, description in zip(models.members, models.descriptions, strict=True):
        A = _mean_of_copies(params, data.scale(raw, description).X, models.network, copies)
        if description is not first and description is not None and description.target is not None:
            A = _on_scale(A, description.target.statistics, first)
        each.append(A)
    mean: Array = np.mean(each, axis=0)
    return mean


def _mean_of_copies(params: Params, X: Array, network: Network, copies: Copies) -> Array:
    if copies.augment is None:
        return committee([params], X, network)
    seen = (copies.augment(X, seed) for seed in range(copies.number))
    each = [committee([params], one, network) for one in seen]
    mean: Array = np.mean(each, axis=0)
    return mean


def has_own_data(path: Path) -> bool:
    """Whether a model stands in the folder of its run, which knows the data."""
    folder = path if path.is_dir() else path.parent
    return folders.current(folder, folders.SETTINGS).exists()


def own_data(path: Path, description: Description | None) -> tuple[Data, str]:
    """The examples that the run of a model has not trained with, and in words which ones.

    Raises ValueError where the model does not stand in the folder of its run, or the data is no
    longer what it was.
    """
    folder = path if path.is_dir() else path.parent
    if not has_own_data(path):
        raise ValueError(f"{path}: is alone, without the settings of its run: tell the --data")
    settings = train_settings({"workers": 1} | folders.saved_settings(folder).settings, folder)
    part, said, found = data.own(settings.data, settings.network.seed)
    if description is not None and not same(found, description):
        raise ValueError(
            f"{settings.data.data}: is no longer the data that {path} was trained with"
        )
    return part, said


def _form(description: Description | None) -> str:
    return "" if description is None else as_json(description)


def _on_scale(A: Array, own: Statistics | None, first: Description | None) -> Array:
    other = None if first is None or first.target is None else first.target.statistics
    if own is None or other is None:
        return A
    scaled: Array = ((A * own.deviation + own.mean - other.mean) / other.deviation).astype(A.dtype)
    return scaled

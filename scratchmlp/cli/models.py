"""Models in files: one network, or several as a committee."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scratchmlp import Network, Params, averaged, checkpoints, committee, predict, softmax
from scratchmlp._names import network_names
from scratchmlp.cli import folders
from scratchmlp.core.arrays import Array


class Models(NamedTuple):
    """The parameters of each member, and the network that all of them are of."""

    members: tuple[Params, ...]
    network: Network


def load(paths: Sequence[Path]) -> Models:
    """The models in files, or in the folders of runs: the average where a state has one.

    Raises ValueError as `checkpoints.load`, and where their networks have other functions.
    """
    found = [checkpoints.load(folders.model(path) if path.is_dir() else path) for path in paths]
    first = found[0].network
    for path, (_, network) in zip(paths, found, strict=True):
        if network_names(network) != network_names(first):
            raise ValueError(f"{path}: its network has other functions than that of {paths[0]}")
    return Models(tuple(averaged(state).params for state, _ in found), first)


def labels(members: Sequence[Params], X: Array, network: Network) -> Array:
    """The classes of the examples X, (m,), by one network or by the mean of several.

    Raises ValueError for networks that are no classifiers.
    """
    if network.loss.activation != softmax:
        raise ValueError(f"a model of {network_names(network)['loss']} is no classifier")
    if len(members) == 1:
        return predict(members[0], X, network)
    return committee(members, X, network).argmax(axis=0)

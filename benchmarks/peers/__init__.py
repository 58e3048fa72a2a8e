"""The same work done by others: each module offers a PEER, or None where its library is missing.

A peer is given parameters as scratchmlp has them, and gives gradients and parameters back so.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import Case
from scratchmlp import Data, Layer, Params


class Peer(NamedTuple):
    """A name, and what it can do.

    `gradients(params, data, quick)` are named cases of one gradient of all the data, each of which
    returns the gradient. `sgd(params, data, batch, rate)` are named functions that train for one
    epoch from where they stand and return the parameters.
    """

    gradients: Callable[[Params, Data, bool], dict[str, Case]]
    sgd: Callable[[Params, Data, int, float], dict[str, Callable[[], Params]]]


MODULES = ("scratch", "article", "pytorch", "jax_jit", "sklearn_mlp")


def installed() -> dict[str, Peer]:
    """The peers whose libraries are here."""
    peers = {}
    for name in MODULES:
        try:
            peers[name] = import_module(f"benchmarks.peers.{name}").PEER
        except ModuleNotFoundError as error:
            print(f"({name} is left out: {error.name} is not installed)")
    return peers


def layers(weights: Any, biases: Any, transposed: bool) -> Params:
    """Parameters of any library as scratchmlp has them."""
    pairs = zip(map(np.asarray, weights), map(np.asarray, biases), strict=True)
    return tuple(Layer(W.T if transposed else W, b.reshape(-1, 1)) for W, b in pairs)

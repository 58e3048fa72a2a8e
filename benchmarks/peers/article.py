"""The article's algorithm, written plainly: float64, the whole batch at once."""

from functools import partial

import numpy as np

from benchmarks.harness import Case, plain
from benchmarks.peers import Peer, layers, prepared
from scratchmlp import Data, Params


def gradient(variant: str, params: Params, data: Data) -> Case:
    """One gradient."""
    weights = [np.asarray(W, np.float64) for W, _ in params]
    biases = [np.asarray(b, np.float64) for _, b in params]
    X, Y = np.asarray(data.X, np.float64), np.eye(len(biases[-1]))[:, data.y]

    def run() -> Params:
        activations, logits = [X], []
        for W, b in zip(weights, biases, strict=True):
            logits.append(W @ activations[-1] + b)
            activations.append(np.maximum(logits[-1], 0))
        shifted = np.exp(logits[-1] - logits[-1].max(axis=0))
        dZ = shifted / shifted.sum(axis=0) - Y
        dW, db = [], []
        for k in reversed(range(len(weights))):
            dW.insert(0, dZ @ activations[k].T / X.shape[1])
            db.insert(0, dZ.sum(axis=1, keepdims=True) / X.shape[1])
            if k:
                dZ = (weights[k].T @ dZ) * (logits[k - 1] > 0)
        return layers(dW, db, transposed=False)

    return plain(run)


PEER = Peer(gradient=gradient)
prepare = partial(prepared, PEER)

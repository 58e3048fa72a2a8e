"""NumPy without a library: the equations by hand, and the matrix products that nobody can avoid."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks import by_hand
from benchmarks.harness import Case, plain
from benchmarks.peers import Peer, prepared
from scratchmlp import Batch, Data, Params, map_arrays


def step(
    variant: str, params: Params, batches: Sequence[Batch], rule: str, rate: float
) -> Callable[[], Any]:
    """Training by hand, or only its products."""
    if variant == "products":
        return partial(products, params, batches)
    return partial(by_hand.train, params, batches, rule, rate)


def gradient(variant: str, params: Params, data: Data) -> Case:
    """That of the only batch: what a step at rate 1 takes off."""
    batches = [Batch(*data)]
    if variant == "products":
        return plain(partial(products, params, batches))

    def run() -> Params:
        return map_arrays(np.subtract, params, by_hand.train(params, batches, "sgd", 1.0).params)

    return plain(run)


def products(params: Params, batches: Sequence[Batch]) -> None:
    """W A of each layer, dZ A.T of each, and W.T dZ of all but the first, into the same memory."""
    m, last = batches[0].X.shape[1], len(params) - 1
    A = [np.empty((len(W), m), W.dtype) for W, _ in params]
    dZ, dW = [np.ones_like(a) for a in A], [np.empty_like(W) for W, _ in params]
    back = [np.empty_like(a) for a in A]
    for X, *_ in batches:
        np.dot(params[0].W, X, out=A[0])
        for n in range(last):
            np.dot(params[n + 1].W, A[n], out=A[n + 1])
        for n in range(last, 0, -1):
            np.dot(dZ[n], A[n - 1].T, out=dW[n])
            np.dot(params[n].W.T, dZ[n], out=back[n - 1])
        np.dot(dZ[0], X.T, out=dW[0])


PEER = Peer(step, gradient)
prepare = partial(prepared, PEER)

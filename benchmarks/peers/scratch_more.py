"""scratchmlp's derivatives, and its many networks: one at a time, as a stack, on two threads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
from toolz import last, take

import scratchmlp
from benchmarks.harness import Case, plain
from benchmarks.peers import RATES, Peer, prepared
from scratchmlp import (
    Batch,
    Data,
    Params,
    State,
    classifier,
    clipped_grad_sum,
    example_grad_norms,
    example_grads,
    fisher_diagonal,
    gnvp,
    hvp,
    init_params,
    init_state,
    input_grad,
    jvp,
    sgd,
    shards,
    train,
    value_and_grad,
    vjp,
)
from scratchmlp.workers import keep_freed_memory, threads

DERIVATIVES: dict[str, Callable[..., Any]] = {
    "gradient": lambda p, v, X, y: value_and_grad(p, Batch(X, y)),
    "input_grad": lambda p, v, X, y: input_grad(p, X, y),
    "example_grads": lambda p, v, X, y: example_grads(p, X, y),
    "example_grad_norms": lambda p, v, X, y: example_grad_norms(p, X, y),
    "clipped_grad_sum": lambda p, v, X, y: clipped_grad_sum(p, X, y, max_norm=1.0),
    "fisher_diagonal": lambda p, v, X, y: fisher_diagonal(p, X, y),
    "jvp": lambda p, v, X, y: jvp(p, v, X, classifier),
    "vjp": lambda p, v, X, y: vjp(p, np.ones((len(p[-1].b), X.shape[1]), X.dtype), X, classifier),
    "gnvp": lambda p, v, X, y: gnvp(p, v, shards(X, y)),
    "hvp": lambda p, v, X, y: hvp(p, v, shards(X, y)),
}


def derivative(name: str, params: Params, v: Params, data: Data) -> Callable[[], Any]:
    """One of the above."""
    return partial(DERIVATIVES[name], params, v, *data)


def many(
    variant: str, sizes: list[int], batches: Sequence[Batch], k: int
) -> tuple[Case, int] | None:
    """A case, and the number of networks that it trains; one at a time, they all take as long."""
    keep_freed_memory()
    steps = len(batches)
    if variant == "one":
        stream = _stream(init_params(sizes), batches)
        return (plain(lambda: _taken(steps, stream)), 1) if k == 1 else None
    groups = 2 if variant == "threads" else 1
    if k < groups:
        return None
    streams = [
        _stream(scratchmlp.stack([init_params(sizes, seed=s) for s in part]), batches)
        for part in np.array_split(range(k), groups)
    ]
    if groups == 1:
        return plain(lambda: _taken(steps, streams[0])), k

    @contextmanager
    def shared() -> Iterator[Callable[[], Any]]:
        with threads(groups) as map:
            yield lambda: list(map(partial(_taken, steps), streams))

    return shared, k


def _stream(params: Params, batches: Sequence[Batch]) -> Iterator[State]:
    optimizer = sgd(RATES["sgd"])
    return train(init_state(params, optimizer), cycle(batches), optimizer=optimizer)


def _taken(steps: int, states: Iterator[State]) -> Any:
    return last(take(steps, states)).loss


PEER = Peer(derivative=derivative, many=many)
prepare = partial(prepared, PEER)

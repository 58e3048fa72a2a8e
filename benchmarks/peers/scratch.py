"""scratchmlp itself: a stream of steps; threads over dense shards, or shards without dead rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from toolz import last, take

from benchmarks.harness import Case
from benchmarks.peers import Peer, prepared
from scratchmlp import (
    Batch,
    Data,
    Params,
    adam,
    init_state,
    live_shards,
    minibatches,
    nesterov,
    sgd,
    shards,
    train,
    value_and_grad,
)
from scratchmlp.workers import threads

RULES: dict[str, Callable[[float], Any]] = {"sgd": sgd, "nesterov": nesterov, "adam": adam}


def step(
    variant: str, params: Params, batches: Sequence[Batch], rule: str, rate: float
) -> Callable[[], Any]:
    """`train` on the batches, of which the figures of each state are kept."""
    optimizer = RULES[rule](rate)

    def run() -> Any:
        states = train(init_state(params, optimizer), batches, optimizer=optimizer)
        return [(state.loss, state.accuracy) for state in states]

    return run


def gradient(variant: str, params: Params, data: Data) -> Case:
    """By threads over shards."""
    parts = live_shards(*data) if variant == "live" else shards(*data)

    @contextmanager
    def shared() -> Iterator[Callable[[], Any]]:
        with threads() as map:
            yield lambda: value_and_grad(params, parts, map=map)[1]

    return shared


def epoch(
    variant: str, params: Params, data: Data, batch: int, rate: float
) -> Callable[[], Params]:
    """A stream of minibatches."""
    optimizer = sgd(rate)
    batches = minibatches(*data, size=batch)
    states = train(init_state(params, optimizer), batches, optimizer=optimizer)
    return lambda: last(take(-(-data.X.shape[1] // batch), states)).params


PEER = Peer(step, gradient, epoch)
prepare = partial(prepared, PEER)

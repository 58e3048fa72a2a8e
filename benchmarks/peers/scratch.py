"""scratchmlp itself: threads over dense shards, and over shards without dead rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from toolz import last, take

from benchmarks.harness import Case
from benchmarks.peers import Peer
from scratchmlp import (
    Data,
    Params,
    init_state,
    live_shards,
    minibatches,
    sgd,
    shards,
    train,
    value_and_grad,
)
from scratchmlp.workers import threads


def gradients(params: Params, data: Data, quick: bool) -> dict[str, Case]:
    """Dense, and with live rows."""

    def case(parts: Any) -> Case:
        @contextmanager
        def shared() -> Iterator[Callable[[], Any]]:
            with threads() as map:
                yield lambda: value_and_grad(params, parts, map=map)[1]

        return shared

    return {
        "scratchmlp, dense": case(shards(*data)),
        "scratchmlp, live rows": case(live_shards(*data)),
    }


def epochs(params: Params, data: Data, batch: int, rate: float) -> dict[str, Callable[[], Params]]:
    """A stream of minibatches."""
    optimizer = sgd(rate)
    batches = minibatches(*data, size=batch)
    states = train(init_state(params, optimizer), batches, optimizer=optimizer)
    return {"scratchmlp": lambda: last(take(-(-data.X.shape[1] // batch), states)).params}


PEER = Peer(gradients, epochs)

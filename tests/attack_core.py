"""An attack on the sums over shards: `python -m tests.attack_core` takes some minutes.

Maps of all kinds, arguments that are written to afterwards, and workers that are killed. A trial is
lost where there is an exception in the place of a result, and wrong where there is another result,
or a result in the place of an exception. The last two columns have to be zeros.
"""

import logging
import os
import random
import signal
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import numpy as np

from scratchmlp import _cluster_sums, init_params, shards, value_and_grad
from scratchmlp.core.arrays import leaves
from scratchmlp.workers import blas_threads, cluster
from tests.maps import LAWFUL, UNLAWFUL, Memoizing
from tests.test_law_aliasing import IDLE, PASSED_ON, VIEWS, paths, seen, writable
from tests.test_law_purity import CALLS, call

HELD, LOST, WRONG = "held", "lost", "wrong"
Trials = Iterator[tuple[str, str]]  # what was tried, and what came of it


def bits(result):
    return [np.asarray(leaf).tobytes() for leaf in leaves(result)]


def verdict(compute: Callable, expected: list[bytes]) -> str:
    try:
        return HELD if bits(compute()) == expected else WRONG
    except Exception as error:
        print(f"  {type(error).__name__}: {error}")
        return LOST


def refusal(compute: Callable, kind: type[Exception]) -> str:
    try:
        compute()
    except kind:
        return HELD
    except Exception as error:
        print(f"  {type(error).__name__}: {error}")
        return LOST
    return WRONG


def problem(rng: np.random.Generator):
    """A network and shards at random, in any memory order, some of them with equal contents."""
    sizes = [int(n) for n in rng.integers(1, 300, rng.integers(2, 5))] + [int(rng.integers(2, 9))]
    dtype = rng.choice([np.float32, np.float64])
    m = int(rng.integers(2, 400))
    X = rng.normal(size=(sizes[0], m)).astype(dtype, order=rng.choice(["C", "F"]))
    y = rng.integers(sizes[-1], size=m)
    weights = rng.random(m) + 0.1 if rng.random() < 0.5 else None
    parts = shards(X, y, size=int(rng.integers(1, m)), weights=weights)
    again = rng.integers(len(parts), size=rng.integers(2, 20))
    copies = tuple(type(parts[k])(*writable(tuple(parts[k]))) for k in again)
    seed = int(rng.integers(2**62))
    return init_params(sizes, seed=seed, dtype=dtype), rng.choice([0, 1]) * parts + copies


class OwnError(Exception):
    pass


def raising(function, items):
    yield function(next(iter(items)))
    raise OwnError


def maps(count: int) -> Trials:
    for seed in range(count):
        compute = partial(value_and_grad, *problem(np.random.default_rng(seed)))
        expected = bits(compute())
        for name, kind in LAWFUL.items():
            yield f"map {name}", verdict(partial(compute, map=kind), expected)
        for memoizing in (Memoizing(), Memoizing(copies=True)):
            for _ in range(3):
                made = verdict(partial(compute, map=memoizing), expected)
                yield "map memoizing", made if memoizing.intact() else WRONG
        for name, kind in UNLAWFUL.items():
            yield f"map {name}", refusal(partial(compute, map=kind), ValueError)
        yield "map raising", refusal(partial(compute, map=raising), OwnError)


def in_order(value, order):
    """The nest with its arrays in another memory order."""
    if isinstance(value, dict):
        return {key: in_order(item, order) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        items = [in_order(item, order) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value.copy(order=order) if isinstance(value, np.ndarray) else value


def aliasing() -> Trials:
    calls = [(name, CALLS[name]) for name in {*CALLS} - PASSED_ON - VIEWS]
    for name, arguments in calls + [(name, tuple(rest)) for name, *rest in IDLE.values()]:
        for order in "CF":
            given = in_order(arguments, order)
            found = seen(lambda copies, name=name: call(name, copies), given)
            for path, _ in paths(given):
                yield f"writing to an argument, {order}", WRONG if path in found else HELD


def killed(count: int) -> Trials:
    """Sums during which a worker, or all of them, are killed at a moment at random.

    Each cluster is used for ten: what restarts its workers gives some of them up in the end.
    """
    from distributed import Client, LocalCluster

    chance = random.Random(0)
    params, X = init_params([30, 64, 4]), np.random.default_rng(0).random((30, 20_000), np.float32)
    parts = shards(X, np.arange(20_000) % 4, size=250)
    with blas_threads(1):
        expected = bits(value_and_grad(params, parts))
    options = {"processes": True, "protocol": "tcp", "dashboard_address": ":0", "silence_logs": 50}
    for _ in range(0, count, 10):
        with LocalCluster(4, threads_per_worker=1, **options) as workers, Client(workers) as client:
            for number in range(10):
                yield killed_once(client, params, parts, expected, chance, number % 2 == 0)


def killed_once(client, params, parts, expected, chance, placing):
    pids: list[int] = []
    while not pids:  # those that were there a moment ago may be dead by now
        client.wait_for_workers(1, timeout=60)
        pids = [*client.run(os.getpid, on_error="ignore").values()]
    doomed = pids if chance.random() < 0.1 else [chance.choice(pids)]
    with cluster(client, timeout=30) as mapped:
        compute = partial(value_and_grad, params, parts, map=mapped)
        if placing:
            with killing_while_placing(doomed, chance.randrange(5)):
                return "worker killed while shards are placed", verdict(compute, expected)
        compute()  # so that the shards are in place
        timer = threading.Timer(chance.random() * 0.05, kill, [doomed])
        timer.start()
        result = verdict(compute, expected)
        timer.join()
        return "worker killed", result


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class killing_while_placing:  # noqa: N801
    """Until it is left, the workers are killed before so many values have been sent to them."""

    def __init__(self, pids, after):
        self.pids, self.left, self.send = pids, after, _cluster_sums.sent

    def __call__(self, *arguments):
        if self.left == 0:
            kill(self.pids)
        self.left -= 1
        return self.send(*arguments)

    def __enter__(self):
        _cluster_sums.sent = self

    def __exit__(self, *_):
        _cluster_sums.sent = self.send


def main() -> None:
    """Print a table: what was tried, how often, and how many of these were lost or wrong."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    counts: Counter = Counter()
    start = time.monotonic()
    for attack in (maps(50), aliasing(), killed(100)):
        counts.update(attack)
    print(f"{'':40} {'tried':>7} {'lost':>7} {'wrong':>7}")
    for name in sorted({name for name, _ in counts}):
        tried = sum(counts[name, each] for each in (HELD, LOST, WRONG))
        print(f"{name:40} {tried:7} {counts[name, LOST]:7} {counts[name, WRONG]:7}")
    print(f"{time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    main()

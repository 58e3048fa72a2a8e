"""What a cluster costs: bytes and milliseconds of an iteration, on processes of this machine.

python -m benchmarks.cluster [--quick] [--json FILE]
"""

import statistics
import time
from typing import Any

import psutil
from distributed import Client, LocalCluster

from benchmarks import harness
from benchmarks.harness import DEEP, SHALLOW
from scratchmlp import flatten, init_params, shards, value_and_grad
from scratchmlp.datasets import mnist
from scratchmlp.workers import blas_threads, cluster

FEW = 10  # examples of a shard: next to nothing to compute, so that what is left is overhead


def main() -> None:
    """Print the table."""
    options = harness.options(__doc__)
    rounds = 5 if options.quick else 40
    found = [
        measured(workers, sizes, rounds)
        for sizes in (DEEP, SHALLOW)
        for workers in ((2,) if options.quick else (2, 4, 8))
    ]
    print(f"{harness.described()}\n")
    rows = [
        (
            "-".join(map(str, each["sizes"])),
            each["workers"],
            f"{1e3 * each['seconds']:.0f}",
            f"{1e3 * each['serial']:.0f}",
            f"{each['bytes'] / 1e6:.2f}",
            f"{each['bytes'] / each['parameters'] / each['workers']:.2f}",
        )
        for each in found
    ]
    header = (
        "network",
        "workers",
        "ms an iteration",
        "ms of client and scheduler",
        "MB moved",
        "of the parameters' size, a worker",
    )
    print(harness.table(header, rows))
    harness.write_json(options.json, {"cluster": found})


def measured(workers: int, sizes: list[int], rounds: int) -> dict[str, Any]:
    """The median seconds and the bytes of a gradient, beyond its computation.

    Client and scheduler are this process, and what it computes is all that does not scale.
    """
    X, y = mnist().train
    few = FEW * 4 * workers
    parts, params = shards(X[:, :few], y[:few], size=FEW), init_params(sizes)
    options: dict[str, Any] = {"protocol": "tcp", "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, **options) as local,
        Client(local) as client,
        cluster(client) as map,
    ):
        for _ in range(5):
            value_and_grad(params, parts, map=map)
        before, busy, seconds = sent(), time.process_time(), []
        for _ in range(rounds):
            start = time.perf_counter()
            value_and_grad(params, parts, map=map)
            seconds.append(time.perf_counter() - start)
        moved, serial = (sent() - before) / rounds, (time.process_time() - busy) / rounds
    with blas_threads(1):
        start = time.perf_counter()
        for _ in range(rounds):
            value_and_grad(params, parts)
        computing = (time.perf_counter() - start) / rounds
    return {
        "sizes": sizes,
        "workers": workers,
        "seconds": statistics.median(seconds) - computing / min(workers, harness.cores()),
        "serial": serial,
        "bytes": moved,
        "parameters": flatten(params).nbytes,
    }


def sent() -> int:
    """Bytes that have passed this machine's loopback."""
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


if __name__ == "__main__":
    main()

"""How time and memory grow: with examples, width, depth and workers; slopes of log-log fits.

python -m benchmarks.scaling [--quick] [--json FILE]
"""

import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import DEEP
from scratchmlp import init_params, shards, value_and_grad
from scratchmlp.datasets import mnist
from scratchmlp.workers import cores, threads

FITTED_FROM = {"examples": 10_000, "width": 256, "depth": 4, "workers": 1}


def main() -> None:
    """Measure each point in a process of its own, in turns; print the tables."""
    options = harness.options(__doc__)
    rounds, few = (1, True) if options.quick else (3, False)
    measured: dict[str, dict[int, list[dict[str, float]]]] = {}
    for _ in range(rounds):
        for axis, points in axes(few).items():
            for value, point in points.items():
                found = measured.setdefault(axis, {}).setdefault(value, [])
                found.append(in_a_process(point))
    print(f"{harness.described()}\n")
    for axis, points in measured.items():
        print(summary(axis, points) + "\n")
    harness.write_json(options.json, measured)


def axes(few: bool) -> dict[str, dict[int, dict[str, Any]]]:
    """The points of each axis: the value, and what to measure there."""
    base = {"sizes": DEEP, "m": 10_000, "workers": cores()}
    examples = [1000, 10_000, 100_000] if few else [1000, 3000, 10_000, 30_000, 100_000, 300_000]
    return {
        "examples": {m: base | {"m": m} for m in [*examples, *([] if few else [1_000_000])]},
        "width": {n: base | {"sizes": [784, n, n, 10]} for n in (64, 128, 256, 512, 1024, 2048)},
        "depth": {n: base | {"sizes": [784, *[256] * n, 10]} for n in (1, 2, 4, 8, 16, 32)},
        "workers": {n: base | {"m": 60_000, "workers": n} for n in range(1, cores() + 1)},
    }


def in_a_process(point: dict[str, Any]) -> dict[str, float]:
    """Seconds of a gradient, and bytes beyond the data."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--point", json.dumps(point)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(sizes: list[int], m: int, workers: int) -> dict[str, float]:
    """One point, of MNIST's images over and over."""
    few, labels = mnist().train
    X = np.empty((784, m), np.float32, order="F")
    for start in range(0, m, few.shape[1]):
        X[:, start : start + few.shape[1]] = few[:, : m - start]
    parts, params = shards(X, np.resize(labels, m)), init_params(sizes)
    del few
    harness.forget_peak_memory()
    before, seconds = harness.peak_memory(), []
    with threads(workers) as map:
        while len(seconds) < 4 or (sum(seconds) < 1 and len(seconds) < 50):
            start = time.perf_counter()
            value_and_grad(params, parts, map=map)
            seconds.append(time.perf_counter() - start)
    return {
        "seconds": statistics.median(seconds[1:]),
        "bytes": harness.peak_memory() - before,
        "flops": harness.gradient_flops(sizes, m),
    }


def summary(axis: str, points: dict[int, list[dict[str, float]]]) -> str:
    """A table, and the slopes against the axis and against the FLOPs."""
    medians = {
        value: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for value, runs in points.items()
    }
    rows = [
        (
            f"{value:,}",
            f"{1e3 * each['seconds']:.1f}",
            f"{each['flops'] / each['seconds'] / 1e9:.0f}",
            f"{each['bytes'] / 1e6:.0f}",
        )
        for value, each in medians.items()
    ]
    fitted = [(value, each) for value, each in medians.items() if value >= FITTED_FROM[axis]]
    x = np.log([value for value, _ in fitted])
    slopes = {
        name: np.polyfit(x, np.log([each[name] for _, each in fitted]), 1)[0]
        for name in ("seconds", "flops")
    }
    return (
        harness.table((axis, "ms a gradient", "GFLOP/s", "MB beyond the data"), rows)
        + f"\n\nSlope from {FITTED_FROM[axis]:,} {axis} on: time {slopes['seconds']:.2f}, "
        + f"FLOPs {slopes['flops']:.2f}."
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--point"]:
        print(json.dumps(measure(**json.loads(sys.argv[2]))))
    else:
        main()

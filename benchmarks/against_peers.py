"""The same work by scratchmlp and by what one would use instead, measured in turns.

python -m benchmarks.against_peers [--quick] [--json FILE]
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import DEEP, SHALLOW
from benchmarks.peers import Peer, installed
from scratchmlp import (
    Batch,
    Data,
    Params,
    accuracy,
    flatten,
    init_params,
    map_arrays,
    predict,
    value_and_grad,
)
from scratchmlp.datasets import mnist

OURS = "scratchmlp"
# The fastest of batches 16 to 128 and rates 0.05 to 0.5 to 98 % on 10,000 held-out training images.
BATCH, RATE = 32, 0.2
GOALS = (0.97, 0.98)


def main() -> None:
    """Print all tables."""
    options = harness.options(__doc__)
    peers, (train, test) = installed(), mnist()
    rounds = 3 if options.quick else 7
    print(f"{harness.described()}\n")
    figures: dict[str, Any] = {"agreement": agreement(peers, train, options.quick)}
    for sizes in (DEEP, SHALLOW):
        figures[f"gradient {sizes}"] = gradients(peers, train, sizes, rounds, options.quick)
    batches = [32] if options.quick else [32, 128, 512]
    figures["epochs"] = epochs(peers, train, batches, rounds)
    figures["time to accuracy"] = races(peers, train, test, 1 if options.quick else 3)
    harness.write_json(options.json, figures)


def agreement(peers: Mapping[str, Peer], data: Data, quick: bool) -> dict[str, float]:
    """All compute one gradient: its largest difference from that in float64, relatively."""
    few = Data(data.X[:, :2000], data.y[:2000])
    params = init_params(DEEP)
    in_double = map_arrays(lambda a: a.astype(np.float64), params)
    reference = flatten(value_and_grad(in_double, Batch(*few))[1])
    differences = {}
    for peer in peers.values():
        for name, case in peer.gradients(params, few, quick).items():
            with case() as run:
                difference = abs(flatten(run()) - reference).max() / abs(reference).max()
            differences[name] = float(difference)
    print("The gradient of 2,000 images: the largest difference from that in float64\n")
    rows = [(name, f"{difference:.1e}") for name, difference in differences.items()]
    print(harness.table(("by", "relative difference"), rows) + "\n")
    if max(differences.values()) > 1e-4:
        raise SystemExit("they do not compute the same gradient")
    return differences


def gradients(
    peers: Mapping[str, Peer], data: Data, sizes: list[int], rounds: int, quick: bool
) -> dict[str, Any]:
    """One gradient of all 60,000 images."""
    cases = {harness.ROOFLINE: harness.square_matmul()}
    for peer in peers.values():
        cases |= peer.gradients(init_params(sizes), data, quick)
    seconds = harness.in_turns(cases, rounds)
    peak = harness.flops_per_second(seconds.pop(harness.ROOFLINE))
    medians = harness.medians(seconds)
    best = min((s for name, s in medians.items() if name.startswith("PyTorch")), default=None)
    flops = harness.gradient_flops(sizes, data.X.shape[1])
    print(
        f"The gradient of {data.X.shape[1]:,} images, {sizes}; the roofline, NumPy's product of "
        f"large squares, is {peak / 1e9:.0f} GFLOP/s\n"
    )
    rows = [
        (name, f"{1e3 * s:.1f}", _ratio(s, best), f"{flops / s / peak:.0%}")
        for name, s in medians.items()
    ]
    print(harness.table(("by", "ms", "against the best PyTorch", "of the roofline"), rows) + "\n")
    return {"roofline": peak, "seconds": seconds}


def epochs(
    peers: Mapping[str, Peer], data: Data, batches: list[int], rounds: int
) -> dict[int, dict[str, list[float]]]:
    """An epoch of plain SGD at each size of batch."""
    seconds = {}
    for batch in batches:
        cases = {
            name: harness.plain(run)
            for peer in peers.values()
            for name, run in peer.sgd(init_params(DEEP), data, batch, 0.05).items()
        }
        seconds[batch] = harness.in_turns(cases, rounds)
    print(f"Seconds of an epoch of SGD, {DEEP} (and those of {OURS} as a ratio to them)\n")
    print(epochs_table(seconds) + "\n")
    return seconds


def epochs_table(seconds: Mapping[int, Mapping[str, list[float]]]) -> str:
    """A row for each peer, a column for each size of batch."""
    medians = {batch: harness.medians(timed) for batch, timed in seconds.items()}
    rows = [
        (name, *(f"{m[name]:.2f} ({_ratio(m[OURS], m[name])})" for m in medians.values()))
        for name in next(iter(medians.values()))
    ]
    return harness.table(("by", *(f"batch {batch}" for batch in medians)), rows)


def races(
    peers: Mapping[str, Peer], train: Data, test: Data, rounds: int
) -> dict[str, list[dict[float, float]]]:
    """Seconds of training until the test accuracy, looked at after each epoch, is reached."""
    results: dict[str, list[dict[float, float]]] = {}
    for seed in range(rounds):
        for peer in peers.values():
            for name, epoch in peer.sgd(init_params(DEEP, seed=seed), train, BATCH, RATE).items():
                time.sleep(0.2)
                results.setdefault(name, []).append(_race(epoch, test))
    print(
        f"Seconds of plain SGD to a test accuracy, JAX's compilation counted; {DEEP}, "
        f"batch {BATCH}, rate {RATE}, the median of {rounds} seeds\n"
    )
    rows = [
        (name, *(_median([run.get(goal) for run in runs]) for goal in GOALS))
        for name, runs in results.items()
    ]
    print(harness.table(("by", *(f"to {goal:.0%}" for goal in GOALS)), rows) + "\n")
    return results


def _race(epoch: Callable[[], Params], test: Data) -> dict[float, float]:
    spent, reached = 0.0, {}
    for _ in range(30):
        start = time.perf_counter()
        params = epoch()
        spent += time.perf_counter() - start
        right = accuracy(predict(params, test.X), test.y)
        reached |= {goal: spent for goal in GOALS if right >= goal and goal not in reached}
        if len(reached) == len(GOALS):
            break
    return reached


def _ratio(one: float, other: float | None) -> str:
    return "" if other is None else f"{one / other:.2f}"


def _median(seconds: list[float | None]) -> str:
    if None in seconds:
        return "not in 30 epochs"
    return f"{statistics.median(seconds):.1f}"


if __name__ == "__main__":
    main()

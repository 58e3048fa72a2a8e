"""What purity costs: the fold, the stream, the checks; memory; confident networks.

python -m benchmarks.overheads [--quick] [--json FILE]
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from toolz import last, take

from benchmarks import harness
from benchmarks.harness import DEEP
from scratchmlp import (
    Batch,
    Layer,
    Params,
    adam,
    classifier,
    forward,
    gradient_descent,
    init_params,
    init_state,
    minibatches,
    predict,
    sgd,
    shards,
    train,
    value_and_grad,
)
from scratchmlp.core.model.losses import right
from scratchmlp.core.model.network import backpropagate, propagate
from scratchmlp.core.model.targets import targets
from scratchmlp.core.training.update_rules import descend
from scratchmlp.datasets import mnist
from scratchmlp.workers import threads


def main() -> None:
    """Print the table."""
    options = harness.options(__doc__)
    rounds = 5 if options.quick else 15
    figures = {
        "gradient_descent, an iteration, against its gradient": descent(rounds),
        "a step of `train` at batch 32, against its arithmetic": stream(rounds),
        "a gradient at logit gaps of 300, batch 32": confident(rounds, 32),
        "a gradient at logit gaps of 300, batch 512": confident(rounds, 512),
    }
    print(f"{harness.described()}\n")
    print(harness.table(("", "times"), [(name, f"{r:.3f}") for name, r in figures.items()]))
    steps = 10_000 if options.quick else 100_000
    figures["endurance"], growth = endurance(steps)
    print(
        f"\nThe last tenth of {steps:,} steps of a small network, against the first tenth but one: "
        f"{figures['endurance']:.3f}; memory grows by {growth / 1e6:.1f} MB"
    )
    iterations = 20 if options.quick else 500
    figures["memory"] = memory(iterations)
    print(
        f"\nThe peak memory of {iterations} iterations on 60,000 images, beyond the process with "
        f"its data: {figures['memory'] / 1e6:.0f} MB"
    )
    harness.write_json(options.json, figures)


def compared(one: Callable[[], object], other: Callable[[], object], rounds: int) -> float:
    """The ratio of their median times, in turns without a pause, each first every other round."""
    seconds: dict[Callable[[], object], list[float]] = {one: [], other: []}
    for number in range(rounds):
        for run in (one, other) if number % 2 else (other, one):
            start = time.perf_counter()
            run()
            seconds[run].append(time.perf_counter() - start)
    return statistics.median(seconds[one]) / statistics.median(seconds[other])


def descent(rounds: int) -> float:
    """The fold, with its record, against the gradients that it folds."""
    X, y = mnist().train
    params, parts = init_params(DEEP), shards(X, y)
    with threads() as map:
        return compared(
            lambda: gradient_descent(params, parts, iterations=3, learning_rate=0.1, map=map),
            lambda: [value_and_grad(params, parts, map=map) for _ in range(3)],
            rounds,
        )


def stream(rounds: int) -> float:
    """The stream, with its checks and frozen arrays, against the same functions without them.

    Both hold on to the parameters before, as whoever may have to go back to them does.
    """
    optimizer, batches = sgd(0.1), list(take(400, minibatches(*mnist().train, size=32)))
    start = init_state(init_params(DEEP), optimizer)

    def bare() -> Params:
        params = before = start.params
        for X, y, _ in batches:
            Y = targets(y, 10, classifier.loss, X.dtype)
            cache = propagate(params, X, classifier)
            float(classifier.loss.value(cache.Z[-1], Y).sum(dtype=np.float64))
            float(right(classifier.loss, cache.Z[-1], y).sum(dtype=np.float64))
            grads = backpropagate(params, cache, Y, classifier, None, None)
            del cache
            before, params = params, descend(params, grads, 0.1)
        return before

    return compared(lambda: last(train(start, batches, optimizer=optimizer)), bare, rounds)


def confident(rounds: int, m: int) -> float:
    """A network sure of itself against a fresh one: denormal numbers would make it slow."""
    params = init_params(DEEP)
    X = mnist().train.X[:, :m]
    *hidden, (W, b) = params
    Z = forward(params, X).Z[-1]
    gap = np.median(Z.max(axis=0) - Z.min(axis=0))
    sure = (*hidden, Layer(W * np.float32(300 / gap), b))
    batch = Batch(X, predict(sure, X))
    return compared(
        lambda: [value_and_grad(sure, batch) for _ in range(100)],
        lambda: [value_and_grad(params, batch) for _ in range(100)],
        rounds,
    )


def memory(iterations: int) -> int:
    """Bytes that gradient descent needs beyond the data, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.overheads", "--memory", str(iterations)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def endurance(steps: int) -> tuple[float, int]:
    """The last tenth of many steps of a small network, as a ratio to the first; bytes of growth."""
    X = np.random.default_rng(0).random((8, 1000), dtype=np.float32)
    optimizer, batches = adam(1e-4), minibatches(X, np.arange(1000) % 3, size=16)
    states = train(init_state(init_params([8, 16, 3]), optimizer), batches, optimizer=optimizer)

    def tenth() -> float:
        start = time.perf_counter()
        last(take(steps // 10, states))
        return time.perf_counter() - start

    tenth()  # what is loaded and cached at first is not growth
    harness.forget_peak_memory()
    before, first = harness.peak_memory(), tenth()
    for _ in range(8):
        final = tenth()
    return final / first, harness.peak_memory() - before


def peak_beyond_the_data(iterations: int) -> int:
    """The growth of this process's peak, from when its data and its libraries are there."""
    X, y = mnist().train
    params, parts = init_params(DEEP), shards(X, y)
    with threads() as map:
        value_and_grad(params, parts[:2], map=map)
        harness.forget_peak_memory()
        before = harness.peak_memory()
        gradient_descent(params, parts, iterations=iterations, learning_rate=0.1, map=map)
    return harness.peak_memory() - before


if __name__ == "__main__":
    if "--memory" in sys.argv:
        print(peak_beyond_the_data(int(sys.argv[-1])))
    else:
        main()

"""What purity costs: a step of `train` against the same arithmetic by hand, and what else may cost.

    python -m benchmarks.overheads [--quick] [--json FILE]

Also: the fold of gradient descent against the gradients that it folds, networks sure of themselves
(denormal numbers would make them slow), many steps, and memory. Each is measured in a process of
its own.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from toolz import last, take

from benchmarks import by_hand, harness
from benchmarks.harness import DEEP
from benchmarks.peers import BY_HAND, OURS, STEPPING
from benchmarks.processes import (
    Measured,
    Program,
    Work,
    label,
    measured,
    ratios,
    said,
    spread,
    values,
)
from scratchmlp import (
    Batch,
    Layer,
    adam,
    forward,
    gradient_descent,
    init_params,
    init_state,
    minibatches,
    predict,
    shards,
    train,
    value_and_grad,
)
from scratchmlp.datasets import mnist
from scratchmlp.workers import threads

TINY = [2, 16, 16, 2]
BATCHES = (1, 32, 128, 512, 10_000)


def main() -> None:
    """Print the tables."""
    options = harness.options(__doc__)
    rounds = 5 if options.quick else 15
    against_hand = steps(options.quick)
    ratios_of = {
        "gradient_descent, an iteration, against its gradient": ["descent", rounds],
        "a gradient at logit gaps of 300, batch 32": ["confident", rounds, 32],
        "a gradient at logit gaps of 300, batch 512": ["confident", rounds, 512],
    }
    figures: dict[str, Any] = {name: value(case) for name, case in ratios_of.items()}
    print(harness.table(("", "times"), [(name, f"{r:.3f}") for name, r in figures.items()]))
    count = 10_000 if options.quick else 100_000
    figures["endurance"], growth = value(["endurance", count])
    print(
        f"\nThe last tenth of {count:,} steps of a small network, against the first tenth but one: "
        f"{figures['endurance']:.3f}; memory grows by {growth / 1e6:.1f} MB"
    )
    iterations = 20 if options.quick else 500
    figures["memory"] = value(["memory", iterations])
    print(
        f"\nThe peak memory of {iterations} iterations on 60,000 images, beyond the process with "
        f"its data: {figures['memory'] / 1e6:.0f} MB"
    )
    harness.write_json(options.json, {"steps": against_hand._asdict(), **figures})


def steps(quick: bool) -> Measured:
    """`train` and the program by hand, at all sizes of batch and with all rules."""
    kinds = [(DEEP, m) for m in ((32, 128) if quick else BATCHES)] + [(TINY, 32)]
    cases = [["step", sizes, m, rule] for sizes, m in kinds for rule in by_hand.RULES]
    programs = [each for each in STEPPING if each.name in (OURS, BY_HAND)]
    result = measured(programs, cases, 2 if quick else 7, 2 if quick else 5)
    print(f"{said(result)}\n")
    print(f"A step of `train`, against the same arithmetic by hand\n\n{table(result, cases)}\n")
    return result


def table(result: Measured, cases: Sequence[Sequence[Any]]) -> str:
    """A row for each case."""
    rows = []
    for case in cases:
        ours, hand = (result.seconds[label(case)][name] for name in (OURS, BY_HAND))
        times = spread(ratios(ours, hand), digits=2)
        rows.append((*case[1:], spread(ours, 1e6), spread(hand, 1e6), times))
    return harness.table(("network", "batch", "rule", "µs by train", "µs by hand", "times"), rows)


def value(case: Sequence[Any]) -> Any:
    """What a function of this module gives in a process of its own."""
    return values([Program("overheads", "benchmarks.overheads:")], case)["overheads"]


def prepare(variant: str, case: Sequence[Any]) -> Work:
    """One of the functions below, by its name, with its arguments."""
    functions = {each.__name__: each for each in (descent, confident, endurance, memory)}
    return Work(harness.plain(partial(functions[case[0]], *case[1:])))


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


def memory(iterations: int) -> int:
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
    main()

"""Many networks at once: a stack against one at a time, JAX's vmap, and scikit-learn; and a figure.

    python -m benchmarks.many_networks [--quick] [--json FILE] [--figure FILE]

The figure is what only a stack makes cheap: on scikit-learn's 8 x 8 digits, 25 learning rates times
20 seeds at each of three depths, trained in one go, and for its seconds also one at a time.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from toolz import last, take

import scratchmlp
from benchmarks import harness
from benchmarks.peers import MANY, ONE_BY_ONE, STACKED
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
    Data,
    DivergenceError,
    Params,
    evaluate,
    init_params,
    init_state,
    minibatches,
    sgd,
    shuffle,
    split,
    train,
)

NETWORKS = (([2, 16, 16, 2], 32), ([20, 32, 32, 5], 64), ([64, 32, 10], 32), ([784, 32, 10], 32))
COUNTS = (1, 4, 16, 64, 256, 1024)
DEPTHS = ([64, 32, 10], [64, 32, 32, 10], [64, 32, 32, 32, 32, 10])
RATES, SEEDS = np.geomspace(1e-3, 10, 25), 20
SIZE, STEPS, CHANCE = 64, 600, 0.1
SWEEPS = (STACKED, ONE_BY_ONE)


def main() -> None:
    """Print the tables, and draw the figure where that is asked for."""
    options = harness.options(__doc__, figure=("", "draw the figure there"))
    result = networks(options.quick)
    found = {label([sizes]): sweep(sizes, options.quick) for sizes in DEPTHS}
    if options.figure:
        drawn(found).savefig(options.figure, dpi=150)
    harness.write_json(options.json, {"networks": result._asdict(), "sweeps": found})


def networks(quick: bool) -> Measured:
    """Networks times steps a second, by each program, for each network and number of them."""
    kinds, counts = (NETWORKS[:2], (16, 256)) if quick else (NETWORKS, COUNTS)
    cases = [["many", sizes, m, k] for sizes, m in kinds for k in {1, *counts}]
    rounds, turns = (2, 1) if quick else (7, 3)
    result = measured(MANY, sorted(cases, key=label), rounds, turns)
    print(f"{said(result)}\n")
    for sizes, m in kinds:
        few = {k: label(["many", sizes, m, k]) for k in sorted({1, *counts})}
        print(f"Networks times steps a second, in thousands, {sizes}, batch {m}\n")
        print(speeds_table(result, few) + "\n")
        print(f"The time of {STACKED} as a ratio to that of\n")
        print(ratios_table(result, few) + "\n", flush=True)
    return result


def _seconds(result: Measured, case: str, name: str, alone: str) -> list[float] | None:
    """A program's seconds; of one that is measured only for one network, those of it."""
    return result.seconds[case].get(name) or (
        result.seconds[alone].get(name) if name.endswith("one at a time") else None
    )


def speeds_table(result: Measured, cases: dict[int, str]) -> str:
    """A row for each program, a column for each number of networks."""
    rows = []
    for name in (program.name for program in MANY):
        each = [_seconds(result, case, name, cases[1]) for case in cases.values()]
        cells = ["" if s is None else spread([1 / t for t in s], 1e-3, 1) for s in each]
        rows += [(name, *cells)] * any(cells)
    return harness.table(("by", *(f"k = {k}" for k in cases)), rows)


def ratios_table(result: Measured, cases: dict[int, str]) -> str:
    """The ratio of a stack's time to that of each other program, in the same round."""
    rows = []
    for name in (program.name for program in MANY if program.name != STACKED):
        cells = []
        for case in cases.values():
            theirs = _seconds(result, case, name, cases[1])
            ours = result.seconds[case][STACKED]
            cells.append("" if theirs is None else spread(ratios(ours, theirs), digits=3))
        rows += [(name, *cells)] * any(cells)
    return harness.table(("to", *(f"k = {k}" for k in cases)), rows)


def sweep(sizes: list[int], quick: bool) -> dict[str, Any]:
    """The accuracies (rates, seeds) on the validation set, and the seconds of both ways to them."""
    ways = [Program(name, f"benchmarks.many_networks:{name}") for name in SWEEPS]
    rates, seeds, steps = (RATES[::6], 3, 100) if quick else (RATES, SEEDS, STEPS)
    found = values(ways, ["sweep", sizes, rates.tolist(), seeds, steps])
    (right, seconds), (alone, seconds_alone) = (found[name] for name in SWEEPS)
    same = np.mean(np.equal(right, alone))  # the others are unstable: there, rounding decides
    print(
        f"{len(rates)} rates times {seeds} seeds of {sizes}, {steps} steps: {seconds:.1f} s in one "
        f"go, {seconds_alone:.1f} s one at a time; {same:.1%} have the same accuracy both ways",
        flush=True,
    )
    return {"rates": rates.tolist(), "right": right, STACKED: seconds, ONE_BY_ONE: seconds_alone}


def prepare(variant: str, case: Sequence[Any]) -> Work:
    """A sweep in one go, or one network at a time."""
    _, sizes, rates, seeds, steps = case
    way = {STACKED: in_one_go, ONE_BY_ONE: one_at_a_time}[variant]
    training, validation = digits()
    batches = list(take(steps, minibatches(*training, size=SIZE)))
    members = [init_params(sizes, seed=seed) for _ in rates for seed in range(seeds)]
    each = np.repeat(rates, seeds)

    def run() -> tuple[list[list[float]], float]:
        start = time.perf_counter()
        right = way(members, each, batches, Batch(*validation))
        seconds = time.perf_counter() - start
        return np.reshape(right, (len(rates), seeds)).tolist(), seconds

    return Work(harness.plain(run))


def digits() -> tuple[Data, Data]:
    """scikit-learn's digits, from 0 to 1, to train on and to validate by."""
    rows, labels = load_digits(return_X_y=True)
    X = np.asfortranarray(rows.T / 16, dtype=np.float32)
    return split(*shuffle(X, labels, seed=0), 0.8)


def in_one_go(
    members: Sequence[Params], rates: np.ndarray, batches: Sequence[Batch], validation: Batch
) -> np.ndarray:
    """The accuracy of each network, all of which are one stack."""
    optimizer = sgd(rates)
    start = init_state(scratchmlp.stack(members), optimizer)
    found = evaluate(last(train(start, batches, optimizer=optimizer)).params, validation)
    return np.where(np.isfinite(found.loss), found.accuracy, CHANCE)


def one_at_a_time(
    members: Sequence[Params], rates: np.ndarray, batches: Sequence[Batch], validation: Batch
) -> np.ndarray:
    """The same, one network after the other."""
    return np.array([*map(partial(_alone, batches, validation), members, rates)])


def _alone(
    batches: Sequence[Batch], validation: Batch, params: Params, learning_rate: float
) -> float:
    optimizer = sgd(float(learning_rate))
    try:
        states = train(init_state(params, optimizer), batches, optimizer=optimizer)
        return evaluate(last(states).params, validation).accuracy
    except (DivergenceError, ValueError):  # the last update too may have overflowed
        return CHANCE


def drawn(found: dict[str, dict[str, Any]]) -> Figure:
    """The median accuracy against the rate, and the band between the quartiles, at each depth."""
    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    for (name, each), colour in zip(found.items(), ("C0", "C1", "C2"), strict=True):
        low, middle, high = 100 * np.quantile(each["right"], (0.25, 0.5, 0.75), axis=1)
        axes.fill_between(each["rates"], low, high, color=colour, alpha=0.25, linewidth=0)
        seconds = f"{each[STACKED]:.1f} s in one go, {each[ONE_BY_ONE]:.0f} s one at a time"
        axes.plot(each["rates"], middle, color=colour, label=f"{name}: {seconds}")
    rates, seeds = np.shape(next(iter(found.values()))["right"])
    axes.set(xscale="log", xlabel="learning rate", ylabel="validation accuracy, %", ylim=(0, 100))
    axes.set_title(
        f"{rates * seeds} networks a depth at once: medians and quartiles of {seeds} seeds"
    )
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main()

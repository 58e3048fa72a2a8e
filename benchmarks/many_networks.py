"""Many networks at once: a stack against one at a time, JAX's vmap, and scikit-learn; and a figure.

    python -m benchmarks.many_networks [--quick] [--json FILE] [--figure FILE]

The figure is what only a stack makes cheap: on scikit-learn's 8 x 8 digits, 25 learning rates times
20 seeds at each of three depths, trained in one go, and for its seconds also one at a time.
The memory of a stack is looked at after few steps and after many. All takes ten minutes.
"""

from collections.abc import Sequence
from itertools import cycle, pairwise
from typing import Any

from toolz import last, take

from benchmarks import harness, sweep
from benchmarks.peers import MANY, STACKED, batches
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
from scratchmlp import init_params, init_state, sgd, stack, train

NETWORKS = (([2, 16, 16, 2], 32), ([20, 32, 32, 5], 64), ([64, 32, 10], 32), ([784, 32, 10], 32))
COUNTS = (1, 4, 16, 64, 256, 1024)
MEMORY = "memory"


def main() -> None:
    """Print the tables, and draw the figure where that is asked for."""
    options = harness.options(__doc__, figure=("", "draw the figure there"))
    result = networks(options.quick)
    peaks = memory(options.quick)
    found = {label([sizes]): sweep.both_ways(sizes, options.quick) for sizes in sweep.DEPTHS}
    if options.figure:
        sweep.drawn(found).savefig(options.figure, dpi=150)
    figures = {"networks": result._asdict(), MEMORY: peaks, "sweeps": found}
    harness.write_json(options.json, figures)


def networks(quick: bool) -> Measured:
    """Networks times steps a second, by each program, for each network and number of them."""
    kinds, counts = (NETWORKS[:2], (16, 256)) if quick else (NETWORKS, COUNTS)
    cases = [["many", sizes, m, k] for sizes, m in kinds for k in sorted({1, *counts})]
    rounds, turns = (2, 1) if quick else (3, 2)
    result = measured(MANY, cases, rounds, turns)
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


def memory(quick: bool) -> dict[int, int]:
    """The peak of the memory of so many steps of a stack, in bytes; it is said in a paragraph."""
    (sizes, m), k = NETWORKS[1], 256
    way = [Program(MEMORY, f"benchmarks.many_networks:{MEMORY}")]
    counts = (10, 100) if quick else (10, 100, 1000)
    peaks = {n: values(way, [sizes, m, k, n])[MEMORY] for n in counts}
    of_params = 4e-6 * k * sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    of_step = 4e-6 * k * 2 * m * sum(sizes[1:])
    each = ", ".join(f"{1e-6 * peak:.1f} MB in {n} steps" for n, peak in peaks.items())
    print(
        f"The peak of training {k} networks {sizes} at once, batch {m}, beyond the process with "
        f"its data: {each}. Their parameters are {of_params:.1f} MB, a step's Z and A "
        f"{of_step:.1f} MB.\n",
        flush=True,
    )
    return peaks


def prepare(_: str, case: Sequence[Any]) -> Work:
    """The growth of this process's peak while it trains a stack, from when its data is there."""
    sizes, m, k, steps = case
    given, optimizer = batches(sizes[0], sizes[-1], m, 10), sgd(0.05)

    def run() -> int:
        harness.forget_peak_memory()
        before = harness.peak_memory()
        start = stack([init_params(sizes, seed=seed) for seed in range(k)])
        last(take(steps, train(init_state(start, optimizer), cycle(given), optimizer=optimizer)))
        return harness.peak_memory() - before

    return Work(harness.plain(run))


if __name__ == "__main__":
    main()

"""The same work by scratchmlp, by hand, and by what one would use instead, in turns of processes.

    python -m benchmarks.against_peers [--quick] [--json FILE]

A gradient of all 60,000 images; steps on minibatches that are made beforehand; and the seconds from
the start to a test accuracy, with the making of the minibatches, and JAX's compilation, counted.
"""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks import harness
from benchmarks.harness import DEEP, SHALLOW
from benchmarks.peers import GRADIENTS, OURS, PRODUCTS, RACE_BATCH, RACE_RATE, RACING
from benchmarks.peers import STEPPING as STEPS
from benchmarks.processes import Measured, label, measured, ratios, said, spread, values

M = 60_000
GOALS = (0.97, 0.98)


def main() -> None:
    """Print all tables."""
    options = harness.options(__doc__)
    quick = options.quick
    figures: dict[str, Any] = {"agreement": agreement(quick)}
    figures |= {
        "gradients": gradients(2 if quick else 7, quick),
        "steps": steps(2 if quick else 7, quick),
        "time to accuracy": {} if quick else races(3),
    }
    harness.write_json(options.json, figures)


def agreement(quick: bool) -> dict[str, float]:
    """All compute one gradient: its largest difference from that in float64, relatively."""
    programs = [each for each in _gradients(quick) if PRODUCTS not in each.name]
    differences = values(programs, ["agreement", DEEP])
    print("The gradient of 2,000 images: the largest difference from that in float64\n")
    rows = [(name, f"{difference:.1e}") for name, difference in differences.items()]
    print(harness.table(("by", "relative difference"), rows) + "\n", flush=True)
    if max(differences.values()) > 1e-4:
        raise SystemExit("they do not compute the same gradient")
    return differences


def _gradients(quick: bool) -> list[Any]:
    slow = ("compiled", "article", "scikit", "jit, whole") if quick else ()
    return [each for each in GRADIENTS if not any(word in each.name for word in slow)]


def gradients(rounds: int, quick: bool) -> dict[str, Any]:
    """One gradient of all images, of either network."""
    cases = [["gradient", sizes, M] for sizes in (DEEP, SHALLOW)]
    result = measured(_gradients(quick), cases, rounds, turns=1 if quick else 3)
    print(f"{said(result)}\n")
    for case in cases:
        print(f"The gradient of {M:,} images, {case[1]}\n")
        print(gradients_table(case[1], *(each[label(case)] for each in result[:2])) + "\n")
    return result._asdict()


def gradients_table(
    sizes: list[int], by_name: dict[str, list[float]], rooflines: Sequence[float]
) -> str:
    """A row for each program; of PyTorch's the best is what all are compared with."""
    theirs = [seconds for name, seconds in by_name.items() if name.startswith("PyTorch")]
    best = min(theirs, key=statistics.median, default=None)
    flops = harness.gradient_flops(sizes, M)
    rows = []
    for name, seconds in by_name.items():
        reached = [flops / s / roof for s, roof in zip(seconds, rooflines, strict=True)]
        against = "" if best is None else spread(ratios(seconds, best), digits=2)
        rows.append((name, spread(seconds, 1e3, 1), against, f"{statistics.median(reached):.0%}"))
    return harness.table(("by", "ms", "against the best PyTorch", "of the roofline"), rows)


def steps(rounds: int, quick: bool) -> dict[str, Any]:
    """Steps at several sizes of batch, with each rule."""
    sizes_of_batches = [32, 128] if quick else [32, 128, 512]
    kinds = [(DEEP, "sgd"), (DEEP, "adam")]
    if not quick:
        kinds += [(DEEP, "nesterov"), (SHALLOW, "sgd")]
    cases = [["step", sizes, m, rule] for sizes, rule in kinds for m in sizes_of_batches]
    slow = ("scikit", "jit and scan") if quick else ()
    programs = [each for each in STEPS if not any(word in each.name for word in slow)]
    result = measured(programs, cases, rounds, turns=1 if quick else 3, least=0.1 if quick else 0.2)
    print(f"{said(result)}\n")
    for sizes, rule in kinds:
        few = {m: label(["step", sizes, m, rule]) for m in sizes_of_batches}
        print(f"Microseconds of a step, {rule}, {sizes}\n")
        print(steps_table(result, few) + "\n")
        print(f"The time of {OURS} as a ratio to that of\n")
        print(ratios_table(result, few) + "\n", flush=True)
    return result._asdict()


def steps_table(result: Measured, cases: dict[int, str]) -> str:
    """A row for each program, a column for each size of batch."""
    header = ("by", *(f"batch {m}" for m in cases))
    rows = [
        (name, *(spread(result.seconds[case][name], 1e6) for case in cases.values()))
        for name in result.seconds[next(iter(cases.values()))]
    ]
    return harness.table(header, rows)


def ratios_table(result: Measured, cases: dict[int, str]) -> str:
    """The ratio of our time to that of each other program, in the same round."""
    rows = []
    for name in result.seconds[next(iter(cases.values()))]:
        pairs = [
            (result.seconds[case][OURS], result.seconds[case][name]) for case in cases.values()
        ]
        if name != OURS:
            rows.append((name, *(spread(ratios(*pair), digits=2) for pair in pairs)))
    return harness.table(("to", *(f"batch {m}" for m in cases)), rows)


def races(rounds: int) -> dict[str, list[list[float | None]]]:
    """Seconds of plain SGD until each test accuracy is reached."""
    results: dict[str, list[list[float | None]]] = {}
    for seed in range(rounds):
        for name, seconds in values(RACING, ["race", DEEP, seed, GOALS]).items():
            results.setdefault(name, []).append(seconds)
    print(
        f"Seconds of plain SGD to a test accuracy; {DEEP}, batch {RACE_BATCH}, rate {RACE_RATE}, "
        f"the median of {rounds} seeds\n"
    )
    rows = [
        (name, *(_median(seconds) for seconds in zip(*runs, strict=True)))
        for name, runs in results.items()
    ]
    print(harness.table(("by", *(f"to {goal:.0%}" for goal in GOALS)), rows) + "\n")
    return results


def _median(seconds: Sequence[float | None]) -> str:
    reached = [each for each in seconds if each is not None]
    if len(reached) < len(seconds):
        return "not each time"
    return spread(reached, digits=1)


if __name__ == "__main__":
    main()

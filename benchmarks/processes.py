"""Programs in processes of their own, timed in turns; rounds on a busy machine are repeated.

The thread pools of two libraries in one process disturb each other, so each program has a process
of its own. A round starts all of them afresh and asks them for each case in turns (A B A B ...);
between two, a pause lets the threads of the one fall asleep. Before and after a case large matrices
are multiplied: where that is slower than at its best, something else was running, and the case is
measured again.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any, NamedTuple

from benchmarks import harness

QUIET = 0.9  # of the best roofline: what has less before or after it is measured again
MOST_REPEATED = 3  # times
PAUSE = 0.1


class Program(NamedTuple):
    """A name, and the "module:variant" whose `prepare(variant, case)` gives its Work on a case.

    It gives None where the program has no such case. A case is a list that JSON can hold.
    """

    name: str
    place: str


class Work(NamedTuple):
    """What is timed: a Case (a context that yields a function), and the steps that a call does."""

    case: harness.Case
    steps: int = 1


class Measured(NamedTuple):
    """Seconds of a step, `seconds[case][program]`, one figure a round, and how it was measured.

    `repeated` counts the rounds of a case that were measured again because the machine was busy,
    `disturbed` those that are among the figures all the same: it never became quiet.
    """

    seconds: dict[str, dict[str, list[float]]]
    rooflines: dict[str, list[float]]
    repeated: int
    disturbed: int
    machine: dict[str, Any]


ROOFLINE = Program(harness.ROOFLINE, "benchmarks.processes:roofline")
SIDE = 2048


def prepare(variant: str, case: Sequence[Any]) -> Work:
    """The roofline: NumPy's product of square matrices, on all cores."""
    return Work(harness.square_matmul(SIDE))


def label(case: Sequence[Any]) -> str:
    """The name of a case.

    >>> label(["step", [2, 3], 32])
    'step [2, 3] 32'
    """
    return " ".join(map(str, case))


def measured(
    programs: Sequence[Program],
    cases: Sequence[Sequence[Any]],
    rounds: int,
    turns: int = 3,
    least: float = 0.2,
) -> Measured:
    """So many rounds, each in new processes; a case is measured again while the machine is busy."""
    seconds: dict[str, dict[str, list[float]]] = {label(case): {} for case in cases}
    rooflines: dict[str, list[float]] = {name: [] for name in seconds}
    repeated, best, machine = 0, 0.0, dict[str, Any]()
    for number in range(rounds):
        with started([ROOFLINE, *(programs if number % 2 == 0 else programs[::-1])]) as children:
            roof = children.pop(ROOFLINE)
            machine = machine or ask(roof, "machine")
            before = _roofline(roof)
            for case in cases:
                for attempt in count():
                    figures = _turns(children, case, turns, least)
                    after = _roofline(roof)
                    best, lower, before = max(best, before, after), min(before, after), after
                    if lower >= QUIET * best or attempt == MOST_REPEATED:
                        break
                    repeated += 1
                rooflines[label(case)].append(lower)
                for name, figure in figures.items():
                    seconds[label(case)].setdefault(name, []).append(figure)
    names = [program.name for program in programs]  # in their order, not in that of a round
    ordered = {
        case: {name: found[name] for name in names if name in found}
        for case, found in seconds.items()
    }
    disturbed = sum(each < QUIET * best for figures in rooflines.values() for each in figures)
    return Measured(ordered, rooflines, repeated, disturbed, machine)


def _turns(
    children: Mapping[Program, "subprocess.Popen[str]"],
    case: Sequence[Any],
    turns: int,
    least: float,
) -> dict[str, float]:
    """The median of a program's turns, for each that has the case."""
    times: dict[str, list[float]] = {}
    for _ in range(turns):
        for program, child in children.items():
            seconds = ask(child, "time", case, least)
            if seconds is not None:
                times.setdefault(program.name, []).append(seconds)
                time.sleep(PAUSE)
    return harness.medians(times)


def _roofline(child: "subprocess.Popen[str]") -> float:
    """The best of two, in FLOP/s."""
    seconds = []
    for _ in range(2):
        seconds.append(ask(child, "time", [], PAUSE))
        time.sleep(PAUSE)
    return harness.flops_per_second([min(seconds)], SIDE)


def values(programs: Iterable[Program], case: Sequence[Any]) -> dict[str, Any]:
    """What each program's work on a case returns, for those that have it, one after the other."""
    with started(programs) as children:
        found = {program.name: ask(child, "value", case) for program, child in children.items()}
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def started(programs: Iterable[Program]) -> Iterator[dict[Program, "subprocess.Popen[str]"]]:
    """A process for each of the programs whose libraries are installed; at the end they end."""
    # Which kernel OpenBLAS takes is for it to decide: what is set here may be for another purpose.
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    with ExitStack() as stack:
        children = {}
        for program in programs:
            command = [sys.executable, "-m", "benchmarks.processes", program.place]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            children[program] = stack.enter_context(
                subprocess.Popen(command, env=environment, **pipes)
            )
        yield {program: child for program, child in children.items() if _is_there(program, child)}


def _is_there(program: Program, child: "subprocess.Popen[str]") -> bool:
    missing = _answer(child)
    if missing:
        _left_out(program.name, missing)
    return not missing


@cache
def _left_out(name: str, library: str) -> None:
    """It is said once."""
    print(f"({name} is left out: {library} is not installed)")


def ask(child: "subprocess.Popen[str]", *question: Any) -> Any:
    """The answer of a program's process."""
    print(json.dumps(question), file=child.stdin, flush=True)
    return _answer(child)


def _answer(child: "subprocess.Popen[str]") -> Any:
    line = child.stdout.readline()
    if not line:
        raise SystemExit(f"{' '.join(child.args)} ended with status {child.wait()}")
    return json.loads(line)


def serve(place: str) -> None:
    """Answer the questions on standard input; what is printed goes to standard error instead."""
    answers, sys.stdout = sys.stdout, sys.stderr
    module, _, variant = place.partition(":")
    missing = None
    try:
        preparation = import_module(module).prepare
    except ModuleNotFoundError as error:
        missing = error.name
    print(json.dumps(missing), file=answers, flush=True)
    case: Any = None
    for line in sys.stdin if not missing else ():
        question, *arguments = json.loads(line)
        if question == "machine":
            answer = harness.machine()
        else:
            if arguments[0] != case:
                work = None  # what the case before holds is given back before there is more
                case, work = arguments[0], preparation(variant, arguments[0])
            answer = work and _done(question, work, *arguments[1:])
        print(json.dumps(answer), file=answers, flush=True)


def _done(question: str, work: Work, least: float = 0) -> Any:
    with work.case() as run:
        return harness.timed(run, least) / work.steps if question == "time" else run()


def spread(figures: Sequence[float], scale: float = 1.0, digits: int = 0) -> str:
    """The median, and from the least to the greatest.

    >>> spread([2.0, 1.0, 4.0], 10)
    '20 (10 to 40)'
    """
    ends = (scale * statistics.median(figures), scale * min(figures), scale * max(figures))
    middle, least, most = (f"{figure:,.{digits}f}" for figure in ends)
    return f"{middle} ({least} to {most})"


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The ratio of two programs in each round.

    >>> ratios([1.0, 3.0], [2.0, 2.0])
    [0.5, 1.5]
    """
    return [a / b for a, b in zip(one, other, strict=True)]


def said(result: Measured) -> str:
    """How it was measured, in a paragraph."""
    rooflines = [each for figures in result.rooflines.values() for each in figures]
    rounds = max(map(len, result.rooflines.values()))
    busy = f"; {result.repeated} measured again, because the machine was busy"
    if result.disturbed:
        busy += f", AND IT STILL WAS IN {result.disturbed} OF {len(rooflines)}: REPEAT THIS"
    return (
        f"{harness.described(result.machine)}. Medians of {rounds} rounds (least to most), each "
        f"program in a process of its own, in turns{busy}. The roofline, NumPy's product of large "
        f"squares: {spread(rooflines, 1e-9)} GFLOP/s."
    )


if __name__ == "__main__":
    serve(sys.argv[1])

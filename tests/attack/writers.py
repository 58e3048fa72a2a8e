"""Two commands in one folder at once: one of them has it, and its files are its own."""

import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.attack.signals import SLOWED, quiet
from tests.attack.table import Found
from tests.small_runs import RUNS, same_runs

CASES = ("minibatches", "patience", "an average")


def attack(size: int, seed: int = 0) -> Iterator[Found]:
    """`size` times two new runs, and a resumed run with two more resumes of it."""
    rng = np.random.default_rng(seed)
    for case in CASES:
        quiet([*RUNS[case], "--out", f"whole {case}"])
    lost = wrong = 0
    for trial in range(size):
        run = Path(f"new {trial}")
        pair = [CASES[trial % 3], CASES[(trial + 1) % 3]]
        commands = [[*RUNS[case], "--out", str(run)] for case in pair]
        statuses = together(commands, rng)
        lost += 0 not in statuses
        wrong += sum(
            status == 0 and not possible(run, case, pair, statuses)
            for status, case in zip(statuses, pair, strict=True)
        )
    yield Found("two new runs", size, lost, wrong)
    lost = wrong = 0
    for trial in range(size):
        run, case = Path(f"resumed {trial}"), CASES[trial % 3]
        stopped = [*RUNS[case], "--epochs", "1", "--out", str(run)]
        quiet(stopped)
        commands = [["--resume", str(run), "--epochs", "2"]] * 3
        statuses = together(commands, rng)
        lost += 0 not in statuses or quiet(["--resume", str(run), "--epochs", "2"]) != 0
        alone = Path(f"alone {case}")
        if not alone.exists():
            quiet([*RUNS[case], "--epochs", "1", "--out", str(alone)])
            quiet(["--resume", str(alone), "--epochs", "2"])
        wrong += not same_runs(alone, run)
    yield Found("three resumes of a run", size, lost, wrong)


def possible(run: Path, case: str, pair: list[str], statuses: list[int]) -> bool:
    """The run is that of the command alone, or of the other if that came after it."""
    others = [Path(f"whole {each}") for each in pair if statuses.count(0) > 1 or each == case]
    return any(same_runs(other, run) for other in others)


def together(commands: list[list[str]], rng: np.random.Generator) -> list[int]:
    """The statuses of commands that start within a few milliseconds of each other."""
    processes = []
    for arguments in commands:
        process = os.fork()
        if process == 0:
            _child(arguments)
        processes.append(process)
        time.sleep(rng.uniform(0, 0.03))
    return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]


def _child(arguments: list[str]) -> None:
    from scratchmlp.cli import runs

    take = runs.take
    runs.take = lambda n, stream: (time.sleep(SLOWED) or each for each in take(n, stream))
    status = 99
    try:
        status = quiet(arguments)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)

"""Signals at random moments: a resumed run must end with the bytes of one never stopped."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

from scratchmlp.__main__ import main
from tests.attack.table import Found
from tests.small_runs import RUNS, same_runs

SIGNALS = {
    signal.SIGINT: {0, 130},
    signal.SIGTERM: {0, 143, -signal.SIGTERM},  # the last before the command line has begun
    signal.SIGHUP: {0, -signal.SIGHUP},
    signal.SIGKILL: {0, -signal.SIGKILL},
    signal.SIGSTOP: {0},
}
CASES = ("all examples", "minibatches", "patience", "an average", "validated at the end alone")
SLOWED = 0.004  # seconds more for each update, so that moments can be hit


def attack(size: int, seed: int = 0) -> Iterator[Found]:
    """Each signal `size` times, at moments from the first update to the pictures and beyond."""
    rng = np.random.default_rng(seed)
    for case in CASES:
        quiet([*RUNS[case], "--out", f"whole {case}"])
    for number, statuses in SIGNALS.items():
        lost = wrong = 0
        for trial in range(size):
            case = CASES[trial % len(CASES)]
            options, run = RUNS[case], Path(f"{number.name} {trial}")
            for again in (False, True):
                arguments = going_on(options, run) if again else [*options, "--out", str(run)]
                status = stopped(arguments, number, rng.uniform(0, 0.25), twice=trial % 7 == 0)
                wrong += status not in statuses
            lost += quiet(going_on(options, run)) != 0
            lost += not same_runs(Path(f"whole {case}"), run)
            wrong += bool(list(run.glob("*.partial")) or list(run.glob(".*")))
        yield Found(f"{number.name}, two of them a run", 2 * size, lost, wrong)


def going_on(options: list[str], run: Path) -> list[str]:
    """The command that resumes a run, or begins it again where it was stopped before its start."""
    begun = (run / "settings.json").exists()
    return ["--resume", str(run)] if begun else [*options, "--out", str(run)]


def quiet(arguments: list[str]) -> int:
    """The status of a command, in this process, which prints nothing."""
    with open(os.devnull, "w") as null, redirect_stdout(null), redirect_stderr(null):
        try:
            return main(arguments)
        except SystemExit as stopped:
            return int(stopped.code or 0)


def stopped(arguments: list[str], number: signal.Signals, delay: float, twice: bool) -> int:
    """The exit status of a forked process that gets the signal so long after its start."""
    process = os.fork()
    if process == 0:
        _child(arguments)
    time.sleep(delay)
    for _ in range(2 if twice else 1):
        os.kill(process, number)
    if number == signal.SIGSTOP:
        time.sleep(0.05)
        os.kill(process, signal.SIGCONT)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _child(arguments: list[str]) -> None:
    from scratchmlp.cli import runs

    take = runs.take
    runs.take = lambda n, stream: (time.sleep(SLOWED) or each for each in take(n, stream))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = 99
    try:
        status = quiet(arguments)
    except KeyboardInterrupt:  # before the command line has begun
        status = 130
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)

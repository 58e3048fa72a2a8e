"""A fault or a sudden end at every open, write, fsync, rename and unlink of a run."""

import builtins
import io
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.attack.signals import quiet
from tests.attack.table import Found
from tests.small_runs import FILES, RUNS, same_runs

CALLS = ("open", "write", "fsync", "replace", "unlink", "mkdir")
CASES = ("minibatches", "patience", "an average")


def attack(most: int, seed: int = 0) -> Iterator[Found]:
    """For each kind of call, `most` of its places in each case: a fault, and an end of the process.

    A run is attacked alone, and where it is about to take the place of another one.
    """
    rng = np.random.default_rng(seed)
    for case in CASES:
        quiet([*RUNS[case], "--out", f"whole {case}"])
    quiet([*RUNS["dropout"], "--out", "older"])
    for call in CALLS:
        for fault in (True, False):
            tried = lost = wrong = 0
            for case in CASES:
                places = faulted(
                    [*RUNS[case], "--out", f"count {call} {fault} {case}"], call, 0, fault
                )
                chosen = rng.permutation(places)[:most]
                for place in chosen.tolist():
                    over = bool(place % 2)
                    tried += 1
                    run = Path(f"{call} {fault} {case} {place}")
                    if over:
                        quiet([*RUNS["dropout"], "--out", str(run)])
                    faulted([*RUNS[case], "--out", str(run)], call, place + 1, fault)
                    one, other = outcome(run, case, over)
                    lost, wrong = lost + one, wrong + other
            yield Found(f"{'a fault' if fault else 'the end'} at {call}", tried, lost, wrong)


def outcome(run: Path, case: str, over: bool) -> tuple[int, int]:
    """Whether something was lost, and whether something is wrong, once the run is resumed."""
    if not (run / "settings.json").exists():
        return int(over), 0
    if quiet(["--resume", str(run)]) != 0:
        return 1, 0
    new, old = (same_runs(Path(whole), run) for whole in (f"whole {case}", "older"))
    left = list(run.glob("*.partial")) + list(run.glob(".*"))
    return int(not (new or (over and old))), int(bool(left))


def faulted(arguments: list[str], call: str, place: int, fault: bool) -> int:
    """Run a command in a forked process, where a call fails or ends it; the number of calls.

    That number is what the process exits with where place is 0, at most 250.
    """
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    status = 0
    try:
        count = planted(call, place, fault)
        quiet(arguments)
        status = min(250, count[0]) if place == 0 else 0
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)


def planted(call: str, place: int, fault: bool) -> list[int]:
    """Let the call of that number fail; the list counts those that concern files of a run."""
    count = [0]

    def tick() -> None:
        count[0] += 1
        if count[0] == place:
            if fault:
                raise OSError(28, "No space left on device")
            os._exit(77)

    def ticking(function):
        def called(*arguments, **options):
            tick()
            return function(*arguments, **options)

        return called

    if call in ("open", "write"):
        _plant_in_files(call, tick)
    else:
        setattr(os, call, ticking(getattr(os, call)))
    return count


def _plant_in_files(call: str, tick) -> None:
    genuine = builtins.open

    def opened(file, mode="r", *arguments, **options):
        writing = any(letter in mode for letter in "wax+") and any(
            Path(str(file)).name.startswith(name) for name in (*FILES, "learning_curves")
        )
        if not writing:
            return genuine(file, mode, *arguments, **options)
        if call == "open":
            tick()
            return genuine(file, mode, *arguments, **options)
        made = _Ticking(file, mode.replace("b", "").replace("t", ""), tick)
        raw = io.BufferedWriter(made)
        return raw if "b" in mode else io.TextIOWrapper(raw, **options)

    builtins.open = opened


class _Ticking(io.FileIO):
    """A file of which each write may be the last, and then writes half of what it is given."""

    def __init__(self, file, mode: str, tick) -> None:
        super().__init__(file, mode)
        self._tick = tick

    def write(self, data) -> int:
        half = bytes(data)[: len(data) // 2]
        try:
            self._tick()
        except OSError:
            super().write(half)
            raise
        return super().write(data)

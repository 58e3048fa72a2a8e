"""A training run in a folder: it can be killed at any moment, and resumed to the same bits.

`settings.json` says what was asked for, `history.csv` has a line for each iteration, and last is
written `checkpoint.npz`, the state to go on from: what the history has of later iterations is void.
`model.npz` is what comes of the run: the last state, or with early stopping the best.
"""

import csv
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchmlp._atomic import replacing
from scratchmlp._extras import require
from scratchmlp.checkpoints import load, save
from scratchmlp.core.data.batches import Map
from scratchmlp.core.model.network import Network
from scratchmlp.core.training.objective import Evaluation, Shards
from scratchmlp.core.training.state import DivergenceError, State
from scratchmlp.core.training.streams import History, Record, early_stopping, records
from scratchmlp.core.training.wrappers import averaged
from scratchmlp.core.trees import outline

SETTINGS, HISTORY = "settings.json", "history.csv"
CHECKPOINT, MODEL = "checkpoint.npz", "model.npz"
HEADER = ["iteration", "loss", "accuracy", "validation_loss", "validation_accuracy"]
Show: TypeAlias = Callable[[State, Record | None], None]


class Plan(NamedTuple):
    """How a run goes: into which folder, and how often it is validated and can be resumed."""

    folder: Path
    network: Network
    iterations: int
    every: int
    validation: Shards | None
    patience: int | None
    min_improvement: float


class Trail(NamedTuple):
    """The last state, alone in a list, and the figures of each iteration since the last commit."""

    last: list[State]
    rows: list[tuple[int, float, float]]


def clear(folder: Path) -> None:
    """A folder for a new run; what another run left there is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (CHECKPOINT, HISTORY, MODEL):
        (folder / name).unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Remove the files of this run that were half written when it was killed."""
    for name in (SETTINGS, HISTORY, CHECKPOINT, MODEL):
        for half in folder.glob(f"{name}.*.partial"):
            half.unlink()


def model(folder: Path) -> Path:
    """The model of the run in a folder, or if there is none yet the last checkpoint."""
    found = folder / MODEL
    return found if found.exists() else folder / CHECKPOINT


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """What `settings` gives back."""
    with replacing(folder / SETTINGS, "w") as file:
        json.dump(settings, file, indent=1)


def settings(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder; ValueError where there are none, or they are damaged."""
    path = folder / SETTINGS
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there, so there is no run to resume") from None
    except ValueError as error:
        raise ValueError(f"{path}: is damaged: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: is damaged: it holds no settings")
    return found


def resumed(start: State, plan: Plan) -> State:
    """Where the run in the folder stands: at its last checkpoint, or else at the start."""
    path = plan.folder / CHECKPOINT
    if not path.exists():
        return start
    state, _ = load(path, network=plan.network)
    came, expected = (outline((each.params, each.optimizer)) for each in (state, start))
    if came != expected:
        raise ValueError(f"{path}: holds {came}, but the options are for {expected}")
    return state


def follow(start: State, states: Iterable[State], plan: Plan, map: Map) -> State:
    """What comes of the states that follow one: the last of them, or with patience the best.

    An interrupt (Ctrl-C) ends the run where it is. A divergence leaves the last good state, and is
    raised again.
    """
    lines = _cut(plan.folder / HISTORY, start.iteration)
    earlier = [float(line[3]) for line in lines if line[3]]
    best = min((loss for loss in earlier if not math.isnan(loss)), default=math.inf)
    trail = Trail([start], [])
    with _progress(start.iteration, plan.iterations) as show:
        try:
            seen = (averaged(state) for state in _noted(states, trail, show))
            for record in _recorded(seen, plan, earlier, map):
                loss = math.inf if record.validation is None else record.validation.loss
                _commit(plan, trail, trail.last[0], record.validation, loss < best)
                best = min(best, loss)
                show(record.state, record)
        except KeyboardInterrupt:
            _commit(plan, trail, trail.last[0])
        except DivergenceError as divergence:
            _commit(plan, trail, divergence.state)
            if plan.patience is None:
                save(plan.folder / MODEL, averaged(divergence.state), network=plan.network)
            print(
                f"the state before is kept: go on with --resume {plan.folder} and a smaller "
                "--learning-rate or --clip-norm"
            )
            raise
    if plan.patience is not None and best < math.inf:
        return load(plan.folder / MODEL, network=plan.network).state
    found = averaged(trail.last[0])
    save(plan.folder / MODEL, found, network=plan.network)
    return found


def history(folder: Path) -> History:
    """The figures of each iteration of a run; NaN where it was not validated."""
    rows = [[value or "nan" for value in line] for line in _lines(folder / HISTORY)]
    return History(*np.array(rows, np.float64).reshape(-1, len(HEADER)).T)


def _recorded(
    states: Iterable[State], plan: Plan, earlier: Iterable[float], map: Map
) -> Iterator[Record]:
    stream = records(states, plan.validation, every=plan.every, network=plan.network, map=map)
    if plan.patience is None:
        return stream
    improvement = plan.min_improvement
    return early_stopping(
        stream, patience=plan.patience, min_improvement=improvement, earlier=earlier
    )


def _noted(states: Iterable[State], trail: Trail, show: Show) -> Iterator[State]:
    for state in states:
        trail.rows.append((state.iteration, state.loss, state.accuracy))
        trail.last[0] = state
        show(state, None)
        yield state


def _commit(
    plan: Plan,
    trail: Trail,
    state: State,
    validation: Evaluation | None = None,
    better: bool = False,
) -> None:
    """The history, the best model if this is it, and last the checkpoint that makes them count."""
    rows = [row for row in trail.rows if row[0] <= state.iteration]
    with open(plan.folder / HISTORY, "a", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerows((*row, "", "") for row in rows[:-1])
        lines.writerows((*row, *(validation or ("", ""))) for row in rows[-1:])
        file.flush()
        os.fsync(file.fileno())
    trail.rows.clear()
    if better and plan.patience is not None:
        save(plan.folder / MODEL, averaged(state), network=plan.network)
    if validation is None or math.isfinite(validation.loss):  # else the next loss will tell
        save(plan.folder / CHECKPOINT, state, network=plan.network)


def _lines(path: Path) -> list[list[str]]:
    """The lines of a history, the last of each iteration, up to one that a crash has cut short."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    whole = takewhile(lambda line: len(line) == len(HEADER) and line[0].isdecimal(), lines)
    return [*{line[0]: line for line in whole}.values()]


def _cut(path: Path, iteration: int) -> list[list[str]]:
    """The lines of a history up to an iteration; those after it are taken out of the file."""
    lines = [line for line in _lines(path) if int(line[0]) <= iteration]
    with replacing(path, "w") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *lines])
    return lines


@contextmanager
def _progress(done: int, iterations: int) -> Iterator[Show]:
    """Shows how far a run is: in a bar on a terminal, elsewhere as a line for each record."""
    if not sys.stderr.isatty():
        yield lambda state, record: print(_line(record), flush=True) if record else None
        return
    with require("tqdm", "cli").tqdm(initial=done, total=iterations, unit="it") as bar:

        def show(state: State, record: Record | None) -> None:
            if record is None:
                bar.set_postfix_str(f"loss {state.loss:.4f}", refresh=False)
                bar.update()
            elif record.validation:
                bar.set_description_str(f"validation accuracy {record.validation.accuracy:.2%}")

        yield show


def _line(record: Record) -> str:
    loss, accuracy = record.training
    line = f"iteration {record.iteration:5}  loss {loss:.4f}  accuracy {accuracy:.2%}"
    if record.validation is None:
        return line
    loss, accuracy = record.validation
    return f"{line}  validation loss {loss:.4f}  accuracy {accuracy:.2%}"

"""A training run in a folder: it can be killed at any moment, and resumed to the same bits.

`settings.json` says what was asked for, `history.csv` has a line for each iteration, and last is
written `checkpoint.npz`, the state to go on from: what the history has of later iterations is void.
`model.npz` is what comes of the run: the last state, or with early stopping the best.
"""

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchmlp._atomic import replacing
from scratchmlp.checkpoints import load, save
from scratchmlp.cli.progress import Show, progress
from scratchmlp.core.arrays import outline
from scratchmlp.core.data.batches import Map
from scratchmlp.core.model.network import Network
from scratchmlp.core.training.objective import Evaluation, Shards
from scratchmlp.core.training.streams import History, Record, early_stopping, records
from scratchmlp.core.training.training import DivergenceError, State
from scratchmlp.core.training.wrappers import averaged

SETTINGS, HISTORY = "settings.json", "history.csv"
CHECKPOINT, MODEL = "checkpoint.npz", "model.npz"
HEADER = ["iteration", "loss", "accuracy", "validation_loss", "validation_accuracy"]


class Plan(NamedTuple):
    """How a run goes: into which folder, and how often it is validated and can be resumed."""

    folder: Path
    network: Network
    iterations: int
    every: int
    validation: Shards | None
    patience: int | None
    min_improvement: float


class Unsaved(NamedTuple):
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
        json.dump(settings, file, indent=1, default=_in_json)


def _in_json(path: Path) -> str:
    """Whatever folder one is in when the run is resumed."""
    return str(path.absolute())


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


def run_to_the_end(start: State, states: Iterable[State], plan: Plan, map: Map) -> State:
    """What comes of the states that follow one: the last of them, or with patience the best.

    An interrupt (Ctrl-C) ends the run where it is. A divergence leaves the last good state, and is
    raised again.
    """
    lines = _restored_history(plan.folder / HISTORY, start.iteration)
    earlier = [float(line[3]) for line in lines if line[3]]
    best = min((loss for loss in earlier if not math.isnan(loss)), default=math.inf)
    unsaved = Unsaved([start], [])
    with progress(start.iteration, plan.iterations) as show:
        try:
            seen = (averaged(state) for state in _watched(states, unsaved, show))
            for record in _recorded(seen, plan, earlier, map):
                loss = math.inf if record.validation is None else record.validation.loss
                _commit(plan, unsaved, unsaved.last[0], record.validation, loss < best)
                best = min(best, loss)
                show(record.state, record)
        except KeyboardInterrupt:
            _commit(plan, unsaved, unsaved.last[0])
        except DivergenceError as divergence:
            _commit(plan, unsaved, divergence.state)
            if plan.patience is None:
                save(plan.folder / MODEL, averaged(divergence.state), network=plan.network)
            print(
                f"the state before is kept: go on with --resume {plan.folder} and a smaller "
                "--learning-rate or --clip-norm"
            )
            raise
    if plan.patience is not None and best < math.inf:
        return load(plan.folder / MODEL, network=plan.network).state
    found = averaged(unsaved.last[0])
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


def _watched(states: Iterable[State], unsaved: Unsaved, show: Show) -> Iterator[State]:
    for state in states:
        unsaved.rows.append((state.iteration, state.loss, state.accuracy))
        unsaved.last[0] = state
        show(state, None)
        yield state


def _commit(
    plan: Plan,
    unsaved: Unsaved,
    state: State,
    validation: Evaluation | None = None,
    better: bool = False,
) -> None:
    """The history, the best model if this is it, and last the checkpoint that makes them count."""
    rows = [row for row in unsaved.rows if row[0] <= state.iteration]
    with open(plan.folder / HISTORY, "a", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerows((*row, "", "") for row in rows[:-1])
        lines.writerows((*row, *(validation or ("", ""))) for row in rows[-1:])
        file.flush()
        os.fsync(file.fileno())
    unsaved.rows.clear()
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


def _restored_history(path: Path, iteration: int) -> list[list[str]]:
    """The lines of a history up to an iteration; those after it are taken out of the file."""
    lines = [line for line in _lines(path) if int(line[0]) <= iteration]
    with replacing(path, "w") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *lines])
    return lines

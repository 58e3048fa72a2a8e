"""What a run has on the disk: where it stands when it starts, and how it is saved as it goes on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from scratchmlp import Network, Optimizer, Params, State, averaged
from scratchmlp.checkpoints import load, save
from scratchmlp.cli import folders
from scratchmlp.cli.folders import CHECKPOINT, CURVES, HISTORY, MODEL, NEXT, Saved
from scratchmlp.cli.histories import Row, append_history, read_history, write_history
from scratchmlp.core.trees import outline
from scratchmlp.descriptions import Description


class Run(NamedTuple):
    """A run as it stands before more is done; `saved` is not in its folder yet.

    `rows` are its history, and `best` the network with the lowest validation loss in it, where that
    is kept. `keeps` is whether the folder holds a run, an older state of this one or another, that
    stays as it is until the first commit.
    """

    folder: Path
    saved: Saved
    state: State
    rows: list[Row]
    best: State | None
    keeps: bool


class Unsaved(NamedTuple):
    """What the next commit has to write: figures, and until the first one the run as it was.

    `latest` has the last two states, of which the last may turn out to have diverged.
    """

    rows: list[Row]
    first: list[Run]
    latest: list[State]


def new_run(folder: Path, saved: Saved, start: State) -> Run:
    """A run that begins in a folder, where an older one stays until the first commit."""
    return Run(folder, saved, start, [], None, folders.holds_a_run(folder))


def resumed_state(folder: Path, network: Network) -> State | None:
    """The state of the run in a folder at its last commit, or None where there was none yet."""
    path = folder / CHECKPOINT
    return load(path, network=network).state if path.exists() else None


def check_state(path: Path, state: State, expected: Params, optimizer: Optimizer) -> None:
    """The state of a file is one that training from such params by this optimizer can have.

    Raises ValueError, naming the file and what differs, where it is not.
    """
    pairs: list[tuple[Any, Any]] = [(state.params, expected)]
    if outline(state.params) == outline(expected):
        pairs.append((state.optimizer, optimizer.init(state.params)))
    for came, wanted in pairs:
        if outline(came) != outline(wanted):
            raise ValueError(
                f"{path}: holds {outline(came)}, but the options are for {outline(wanted)}"
            )


def resumed_run(folder: Path, before: Saved, saved: Saved, state: State, network: Network) -> Run:
    """The run of a folder as it goes on from its last commit.

    Where patience is new, the best network is looked for from here on.
    """
    rows = read_history(folder / HISTORY, state.iteration)
    best = None
    if saved.settings["patience"] is not None:
        if before.settings.get("patience") is None:
            saved = saved._replace(patience_from=state.iteration)
            best = averaged(state) if rows and rows[-1].validation_loss is not None else None
        elif validation_losses(rows, before.patience_from):
            saved = saved._replace(patience_from=before.patience_from)
            best = load(folder / MODEL, network=network).state
    return Run(folder, saved, state, rows, best, folders.holds_a_run(folder))


def validation_losses(rows: Iterable[Row], start: int) -> list[float]:
    """The losses of the validations since an iteration."""
    validated = (row for row in rows if row.iteration >= start)
    return [row.validation_loss for row in validated if row.validation_loss is not None]


def commit(
    folder: Path,
    unsaved: Unsaved,
    state: State,
    model: State | None,
    network: Network,
    description: Description | None,
) -> None:
    """Save a state, the history up to it and the model if there is a new one: all or nothing.

    The first commit of a run is of all its files, and with it what the folder held is replaced.
    """
    following = folder / NEXT
    following.mkdir(exist_ok=True)
    rows = [row for row in unsaved.rows if row.iteration <= state.iteration]
    for run in unsaved.first:
        folders.write_settings(following, run.saved)
        write_history(following / HISTORY, rows)
        model = model or run.best
    if not unsaved.first:
        append_history(folder / HISTORY, rows)
    if model is not None:
        save(following / MODEL, model, network=network, description=description)
    save(following / CHECKPOINT, state, network=network, description=description)
    folders.settle(folder)
    if unsaved.first and not unsaved.first[0].rows:
        (folder / CURVES).unlink(missing_ok=True)  # another run's
    unsaved.first.clear()
    unsaved.rows.clear()

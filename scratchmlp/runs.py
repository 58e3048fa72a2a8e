"""A training run as a person follows it: progress while it goes, a record, the files after it."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from toolz import sliding_window

from scratchmlp import checkpoints, plots
from scratchmlp.core.objective import Evaluation
from scratchmlp.core.training import DivergenceError, State
from scratchmlp.extras import require
from scratchmlp.files import replacing


class Record(NamedTuple):
    """An iteration's figures, of the parameters before its update; not every one is validated."""

    iteration: int
    loss: float
    accuracy: float
    validation: Evaluation | None


class Run(NamedTuple):
    """How far a run came: the last good State, its records, and how it diverged if it did."""

    state: State
    records: tuple[Record, ...]
    divergence: DivergenceError | None = None


def follow(
    state: State,
    states: Iterable[State],
    validate: Callable[[State], Evaluation | None],
    iterations: int,
) -> Run:
    """Take the states that follow one, showing each: to their end, a divergence or an interrupt."""
    records: list[Record] = []
    try:
        with _progress(iterations) as show:
            for before, after in sliding_window(2, chain([state], states)):
                figures = after.iteration, after.loss, after.accuracy
                records.append(Record(*figures, validate(before)))
                state = after
                show(records[-1])
    except KeyboardInterrupt:
        pass
    except DivergenceError as divergence:
        return Run(divergence.state, tuple(records), divergence)
    return Run(state, tuple(records))


def write(folder: Path, run: Run) -> None:
    """The model, the history as CSV and, if there is a history, the learning curves."""
    checkpoints.save(folder / "model.npz", run.state)
    with replacing(folder / "history.csv", "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([*Record._fields[:3], "validation_loss", "validation_accuracy"])
        lines.writerows([*record[:3], *(record.validation or ("", ""))] for record in run.records)
    if run.records:
        with replacing(folder / "learning_curves.png") as file:
            sizes = [run.state.params[0].W.shape[1], *(len(b) for _, b in run.state.params)]
            figure = plots.learning_curves(_curves(run.records), "-".join(map(str, sizes)))
            figure.savefig(file, format="png", dpi=150)


def _curves(records: Iterable[Record]) -> dict[str, plots.Curve]:
    every = [record[:3] for record in records]
    validated = [(record.iteration, *record.validation) for record in records if record.validation]
    points = {"training": every, "validation": validated}
    return {name: plots.Curve(*np.array(p, float).T) for name, p in points.items() if p}


@contextmanager
def _progress(iterations: int) -> Iterator[Callable[[Record], None]]:
    """Shows records: in a bar on a terminal, elsewhere as a line for each that is validated."""
    if not sys.stderr.isatty():
        yield lambda record: print(_line(record), flush=True) if record.validation else None
        return
    with require("tqdm", "cli").tqdm(total=iterations, unit="it") as bar:

        def show(record: Record) -> None:
            bar.set_postfix_str(f"loss {record.loss:.4f}, accuracy {record.accuracy:.2%}", False)
            bar.update()

        yield show


def _line(record: Record) -> str:
    line = f"iteration {record.iteration:5}  loss {record.loss:.4f}  accuracy {record.accuracy:.2%}"
    if record.validation is None:
        return line
    loss, accuracy = record.validation
    return f"{line}  validation loss {loss:.4f}  accuracy {accuracy:.2%}"

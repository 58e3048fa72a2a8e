"""The history of a run: a CSV file with a line for each iteration."""

import csv
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp import History
from scratchmlp._atomic import replacing
from scratchmlp.core.arrays import Numbers

HEADER = ["iteration", "loss", "accuracy", "validation_loss", "validation_accuracy"]
_LINE_MOST = 1000  # characters


class Row(NamedTuple):
    """The figures of an iteration; those of the validation are None where there was none.

    Of several networks they are means.
    """

    iteration: int
    loss: float
    accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


def of_all(figure: Numbers) -> float:
    """A figure, of a stack its mean over the networks that have not diverged.

    >>> of_all(0.5), of_all(np.array([1.0, np.nan, 2.0]))
    (0.5, 1.5)
    """
    if not isinstance(figure, np.ndarray):
        return figure
    left = figure[np.isfinite(figure)]
    return float(left.mean()) if left.size else math.nan


def read_history(path: Path, last: int) -> list[Row]:
    """The rows of the iterations 1 to `last`; what the file has after them is not looked at.

    Raises ValueError, with the file and the line's number, for a row that is missing or damaged.
    """
    if not last:
        return []
    rows: list[Row] = []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = iter(lambda: file.readline(_LINE_MOST), "")
            if next(lines, "").rstrip("\r\n").split(",") != HEADER:
                raise ValueError(f"the first line must be {','.join(HEADER)}")
            for number, line in zip(range(1, last + 1), lines, strict=False):
                rows.append(_row(number, line))
        if len(rows) < last:
            raise ValueError(f"there is no line of iteration {len(rows) + 1}")
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there, but the run has {last} iterations") from None
    except ValueError as error:
        where = f"line {len(rows) + 2}: " if rows else ""
        raise ValueError(f"{path}: is damaged: {where}{error}") from None
    return rows


def write_history(path: Path, rows: Iterable[Row]) -> None:
    """A file of these rows alone."""
    with replacing(path, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(HEADER)
        lines.writerows(_blank_for_none(rows))


def append_history(path: Path, rows: Iterable[Row]) -> None:
    """The rows after those that the file has, on the disk when this returns."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_blank_for_none(rows))
        file.flush()
        os.fsync(file.fileno())


def as_history(rows: Iterable[Row]) -> History:
    """The figures as arrays; NaN where there was no validation."""
    values = [[math.nan if value is None else value for value in row] for row in rows]
    iterations, *figures = np.array(values, np.float64).reshape(-1, len(HEADER)).T
    return History(iterations, *figures)


def _blank_for_none(rows: Iterable[Row]) -> Iterator[tuple[object, ...]]:
    return (tuple("" if value is None else value for value in row) for row in rows)


def _row(number: int, line: str) -> Row:
    fields = line.rstrip("\r\n").split(",")
    if len(fields) != len(HEADER) or not line.endswith("\n") or fields[0] != str(number):
        raise ValueError(f"it is not {len(HEADER)} numbers, of which the first is {number}")
    loss, accuracy, *validation = fields[1:]
    both = [float(value) for value in validation if value]
    if len(both) == 1:
        raise ValueError("it has one figure of a validation, not two or none")
    return Row(number, float(loss), float(accuracy), *both)

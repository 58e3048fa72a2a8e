"""Predictions as a file: classes by their names, or numbers in their own unit."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scratchmlp._atomic import replacing
from scratchmlp.cli.scores import decided
from scratchmlp.core.arrays import Array
from scratchmlp.descriptions import CLASSES, NUMBERS, Description, Target, of_pixels
from scratchmlp.tables import decoded


def write(
    path: Path,
    A: Array,
    target: Target,
    description: Description | None,
    *,
    probabilities: bool = False,
) -> None:
    """Write what outputs A (n_out, m) say: a row an example, a column a target.

    Images are numbered from 1, in the form of Kaggle's competition. With `probabilities`, there is
    a column for each class or label more.
    """
    columns: list[tuple[str, Iterable[Any]]] = [*decoded(decided(A, target), target).items()]
    if description is None or of_pixels(description):
        columns = _numbered(columns, A.shape[1], target)
    if probabilities:
        columns += _probabilities(A, target)
    names, values = zip(*columns, strict=True)
    with replacing(path, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(names)
        lines.writerows(zip(*values, strict=True))


def _numbered(
    columns: list[tuple[str, Iterable[Any]]], m: int, target: Target
) -> list[tuple[str, Iterable[Any]]]:
    if target.task == CLASSES:
        columns = [("Label", columns[0][1])]
    return [("ImageId", range(1, m + 1)), *columns]


def _probabilities(A: Array, target: Target) -> Iterator[tuple[str, list[float]]]:
    if target.task == NUMBERS:
        raise ValueError("--probabilities is for classes and labels, not for numbers")
    if target.task == CLASSES and len(A) == 1:
        A = np.concatenate([1 - A, A])
    names = target.classes if target.task == CLASSES else target.names
    for name, row in zip(names, A, strict=False):
        yield f"probability of {name}", row.tolist()

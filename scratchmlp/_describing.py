"""What a frame's columns mean to a network: which are features, what the target is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchmlp._columns import (
    DATE,
    EMPTY,
    TEXT,
    counts_rows,
    feature,
    listed,
    look,
    numbers,
    texts,
)
from scratchmlp._frames import Frame
from scratchmlp.core.arrays import Array
from scratchmlp.descriptions import (
    BOOLEAN,
    CLASSES,
    LABELS,
    NUMBER,
    NUMBERS,
    TASKS,
    Column,
    Description,
    Target,
    pixel_statistics,
    row_names,
    unscaled,
)

TARGETS = ("label", "class", "target", "y")
REAL = (NUMBER, BOOLEAN)
FEW = 20  # different whole numbers that are classes; up to 100 where each is there 50 times


class Described(NamedTuple):
    """A description, and in words what was left out and what is strange."""

    description: Description
    notes: tuple[str, ...]


def describe(
    frame: Frame,
    *,
    target: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    task: str | None = None,
    missing: bool = False,
) -> Described:
    """What the columns of a frame are, as features and target; its statistics are still unscaled.

    A column may be given by its name or its number from 1 (or from the end, -1). The task is told
    by the target unless it is given: "classes", "labels" (several, each yes or no) or "numbers".

    Raises ValueError, naming the columns, where there is no such target, a column is of dates or
    free text, or values are missing and may not be.

    >>> import pandas
    >>> frame = pandas.DataFrame({"size": [1, 2], "sex": ["f", "m"], "y": ["no", "yes"]})
    >>> [column.kind for column in describe(frame).description.columns]
    ['number', 'category']
    """
    names = target_names(frame, target)
    dropped = tuple(_column_name(frame, name) for name in drop)
    if both := [name for name in names if name in dropped]:
        raise ValueError(f"column {both[0]!r} cannot be the target and dropped")
    found = _target(frame, names, task) if names else None
    columns, notes = _features(frame, {*names, *dropped})
    gaps = [(c.name, int(frame[c.name].isna().sum())) for c in columns if c.missing]
    if gaps and not missing:
        told = ", ".join(f"{name!r} in {count} rows" for name, count in gaps[:10])
        raise ValueError(
            f"values are missing: {told} (fill them in, or say missing=True: --missing mean)"
        )
    rows = sum(len(row_names(column)) for column in columns)
    bytes_ = all(frame[column.name].dtype.kind in "iu" for column in columns)
    statistics = pixel_statistics(rows) if bytes_ and _pixels(frame, columns) else unscaled(rows)
    said = [*notes, *([f"left out as told: {listed(dropped)}"] if dropped else [])]
    return Described(Description(columns, found, statistics, missing), tuple(said))


def target_names(frame: Frame, target: Sequence[str] | None = None) -> tuple[str, ...]:
    """The names of the target columns: those given, or the one called label, class, target or y.

    Raises ValueError, with the names of all columns, where there is none or more than one.

    >>> import pandas
    >>> target_names(pandas.DataFrame({"a": [1], "Label": [2]}))
    ('Label',)
    """
    if target is not None:
        return tuple(dict.fromkeys(_column_name(frame, name) for name in target))
    found = [name for name in frame.columns if name.strip().lower() in TARGETS]
    if len(found) != 1:
        came = f"columns {listed(found)} could be it" if found else "none is called label or class"
        raise ValueError(
            f"tell which column is the target: {came}; there are {listed(frame.columns)}"
        )
    return tuple(found)


def _column_name(frame: Frame, name: str) -> str:
    """The column of a name, or of a number from 1, or from the end."""
    if name in frame.columns:
        return name
    number = int(name) if name.lstrip("-").isdecimal() else 0
    if 0 < abs(number) <= len(frame.columns):
        return str(frame.columns[number - (number > 0)])
    raise ValueError(f"there is no column {name!r}; there are {listed(frame.columns)}")


def _features(frame: Frame, without: set[str]) -> tuple[tuple[Column, ...], list[str]]:
    """The columns that are features, and what is to be said about them and others."""
    columns: list[Column] = []
    notes: list[str] = []
    refused: list[str] = []
    same: list[str] = []
    different: list[str] = []
    for name in frame.columns:
        if name in without:
            continue
        values = frame[name]
        seen = look(values)
        if counts_rows(name, values):
            notes.append(f"left out, as it counts the rows: {name or 'a nameless column'}")
        elif seen.kind == EMPTY:
            notes.append(f"left out, as it has no values: {name or 'a nameless column'}")
        elif seen.kind in (DATE, TEXT):
            refused.append(f"{name!r} holds {seen.kind}")
        else:
            columns.append(feature(name, seen))
            distinct = values.nunique()
            if distinct == 1 and not seen.missing:
                same.append(name)
            elif distinct == len(values) and values.dtype.kind in "iu":
                different.append(name)
    if refused:
        raise ValueError(f"{'; '.join(refused[:10])}: drop them, or make numbers of them first")
    if not columns:
        raise ValueError("there is no column to learn from")
    if same and len(columns) < 100:  # of pixels there are always some
        notes.append(f"the same in every row: {listed(same)}")
    if different and len(different) < len(columns):
        notes.append(f"different in every row: {listed(different)}")
    return tuple(columns), notes


def _pixels(frame: Frame, columns: Sequence[Column]) -> bool:
    """Whether whole numbers from 0 to 255 are pixels: by their names, else in 16 columns or more.

    Where these do not go beyond 127, they are counts of something else.
    """
    if any(column.kind != NUMBER or column.missing for column in columns):
        return False
    named = all(column.name.lower().startswith("pixel") for column in columns)
    if len(columns) < 16 and not named:
        return False
    values = frame[[column.name for column in columns]].to_numpy()
    return bool(values.min() >= 0 and 127 < values.max() <= 255)


def _target(frame: Frame, names: Sequence[str], task: str | None) -> Target:
    found = [look(frame[name]) for name in names]
    for name, seen in zip(names, found, strict=True):
        if seen.missing:
            raise ValueError(f"the target {name!r} is missing in {seen.missing} rows: drop them")
        if seen.kind == DATE:
            raise ValueError(f"the target {name!r} holds dates")
    if task not in (None, *TASKS):
        raise ValueError(f"the task must be one of {', '.join(TASKS)}, not {task!r}")
    told = task or _task([frame[name] for name in names], [seen.kind for seen in found])
    if told == CLASSES:
        if len(names) > 1:
            raise ValueError("classes are of one target column")
        return Target(CLASSES, tuple(names), _classes(frame[names[0]]))
    if wrong := [n for n, seen in zip(names, found, strict=True) if seen.kind not in REAL]:
        raise ValueError(f"the target {wrong[0]!r} is no column of numbers")
    return Target(told, tuple(names))


def _task(columns: Sequence[Frame], kinds: Sequence[str]) -> str:
    if {*kinds} <= {NUMBER} or (len(columns) > 1 and {*kinds} <= {*REAL}):
        return told_task(np.array([numbers(column) for column in columns]))
    if len(columns) > 1:
        raise ValueError("of several targets each must be numbers, or 0 and 1")
    return CLASSES


def told_task(Y: Array) -> str:
    """What numbers (n_out, m) are: few whole ones are classes, several of 0 and 1 labels.

    >>> told_task(np.array([[1.0, 2.0, 1.0, 2.0]])), told_task(np.array([[1.5, 2.0, 1.0, 2.0]]))
    ('classes', 'numbers')
    """
    if len(Y) > 1:
        return LABELS if ((Y == 0) | (Y == 1)).all() else NUMBERS
    distinct, m = len(np.unique(Y)), Y.shape[1]
    few = distinct <= FEW or (distinct <= 100 and m >= 50 * distinct)
    whole = bool((np.floor(Y) == Y).all())
    return CLASSES if whole and few and distinct <= max(2, m // 2) else NUMBERS


def _classes(column: Frame) -> tuple[str, ...]:
    """The names of the classes, numbers in the order of their size."""
    values = np.unique(texts(column))
    if column.dtype.kind in "iuf":
        values = values[values.astype(np.float64).argsort(kind="stable")]
    if len(values) < 2:
        raise ValueError(f"the target has one class alone: {str(values[0])!r}")
    return tuple(values.tolist())

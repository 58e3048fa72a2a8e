"""Files of examples, read and encoded: a table, or arrays, as the content of the file tells."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp import Data, codes
from scratchmlp._arrays import kind_of
from scratchmlp._columns import listed, words
from scratchmlp._describing import told_task
from scratchmlp._extras import require
from scratchmlp._frames import Frame
from scratchmlp.cli.settings import DataSettings
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.datasets import EMBEDDED, Parts, load_arrays
from scratchmlp.descriptions import (
    CLASSES,
    NUMBER,
    Column,
    Description,
    Target,
    feature_names,
    pixel_statistics,
    unscaled,
)
from scratchmlp.tables import describe, encode, encode_target, read_table, target_names

PARTS = ("train", "validation", "test")


class Source(NamedTuple):
    """The examples of each part that there is, encoded but not scaled, and what they mean.

    `fixed` is whether they are to stay on the scale of the description.
    """

    parts: Mapping[str, Data]
    description: Description
    notes: tuple[str, ...]
    fixed: bool


def is_table(path: Path | None) -> bool:
    """Whether a file is a table rather than arrays: neither a folder nor IDX, `.npz` or `.npy`."""
    return path is not None and path.is_file() and not kind_of(path)


def read(settings: DataSettings) -> Source:
    """The examples to train with and, where files have them, to validate and test with.

    Raises ValueError, naming the file, where it cannot be read, or does not fit the others.
    """
    paths = {"train": settings.data, "validation": settings.validation, "test": settings.test}
    given = {part: path for part, path in paths.items() if path is not None}
    tables = {part: path for part, path in given.items() if is_table(path)}
    if (tables and len(tables) < max(1, len(given))) or (tables and "train" not in given):
        other = next((path for part, path in given.items() if part not in tables), "the data")
        raise ValueError(f"{next(iter(tables.values()))}: is a table, but {other} is not")
    source = _of_tables(tables, settings) if tables else _of_arrays(given, settings)
    return source


def new(
    path: Path, description: Description | None, ignore_unknown: bool, part: str | None = None
) -> tuple[Data, str]:
    """Other examples, encoded by a description, with y where they have it, and what they are.

    Of arrays in several parts it is the part named, else the one to test with, or all there is.

    Raises ValueError, naming the file, where they do not fit the description.
    """
    try:
        if is_table(path):
            if description is None:
                raise ValueError("is a table, and the model does not tell what its columns are")
            return _new_table(read_table(path), description, ignore_unknown), str(path)
        parts = load_arrays(path)
        names = [part] if part else ["test", "validation", "train"]
        found = next((name for name in names if getattr(parts, name) is not None), None)
        if found is None:
            raise ValueError(f"has no examples to {part}")
        said = f"{path}, its {found} part" if parts.test or parts.validation else str(path)
        return _new_arrays(getattr(parts, found), description), said
    except ValueError as error:
        told = str(error)
        raise ValueError(told if told.startswith(str(path)) else f"{path}: {told}") from None


def _of_tables(paths: Mapping[str, Path], settings: DataSettings) -> Source:
    frames = {part: read_table(path) for part, path in paths.items()}
    missing, task = settings.missing == "mean", settings.task
    try:
        described, notes = describe(
            frames["train"],
            target=settings.target,
            drop=settings.drop or (),
            task=task,
            missing=missing,
        )
        if len(frames) > 1:
            names = target_names(frames["train"], settings.target)
            columns = [*names, *(column.name for column in described.columns)]
            everything = _all_rows(frames, paths, columns)
            described, _ = describe(everything, target=names, task=task, missing=missing)
    except ValueError as error:
        told = str(error)
        known = told.startswith(tuple(map(str, paths.values())))
        raise ValueError(told if known else f"{paths['train']}: {told}") from None
    description = _transposed(described, settings)
    parts = {}
    for part, frame in frames.items():
        try:
            parts[part] = Data(encode(frame, description), encode_target(frame, description))
        except ValueError as error:
            raise ValueError(f"{paths[part]}: {error}") from None
    return Source(parts, description, notes, fixed=False)


def _all_rows(frames: Mapping[str, Frame], paths: Mapping[str, Path], columns: list[str]) -> Frame:
    """The rows of all frames, of which each must have these columns."""
    for part, frame in frames.items():
        absent = [name for name in columns if name not in frame.columns]
        if absent:
            raise ValueError(f"{paths[part]}: has no column {listed(absent)}")
    return require("pandas", "tables").concat(
        [frame[columns] for frame in frames.values()], ignore_index=True
    )


def _of_arrays(paths: Mapping[str, Path], settings: DataSettings) -> Source:
    for name in ("target", "drop"):
        if getattr(settings, name):
            raise ValueError(f"--{name} is for the columns of a table")
    own = load_arrays(settings.data or EMBEDDED)
    parts = {name: getattr(own, name) for name in PARTS}
    for name in ("validation", "test"):
        if name in paths:
            other = load_arrays(paths[name])
            parts[name] = getattr(other, name) or other.test or other.train
    notes = [
        f"the {name} part has no labels" for name in PARTS if parts[name] and parts[name].y is None
    ]
    found = {name: part for name, part in parts.items() if part and part.y is not None}
    if "train" not in found:
        raise ValueError(f"{settings.data}: has no labels to train with")
    first = found["train"]
    for name, part in found.items():
        if len(part.X) != len(first.X) or part.y.ndim != first.y.ndim:
            raise ValueError(
                f"the {name} examples have {len(part.X)} features, those to train with "
                f"{len(first.X)}, or their labels have another form"
            )
    target = _target([part.y for part in found.values()], bool(own.shape), settings.task)
    described, fixed = _described([part.X for part in found.values()], own, target)
    description = _transposed(described, settings)
    encoded = {name: _new_arrays(part, description) for name, part in found.items()}
    return Source(encoded, description, tuple(notes), fixed)


def _target(ys: list[Array], images: bool, task: str | None) -> Target:
    """What the labels or targets of all parts are."""
    y = np.concatenate(ys, axis=-1)
    names = ("label",) if y.ndim == 1 else tuple(f"target {k}" for k in range(1, len(y) + 1))
    integers = y.ndim == 1 and y.dtype.kind in "biuU" and (images or y.dtype.kind in "bU")
    told = task or (CLASSES if integers else told_task(y if y.ndim > 1 else y[np.newaxis]))
    if told == CLASSES:
        if y.ndim > 1:
            raise ValueError("classes are of one label an example")
        return Target(CLASSES, names, words(np.unique(y).tolist()))
    return Target(told, names)


def _described(Xs: list[Array], own: Parts, target: Target) -> tuple[Description, bool]:
    """The description of arrays, and whether they are on its scale already."""
    n, shape = len(Xs[0]), own.shape
    low, high = min(X.min() for X in Xs), max(X.max() for X in Xs)
    whole = all(X.dtype.kind in "iu" or bool((np.floor(X) == X).all()) for X in Xs)
    in_bytes = whole and low >= 0 and high <= 255
    if in_bytes and ((shape and (high > 1 or Xs[0].dtype == np.uint8)) or (n >= 16 and high > 127)):
        columns = tuple(Column(f"pixel{k}") for k in range(n))
        return Description(columns, target, pixel_statistics(n), shape=shape), True
    name = "pixel{}" if shape else "column {}"
    columns = tuple(Column(name.format(k if shape else k + 1)) for k in range(n))
    scaled = bool(shape) and low >= -1 and high <= 1
    return Description(columns, target, unscaled(n), shape=shape), scaled


def _transposed(description: Description, settings: DataSettings) -> Description:
    """The description of images that lie on their side, as EMNIST's do, put upright."""
    if not settings.transpose:
        return description
    n = len(description.columns)
    side = int(n**0.5)
    shape = description.shape or (side, side)
    if len(shape) != 2 or shape[0] * shape[1] != n or len(feature_names(description)) != n:
        raise ValueError(f"--transpose is for images, and {n} features are no square")
    order = np.arange(n).reshape(shape).T.ravel()
    columns = tuple(description.columns[k] for k in order)
    mean, deviation = description.statistics
    statistics = type(description.statistics)(freeze(mean[order]), freeze(deviation[order]))
    return description._replace(columns=columns, statistics=statistics, shape=shape[::-1])


def _new_table(frame: Frame, description: Description, ignore_unknown: bool) -> Data:
    X = encode(frame, description, ignore_unknown=ignore_unknown)
    target = description.target
    there = target is not None and all(name in frame.columns for name in target.names)
    return Data(X, encode_target(frame, description) if there else None)


def _new_arrays(data: Data, description: Description | None) -> Data:
    """Arrays whose features stand in the order in which the description's columns are numbered."""
    if description is None:
        return data
    n = len(description.columns)
    if any(column.kind != NUMBER or column.missing for column in description.columns):
        raise ValueError("are arrays, but the model takes a table of columns with names")
    if len(data.X) != n:
        raise ValueError(f"has {len(data.X)} features, but the model takes {n}")
    numbered = [re.fullmatch(r"(?:pixel|column )(\d+)", c.name) for c in description.columns]
    places = [int(found[1]) for found in numbered if found]
    order = np.array(places) - (min(places) if places else 0)
    X = data.X
    if sorted(order.tolist()) == list(range(n)) and (np.diff(order) != 1).any():
        X = freeze(np.ascontiguousarray(X.T[:, order]).T)
    return Data(X, None if data.y is None else _encoded(data.y, description.target))


def _encoded(y: Array, target: Target | None) -> Array:
    if target is None:
        return y
    if target.task != CLASSES:
        Y = y.reshape(len(target.names), -1) if y.size else y
        return freeze(Y.astype(np.float64))
    if y.ndim > 1:
        raise ValueError("has several labels an example, but the model tells classes apart")
    values, places = np.unique(y, return_inverse=True)
    known = codes(np.array(words(values.tolist()), str), np.array(target.classes))
    if (known < 0).any():
        unknown = listed(words(values[known < 0].tolist()))
        raise ValueError(f"has classes that the network does not know: {unknown}")
    return freeze(known[places])

"""Files of examples, read and encoded: a table, or arrays, as the content of the file tells."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp import Data
from scratchmlp._arrays import kind_of
from scratchmlp._columns import listed
from scratchmlp._extras import require
from scratchmlp._frames import Frame
from scratchmlp.cli import array_columns
from scratchmlp.cli.settings import DataSettings
from scratchmlp.core.arrays import freeze
from scratchmlp.datasets import EMBEDDED, load_arrays
from scratchmlp.descriptions import Description, feature_names
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
    return _of_tables(tables, settings) if tables else _of_arrays(given, settings)


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
        return array_columns.encoded(getattr(parts, found), description), said
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
    described, fixed = array_columns.described([*found.values()], own.shape, settings.task)
    description = _transposed(described, settings)
    encoded = {name: array_columns.encoded(part, description) for name, part in found.items()}
    return Source(encoded, description, tuple(notes), fixed)


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

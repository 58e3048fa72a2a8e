"""What arrays mean, whose columns have no names: the description of them, and examples by it."""

import re

import numpy as np

from scratchmlp import Data, codes
from scratchmlp._columns import listed, words
from scratchmlp._describing import told_task
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.descriptions import (
    CLASSES,
    NUMBER,
    Column,
    Description,
    Target,
    pixel_statistics,
    unscaled,
)


def described(
    parts: list[Data], shape: tuple[int, ...], task: str | None
) -> tuple[Description, bool]:
    """The description of all parts of the data, and whether they are on its scale already.

    `shape` is that of an image, or () where examples are none.
    """
    target = _target([part.y for part in parts], bool(shape), task)
    Xs = [part.X for part in parts]
    n = len(Xs[0])
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


def encoded(data: Data, description: Description | None) -> Data:
    """Examples whose features stand in the order that the description's columns tell."""
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
    return Data(X, None if data.y is None else _encoded_labels(data.y, description.target))


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


def _encoded_labels(y: Array, target: Target | None) -> Array:
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

"""Which of several arrays are the examples to train, validate and test with, and which the labels.

People and libraries name them, in files of a folder or in one `.npz`, by words of few meanings:
`emnist-letters-test-images-idx3-ubyte.gz`, `x_train`, `val_labels`, `kmnist-train-imgs.npz`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.data.preprocessing import Data

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "t10k"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
}
ROLES = {
    **dict.fromkeys(("images", "image", "imgs", "img", "x", "data", "features", "inputs"), "X"),
    **dict.fromkeys(("labels", "label", "y", "target", "targets", "classes"), "y"),
}
FORMS = {"gz", "npy", "npz", "idx", "idx1", "idx2", "idx3", "idx4", "ubyte", "byte", "int", "arr"}


class Name(NamedTuple):
    """What a name says: of which set it is, of which part, and whether examples or labels."""

    group: str
    part: str
    role: str


class Parts(NamedTuple):
    """The examples to train, validate and test with, or None, and the shape of one as it was."""

    train: Data | None
    validation: Data | None
    test: Data | None
    shape: tuple[int, ...]


def name_of(text: str) -> Name:
    """What the words of a name say; the part and the role are "" where it has none.

    >>> name_of("emnist-letters-test-images-idx3-ubyte.gz")
    Name(group='emnist-letters', part='test', role='X')
    >>> name_of("y_train")
    Name(group='', part='train', role='y')
    """
    words = [word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in FORMS]
    part = next((PARTS[word] for word in words if word in PARTS), "")
    role = next((ROLES[word] for word in words if word in ROLES), "")
    rest = [word for word in words if word not in PARTS and word not in ROLES]
    return Name("-".join(rest), part, role)


def parts_of(arrays: Mapping[str, Array]) -> Parts:
    """The parts of arrays by their names, in which the examples come first, and then their shape.

    Raises ValueError, with the names and shapes, where these do not say what is what.

    >>> X, y = np.zeros((5, 2, 3)), np.arange(5)
    >>> parts = parts_of({"x_train": X, "y_train": y})
    >>> parts.train.X.shape, parts.test, parts.shape
    ((6, 5), None, (2, 3))
    """
    found: dict[tuple[str, str], str] = {}
    for text, array in arrays.items():
        name = name_of(text)
        role = name.role or ("X" if array.ndim > 1 else "y")
        key = (name.part or "train", role)
        if key in found:
            raise ValueError(f"{found[key]!r} and {text!r} could both be {_said(key)}")
        found[key] = text
    datas = {part: _data(part, found, arrays) for part in ("train", "validation", "test")}
    given = {part: data for part, data in datas.items() if data is not None}
    if not given:
        raise ValueError(f"has no examples: {_listed(arrays)}")
    shapes = {_shape(arrays[found[part, "X"]]) for part in given}
    if len(shapes) > 1:
        raise ValueError(f"examples of different shapes: {_listed(arrays)}")
    return Parts(datas["train"], datas["validation"], datas["test"], shapes.pop())


def _data(
    part: str, found: Mapping[tuple[str, str], str], arrays: Mapping[str, Array]
) -> Data | None:
    X_name, y_name = found.get((part, "X")), found.get((part, "y"))
    if X_name is None:
        if y_name is not None:
            raise ValueError(f"{y_name!r} has labels of no examples: {_listed(arrays)}")
        return None
    y = None if y_name is None else labels_of(y_name, arrays[y_name])
    X = arrays[X_name]
    if X.ndim < 2 or not X.size or X.dtype.kind not in "biuf":
        raise ValueError(f"{X_name!r} must be a matrix of examples, not {X.dtype} {X.shape}")
    if y is not None and X.ndim == 2 and len(X) != y.shape[-1] == X.shape[1]:
        X = X.T  # examples in columns
    if y is not None and len(X) != y.shape[-1]:
        raise ValueError(f"{y_name!r} holds {y.shape[-1]} labels for the {len(X)} of {X_name!r}")
    columns = np.ascontiguousarray(X).reshape(len(X), -1).T
    return Data(freeze(columns.view(np.uint8) if X.dtype.kind == "b" else columns), y)


def labels_of(name: str, y: Array) -> Array:
    """Labels (m,) or targets (n_out, m) of an array of one or more for each example.

    Of the eight numbers that QMNIST has for each, the first is the label; and where each example
    has exactly one 1 among zeros, its place is the label.

    >>> labels_of("y", np.array([[0, 1], [1, 0], [0, 1]]))
    array([1, 0, 1])
    """
    if y.ndim == 2 and y.shape[1] == 8 and y.dtype == np.int32:
        y = y[:, :1]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or not y.size or y.dtype.kind not in "biufU":
        raise ValueError(f"{name!r} must hold labels (m,) or targets, not {y.dtype} {y.shape}")
    if y.ndim == 1:
        return freeze(np.ascontiguousarray(y))
    single = y.dtype.kind != "U" and ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()
    return freeze(y.argmax(axis=1) if single else np.ascontiguousarray(y.T))


def _shape(X: Array) -> tuple[int, ...]:
    """The height and width of an image; () where examples are rows of numbers."""
    shape = X.shape[1:] if X.ndim > 2 else ()
    return shape[:-1] if len(shape) == 3 and shape[-1] == 1 else shape


def _said(key: tuple[str, str]) -> str:
    part, role = key
    return f"the {'examples' if role == 'X' else 'labels'} to {part.replace('ation', 'ate')} with"


def _listed(arrays: Mapping[str, Array]) -> str:
    return ", ".join(f"{name!r} {array.dtype} {array.shape}" for name, array in arrays.items())


def groups(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of files by the data set that they are of.

    >>> groups(["a-train-images", "a-train-labels", "b-test-images"])
    {'a': ['a-train-images', 'a-train-labels'], 'b': ['b-test-images']}
    """
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name_of(name).group, []).append(name)
    return found

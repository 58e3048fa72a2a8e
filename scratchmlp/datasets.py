"""Data from files of arrays: the embedded MNIST, IDX files, NumPy's files, and folders of them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp._arrays import kind_of, read_arrays
from scratchmlp._atomic import PathLike
from scratchmlp._idx import read_idx
from scratchmlp._parts import Parts, groups, parts_of
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.data.preprocessing import Data, normalize

__all__ = ["EMBEDDED", "Dataset", "Parts", "load_arrays", "load_folder", "load_idx", "mnist"]

EMBEDDED = Path(__file__).with_name("mnist")
"""The folder of the MNIST files that come with the package."""


class Dataset(NamedTuple):
    """Examples to train with, and others to test with, or None."""

    train: Data
    test: Data | None


def mnist() -> Dataset:
    """The MNIST digits that come with the package: 60,000 to train with and 10,000 to test.

    X is (784, m) float32 from 0 to 1, each image's 28 rows of 28 pixels one after the other; y is
    (m,) uint8 labels 0 ... 9. Source: LeCun, Cortes and Burges; licence CC BY-SA 3.0.

    >>> train, test = mnist()
    >>> train.X.shape, test.X.shape, test.y[:4].tolist()
    ((784, 60000), (784, 10000), [7, 2, 1, 0])
    """
    raw = (
        load_idx(
            EMBEDDED / f"{part}-images-idx3-ubyte.gz", EMBEDDED / f"{part}-labels-idx1-ubyte.gz"
        )
        for part in ("train", "t10k")
    )
    return Dataset(*(Data(normalize(X), y) for X, y in raw))


def load_idx(images: PathLike, labels: PathLike | None = None) -> Data:
    """The examples of an IDX file, and their labels of another, plain or gzipped.

    X is (n_in, m) in the file's own dtype: the file's first dimension counts the examples, the
    others are one column. y is (m,), or None without a file of labels; of the eight numbers a label
    of QMNIST it is the first.
    Source of the format: http://yann.lecun.com/exdb/mnist.

    Raises ValueError, naming the file, where it is no whole IDX file or the counts differ.
    """
    values = read_idx(images)
    values = values.reshape(len(values), -1)
    if labels is None:
        return Data(freeze(values.T), None)
    y = read_idx(labels)
    if y.dtype == np.int32 and y.shape[1:] == (8,):
        y = y[:, :1].copy()
    y = y.reshape(len(y), -1)
    if y.shape[1] != 1 or y.dtype.kind not in "iu":
        raise ValueError(f"{labels}: labels must be one integer each, not {y.shape[1]} {y.dtype}")
    if len(y) != len(values):
        raise ValueError(f"{labels}: holds {len(y)} labels for the {len(values)} of {images}")
    return Data(freeze(values.T), freeze(y[:, 0]))


def load_folder(path: PathLike) -> Dataset:
    """The examples of a folder, to train with and, where it has them, to test with; see below.

    Raises ValueError, naming the folder, as `load_arrays`, or where nothing is there to train with.
    """
    parts = load_arrays(path)
    if parts.train is None or parts.train.y is None:
        raise ValueError(f"{path}: has no images to train with, or no labels for them")
    return Dataset(parts.train, parts.test)


def load_arrays(path: PathLike) -> Parts:
    """The examples to train, validate and test with in a folder of files, or an `.npz` or `.npy`.

    Each X is (n_in, m) in the dtype of the file, each y (m,) or (n_out, m), or None where there are
    no labels. The files of a folder are IDX files (plain or gzipped), `.npy`, or `.npz` of one
    array. Names tell which is which, as those of MNIST, EMNIST, QMNIST, KMNIST and Keras do: by
    train, test (or t10k) or val, and by images (or x) or labels (or y). In the files, examples come
    first; a matrix with examples in columns is taken as such where only that fits the labels. A
    folder of several data sets takes the name of one behind it: `folder/emnist-letters`.

    Raises ValueError, naming the file or folder, where it holds no arrays or several data sets, a
    name fits several, or labels and examples differ in number.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/digits.npz", x_train=np.zeros((5, 2, 2)), y_train=np.arange(5))
    ...     load_arrays(f"{folder}/digits.npz").train.X.shape
    (4, 5)
    """
    place = Path(path)
    one = place.is_file()
    arrays = _of_file(place) if one else _of_folder(place)
    try:
        return parts_of(arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _of_file(path: Path) -> dict[str, Array]:
    kind = kind_of(path)
    if not kind:
        raise ValueError(f"{path}: holds no arrays: it is no .npz, .npy or IDX file")
    found = read_arrays(path, kind)
    return {name or path.name: array for name, array in found.items()}


def _of_folder(folder: Path) -> dict[str, Array]:
    """The arrays of one data set, by the names of the files; of `x` and `x.gz` the first."""
    start = ""
    if not folder.is_dir():
        folder, start = folder.parent, folder.name
    names = sorted(each.name for each in folder.iterdir() if each.is_file())
    names = [name for name in names if name.startswith(start) and name[0] != "."]
    files = {name: kind for name in names if (kind := kind_of(folder / name))}
    files = {
        name: kind
        for name, kind in files.items()
        if name.removesuffix(".gz") == name or name.removesuffix(".gz") not in files
    }
    sets = groups(files)
    if not sets:
        what = f"no files {start}*" if start else "no IDX files and no .npz or .npy"
        raise ValueError(f"{folder}: has {what}")
    if start and start in sets:
        sets = {start: sets[start]}
    if len(sets) > 1:
        shown = ", ".join(str(folder / name) for name in sets)
        raise ValueError(
            f"{folder}: has several data sets: give one of {shown}, or a folder of one"
        )
    return {name: _single(folder / name, files[name]) for name in next(iter(sets.values()))}


def _single(path: Path, kind: str) -> Array:
    arrays = read_arrays(path, kind)
    if len(arrays) != 1:
        raise ValueError(f"{path}: must hold one array, as other files stand beside it")
    return next(iter(arrays.values()))

"""The examples that a command works with: loaded, shuffled and divided."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp import Data, normalize, shuffle, split
from scratchmlp.cli.settings import DataSettings
from scratchmlp.datasets import Dataset, has_labels, load_csv, load_folder, mnist


class Splits(NamedTuple):
    """Examples to train with, and to validate and test with, or None."""

    training: Data
    validation: Data | None
    test: Data | None


def splits(settings: DataSettings, seed: int) -> Splits:
    """The examples in a random order, as many as are asked for, divided.

    Raises ValueError where they have no labels, or are fewer than asked for.
    """
    data = load(settings.data)
    if data.train.y is None:
        raise ValueError(f"{settings.data}: has no labels to train with")
    X, y = shuffle(*data.train, seed=seed)
    if settings.examples is not None:
        if settings.examples > len(y):
            raise ValueError(f"--examples is {settings.examples}, but there are {len(y)}")
        X, y = X[:, : settings.examples], y[: settings.examples]
    test = None if settings.no_test else data.test
    if settings.validation_fraction == 0:
        return Splits(Data(X, y), None, test)
    return Splits(*split(X, y, 1 - settings.validation_fraction), test)


def fingerprint(parts: Splits) -> dict[str, str]:
    """What tells the examples of a run from others, in words and a number, for each part of them.

    >>> one = Data(np.zeros((2, 3), np.float32), np.arange(3, dtype=np.uint8))
    >>> fingerprint(Splits(one, None, None))
    {'training': '3 examples of 2 numbers (ba3ee015)', 'validation': 'none'}
    """
    return {
        "training": _fingerprint(parts.training),
        "validation": "none" if parts.validation is None else _fingerprint(parts.validation),
    }


def load(path: Path | None) -> Dataset:
    """The examples of a folder of IDX files or of a CSV file, or of the embedded MNIST."""
    if path is None:
        return mnist()
    if path.is_dir():
        train, test = load_folder(path)
        return Dataset(_scaled(train), test and _scaled(test))
    return Dataset(_scaled(load_csv(path, labelled=has_labels(path))), None)


def load_test(path: Path | None) -> Data:
    """The examples to test with, or all where none are set apart for that."""
    train, test = load(path)
    return test or train


def check_fits(parts: Splits, units: tuple[int, ...]) -> None:
    """Every part has the inputs of a network of these sizes, and no class beyond its outputs.

    Raises ValueError, naming the part, where that is not so or a number is not finite: before the
    training rather than when its turn comes.
    """
    for name, part in parts._asdict().items():
        if part is None:
            continue
        X, y = part
        if len(X) != units[0]:
            raise ValueError(
                f"the {name} examples have {len(X)} features, but the first of --layers "
                f"is {units[0]}"
            )
        if X.dtype.kind == "f" and not np.isfinite(X).all():
            raise ValueError(f"the {name} examples must be finite, but some are NaN or infinite")
        if y is not None and y.ndim == 1 and y.dtype.kind in "iu" and y.max() >= units[-1]:
            raise ValueError(
                f"the {name} examples have the class {y.max()}, but the network has only "
                f"{units[-1]} outputs, for 0 to {units[-1] - 1}: give --layers with more"
            )


def _scaled(data: Data) -> Data:
    """Bytes are pixels from 0 to 255; anything else is taken as it is."""
    return Data(normalize(data.X), data.y) if data.X.dtype == np.uint8 else data


def _fingerprint(data: Data) -> str:
    n, m = data.X.shape
    found = sha256()
    for array in (data.X.T, data.y.T):
        found.update(str((array.dtype, array.shape)).encode())
        found.update(np.ascontiguousarray(array).view(np.uint8).data)
    return f"{m} examples of {n} numbers ({found.hexdigest()[:8]})"

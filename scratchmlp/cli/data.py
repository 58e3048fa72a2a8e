"""The examples that a command works with: read, shuffled, divided and scaled; and what is said."""

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchmlp import Data, shuffle, split, stratified_split
from scratchmlp.cli import sources
from scratchmlp.cli.settings import DataSettings
from scratchmlp.descriptions import (
    BOOLEAN,
    CATEGORY,
    CLASSES,
    LABELS,
    NUMBER,
    Description,
    feature_names,
    of_pixels,
)
from scratchmlp.tables import fitted, scaled, scaled_target


class Splits(NamedTuple):
    """Examples to train with, and to validate and test with, or None."""

    training: Data
    validation: Data | None
    test: Data | None


class Lesson(NamedTuple):
    """The examples of each part, scaled; what they mean; and in words what was read."""

    splits: Splits
    description: Description
    said: tuple[str, ...]


def lesson(settings: DataSettings, seed: int) -> Lesson:
    """The examples in a random order, as many as are asked for, divided and scaled.

    What is not in a file of its own to validate with is set apart, with the same share of each
    class. The scale is that of the examples to train with.

    Raises ValueError where the files cannot be read or do not fit each other, or have fewer
    examples than asked for.
    """
    raw, description, source = _raw(settings, seed)
    splits = Splits(
        scale(raw.training, description),
        raw.validation and scale(raw.validation, description),
        raw.test and scale(raw.test, description),
    )
    return Lesson(splits, description, _said(settings.data, source, splits, description))


def _raw(settings: DataSettings, seed: int) -> tuple[Splits, Description, sources.Source]:
    """The examples divided but not yet scaled, and the description with their statistics."""
    source = sources.read(settings)
    X, y = shuffle(*source.parts["train"], seed=seed)
    m = X.shape[1]
    if settings.examples is not None:
        if settings.examples > m:
            raise ValueError(f"--examples is {settings.examples}, but there are {m}")
        X, y = X[:, : settings.examples], y[..., : settings.examples]
    training, validation = Data(X, y), source.parts.get("validation")
    if validation is None and settings.validation_fraction > 0:
        training, validation = _split(training, 1 - settings.validation_fraction, seed)
    test = None if settings.no_test else source.parts.get("test")
    description = source.description
    if not source.fixed:
        description = fitted(description, *training)
    return Splits(training, validation, test), description, source


def scale(data: Data, description: Description | None) -> Data:
    """Encoded examples on the scale of a description; without one, bytes are pixels."""
    X, y = data
    if description is None:
        return Data(X if X.dtype != np.uint8 else (X / np.float32(255)).astype(np.float32), y)
    return Data(scaled(X, description), None if y is None else scaled_target(y, description))


def own(settings: DataSettings, seed: int) -> tuple[Data, str, Description]:
    """The examples that a run has not trained with: to test with, else to validate with, else all.

    They are not scaled; in words which ones they are, and the description of the data as it is now.
    """
    splits, description, _ = _raw(settings._replace(no_test=False), seed)
    name, part = next(
        (name, part)
        for name, part in (
            ("test", splits.test),
            ("validation", splits.validation),
            ("training", splits.training),
        )
        if part is not None
    )
    return part, f"{_name(settings.data)}, its {name} part", description


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
        if y.ndim == 1 and y.max() >= max(units[-1], 2):
            raise ValueError(
                f"the {name} examples are of {y.max() + 1} classes or more, but the network has "
                f"only {units[-1]} outputs: give --layers with more"
            )
        if y.ndim == 2 and len(y) != units[-1]:
            raise ValueError(f"there are {len(y)} targets, but the last of --layers is {units[-1]}")


def _split(data: Data, fraction: float, seed: int) -> tuple[Data, Data]:
    if data.y.ndim == 1:
        return stratified_split(*data, fraction, seed=seed)
    return split(*data, fraction)


def _said(
    path: Path | None, source: sources.Source, splits: Splits, description: Description
) -> tuple[str, ...]:
    """One line of what was read, and one for each thing that is strange."""
    counts = {name: part.X.shape[1] for name, part in splits._asdict().items() if part}
    uses = ", ".join(f"{count} {name}" for name, count in counts.items())
    parts = [_features(description, source.fixed), _targets(description, splits), uses]
    line = f"{_name(path)}: {sum(counts.values())} examples; {'; '.join(parts)}"
    return line, *(f"note: {note}" for note in source.notes)


def _name(path: Path | None) -> str:
    return "MNIST" if path is None else str(path)


def _features(description: Description, fixed: bool) -> str:
    if of_pixels(description):
        shape = "x".join(map(str, description.shape))
        return f"{len(description.columns)} pixels{shape and f' ({shape})'}, divided by 255"
    count: Callable[[str], int] = Counter(c.kind for c in description.columns).__getitem__
    said = [f"{count(NUMBER)} numbers{' as they are' if fixed else ', standardized'}"]
    if count(CATEGORY):
        rows = sum(len(c.categories) for c in description.columns)
        said.append(f"{count(CATEGORY)} of categories, as {rows} columns")
    if count(BOOLEAN):
        said.append(f"{count(BOOLEAN)} of true and false")
    if gaps := [c.name for c in description.columns if c.missing]:
        said.append(f"missing values of {', '.join(map(repr, gaps))} as the mean")
    said = [each for each in said if not each.startswith("0 ")]
    return f"{len(feature_names(description))} features: {', '.join(said)}"


def _targets(description: Description, splits: Splits) -> str:
    target = description.target
    if target is None:
        return "no target"
    names = ", ".join(map(repr, target.names[:10]))
    if target.task != CLASSES:
        kind = "yes or no of" if target.task == LABELS else "numbers to predict,"
        return f"{kind} {names}"
    parts = [part.y for part in splits if part is not None]
    counts = np.bincount(np.concatenate(parts), minlength=len(target.classes)).tolist()
    few = [f"{name} {count}" for name, count in zip(target.classes, counts, strict=True)][:12]
    more = f" and {len(counts) - 12} more" if len(counts) > 12 else ""
    return f"{len(counts)} classes of {names} ({', '.join(few)}{more})"


def _fingerprint(data: Data) -> str:
    n, m = data.X.shape
    found = sha256()
    for array in (data.X.T, data.y.T):
        found.update(str((array.dtype, array.shape)).encode())
        found.update(np.ascontiguousarray(array).view(np.uint8).data)
    return f"{m} examples of {n} numbers ({found.hexdigest()[:8]})"

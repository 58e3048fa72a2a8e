"""Tables of columns with names, as people have them, and how they become the arrays of examples.

A table goes through these steps, each a function: `read_table` gives a data frame; `describe` tells
what its columns and its target are; `encode` makes numbers of them; `fitted` takes the statistics
of the examples to train with; `scaled` brings any examples to that scale; and `decoded` turns what
a network predicts into names and units. `load_table` does all of this. It takes pandas.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from scratchmlp._atomic import PathLike
from scratchmlp._describing import Described, describe, target_names
from scratchmlp._encoding import decoded, encode, encode_target, fitted, scaled, scaled_target
from scratchmlp._frames import Frame, read_frame
from scratchmlp.core.arrays import Array
from scratchmlp.descriptions import Column, Description, Target

__all__ = [
    "Column",
    "Described",
    "Description",
    "Table",
    "Target",
    "decoded",
    "describe",
    "encode",
    "encode_target",
    "fitted",
    "load_table",
    "read_table",
    "scaled",
    "scaled_target",
    "target_names",
]


class Table(NamedTuple):
    """Examples X (n_in, m) and their y, what they mean, and what is to be said about them."""

    X: Array
    y: Any
    description: Description
    notes: tuple[str, ...]


def load_table(
    path: PathLike,
    *,
    target: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    missing: bool = False,
) -> Table:
    """The examples of a table in a file: X (n_in, m) standardized, and y as the target is.

    The file is CSV (or with tabs, semicolons, decimal commas; with a header or none; compressed or
    not) or Parquet. `target` names the columns to predict, by default the one called label, class,
    target or y; `drop` the columns to leave out. y is (m,) classes, or (n_out, m): numbers that are
    standardized, or 0 and 1 for several labels. Where values are `missing`, they become the mean.

    Raises ValueError, naming the file and the column, for what is no table, for dates and free
    text, and where values are missing and may not be.

    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/pets.csv").write_text("weight,class\\n3,cat\\n9,dog\\n5,cat\\n")
    ...     X, y, description, _ = load_table(f"{folder}/pets.csv")
    >>> y, description.target.classes
    (array([0, 1, 0]), ('cat', 'dog'))
    """
    frame = read_table(path)
    try:
        described, notes = describe(frame, target=target, drop=drop, missing=missing)
        raw, y = encode(frame, described), encode_target(frame, described)
        description = fitted(described, raw, y)
        return Table(scaled(raw, description), scaled_target(y, description), description, notes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_table(path: PathLike) -> Frame:
    """The pandas.DataFrame of a table in a file, whose form is told by its content.

    Columns without names are called `column 1` and so on.

    Raises ValueError, naming the file, where it is no table or has no rows.
    """
    return read_frame(path)

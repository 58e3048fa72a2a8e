"""The operators that make a network's input of raw numbers and categories, by a description."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from scratchmlp import Statistics
from scratchmlp.descriptions import CATEGORY, Column, Description
from scratchmlp.export._nodes import Constant, Node, Part


def of_categories(description: Description) -> bool:
    """Whether a column has categories, so that each column is an input of its own.

    >>> from scratchmlp.descriptions import pixels
    >>> of_categories(pixels(2))
    False
    """
    return any(column.kind == CATEGORY for column in description.columns)


def encoding(description: Description | None) -> Iterator[Part]:
    """The operators from the inputs to `A0`, which is what the network takes.

    >>> [*encoding(None)]
    [Node(operator='Identity', inputs=('X',), output='A0', attributes={})]
    """
    if description is None:
        yield Node("Identity", ("X",), "A0")
    elif of_categories(description):
        yield from _of_columns(description)
    else:
        yield from _of_numbers(description)


def _of_numbers(description: Description) -> Iterator[Part]:
    """A matrix of one column each becomes A0; a column that may lack values becomes two."""
    yield Node("Cast", ("X",), "X_wide", {"to": "DOUBLE"})
    if not any(column.missing for column in description.columns):
        yield from _scaled("X_wide", description.statistics, description.missing)
        return
    names = [f"column{number}" for number in range(len(description.columns))]
    for number, name in enumerate(names):
        yield Constant(f"{name}_place", np.array([number], np.int64))
        yield Node("Gather", ("X_wide", f"{name}_place"), name, {"axis": 1})
    yield from _joined(names, description)


def _of_columns(description: Description) -> Iterator[Part]:
    """An input for each column becomes A0: numbers are cast, categories compared."""
    for number, column in enumerate(description.columns):
        if column.kind != CATEGORY:
            yield Node("Cast", (column.name,), f"column{number}", {"to": "DOUBLE"})
            continue
        known = (*column.categories, "") if column.missing else column.categories
        yield Constant(f"column{number}_categories", np.array([known], object))
        places = (column.name, f"column{number}_categories")
        yield Node("Equal", places, f"column{number}_is")
        yield Node("Cast", (f"column{number}_is",), f"column{number}", {"to": "DOUBLE"})
    yield from _joined([f"column{k}" for k in range(len(description.columns))], description)


def _joined(names: Sequence[str], description: Description) -> Iterator[Part]:
    """Columns side by side, each followed by whether it is missing where that is a feature."""
    parts = [_with_gap(name, c) for name, c in zip(names, description.columns, strict=True)]
    yield from chain.from_iterable(nodes for nodes, _ in parts)
    rows = tuple(row for _, names in parts for row in names)
    yield Node("Concat", rows, "X_rows", {"axis": 1})
    yield from _scaled("X_rows", description.statistics, description.missing)


def _with_gap(name: str, column: Column) -> tuple[list[Part], tuple[str, ...]]:
    if column.kind == CATEGORY or not column.missing:
        return [], (name,)
    nodes: list[Part] = [
        Node("IsNaN", (name,), f"{name}_gap"),
        Node("Cast", (f"{name}_gap",), f"{name}_missing", {"to": "DOUBLE"}),
    ]
    return nodes, (name, f"{name}_missing")


def _scaled(rows: str, statistics: Statistics, missing: bool) -> Iterator[Part]:
    """(rows - mean) / deviation in float64, as `standardize` has it, then 0 for what is missing."""
    yield Constant("mean", statistics.mean.T.astype(np.float64))
    yield Constant("deviation", statistics.deviation.T.astype(np.float64))
    yield Node("Sub", (rows, "mean"), "X_centred")
    yield Node("Div", ("X_centred", "deviation"), "X_scaled")
    if not missing:
        yield Node("Cast", ("X_scaled",), "A0", {"to": "FLOAT"})
        return
    yield Constant("zero", np.zeros((1, 1)))
    yield Node("IsNaN", ("X_scaled",), "X_gaps")
    yield Node("Where", ("X_gaps", "zero", "X_scaled"), "X_filled")
    yield Node("Cast", ("X_filled",), "A0", {"to": "FLOAT"})

"""How a table is written as text: its separator, its decimal mark, and whether it has a header."""

import csv
import io
import re
from collections.abc import Sequence
from typing import NamedTuple

COLUMNS_MOST = 100_000
SEPARATORS = ("\t", ";", ",", "|")
NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE)


class Dialect(NamedTuple):
    """How the columns of a file of text are written, and their names."""

    encoding: str
    separator: str
    decimal: str
    names: tuple[str, ...]
    header: bool


def sniffed(sample: str, encoding: str = "utf-8") -> Dialect:
    """The dialect of a table whose first lines are these.

    >>> sniffed("name;size\\nold;1,5\\n")[1:]
    (';', ',', ('name', 'size'), True)
    """
    if not sample.strip():
        raise ValueError("has no examples")
    if max(line.count(each) for line in sample.split("\n") for each in SEPARATORS) > COLUMNS_MOST:
        raise ValueError(f"has more than {COLUMNS_MOST} columns")
    separator = _separator(sample)
    rows = _rows(sample, separator)
    if not rows:
        raise ValueError("has no examples")
    width = max(map(len, rows[1:]), default=len(rows[0]))
    first = [cell.strip() for cell in rows[0]]
    if len(first) == width - 1:  # as R writes the names of rows, which have no name themselves
        first.insert(0, "")
    if width > len(first):
        raise ValueError(f"has a line of {width} columns, but the first has {len(first)}")
    header = _is_header(first)
    names = distinct(first if header else [f"column {k}" for k in range(1, len(first) + 1)])
    cells = {cell.strip() for row in rows[header:] for cell in row}
    commas = any(re.fullmatch(r"[-+]?\d+,\d+", cell) for cell in cells)
    points = any(re.fullmatch(r"[-+]?\d+\.\d+", cell) for cell in cells)
    return Dialect(encoding, separator, "," if commas and not points else ".", names, header)


def _separator(sample: str) -> str:
    for separator in (*filter(sample.__contains__, SEPARATORS), r"\s+"):
        rows = _rows(sample, separator)
        width = len(rows[-1]) if rows else 0
        same = all(len(row) == width for row in rows[1:])
        if same and width > 1 and len(rows[0]) in (width, width - 1):
            return separator
    line = sample.strip().partition("\n")[0]
    return max((",", *SEPARATORS), key=line.count)


def _rows(sample: str, separator: str) -> list[list[str]]:
    if len(separator) > 1:
        return [line.split() for line in sample.splitlines() if line.strip()]
    lines = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
    return [row for row in lines if any(map(str.strip, row))]


def _is_header(cells: Sequence[str]) -> bool:
    """Whether they are names: all different, and no numbers, or numbers that count columns."""
    named = [cell for cell in cells if cell]
    if len({*named}) < len(named) or len(cells) - len(named) > 1 + (not cells[-1]):
        return False
    numbers = [cell for cell in named if NUMBER.fullmatch(cell)]
    counting = [str(k) for k in range(len(numbers))]
    return not numbers or (len(numbers) > 2 and numbers == counting)


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, where one is there again with a number behind it.

    >>> distinct(["x", "y", "x"])
    ('x', 'y', 'x.1')
    """
    found: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}.{number}"
        found[free] = None
    return tuple(found)

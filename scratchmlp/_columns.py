"""What the columns of a data frame are: numbers, true and false, categories, dates or free text."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchmlp._frames import Frame
from scratchmlp.core.arrays import Array
from scratchmlp.descriptions import BOOLEAN, CATEGORY, NUMBER, Column

DATE, TEXT, EMPTY = "dates", "free text", "no values"
KINDS = {"i": NUMBER, "u": NUMBER, "f": NUMBER, "b": BOOLEAN, "M": DATE, "m": DATE}
# A date, perhaps with a time behind it: 2024-01-31, 31.1.2024, 1/31/24, 20240131T10:00.
_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ]\d.*)?")
_ROW_NAMES = {"", "id", "index", "row", "rowid", "rownames", "rowname", "imageid"}
CATEGORIES_FEW, CATEGORIES_MOST = 20, 1000


class Look(NamedTuple):
    """What a column is, its values if it has categories, and how many are missing."""

    kind: str
    categories: tuple[str, ...]
    missing: int


def look(column: Frame) -> Look:
    """What a column of a frame is.

    Words are categories where they are at most 20, or at most a fifth of the values.

    >>> import pandas
    >>> look(pandas.Series(["b", None, "a", "b"]))
    Look(kind='category', categories=('a', 'b'), missing=1)
    """
    missing = int(column.isna().sum())
    if missing == len(column) or column.dtype.kind in KINDS:
        return Look(EMPTY if missing == len(column) else KINDS[column.dtype.kind], (), missing)
    values = words(column.dropna().unique())
    if {value.lower() for value in values} <= {"true", "false"}:
        return Look(BOOLEAN, (), missing)
    if all(map(_DATE.fullmatch, values[:100])):
        return Look(DATE, (), missing)
    present = len(column) - missing
    few = len(values) <= min(CATEGORIES_MOST, max(CATEGORIES_FEW, present // 5))
    free = not few or (len(values) == present > 10)
    return Look(TEXT if free else CATEGORY, tuple(sorted({*values})), missing)


def words(values: Sequence[object]) -> tuple[str, ...]:
    """The values as text without blanks around it, whole numbers without a decimal point.

    >>> words([1.0, " a", True])
    ('1', 'a', 'True')
    """
    return tuple(
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        for value in values
    )


def texts(column: Frame) -> Array:
    """The values of a column as text (m,), "" where they are missing.

    >>> import pandas
    >>> texts(pandas.Series([2.0, None, 3.0]))
    array(['2', '', '3'], dtype='<U1')
    """
    codes, values = column.factorize()
    return np.array([*words(values.tolist()), ""], str)[codes]


def numbers(column: Frame) -> Array:
    """The values of a column of numbers, or of true and false, as float64; NaN where missing.

    >>> import pandas
    >>> numbers(pandas.Series(["True", None, "false"]))
    array([ 1., nan,  0.])
    """
    if column.dtype.kind in "biuf":
        found: Array = column.to_numpy(np.float64, na_value=np.nan)
        return found
    known = {"": np.nan, "true": 1.0, "false": 0.0}
    return np.array([known.get(text.lower(), np.inf) for text in texts(column)])


def counts_rows(name: str, column: Frame) -> bool:
    """Whether a column is nothing but the number of the row.

    >>> import pandas
    >>> counts_rows("", pandas.Series([1, 2, 3])), counts_rows("year", pandas.Series([1, 2, 3]))
    (True, False)
    """
    nameless = name.lower().replace(" ", "") in _ROW_NAMES or name.startswith("Unnamed: ")
    if not nameless or column.dtype.kind not in "iu" or len(column) < 2:
        return False
    values = column.to_numpy()
    return bool(values[0] in (0, 1) and (np.diff(values.astype(np.int64)) == 1).all())


def feature(name: str, seen: Look) -> Column:
    """The description of a feature."""
    return Column(name, seen.kind, seen.categories, seen.missing > 0)


def listed(names: Sequence[str]) -> str:
    """At most ten names, and how many more there are.

    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    shown = ", ".join(map(repr, list(names)[:10]))
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"

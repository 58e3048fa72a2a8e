"""The kinds of value that a setting may have, each as a function that checks one.

A check takes what a file of settings or a recipe holds and returns the value as settings have it.
It raises ValueError with the words that come after the setting's name: "must be ..., not ...".
"""

import math
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from reprlib import repr as short
from typing import Any, NamedTuple, NoReturn

MOST = 2**53  # integers up to here are exact as floats too
FINITE = sys.float_info.max
_ADDRESS = re.compile(r"(\w+://)?(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5}(/\S*)?", re.ASCII)


def number(text: str) -> Any:
    """The number that a text of a command line says, or the text itself.

    >>> number("3"), number("0.5"), number("many")
    (3, 0.5, 'many')
    """
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


class Kind(NamedTuple):
    """How a value of this kind is checked, and how it is read from a text of a command line."""

    check: Callable[[Any], Any]
    read: Callable[[str], Any] = str


def whole(least: int) -> Kind:
    """A whole number of at least `least`.

    >>> whole(1).check(3)
    3
    >>> whole(1).check(2.5)
    Traceback (most recent call last):
    ValueError: must be a whole number of at least 1, not 2.5
    """
    return Kind(partial(_whole, least), number)


def real(least: float = 0, below: float = math.inf) -> Kind:
    """A finite number of at least `least` and below `below`.

    >>> real().check(1)
    1.0
    >>> real(0, 1).check(1)
    Traceback (most recent call last):
    ValueError: must be a number of at least 0 and below 1, not 1
    """
    return Kind(partial(_real, least, below), number)


def one_of(known: Mapping[str, object]) -> Kind:
    """One of the names that are known.

    >>> one_of({"sgd": 1, "adam": 2}).check("adan")
    Traceback (most recent call last):
    ValueError: must be one of sgd, adam, not 'adan'
    """
    return Kind(partial(_one_of, tuple(known)))


def named(find: Callable[[str], object]) -> Kind:
    """A name that a function finds; the function's own error says which names there are."""
    return Kind(partial(_named, find))


def several(kind: Kind, count: int | None = None) -> Kind:
    """A tuple of values of a kind: at least one, or as many as `count` says.

    >>> several(whole(1)).check([784, 10])
    (784, 10)
    >>> several(whole(1), 2).check([28])
    Traceback (most recent call last):
    ValueError: must be a list of 2, not [28]
    """
    return Kind(partial(_several, kind.check, count), kind.read)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse("true or false", value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else _refuse("text", value)


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        _refuse("the path of a file or folder", value)
    return Path(value)


def _address(value: Any) -> str:
    # A client that was made of anything else would complain once more when it is deleted.
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        _refuse("an address such as tcp://127.0.0.1:8786", value)
    return value


FLAG, TEXT, PATH, ADDRESS = Kind(_flag), Kind(_text), Kind(_path), Kind(_address)


def _whole(least: int, value: Any) -> int:
    if type(value) is int and value > MOST:
        _refuse(f"at most {MOST}", value)
    if type(value) is not int or value < least:
        _refuse(f"a whole number of at least {least}", value)
    return value


def _real(least: float, below: float, value: Any) -> float:
    numeric = type(value) in (int, float) and abs(value) <= FINITE
    if not numeric or not least <= value < below:
        limit = "" if below == math.inf else f" and below {below:g}"
        _refuse(f"a number of at least {least:g}{limit}", value)
    return float(value)


def _one_of(known: tuple[str, ...], value: Any) -> str:
    return value if value in known else _refuse(f"one of {', '.join(known)}", value)


def _named(find: Callable[[str], object], value: Any) -> str:
    find(name := _text(value))
    return name


def _several(check: Callable[[Any], Any], count: int | None, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not value or count not in (None, len(value)):
        _refuse(f"a list of {count or 'at least one'}", value)
    return tuple(map(check, value))


def _refuse(expected: str, value: Any) -> NoReturn:
    raise ValueError(f"must be {expected}, not {short(value)}")

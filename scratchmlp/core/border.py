"""The border: a check says what is wrong with an argument, and the border says in which function.

A check raises `value_error` or `type_error`, which say what is wrong. A public function is
decorated with `public`, which puts its name in front. Where one public function calls another, the
outermost wins; what is raised while a stream is consumed keeps the name of the function that made
the stream. The message travels in the error itself, so all this works across threads, processes and
clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def value_error(problem: str) -> ValueError:
    """The error of a wrong value or shape: `raise value_error("size must be at least 1, not 0")`.

    >>> value_error("size must be at least 1, not 0")
    ValueError('size must be at least 1, not 0')
    """
    return _marked(ValueError(problem), problem)


def type_error(problem: str) -> TypeError:
    """The error of a wrong kind of argument.

    >>> type_error("size must be an integer, not 'abc'")
    TypeError("size must be an integer, not 'abc'")
    """
    return _marked(TypeError(problem), problem)


def public(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with its name in front of every message about its arguments.

    >>> @public
    ... def take(size):
    ...     raise value_error("size must be at least 1, not 0")
    >>> take(0)
    Traceback (most recent call last):
    ValueError: take: size must be at least 1, not 0
    """
    # Closed over, since `_like` gives `bordered` the globals of another module.
    name, put = function.__name__.strip("_"), _put_in_front

    def bordered(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError) as error:
            put(error, name, False)
            raise

    return like(function, bordered)


def public_stream(function: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """As `public`, for a function that returns an iterator; the iterator's errors are named too.

    >>> @public_stream
    ... def numbers():
    ...     yield 1
    ...     raise value_error("there are no more")
    >>> list(numbers())
    Traceback (most recent call last):
    ValueError: numbers: there are no more
    """
    name, put, stream = function.__name__.strip("_"), _put_in_front, _named

    def bordered(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        try:
            return stream(function(*args, **kwargs), name)
        except (ValueError, TypeError) as error:
            put(error, name, False)
            raise

    return like(function, bordered)


def _named(stream: Iterable[T], name: str) -> Iterator[T]:
    try:
        yield from stream
    except (ValueError, TypeError) as error:
        _put_in_front(error, name, True)
        raise


def _marked(error: E, problem: str) -> E:
    error.__dict__.update(problem=problem, settled=False)
    return error


def _put_in_front(error: Exception, name: str, settled: bool) -> None:
    marks = error.__dict__
    if not marks.get("settled", True):
        error.args = (f"{name}: {marks['problem']}",)
        marks["settled"] = settled


def like(function: Callable[..., Any], bordered: Callable[..., Any]) -> Any:
    """The decorated function as one of its own module, which is where doctest looks for it."""
    own: Any = bordered
    moved = FunctionType(own.__code__, function.__globals__, None, None, own.__closure__)
    return wraps(function)(moved)

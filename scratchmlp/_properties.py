"""Properties that `scratchmlp.testing` asks of any function: purity, shape, dtype, pickling."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from scratchmlp import Array


def pure(name: str, function: Callable[..., Any], *inputs: Any) -> Any:
    """The result of the function, which is called with writable and with read-only inputs.

    Raises ValueError where it fails, changes its inputs, or gives another result the second time.

    >>> pure("sum", np.add, np.array([1.0]), np.array([2.0]))
    array([3.])
    >>> pure("sum", lambda a: np.add(a, 1, out=a), np.array([1.0]))
    Traceback (most recent call last):
    ValueError: sum must not write into its inputs, but changes number 1
    """
    writable = [_copied(each, writeable=True) for each in inputs]
    result = _copied(_called(name, function, writable), writeable=False)
    for number, (after, before) in enumerate(zip(writable, inputs, strict=True), start=1):
        if not same_bytes(after, before):
            raise ValueError(f"{name} must not write into its inputs, but changes number {number}")
    frozen = [_copied(each, writeable=False) for each in inputs]
    if not same_bytes(result, _called(f"{name}, given read-only arrays,", function, frozen)):
        raise ValueError(f"{name} must give the same result for the same inputs, but does not")
    return result


def array(name: str, value: Any, like: Array, *, booleans: bool = False) -> Array:
    """The value, if it is an array of the shape and dtype of `like` (or of booleans, if allowed).

    Raises ValueError for any other.

    >>> array("value", np.zeros(2), np.ones(2))
    array([0., 0.])
    """
    if not isinstance(value, np.ndarray) or value.shape != like.shape:
        came = value.shape if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} must give an array of shape {like.shape}, not {came}")
    if value.dtype != like.dtype and not (booleans and value.dtype == np.bool_):
        raise ValueError(f"{name} must be {like.dtype} where it is asked for, not {value.dtype}")
    return value


def finite(name: str, value: Array, where: Callable[[Any], str]) -> None:
    """Raise ValueError where a number is not finite; `where` describes the input of an index.

    >>> finite("value", np.zeros(2), str)
    """
    for place in np.argwhere(~np.isfinite(value)).tolist()[:1]:
        k = tuple(place)
        raise ValueError(f"{name} must be finite, but is {value[k]} at {where(k)}")


def pickles(name: str, value: Any) -> Any:
    """The value, pickled and unpickled.

    Raises ValueError where that fails.

    >>> pickles("number", 1)
    1
    """
    try:
        return pickle.loads(pickle.dumps(value))
    except Exception as error:
        raise ValueError(
            f"{name} must pickle: define its functions at the top level of a module, not as "
            f"lambdas or inside of functions ({_said(error)})"
        ) from error


def leaves(tree: Any) -> Iterator[Any]:
    """All that is in nested tuples, in order.

    >>> list(leaves((1, (2, 3))))
    [1, 2, 3]
    """
    if isinstance(tree, tuple):
        for each in tree:
            yield from leaves(each)
    else:
        yield tree


def outline(tree: Any) -> str:
    """The structure of nested tuples of arrays; a question mark is beside anything else.

    >>> outline((np.zeros(1), 1))
    'tuple(float64 (1,), int?)'
    """
    if isinstance(tree, tuple):
        return f"{type(tree).__name__}({', '.join(map(outline, tree))})"
    known = isinstance(tree, np.ndarray)
    return f"{tree.dtype} {tree.shape}" if known else f"{type(tree).__name__}?"


def same_bytes(one: Any, other: Any) -> bool:
    """Whether nested tuples hold the same arrays, to the bit.

    >>> same_bytes((np.zeros(1),), (np.zeros(1),)), same_bytes(np.zeros(1), np.ones(1))
    (True, False)
    """
    return [*map(_bytes, leaves(one))] == [*map(_bytes, leaves(other))]


def _bytes(leaf: Any) -> Any:
    # What is no array is told of where the result is looked at.
    is_array = isinstance(leaf, np.ndarray)
    return (leaf.dtype, leaf.shape, leaf.tobytes()) if is_array else type(leaf)


def _copied(tree: Any, *, writeable: bool) -> Any:
    if isinstance(tree, tuple):
        branches = [_copied(each, writeable=writeable) for each in tree]
        return getattr(tree, "_make", tuple)(branches)
    if not isinstance(tree, np.ndarray):
        return tree
    copy = tree.copy(order="K")
    copy.setflags(write=writeable)
    return copy


def _called(name: str, function: Callable[..., Any], inputs: list[Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*inputs)
    except Exception as error:
        raise ValueError(f"{name} raised {_said(error)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"

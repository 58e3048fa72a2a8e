"""Stacks: leading axes are networks, and a tree of arrays with one more axis is many trees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, TypeVar

import numpy as np

from scratchmlp.core.arrays import Array, Layer, Numbers, freeze, owned, plain
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.trees import outline

Tree = TypeVar("Tree", bound="tuple[Any, ...]")


@public
def stack(trees: Sequence[Tree]) -> Tree:
    """The tree whose arrays are those of k trees of one structure, on a new first axis.

    The trees are Params, Grads, states of optimizers or whole States. W (n_out, n_in) becomes (k,
    n_out, n_in), and whatever takes Params takes the stack: it then works on k networks at once.
    The figures of a State become (k,); its iteration has to be the same in all.

    Raises ValueError for no trees, and where they differ in structure, shapes or dtypes; TypeError
    for anything but trees.

    >>> from scratchmlp import init_params
    >>> params = stack([init_params([2, 3], seed=seed) for seed in range(100)])
    >>> params[0].W.shape, params[0].b.shape
    ((100, 3, 2), (100, 3, 1))
    """
    if not isinstance(trees, (list, tuple)) or hasattr(trees, "_fields"):
        raise type_error(f"trees must be a list of trees, not {type(trees).__name__}")
    if not trees:
        raise value_error("trees must have at least one")
    first, *others = trees
    if not isinstance(first, tuple):
        raise type_error(f"trees must be tuples of arrays, not {type(first).__name__}")
    for number, tree in enumerate(others, start=1):
        if outline(tree) != outline(first):
            both = f"trees[{number}] is {outline(tree)} but trees[0] is {outline(first)}"
            raise value_error(f"trees must have one structure: {both}")
    return _stacked(*trees)


@public
def unstack(tree: Tree) -> tuple[Tree, ...]:
    """The k trees of a stack: the inverse of `stack`, to the bit.

    Raises ValueError where the arrays have no first axis of one size; TypeError for anything but a
    tree.

    >>> from scratchmlp import init_params
    >>> one, other = (init_params([2, 3], seed=seed) for seed in range(2))
    >>> bool((unstack(stack([one, other]))[1][0].W == other[0].W).all())
    True
    """
    if not isinstance(tree, tuple):
        raise type_error(f"tree must be a tuple of arrays, not {type(tree).__name__}")
    sizes = set(_sizes(tree))
    if len(sizes) != 1 or sizes == {0}:
        raise value_error(f"tree must have one size of the first axis, but it has {sorted(sizes)}")
    (k,) = sizes
    return tuple(_picked(tree, place) for place in range(k))


def networks(tree: Any) -> int | None:
    """The number of networks of a stack of Params or Grads; None for anything else.

    >>> networks((Layer(np.zeros((5, 2, 1)), np.zeros((5, 2, 1))),))
    5
    """
    first = tree[0] if isinstance(tree, tuple) and tree else None
    return len(first.W) if isinstance(first, Layer) and first.W.ndim == 3 else None


def per_network(number: Numbers, like: Array) -> Any:
    """A number for each network, (k,), as a factor of arrays (k, n, m) in their dtype.

    One number for all is that itself: the dtype of an array wins over a Python number's.

    >>> per_network(np.array([1.0, 2.0]), np.zeros((2, 3, 4), np.float32)).shape
    (2, 1, 1)
    """
    if not isinstance(number, np.ndarray):
        return number
    if like.ndim != 3 or len(like) != len(number):
        raise value_error(
            f"learning_rate, or another number of the optimizer, is of {len(number)} networks, but "
            f"an array of the parameters has shape {like.shape}"
        )
    return number.astype(like.dtype).reshape(-1, 1, 1)


def one_a_network(name: str, number: Numbers, k: int | None) -> None:
    """A number for all networks, or one for each of k.

    >>> one_a_network("decay", np.ones(2), 2)
    """
    if isinstance(number, np.ndarray) and len(number) != k:
        came = f"a stack of {k} networks" if k else "one network"
        raise value_error(f"{name} has {len(number)} numbers, but params is of {came}")


def check_single(name: str, tree: Any) -> None:
    """Params of one network, for what does not take stacks.

    >>> check_single("params", (Layer(np.zeros((2, 1)), np.zeros((2, 1))),))
    """
    if k := networks(tree):
        raise value_error(
            f"{name} is a stack of {k} networks, but one is expected: loop over unstack({name})"
        )


def _stacked(first: Any, *others: Any) -> Any:
    if isinstance(first, tuple):
        make = getattr(first, "_make", tuple)
        return make([_stacked(*branches) for branches in zip(first, *others, strict=True)])
    if isinstance(first, int):  # a State's iteration
        if any(other != first for other in others):
            raise value_error(f"trees must have one iteration, not {sorted({first, *others})}")
        return first
    if not (plain(first) or isinstance(first, (float, np.floating))):
        raise type_error(f"trees must be of arrays, not of {type(first).__name__}")
    return freeze(np.stack([first, *others]))


def _sizes(tree: Any) -> list[int]:
    if isinstance(tree, tuple):
        return [size for branch in tree for size in _sizes(branch)]
    if isinstance(tree, int):
        return []
    if not plain(tree):
        raise type_error(f"tree must be of arrays, not of {type(tree).__name__}")
    return [len(tree) if tree.ndim else 0]


def _picked(tree: Any, place: int) -> Any:
    """The tree of one network; what was a number is one again."""
    if isinstance(tree, tuple):
        make = getattr(tree, "_make", tuple)
        return make([*map(_picked, tree, repeat(place))])
    if isinstance(tree, int):
        return tree
    if tree.ndim == 1 and tree.dtype.kind == "f":
        return float(tree[place])
    return owned(np.asarray(tree[place]))

"""Frozen arrays, the layer that holds two of them, and trees of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A NumPy array of any dtype."""

Numbers: TypeAlias = float | Array
"""One number, or one for each network of a stack, (k,)."""

A = TypeVar("A", bound=NDArray[Any])
Tree = TypeVar("Tree", bound="tuple[Any, ...]")


class Layer(NamedTuple):
    """One layer's weights W, of shape (n_out, n_in), and biases b, of shape (n_out, 1).

    In a stack of k networks W is (k, n_out, n_in) and b (k, n_out, 1).
    """

    W: Array
    b: Array


Params: TypeAlias = tuple[Layer, ...]
"""The parameters of a network: a Layer for each of its layers, the first one first."""

Grads: TypeAlias = tuple[Layer, ...]
"""Gradients of the loss in W and b, in the shapes of the parameters."""


def freeze(array: A) -> A:
    """The same array, no longer writable: for arrays that nobody else has seen.

    >>> freeze(np.zeros(2)).flags.writeable
    False
    """
    array.setflags(write=False)
    return array


def frozen_view(array: A) -> A:
    """A read-only view of an array, which itself stays as it was.

    >>> a = np.zeros(2)
    >>> frozen_view(a).flags.writeable, a.flags.writeable
    (False, True)
    """
    return freeze(array.view())


def plain(value: Any) -> bool:
    """Whether it is a NumPy array or memmap: masks and matrices mean something else.

    >>> plain(np.zeros(1)), plain(np.ma.zeros(1)), plain(0.0)
    (True, False, False)
    """
    return type(value) is np.ndarray or isinstance(value, np.memmap)


def owned(array: A) -> A:
    """The array if it is read-only, else a read-only copy; a read-only view is trusted.

    >>> a = np.zeros(2)
    >>> owned(a) is a, owned(owned(a)).flags.writeable
    (False, False)
    """
    return freeze(array.copy(order="K")) if array.flags.writeable else array


def frozen_tree(tree: Tree) -> Tree:
    """The tree, its arrays made read-only: for arrays that nobody else has seen.

    >>> frozen_tree((np.zeros(1),))[0].flags.writeable
    False
    """
    for array in leaves(tree):
        array.setflags(write=False)
    return tree


def map_layers(function: Callable[..., Array], *trees: Params) -> Params:
    """As `map_arrays` of Params or Grads, but faster, and the arrays stay writable if they were.

    >>> map_layers(np.add, *[(Layer(np.ones((1, 1)), np.zeros((1, 1))),)] * 2)
    (Layer(W=array([[2.]]), b=array([[0.]])),)
    """
    return tuple([Layer(*map(function, *layers)) for layers in zip(*trees, strict=True)])


def writable_or_none(array: A) -> A | None:
    """The array as memory to write a result in, or None if it is read-only, as all shared ones are.

    >>> writable_or_none(np.zeros(1)), writable_or_none(freeze(np.zeros(1)))
    (array([0.]), None)
    """
    return array if array.flags.writeable else None


def leaves(tree: Any) -> tuple[Array, ...]:
    """The arrays of a tree, in order.

    >>> [a.shape for a in leaves((Layer(np.ones((2, 3)), np.zeros((2, 1))),))]
    [(2, 3), (2, 1)]
    """
    return sum(map(leaves, tree), ()) if isinstance(tree, tuple) else (tree,)

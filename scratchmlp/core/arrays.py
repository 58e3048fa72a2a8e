"""Frozen arrays, the layer that holds two of them, and functions over trees of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from scratchmlp.core.border import public, type_error, value_error

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


@public
def map_arrays(function: Callable[..., Array], tree: Tree, *trees: Tree) -> Tree:
    """The tree whose arrays are `function` of the corresponding arrays of one or more trees.

    A tree is an array, or a tuple (named or not) of trees; Params, Grads and the states of
    optimizers are trees. All must have one structure, and their arrays the same shapes. The arrays
    of the result are read-only.

    Raises ValueError where the structures or shapes differ; TypeError for anything but trees.

    >>> params = (Layer(np.ones((2, 3)), np.zeros((2, 1))),)
    >>> map_arrays(lambda a: a + 1, params)[0].b
    array([[1.],
           [1.]])
    """
    if not callable(function):
        raise type_error(f"function must be a function, not {type(function).__name__}")
    for each in (tree, *trees):
        _check_tree("tree", each)
        if _form(each) != _form(tree):
            both = f"{outline(tree)} beside {outline(each)}"
            raise value_error(f"the trees differ: {both}")
    return _mapped(function, tree, *trees)


def _mapped(function: Callable[..., Array], tree: Tree, *trees: Tree) -> Tree:
    if not isinstance(tree, tuple):
        return owned(np.asarray(function(tree, *trees)))
    branches = [_mapped(function, *branch) for branch in zip(tree, *trees, strict=True)]
    return cast(Tree, getattr(tree, "_make", tuple)(branches))


def plain(value: Any) -> bool:
    """Whether it is a NumPy array or memmap: masks and matrices mean something else.

    >>> plain(np.zeros(1)), plain(np.ma.zeros(1)), plain(0.0)
    (True, False, False)
    """
    return type(value) is np.ndarray or isinstance(value, np.memmap)


def owned(array: A) -> A:
    """The array if it is read-only, else a read-only copy: nobody else can write into it.

    >>> a = np.zeros(2)
    >>> owned(a) is a, owned(owned(a)).flags.writeable
    (False, False)
    """
    return freeze(array.copy(order="K")) if array.flags.writeable else array


def owned_tree(tree: Tree) -> Tree:
    """The tree with `owned` arrays: what a State or Params may hold on to."""
    return _mapped(owned, tree)


def frozen_tree(tree: Tree) -> Tree:
    """The tree, its arrays made read-only: for arrays that nobody else has seen.

    >>> frozen_tree((np.zeros(1),))[0].flags.writeable
    False
    """
    for array in leaves(tree):
        array.setflags(write=False)
    return tree


def _check_tree(name: str, tree: Any) -> None:
    for leaf in leaves(tree):
        if not plain(leaf):
            raise type_error(
                f"{name} must be an array or a tuple of such, not {type(leaf).__name__}"
            )
        if leaf.dtype.kind not in "biufc":
            raise type_error(f"{name} must hold numbers, not {leaf.dtype}")


def _form(tree: Any) -> Any:
    return tuple(map(_form, tree)) if isinstance(tree, tuple) else [*tree.shape]


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


def columns(array: A, places: Array) -> A:
    """A fresh array of some examples, along the last axis, each contiguous where it was.

    >>> columns(np.array([[1, 2, 3]]), np.array([2, 0]))
    array([[3, 1]])
    """
    if array.ndim == 2 and array.flags.f_contiguous:
        return cast(A, array.T.take(places, axis=0).T)
    return cast(A, array.take(places, axis=-1))


@public
def flatten(tree: tuple[Any, ...]) -> Array:
    """All numbers of a tree of arrays as one read-only vector: W then b, layer after layer.

    Raises TypeError for anything but a tree of arrays, ValueError for one without any.

    >>> flatten((Layer(np.array([[1.0, 2.0]]), np.array([[3.0]])),))
    array([1., 2., 3.])
    """
    _check_tree("tree", tree)
    arrays = leaves(tree)
    if not arrays:
        raise value_error("tree has no arrays")
    return freeze(np.concatenate([np.ravel(array) for array in arrays]))


@public
def unflatten(vector: Array, like: Tree) -> Tree:
    """The tree with the structure, shapes and dtypes of `like` and the numbers of `vector`.

    The inverse of `flatten`: `unflatten(flatten(tree), tree)` equals `tree`.

    Raises ValueError where the vector's length is not the number of numbers in `like`; TypeError
    where it is no array of real numbers, or `like` no tree of arrays.

    >>> like = (Layer(np.zeros((1, 2)), np.zeros((1, 1))),)
    >>> unflatten(np.array([1.0, 2.0, 3.0]), like)[0].W
    array([[1., 2.]])
    """
    _check_tree("like", like)
    if not plain(vector) or vector.dtype.kind not in "iuf":
        came = outline(vector)
        raise type_error(f"vector must be an array of real numbers, not {came}")
    sizes = [array.size for array in leaves(like)]
    if vector.shape != (sum(sizes),):
        raise value_error(f"vector has shape {vector.shape} but the tree takes ({sum(sizes)},)")
    starts = iter(accumulate(sizes[:-1], initial=0))

    def take(array: Array) -> Array:
        start = next(starts)
        # A copy: the vector's owner may go on writing in it, as scipy's optimizers do.
        part = np.array(vector[start : start + array.size], array.dtype)
        return freeze(part.reshape(array.shape))

    return _mapped(take, like)


def outline(tree: Any) -> str:
    """The structure of a tree, with the dtype and shape of each array.

    >>> outline((Layer(np.zeros((2, 3)), np.zeros((2, 1))),))
    'tuple(Layer(float64 (2, 3), float64 (2, 1)))'
    """
    if isinstance(tree, tuple):
        return f"{type(tree).__name__}({', '.join(map(outline, tree))})"
    return f"{tree.dtype} {tree.shape}" if plain(tree) else type(tree).__name__

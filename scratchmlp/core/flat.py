"""Layers whose arrays lie one after another in one array, over which a rule goes in one go.

Only `train` makes and sees them: a step of a small network then calls NumPy for all of its arrays
at once, and not for each. States, maps and one's own functions get plain tuples of those views.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from scratchmlp.core.arrays import Array, Layer, Params, freeze, leaves

MOST = 1 << 20  # numbers: with more, a step's calls take no time beside its arithmetic


class Spare(tuple[Any, ...]):
    """A tree that nobody else holds: what is writable of it may be written over.

    What an update reads and writes is then a third less, and often fits in the cache.
    """


class Flat(Spare):
    """Layers of which all arrays are views of one array, `whole` (n,): W, then b, each in turn."""

    whole: Array

    def __new__(cls, layers: Iterable[Layer], whole: Array) -> Flat:
        """The layers beside the array that they are views of."""
        self = super().__new__(cls, layers)
        self.whole = whole
        return self


def laid_out(whole: Array, like: Params) -> Flat:
    """An array (n,) as layers in the shapes of others.

    >>> laid_out(np.arange(3.0), (Layer(np.ones((1, 2)), np.ones((1, 1))),))
    (Layer(W=array([[0., 1.]]), b=array([[2.]])),)
    """
    layers: list[Layer] = []
    start = 0
    for W, b in like:
        middle = start + W.size
        end = middle + b.size
        layers += [Layer(whole[start:middle].reshape(W.shape), whole[middle:end].reshape(b.shape))]
        start = end
    return Flat(layers, whole)


def successor(tree: Flat, whole: Array) -> Flat:
    """A tree of the same shapes, of an array that is read-only since it was written.

    >>> tree = laid_out(np.ones(3), (Layer(np.ones((1, 2)), np.ones((1, 1))),))
    >>> successor(tree, freeze(tree.whole))[0].b.flags.writeable
    False
    """
    if tree.whole is not whole:
        return laid_out(whole, tree)
    for W, b in tree:
        W.setflags(write=False)
        b.setflags(write=False)
    return tree


def room_like(tree: Any) -> Flat | None:
    """Memory for a tree like a Flat one, and none for any other.

    >>> room_like((Layer(np.ones((1, 2)), np.ones((1, 1))),))
    """
    return laid_out(np.empty_like(tree.whole), tree) if isinstance(tree, Flat) else None


def flat(tree: Any) -> Any:
    """The tree with Flat in the place of each tuple of layers of one network that is not large.

    Arrays in another order than C stay as they are: products with them round in their own way.

    >>> type(flat((Layer(np.ones((1, 2)), np.ones((1, 1))),))).__name__
    'Flat'
    """
    if not isinstance(tree, tuple) or not tree:
        return tree
    if not all(isinstance(each, Layer) for each in tree):
        return getattr(tree, "_make", tuple)([*map(flat, tree)])
    arrays = leaves(tree)
    fit = all(a.ndim == 2 and a.flags.c_contiguous for a in arrays)
    if not fit or sum(a.size for a in arrays) > MOST:
        return tree
    return laid_out(freeze(np.concatenate(arrays, axis=None)), tree)


def as_tuples(tree: Any) -> Any:
    """The inverse of `flat`, of the same arrays.

    >>> type(as_tuples(flat((Layer(np.ones((1, 2)), np.ones((1, 1))),)))).__name__
    'tuple'
    """
    if isinstance(tree, Flat):
        return tuple(tree)
    if not isinstance(tree, tuple) or isinstance(tree, Layer):
        return tree
    return getattr(tree, "_make", tuple)([*map(as_tuples, tree)])

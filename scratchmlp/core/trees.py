"""Trees of arrays: an array, or a tuple (named or not) of trees, such as Params and states."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any, TypeVar, cast

import numpy as np

from scratchmlp.core.arrays import Array, Params, freeze, leaves, map_layers, owned, plain
from scratchmlp.core.border import public, type_error, value_error

Tree = TypeVar("Tree", bound="tuple[Any, ...]")


@public
def map_arrays(function: Callable[..., Array], tree: Tree, *trees: Tree) -> Tree:
    """The tree whose arrays are `function` of the corresponding arrays of one or more trees.

    A tree is an array, or a tuple (named or not) of trees; Params, Grads and the states of
    optimizers are trees. All must have one structure, and their arrays the same shapes. The arrays
    of the result are read-only.

    Raises ValueError where the structures or shapes differ; TypeError for anything but trees.

    >>> from scratchmlp import Layer
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


@public
def flatten(tree: tuple[Any, ...]) -> Array:
    """All numbers of a tree of arrays as one read-only vector: W then b, layer after layer.

    Raises TypeError for anything but a tree of arrays, ValueError for one without any.

    >>> from scratchmlp import Layer
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

    >>> from scratchmlp import Layer
    >>> like = (Layer(np.zeros((1, 2)), np.zeros((1, 1))),)
    >>> unflatten(np.array([1.0, 2.0, 3.0]), like)[0].W
    array([[1., 2.]])

    Parameters as a vector, trained by SciPy on ten measurements of 442 patients:

    >>> from scipy.optimize import minimize
    >>> from sklearn.datasets import load_diabetes
    >>> from scratchmlp import Batch, init_params, predict, regressor, shuffle, split, standardize
    >>> from scratchmlp import value_and_grad
    >>> rows, progression = load_diabetes(return_X_y=True, scaled=False)
    >>> old, new = split(*shuffle(rows.T, progression[np.newaxis], seed=0), 0.8)
    >>> (X, of_X), (Y, of_Y) = standardize(old.X), standardize(old.y)
    >>> start = init_params([10, 4, 1], dtype=np.float64)
    >>> def objective(vector):
    ...     (loss, _), grads = value_and_grad(unflatten(vector, start), Batch(X, Y), regressor)
    ...     return loss, flatten(grads)
    >>> options = {"jac": True, "method": "L-BFGS-B", "options": {"maxiter": 15}}
    >>> found = minimize(objective, flatten(start), **options)
    >>> scaled = predict(unflatten(found.x, start), standardize(new.X, of_X).X, regressor)
    >>> errors = of_Y.deviation * scaled + of_Y.mean - new.y
    >>> bool(1 - errors.var() / new.y.var() > 0.4)      # of the variance, explained
    True
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

    >>> from scratchmlp import Layer
    >>> outline((Layer(np.zeros((2, 3)), np.zeros((2, 1))),))
    'tuple(Layer(float64 (2, 3), float64 (2, 1)))'
    """
    if isinstance(tree, tuple):
        return f"{type(tree).__name__}({', '.join(map(outline, tree))})"
    return f"{tree.dtype} {tree.shape}" if plain(tree) else type(tree).__name__


def form(tree: Any) -> Any:
    """What `outline` tells of a tree, to compare: that takes a tenth of the time.

    >>> form((np.zeros(1),)) == form((np.ones(1),)), form(np.zeros(1)) == form(np.zeros(2))
    (True, False)
    """
    if isinstance(tree, tuple):
        return type(tree), *map(form, tree)
    return (tree.dtype, tree.shape) if plain(tree) else type(tree)


def owned_tree(tree: Tree) -> Tree:
    """The tree with `owned` arrays: what a State or Params may hold on to."""
    return _mapped(owned, tree)


def aligned(params: Params) -> Params:
    """The same Params, copied if one is unaligned in memory, as from another process it may be.

    NumPy copies unaligned operands of a product, which may change the last bits of the result.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.ones((1, 1)), np.zeros((1, 1))),)
    >>> aligned(params) is params
    True
    """
    if all([W.flags.aligned and b.flags.aligned for W, b in params]):  # noqa: C419, faster
        return params
    return map_layers(np.copy, params)


def _mapped(function: Callable[..., Array], tree: Tree, *trees: Tree) -> Tree:
    if not isinstance(tree, tuple):
        return owned(np.asarray(function(tree, *trees)))
    branches = [_mapped(function, *branch) for branch in zip(tree, *trees, strict=True)]
    return cast(Tree, getattr(tree, "_make", tuple)(branches))


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

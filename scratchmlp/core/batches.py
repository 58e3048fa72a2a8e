"""Examples and their labels: from pixels and digits to batches that a network learns from."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from toolz import concat, drop

from scratchmlp.core import checks
from scratchmlp.core.activations import sigmoid
from scratchmlp.core.arrays import Array, freeze, frozen_view
from scratchmlp.core.losses import Loss
from scratchmlp.core.randomness import Stream, generator


class Data(NamedTuple):
    """Examples X (n_in, m), and y: their labels (m,), targets (n_out, m), or None."""

    X: Array
    y: Any


class Batch(NamedTuple):
    """Examples X (n_in, m), labels y (m,) or targets y (n_out, m), and weights (m,) or None."""

    X: Array
    y: Array
    weights: Array | None = None


def one_hot(y: Array, n_classes: int, dtype: DTypeLike = np.float32) -> Array:
    """Labels (m,) as columns (n_classes, m): 1 in the row of the label, 0 elsewhere.

    Raises TypeError for labels that are no integers, ValueError for one not in 0 ... n_classes - 1.

    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1.],
           [1., 0.],
           [0., 0.]], dtype=float32)
    """
    checks.count("one_hot", "n_classes", n_classes, least=1)
    checks.labels("one_hot", y, n_classes)
    return freeze(_one_hot(y, n_classes, np.dtype(dtype)))


def normalize(pixels: Array, dtype: DTypeLike = np.float32) -> Array:
    """Pixels 0 ... 255 as numbers from 0 to 1, in the same memory order.

    Raises ValueError for a pixel outside that range, TypeError for anything but numbers.

    >>> normalize(np.array([[0, 51, 255]]))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    checks.array("normalize", "pixels", pixels)
    kind = checks.floating("normalize", dtype)
    if pixels.dtype != np.uint8 and pixels.size and not (pixels.min() >= 0 and pixels.max() <= 255):
        raise ValueError(
            f"normalize: pixels must be from 0 to 255, not from {pixels.min()} to {pixels.max()}"
        )
    scaled = pixels.astype(kind)
    scaled /= 255
    return freeze(scaled)


def shuffle(X: Array, y: Array, *, seed: int) -> Data:
    """The examples X (n_in, m) and their y in a random order, which is a function of seed and m.

    Raises ValueError where X and y differ in the number of examples.

    >>> X, y = shuffle(np.array([[1, 2, 3, 4]]), np.array([1, 2, 3, 4]), seed=0)
    >>> bool((X[0] == y).all())
    True
    """
    checks.pairs("shuffle", X, y)
    checks.count("shuffle", "seed", seed, least=0)
    order = generator(seed, Stream.SHUFFLE).permutation(X.shape[1])
    return Data(*map(freeze, (columns(X, order), columns(y, order))))


def split(X: Array, y: Array, fraction: float) -> tuple[Data, Data]:
    """The first `fraction` of the examples, rounded to whole ones, and the rest; no copy is made.

    Raises ValueError for a fraction that leaves one side without examples.

    >>> training, validation = split(np.array([[1, 2, 3, 4, 5]]), np.array([1, 2, 3, 4, 5]), 0.8)
    >>> training.y, validation.X
    (array([1, 2, 3, 4]), array([[5]]))
    """
    checks.pairs("split", X, y)
    checks.fraction("split", "fraction", fraction)
    m = X.shape[1]
    cut = round(fraction * m)
    if not 0 < cut < m:
        raise ValueError(f"split: fraction {fraction} of {m} examples leaves one side empty")
    left, right = (
        Data(frozen_view(X[:, part]), frozen_view(y[..., part]))
        for part in (slice(cut), slice(cut, None))
    )
    return left, right


def shards(
    X: Array, y: Array, *, size: int = 1250, weights: Array | None = None
) -> tuple[Batch, ...]:
    """The examples in order, as batches of `size` (the last may have fewer); no copy is made.

    The default is measured: what a layer of a few hundred units makes of 1250 examples stays in
    cache, and the calls' own cost is lost in it. From 1000 to 3000 the difference is a few percent.

    Raises ValueError where X, y and weights differ in the number of examples, or size is below 1.

    >>> [batch.y for batch in shards(np.zeros((4, 5)), np.arange(5), size=2)]
    [array([0, 1]), array([2, 3]), array([4])]
    """
    check_examples("shards", X, y, weights)
    checks.count("shards", "size", size, least=1)
    whole = Batch(X, y, weights)

    def part(start: int) -> Batch:
        return _each(lambda examples: examples[..., start : start + size], whole)

    return tuple(map(part, range(0, X.shape[1], size)))


def minibatches(
    X: Array,
    y: Array,
    *,
    size: int,
    seed: int = 0,
    start: int = 0,
    weights: Array | None = None,
) -> Iterator[Batch]:
    """The endless stream of batches of `size` examples, from batch number `start` on.

    Each example comes once an epoch, in an order of the epoch's own; an epoch's last batch has
    what is left. Batch k is a function of (seed, k) alone, so a run that stopped after k batches
    goes on with start=k. Examples in C order are first copied to Fortran order, once.

    Raises ValueError where X, y and weights differ in the number of examples, for a size below 1
    or a start or seed below 0; TypeError where one of these is no integer.

    >>> batches = minibatches(np.zeros((4, 5)), np.arange(5), size=2)
    >>> [len(next(batches).y) for _ in range(6)]
    [2, 2, 1, 2, 2, 1]
    """
    check_examples("minibatches", X, y, weights)
    checks.count("minibatches", "size", size, least=1)
    checks.count("minibatches", "seed", seed, least=0)
    checks.count("minibatches", "start", start, least=0)
    epoch, skipped = divmod(start, -(-X.shape[1] // size))
    whole = Batch(np.asfortranarray(X), y, weights)
    order = concat(map(partial(_order, seed, X.shape[1], size), count(epoch)))
    return map(partial(chosen, whole), drop(skipped, order))


def check_examples(where: str, X: Array, y: Array, weights: Array | None) -> None:
    """Examples, labels or targets, and weights, as many of each."""
    checks.pairs(where, X, y)
    if weights is not None:
        checks.weights(where, weights, X.shape[1])


def _each(function: Callable[[Array], Array], batch: Batch) -> Batch:
    X, y, weights = batch
    return Batch(
        frozen_view(function(X)),
        frozen_view(function(y)),
        None if weights is None else frozen_view(function(weights)),
    )


def _order(seed: int, m: int, size: int, epoch: int) -> Iterator[Array]:
    """The examples of each batch of an epoch."""
    order = generator(seed, Stream.MINIBATCHES, epoch).permutation(m)
    return (order[start : start + size] for start in range(0, m, size))


def chosen(whole: Batch, places: Array) -> Batch:
    """A read-only copy of some examples, by their places."""
    return _each(lambda examples: columns(examples, places), whole)


def columns(examples: Array, places: Array) -> Array:
    """A fresh array of some examples (along the last axis), each contiguous where they were."""
    if examples.ndim == 2 and examples.flags.f_contiguous:
        return examples.T.take(places, axis=0).T
    return examples.take(places, axis=-1)


def _one_hot(y: Array, n_classes: int, dtype: "np.dtype[Any]") -> Array:
    Y = np.zeros((n_classes, len(y)), dtype)
    Y[y, np.arange(len(y))] = 1
    return Y


def targets(y: Array, n_out: int, loss: Loss, dtype: "np.dtype[Any]") -> Array:
    """Checked labels or targets as targets Y (n_out, m) of the parameters' dtype."""
    if y.ndim == 2:
        return y.astype(dtype, copy=False)
    if n_out == 1 and loss.activation == sigmoid:
        return y[np.newaxis].astype(dtype)
    return _one_hot(y, n_out, dtype)

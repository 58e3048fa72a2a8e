"""Batches that a network learns from: shards in order, and endless streams at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from toolz import concat, drop

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, freeze, frozen_view, owned
from scratchmlp.core.border import public, public_stream, value_error
from scratchmlp.core.data.augment import Augmentation
from scratchmlp.core.data.image_seeds import seeds_of
from scratchmlp.core.data.preprocessing import Data
from scratchmlp.core.model import fitting
from scratchmlp.core.model.masks import Masks
from scratchmlp.core.model.weights import columns, total_weight
from scratchmlp.core.randomness import Purpose, generator

Map: TypeAlias = Callable[..., Iterable[Any]]  # as the built-in map


class Batch(NamedTuple):
    """Examples X (n_in, m) with labels y (m,) or targets y (n_out, m), and what else they need.

    `weights` are (m,), or (n_out, m). `rows` are the places of X's rows among all features, where
    the rest are zero in all of X. `masks` are those of dropout. `total` is what the weighted sum of
    losses is divided by, where that is not the sum of the weights.
    """

    X: Array
    y: Array
    weights: Array | None = None
    rows: Array | None = None
    masks: Masks | None = None
    total: Numbers | None = None


Shard: TypeAlias = Batch | Data | Callable[[], Batch]
Shards: TypeAlias = Batch | Data | Iterable[Shard]


@public
def shards(
    X: Array, y: Array, *, size: int = 1250, weights: Array | None = None
) -> tuple[Batch, ...]:
    """The examples in order, as batches of `size` (the last may have fewer).

    No copy is made: the batches look at the memory of X, y and weights, whatever is in it. The
    default size is measured: what a layer of a few hundred units makes of 1250 examples stays in
    cache, and the calls' own cost is lost in it. From 1000 to 3000 the difference is a few percent.

    Raises ValueError where X, y and weights differ in the number of examples, or size is below 1.

    >>> [batch.y for batch in shards(np.zeros((4, 5)), np.arange(5), size=2)]
    [array([0, 1]), array([2, 3]), array([4])]
    """
    check_examples(X, y, weights)
    checks.count("size", size, least=1)

    def part(start: int) -> Batch:
        place = slice(start, start + size)
        own = None if weights is None else frozen_view(weights[..., place])
        return Batch(frozen_view(X[..., place]), frozen_view(y[..., place]), own)

    return tuple(map(part, range(0, X.shape[-1], size)))


@public_stream
def minibatches(
    X: Array,
    y: Array,
    *,
    size: int,
    seed: int = 0,
    start: int = 0,
    weights: Array | None = None,
    augment: Augmentation | None = None,
    map: Map = map,
) -> Iterator[Batch]:
    """The endless stream of batches of `size` examples, from batch number `start` on.

    Each example comes once an epoch, in an order of the epoch's own; an epoch's last batch has
    what is left. Batch k is a function of (seed, k) alone, so a run that stopped after k batches
    goes on with start=k. Writable arrays are copied once, and so is X in C order; read-only arrays
    in Fortran order are not, so make data read-only that is too large to copy.

    The gradient of a batch is an unbiased estimate of that of all the data: with weights its
    `total` is its number of examples times the mean weight of all.

    With an augmentation, each example is distorted anew in each epoch, as a function of (seed,
    epoch, example). `map` makes the batches; it has to be lazy, as the built-in one and that of
    `threads` are, and with the latter the next ones are made while the current one is learnt.

    Raises ValueError where X, y and weights differ in the number of examples, for a size below 1
    or a start or seed below 0; TypeError where one of these is no integer, or augment or map no
    function; later, ValueError where the augmentation gives no examples of the same number.

    >>> batches = minibatches(np.zeros((4, 5)), np.arange(5), size=2)
    >>> [len(next(batches).y) for _ in range(6)]
    [2, 2, 1, 2, 2, 1]
    """
    check_examples(X, y, weights)
    checks.count("size", size, least=1)
    checks.count("seed", seed, least=0)
    checks.count("start", start, least=0)
    checks.function("map", map)
    if augment is not None:
        checks.function("augment", augment)
    m = X.shape[-1]
    epoch, skipped = divmod(start, -(-m // size))
    whole = Batch(_examples(X), owned(y), weights if weights is None else owned(weights))
    orders = concat(_order(seed, m, size, number) for number in count(epoch))
    mean = None if weights is None else total_weight(weights, m) / m
    if mean is not None:
        fitting.some_weight(mean)
    return iter(map(partial(_made, whole, mean, augment, seed), drop(skipped, orders)))


def check_examples(X: Array, y: Array, weights: Array | None) -> None:
    """Examples, labels or targets, and weights, as many of each."""
    fitting.pairs(X, y)
    if weights is not None:
        fitting.weights(weights, X.shape[-1], k=_networks(X, weights))


def _networks(X: Array, weights: Any) -> int | None:
    """How many networks the weights may be of: as many as X is of, or any number of one X."""
    own = isinstance(weights, np.ndarray) and weights.ndim == 3
    return len(X) if X.ndim == 3 else len(weights) if own else None


def _examples(X: Array) -> Array:
    """X with each example contiguous, in memory that nobody writes to."""
    if X.ndim == 3 or X.flags.f_contiguous:
        return owned(X)
    return freeze(np.asfortranarray(X))


def _order(seed: int, m: int, size: int, epoch: int) -> Iterator[tuple[int, Array]]:
    """The number of the epoch, and the examples of each of its batches."""
    order = generator(seed, Purpose.MINIBATCHES, epoch).permutation(m)
    return ((epoch, order[start : start + size]) for start in range(0, m, size))


def _made(
    whole: Batch,
    mean: Numbers | None,
    augment: Augmentation | None,
    seed: int,
    order: tuple[int, Array],
) -> Batch:
    epoch, places = order
    batch = chosen(whole, places)
    if mean is not None:
        batch = batch._replace(total=mean * len(places))
    if augment is None:
        return batch
    X = augment(batch.X, seeds_of(seed, epoch, places))
    checks.result("augment", X, batch.X.shape)
    return batch._replace(X=frozen_view(X))


def chosen(whole: Batch, places: Array) -> Batch:
    """A read-only copy of some examples, by their places."""
    X, y, weights = whole[:3]
    return Batch(
        freeze(columns(X, places)),
        freeze(columns(y, places)),
        None if weights is None else freeze(columns(weights, places)),
    )


def as_shards(name: str, value: Any) -> Shards:
    """A single shard, or shards to go through; each is checked where it is computed."""
    if not isinstance(value, (Batch, Data)):
        checks.stream(name, value)
    shards: Shards = value
    return shards


def data_as_shards(X: Any, y: Any = None, weights: Any = None) -> Shards:
    """Examples X with y as shards, or without y the Batch or shards in the place of X."""
    if y is not None:
        check_examples(X, y, weights)
        return shards(X, y, weights=weights)
    if weights is not None:
        raise value_error("weights are for X with y: a Batch has its own")
    given = as_shards("X without y", X)
    return given if isinstance(given, (Batch, Data)) else tuple(given)

"""Batches that a network learns from: shards in order, and endless streams at random."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from toolz import concat, drop

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, frozen_view
from scratchmlp.core.data.augment import Augmentation, seeds_of
from scratchmlp.core.data.preprocessing import columns
from scratchmlp.core.randomness import Stream, generator

Map: TypeAlias = Callable[..., Iterable[Any]]  # as the built-in map


class Batch(NamedTuple):
    """Examples X (n_in, m), labels y (m,) or targets y (n_out, m), and weights (m,) or None."""

    X: Array
    y: Array
    weights: Array | None = None


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
    augment: Augmentation | None = None,
    map: Map = map,
) -> Iterator[Batch]:
    """The endless stream of batches of `size` examples, from batch number `start` on.

    Each example comes once an epoch, in an order of the epoch's own; an epoch's last batch has
    what is left. Batch k is a function of (seed, k) alone, so a run that stopped after k batches
    goes on with start=k. Examples in C order are first copied to Fortran order, once.

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
    check_examples("minibatches", X, y, weights)
    checks.count("minibatches", "size", size, least=1)
    checks.count("minibatches", "seed", seed, least=0)
    checks.count("minibatches", "start", start, least=0)
    checks.function("minibatches", "map", map)
    if augment is not None:
        checks.function("minibatches", "augment", augment)
    epoch, skipped = divmod(start, -(-X.shape[1] // size))
    whole = Batch(np.asfortranarray(X), y, weights)
    orders = concat(_order(seed, X.shape[1], size, number) for number in count(epoch))
    return iter(map(partial(_made, whole, augment, seed), drop(skipped, orders)))


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


def _order(seed: int, m: int, size: int, epoch: int) -> Iterator[tuple[int, Array]]:
    """The number of the epoch, and the examples of each of its batches."""
    order = generator(seed, Stream.MINIBATCHES, epoch).permutation(m)
    return ((epoch, order[start : start + size]) for start in range(0, m, size))


def _made(whole: Batch, augment: Augmentation | None, seed: int, order: tuple[int, Array]) -> Batch:
    epoch, places = order
    batch = chosen(whole, places)
    if augment is None:
        return batch
    X = augment(batch.X, seeds_of(seed, epoch, places))
    checks.result("minibatches", "augment", X, batch.X.shape)
    return batch._replace(X=frozen_view(X))


def chosen(whole: Batch, places: Array) -> Batch:
    """A read-only copy of some examples, by their places."""
    return _each(lambda examples: columns(examples, places), whole)

"""Sums over shards: by any map, but added up in one fixed order, so that the bits are the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import (
    Array,
    Grads,
    Numbers,
    freeze,
    frozen_tree,
    frozen_view,
    map_layers,
    writable_or_none,
)
from scratchmlp.core.border import value_error
from scratchmlp.core.data.batches import Map
from scratchmlp.core.stacks import per_network

T = TypeVar("T")


class Sums(NamedTuple):
    """Sums over examples: their weights, what the mean is divided by, losses, right ones, grads."""

    weight: Numbers
    total: Numbers
    loss: Numbers
    correct: Numbers
    grads: Grads


def tree_reduction(add: Callable[[T, T], T], values: Iterator[T], count: int) -> T:
    """The sum of the next `count` values: that of the first half of them, and that of the rest.

    Only as many sums are held at once as the tree is high, and their errors do not add up.

    >>> tree_reduction(lambda a, b: f"({a} {b})", iter("abcde"), 5)
    '((a b) (c (d e)))'
    """
    if count == 1:
        return next(values)
    first = tree_reduction(add, values, count // 2)
    return add(first, tree_reduction(add, values, count - count // 2))


def sums_over(map: Map, sums: Callable[[Any], Sums], shards: tuple[Any, ...]) -> Sums:
    """The sum of the Sums of all shards, whatever map computes them, in one fixed order."""
    # A map that has a `fold`, as a cluster's has, does what `tree_reduction` does by the same sums.
    fold = getattr(map, "fold", None)
    if fold is not None:
        return cast(Sums, fold(add_apart, sums, shards))
    results = map(partial(_numbered, sums), tuple(enumerate(shards)))
    checks.stream("what map gives", results)
    stream = iter(results)
    total = tree_reduction(_add, _in_order(stream), len(shards))
    if next(stream, None) is not None:
        raise value_error("map gave more results than there are shards")
    return total


def _numbered(sums: Callable[[Any], Sums], shard: tuple[int, Any]) -> tuple[int, Sums]:
    number, batch = shard
    return number, sums(batch)


def _in_order(results: Iterator[tuple[int, Sums]]) -> Iterator[Sums]:
    for expected, (number, sums) in enumerate(results):
        if number != expected:
            raise value_error(
                f"map must give one result for each shard in their order, but gave that of shard "
                f"{number} in the place of shard {expected}"
            )
        # A map may hold on to what it gives, and its copy of read-only arrays may be writable.
        yield sums._replace(grads=map_layers(frozen_view, sums.grads))
    raise value_error("map gave fewer results than there are shards")


def _add(one: Sums, other: Sums) -> Sums:
    """Their sum, in the memory of one of them if that is a sum: those of shards are read-only."""

    def add(a: Array, b: Array) -> Array:
        out = writable_or_none(a)
        return np.add(a, b, out=writable_or_none(b) if out is None else out)

    weight, total, loss, hits = (a + b for a, b in zip(one[:4], other[:4], strict=True))
    return Sums(weight, total, loss, hits, map_layers(add, one.grads, other.grads))


def add_apart(one: Sums, other: Sums) -> Sums:
    """Their sum in memory of its own, read-only: what another process may hold on to."""
    sums = _add(*(each._replace(grads=frozen_tree(each.grads)) for each in (one, other)))
    return sums._replace(grads=frozen_tree(sums.grads))


def scaled(factor: Numbers, array: Array) -> Array:
    """The array times a number, or one for each network, in its own memory if it is writable."""
    return np.multiply(per_network(factor, array), array, out=writable_or_none(array))


def mean_of(total: Numbers, weight: Numbers) -> Numbers:
    """The total by the weight, NaN where there is none; read-only where it is one a network."""
    if isinstance(weight, np.ndarray):  # some of which may be 0
        with np.errstate(invalid="ignore"):
            return freeze(np.divide(total, weight))
    mean = total / weight if weight else math.nan * total
    return freeze(mean) if isinstance(mean, np.ndarray) else mean

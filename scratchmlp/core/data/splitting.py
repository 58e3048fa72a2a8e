"""Parts of the data: shuffled, cut in two, and with the same share of every class in both."""

from __future__ import annotations

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze, frozen_view
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data.preprocessing import Data
from scratchmlp.core.model import fitting
from scratchmlp.core.model.weights import columns
from scratchmlp.core.randomness import Purpose, generator


@public
def shuffle(X: Array, y: Array, *, seed: int) -> Data:
    """The examples X (n_in, m) and their y in a random order, which is a function of seed and m.

    Raises ValueError where X and y differ in the number of examples.

    >>> X, y = shuffle(np.array([[1, 2, 3, 4]]), np.array([1, 2, 3, 4]), seed=0)
    >>> bool((X[0] == y).all())
    True
    """
    fitting.pairs(X, y)
    checks.count("seed", seed, least=0)
    order = generator(seed, Purpose.SHUFFLE).permutation(X.shape[-1])
    return _chosen(X, y, order)


@public
def split(X: Array, y: Array, fraction: float) -> tuple[Data, Data]:
    """The first `fraction` of the examples, rounded to whole ones, and the rest; no copy is made.

    Raises ValueError for a fraction that leaves one side without examples.

    >>> training, validation = split(np.array([[1, 2, 3, 4, 5]]), np.array([1, 2, 3, 4, 5]), 0.8)
    >>> training.y, validation.X
    (array([1, 2, 3, 4]), array([[5]]))
    """
    fitting.pairs(X, y)
    cut = _cut(fraction, X.shape[-1])
    left, right = (
        Data(frozen_view(X[..., part]), frozen_view(y[..., part]))
        for part in (slice(cut), slice(cut, None))
    )
    return left, right


@public
def stratified_split(X: Array, y: Array, fraction: float, *, seed: int) -> tuple[Data, Data]:
    """A random `fraction` of the examples, and the rest, with the same share of every class.

    X is (n_in, m) and y (m,) labels. The first part has round(fraction * m) examples, and of a
    class of c examples at least fraction * c - 1 and at most fraction * c + 1. Both parts are
    copies, in a random order that is a function of the seed and y.

    Raises ValueError for a fraction that leaves one side without examples, or anything but labels.

    >>> X, y = np.arange(10)[np.newaxis], np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    >>> training, validation = stratified_split(X, y, 0.5, seed=0)
    >>> sorted(training.y.tolist()), sorted(validation.y.tolist())
    ([0, 0, 0, 0, 1], [0, 0, 0, 0, 1])
    """
    fitting.pairs(X, y)
    first, rest = stratified_places(y, fraction, seed=seed)
    return _chosen(X, y, first), _chosen(X, y, rest)


def stratified_places(y: Array, fraction: float, *, seed: int) -> tuple[Array, Array]:
    """The places in y (m,) of the examples of both parts of `stratified_split`.

    >>> stratified_places(np.array([5, 5, 7, 7]), 0.5, seed=0)[0].shape
    (2,)
    """
    checks.labels(y, np.iinfo(np.int64).max)
    checks.count("seed", seed, least=0)
    m, cut = len(y), _cut(fraction, len(y))
    order = generator(seed, Purpose.SHUFFLE).permutation(m)
    _, classes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    by_class = classes.argsort(kind="stable")
    # How far down its class each example stands, from 0 to 1: the first part has the lowest.
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    shares = np.empty(m)
    shares[by_class] = (np.arange(m) - starts + 0.5) / np.repeat(counts, counts)
    first = np.zeros(m, bool)
    first[shares.argsort(kind="stable")[:cut]] = True
    return order[first], order[~first]


def _cut(fraction: float, m: int) -> int:
    """How many of m examples are that fraction of them: some, and not all."""
    checks.fraction("fraction", fraction)
    cut = round(fraction * m)
    if not 0 < cut < m:
        raise value_error(f"fraction {fraction} of {m} examples leaves one side empty")
    return cut


def _chosen(X: Array, y: Array, places: Array) -> Data:
    """A read-only copy of some examples, by their places."""
    return Data(freeze(columns(X, places)), freeze(columns(y, places)))

"""The loss of all the data and its gradient: sums over shards, by any map, in one fixed order."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params, frozen_tree, map_layers, spare
from scratchmlp.core.data.batches import Batch, Map, check_examples
from scratchmlp.core.data.batches import shards as sharded
from scratchmlp.core.data.dropout import MaskedBatch
from scratchmlp.core.data.live_rows import LiveBatch, check_live, expand, restrict
from scratchmlp.core.model.losses import right
from scratchmlp.core.model.masks import check_masks, masked_examples
from scratchmlp.core.model.network import (
    Cache,
    Network,
    backpropagate,
    check_network,
    checked_propagate,
    classifier,
    masked_network,
    quiet,
)
from scratchmlp.core.model.targets import check_targets, targets

AnyBatch: TypeAlias = Batch | LiveBatch | MaskedBatch
Shard: TypeAlias = AnyBatch | Callable[[], AnyBatch]
Shards: TypeAlias = AnyBatch | Iterable[Shard]
T = TypeVar("T")


class Evaluation(NamedTuple):
    """The weighted mean loss, and the share of the examples (0 to 1) that is predicted right.

    Where several outputs are each 0 or 1 it is the share of outputs; a regressor's is NaN.
    """

    loss: float
    accuracy: float


def evaluate(
    params: Params, shards: Shards, network: Network = classifier, *, map: Map = map
) -> Evaluation:
    """The mean loss and accuracy over all examples of a Batch or of a sequence of shards.

    A shard is a Batch, or a function of no arguments that returns one, called by the worker that
    `map` gives it to. Sums are taken in a fixed order, so the result does not depend on `map`.

    Raises ValueError and TypeError as `forward` and `backward` do, and for no shards at all.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.zeros((2, 1)), np.zeros((2, 1))),)
    >>> evaluate(params, Batch(np.array([[3.0, 4.0]]), np.array([0, 1])))
    Evaluation(loss=0.6931471805599453, accuracy=0.5)
    """
    check("evaluate", params, network, map)
    check_shards("evaluate", "shards", shards)
    return gather("evaluate", params, shards, network, map, None)[0]


def value_and_grad(
    params: Params, shards: Shards, network: Network = classifier, *, map: Map = map
) -> tuple[Evaluation, Grads]:
    """`evaluate`, and the gradient of that mean loss: a Layer of dW and db for each layer.

    Both come of the same forward pass.

    Raises as `evaluate`.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.zeros((2, 1)), np.zeros((2, 1))),)
    >>> _, grads = value_and_grad(params, Batch(np.array([[3.0, 4.0]]), np.array([0, 1])))
    >>> grads[0].W
    array([[ 0.25],
           [-0.25]])
    """
    check("value_and_grad", params, network, map)
    check_shards("value_and_grad", "shards", shards)
    evaluation, grads = gather("value_and_grad", params, shards, network, map)
    return evaluation, frozen_tree(grads)


def check(where: str, params: Params, network: Network, map: Map) -> None:
    """The arguments that every function over shards has."""
    checks.params(where, params)
    check_network(where, network, len(params))
    checks.function(where, "map", map)


def check_shards(where: str, name: str, value: Any) -> None:
    """A Batch, or shards to go through; each is checked when it comes."""
    if not isinstance(value, AnyBatch):
        checks.stream(where, name, value)


def given(where: str, X: Any, y: Any, weights: Any = None) -> Shards:
    """Examples X with y as shards, or without y the Batch or shards in the place of X."""
    if y is not None:
        check_examples(where, X, y, weights)
        return sharded(X, y, weights=weights)
    check_shards(where, "X without y", X)
    if weights is not None:
        raise ValueError(f"{where}: weights are for X with y: a Batch has its own")
    return cast(Shards, X if isinstance(X, AnyBatch) else tuple(X))


def gather(
    where: str,
    params: Params,
    shards: Shards,
    network: Network,
    map: Map,
    derivative: Callable[..., Grads] | None = backpropagate,
    vectors: tuple[Params, ...] = (),
) -> tuple[Evaluation, Grads]:
    """The means over all shards; shards are checked, where they are computed, and nothing else.

    The derivative is `backpropagate`, or takes what it takes and then the vectors.
    """
    alone = isinstance(shards, AnyBatch)
    each = cast(tuple[Shard, ...], (shards,) if alone else tuple(shards))
    if not each:
        raise ValueError(f"{where}: there are no shards")
    # The gradient of a single shard is divided inside, where that is cheapest.
    total = None if len(each) == 1 else 1.0
    work = partial(_sums, where, network, derivative, total, params, vectors)
    sums = work(each[0]) if alone else _fold(where, map, work, each)
    checks.some_weight(where, sums.weight)
    mean = Evaluation(sums.loss / sums.weight, sums.right / sums.weight)
    if total is None:
        return mean, sums.grads
    return mean, map_layers(partial(np.multiply, 1 / sums.weight), sums.grads)


def folded(add: Callable[[T, T], T], values: Iterator[T], count: int) -> T:
    """The sum of the next `count` values: that of the first half of them, and that of the rest.

    Only as many sums are held at once as the tree is high, and their errors do not add up.

    >>> folded(lambda a, b: f"({a} {b})", iter("abcde"), 5)
    '((a b) (c (d e)))'
    """
    if count == 1:
        return next(values)
    first = folded(add, values, count // 2)
    return add(first, folded(add, values, count - count // 2))


def _fold(
    where: str, map: Map, work: Callable[[Shard], "_Sums"], shards: tuple[Shard, ...]
) -> "_Sums":
    # A map that has a `fold`, as a cluster's has, does what `folded` does by the same additions.
    fold = getattr(map, "fold", None)
    if fold is not None:
        return cast(_Sums, fold(_add, work, shards))
    results = map(work, shards)
    checks.stream(where, "what map gives", results)
    try:
        return folded(_add, iter(results), len(shards))
    except StopIteration:
        raise ValueError(f"{where}: map gave fewer results than there are shards") from None


class _Sums(NamedTuple):
    weight: float
    loss: float
    right: float
    grads: Grads


def _add(one: _Sums, other: _Sums) -> _Sums:
    """Their sum, in the memory of one of them: nobody else has seen it."""

    def add(a: Array, b: Array) -> Array:
        return np.add(a, b, out=spare(a))

    weight, loss, hits = (a + b for a, b in zip(one[:3], other[:3], strict=True))
    return _Sums(weight, loss, hits, map_layers(add, one.grads, other.grads))


def _sums(
    where: str,
    network: Network,
    derivative: Callable[..., Grads] | None,
    total: float | None,
    params: Params,
    vectors: tuple[Params, ...],
    shard: Shard,
) -> _Sums:
    """Weighted sums over the examples of one shard, or with a total of None its mean gradient."""
    batch = shard() if callable(shard) else shard
    if isinstance(batch, MaskedBatch):
        batch, network = _unmasked(where, params, batch, network)
    if isinstance(batch, LiveBatch):
        check_live(where, batch, params)
        restricted, *others = (restrict(tree, batch.rows) for tree in (params, *vectors))
        whole = Batch(*batch[:3])
        sums = _sums(where, network, derivative, total, restricted, tuple(others), whole)
        grads = expand(sums.grads, batch.rows, batch.n_in) if derivative else ()
        return sums._replace(grads=grads)
    if not isinstance(batch, Batch):
        raise TypeError(
            f"{where}: a shard must be a Batch or a function that returns one, "
            f"not {type(batch).__name__}"
        )
    with quiet():
        cache = checked_propagate(where, params, batch.X, network)
        return _batch_sums(where, network, derivative, total, params, vectors, cache, batch)


def _unmasked(
    where: str, params: Params, masked: MaskedBatch, network: Network
) -> tuple[Batch | LiveBatch, Network]:
    """The batch with its X masked already, and the network with the other masks."""
    batch, masks = masked
    if not isinstance(batch, (Batch, LiveBatch)):
        came = checks.kind(batch)
        raise TypeError(f"{where}: the batch of a MaskedBatch must be a Batch, not {came}")
    checks.matrix(where, "X", batch.X)
    check_masks(where, masks, params, batch.X)
    X = masked_examples(where, batch.X, masks)
    return batch._replace(X=X), masked_network(network, masks)


def _batch_sums(
    where: str,
    network: Network,
    derivative: Callable[..., Grads] | None,
    total: float | None,
    params: Params,
    vectors: tuple[Params, ...],
    cache: Cache,
    batch: Batch,
) -> _Sums:
    _, y, weights = batch
    Z, (n_out, m) = cache.Z[-1], cache.Z[-1].shape
    check_targets(where, y, m, n_out, network.loss)
    if weights is not None:
        checks.weights(where, weights, m)
    Y = targets(y, n_out, network.loss, Z.dtype)
    values = network.loss.value(Z, Y)
    checks.result(where, "the loss's value", values, (m,))
    loss = _weighted(values, weights)
    hits = _weighted(right(network.loss, Z, y), weights)
    weight = m if weights is None else float(weights.sum(dtype=np.float64))
    if derivative is None:
        return _Sums(weight, loss, hits, ())
    if weight == 0:
        return _Sums(weight, loss, hits, map_layers(np.zeros_like, params))
    grads = derivative(params, cache, Y, network, weights, total, where, *vectors)
    return _Sums(weight, loss, hits, grads)


def _weighted(figures: Array, weights: Array | None) -> float:
    """The weighted sum, in double precision."""
    if weights is None:
        return float(figures.sum(dtype=np.float64))
    return float(np.dot(weights.astype(np.float64), figures))

"""The loss of all the data and its gradient: sums over shards, by any map, in one fixed order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Grads, Numbers, Params, frozen_tree, map_layers
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.data.batches import Batch, Map, Shard, Shards, as_shards
from scratchmlp.core.data.live_rows import check_rows, expand, restrict
from scratchmlp.core.data.preprocessing import Data
from scratchmlp.core.flat import as_tuples
from scratchmlp.core.model import fitting
from scratchmlp.core.model import weights as weighing
from scratchmlp.core.model.masks import check_masks, masked_examples
from scratchmlp.core.model.network import (
    Network,
    backpropagate,
    classifier,
    masked_network,
    propagate,
    quiet,
    resolved,
    taken,
)
from scratchmlp.core.model.prediction import weighted_correct
from scratchmlp.core.model.targets import check_shape, encoded
from scratchmlp.core.stacks import networks
from scratchmlp.core.training.reduction import Sums, mean_of, scaled, sums_over
from scratchmlp.core.trees import aligned

# From params, a cache, targets, a resolved network and the factors of the mean to a gradient.
Derivative: TypeAlias = Callable[..., Grads]


class Evaluation(NamedTuple):
    """The weighted mean loss, and the share of the examples (0 to 1) that is predicted right.

    Where several outputs are each 0 or 1 it is the share of outputs; a regressor's is NaN. Both are
    (k,) for a stack of k networks.
    """

    loss: Numbers
    accuracy: Numbers


class Work(NamedTuple):
    """What is computed of every shard: with checked params, a resolved network, and a derivative.

    `derivative(params, cache, Y, network, factors, *vectors)` is a gradient, or something like it
    that adds up over examples; None where the loss is all that is wanted. The vectors are the
    directions of `hvp` and the like.
    """

    params: Params
    network: Network
    derivative: Derivative | None
    vectors: tuple[Params, ...] = ()


@public
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
    checks.function("map", map)
    work = Work(params, resolved(network, params), None)
    return reduced(work, as_shards("shards", shards), map)[0]


@public
def value_and_grad(
    params: Params, shards: Shards, network: Network = classifier, *, map: Map = map
) -> tuple[Evaluation, Grads]:
    """`evaluate`, and the gradient of that mean loss: a Layer of dW and db for each layer.

    Both come from the same forward pass.

    Raises as `evaluate`.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.zeros((2, 1)), np.zeros((2, 1))),)
    >>> _, grads = value_and_grad(params, Batch(np.array([[3.0, 4.0]]), np.array([0, 1])))
    >>> grads[0].W
    array([[ 0.25],
           [-0.25]])
    """
    checks.function("map", map)
    work = Work(params, resolved(network, params), backpropagate)
    evaluation, grads = reduced(work, as_shards("shards", shards), map)
    return evaluation, frozen_tree(grads)


def reduced(work: Work, shards: Shards, map: Map) -> tuple[Evaluation, Grads]:
    """The means over all shards of the loss, the accuracy and the derivative."""
    if isinstance(shards, (Batch, Data)):
        alone, sums = True, shard_sums(work, shards, alone=True)
    else:
        each = tuple(shards)
        if not each:
            raise value_error("there are no shards")
        alone = len(each) == 1
        work = work._replace(params=as_tuples(work.params))
        sums = sums_over(map, partial(mapped_sums, work, alone), each)
    fitting.some_weight(sums.total)
    mean = Evaluation(mean_of(sums.loss, sums.total), mean_of(sums.correct, sums.weight))
    if alone or work.derivative is None:
        return mean, sums.grads
    return mean, map_layers(partial(scaled, 1 / sums.total), sums.grads)


def mapped_sums(work: Work, alone: bool, shard: Shard) -> Sums:
    """What `map` computes of a shard, maybe in another process: its sums, read-only."""
    sums = shard_sums(work, shard, alone)
    return sums._replace(grads=frozen_tree(sums.grads))


def shard_sums(work: Work, shard: Shard, alone: bool) -> Sums:
    """The sums over the examples of one shard, but of one that is alone the mean gradient."""
    batch = shard() if callable(shard) else shard
    if isinstance(batch, Data):
        batch = Batch(*batch)
    if not isinstance(batch, Batch):
        raise type_error(
            f"a shard must be a Batch or a function that returns one, not {checks.kind(batch)}"
        )
    if (rows := batch.rows) is None:
        return _batch_sums(work, batch, alone)
    check_rows(rows, work.params)
    vectors = tuple(restrict(vector, rows) for vector in work.vectors)
    restricted = work._replace(params=restrict(work.params, rows), vectors=vectors)
    sums = _batch_sums(restricted, batch, alone)
    if work.derivative is None:
        return sums
    return sums._replace(grads=expand(sums.grads, rows, work.params[0].W.shape[-1]))


def _batch_sums(work: Work, batch: Batch, alone: bool) -> Sums:
    given, network, derivative, vectors = work
    X, y, weights, _, masks, total = batch
    params = aligned(given)
    n_out = params[-1].b.shape[-2]
    fitting.examples(X, params)
    own = X.ndim == 3
    check_shape(y, X, n_out)
    if masks is not None:
        check_masks(masks, params, X)
    if weights is not None:
        weighing.check(weights, X, params, network.loss)
        weights, X, y, *rest = weighing.without_left_out(weights, X, y, *(masks or ()))
        masks = tuple(rest) or None
    weight = weighing.total_weight(weights, X.shape[-1])
    total = weight if total is None else weighing.checked_total(total, networks(params))
    if not X.shape[-1]:
        return Sums(weight, total, 0.0, 0.0, _no_gradient(work))
    if masks is not None:
        X, network = masked_examples(X, masks), masked_network(network, masks)
    if weights is not None:
        y = weighing.known_targets(y, weights, network.loss, own)
    with quiet():
        cache = propagate(params, taken(X, params), network)
        Z, A = cache.Z[-1], cache.A[-1]
        Y = encoded(y, network.loss.targets, n_out, Z.dtype, own or y.ndim == 3)
        loss = weighing.weighted_values(network.loss, Z, Y, weights)
        hits = weighted_correct(network.loss, A, Y, y, weights)
        if derivative is None:
            return Sums(weight, total, loss, hits, ())
        share = weighing.factors(weights, total if alone else 1.0, Y.dtype)
        grads = derivative(params, cache, Y, network, share, *vectors)
    return Sums(weight, total, loss, hits, grads)


def _no_gradient(work: Work) -> Grads:
    return () if work.derivative is None else map_layers(np.zeros_like, work.params)

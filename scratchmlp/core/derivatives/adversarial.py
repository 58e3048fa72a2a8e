"""Training on examples that are moved against the network: an objective for `train`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from toolz import last

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params, frozen_tree
from scratchmlp.core.border import public
from scratchmlp.core.data.batches import Map, Shards, as_shards
from scratchmlp.core.model.network import (
    Cache,
    Network,
    backpropagate,
    backpropagated,
    classifier,
    propagate,
    resolved,
    weighted_delta,
)
from scratchmlp.core.training.objective import Evaluation, Work, reduced
from scratchmlp.core.training.training import Objective


@public
def adversarial(length: float) -> Objective:
    """A `value_and_grad` for `train`, of examples that are each moved to where its loss grows.

    Its gradient is that of the mean loss of X + length * D, where each column of D (n_in, m) is
    `input_grad` of that example divided by its norm, or 0 where it is 0; D is held fixed. `length`
    is in the units of X, and a norm: with 1, an image may have one pixel changed from 0 to 1, or a
    hundred by 0.1. The loss and the accuracy are those of the examples as they are. These are moved
    as they reach the first layer: after input dropout, and without the dead rows of a live shard.

    A step takes about 5 / 3 of the time of one by `value_and_grad`.

    Raises ValueError for a length below 0, TypeError for no number; later, as `value_and_grad`.
    Source: Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples"; with the norm
    as in Miyato et al. 2016, "Distributional Smoothing with Virtual Adversarial Training".

    >>> from scratchmlp import Batch, Layer, regressor
    >>> params = (Layer(np.array([[3.0, 4.0]]), np.zeros((1, 1))),)
    >>> batch = Batch(np.array([[1.0], [1.0]]), np.array([[6.0]]))
    >>> evaluation, grads = adversarial(5.0)(params, batch, regressor)  # of X + [[3], [4]]
    >>> float(evaluation.loss), grads[0].W.tolist()
    (0.5, [[104.0, 130.0]])
    """
    return partial(_adversarial, checks.positive("length", length, zero=True))


@public
def _adversarial(
    length: float, params: Params, shards: Shards, network: Network = classifier, *, map: Map = map
) -> tuple[Evaluation, Grads]:
    checks.function("map", map)
    work = Work(params, resolved(network, params), partial(_gradient_when_moved, length))
    evaluation, grads = reduced(work, as_shards("shards", shards), map)
    return evaluation, frozen_tree(grads)


def _gradient_when_moved(
    length: float, params: Params, cache: Cache, Y: Array, network: Network, factors: Any
) -> Grads:
    dZ = weighted_delta(network.loss, cache, Y, factors)
    dX = params[0].W.mT @ last(backpropagated(params, cache, dZ, network))
    moved = cache.A[0] + dX.dtype.type(length) * _directions(dX)
    return backpropagate(params, propagate(params, moved, network), Y, network, factors)


def _directions(dX: Array) -> Array:
    """Each column divided by its norm, by way of its largest number: squares may be too small."""
    most = abs(dX).max(axis=-2, keepdims=True)
    D = np.divide(dX, most, out=np.zeros_like(dX), where=most > 0)
    return D / np.sqrt(np.maximum((D * D).sum(axis=-2, keepdims=True), 1))

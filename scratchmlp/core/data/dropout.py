"""Dropout: masks at random, as values, and a stream of batches that carry theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.border import public, public_stream, type_error, value_error
from scratchmlp.core.data.batches import Batch, Map
from scratchmlp.core.model.masks import Masks
from scratchmlp.core.randomness import Purpose, generator

Rates: TypeAlias = float | Sequence[float]
Drop: TypeAlias = tuple[int, float]  # the units of a layer, and the probability to drop each


@public
def dropout_masks(
    sizes: Sequence[int],
    m: int,
    *,
    rate: Rates = 0.5,
    input_rate: float = 0.0,
    seed: int = 0,
    iteration: int = 0,
) -> Masks:
    """Masks for the X (n_in, m) and for each hidden layer's A (n, m) of a network of these sizes.

    A rate is the probability to drop: of each unit of the hidden layers (a sequence has one for
    each of these layers), and of each number of X. A mask is 0 where its unit is dropped for the
    example, and 1 / (1 - rate) where it is kept: its mean is 1, so a network without masks, as it
    predicts, works at the same scale. A mask is None for a rate of 0; otherwise it is a function of
    (seed, iteration, layer) and of its shape.

    Raises ValueError unless 0 <= rate < 1, for sizes as `init_params`, and for an m below 1, a seed
    or an iteration below 0; TypeError where these are no numbers.
    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting"; there it is the weights that are scaled when the network predicts.

    >>> dropout_masks([2, 3, 1], 4, rate=0.5)[1]
    array([[0., 2., 0., 2.],
           [2., 0., 0., 0.],
           [2., 0., 2., 2.]], dtype=float32)
    """
    layers = _layers(sizes, rate, input_rate)
    checks.count("m", m, least=1)
    checks.count("seed", seed, least=0)
    checks.count("iteration", iteration, least=0)
    return _masks(layers, m, seed, iteration, 0)


@public_stream
def dropout(
    batches: Iterable[Any],
    sizes: Sequence[int],
    *,
    rate: Rates = 0.5,
    input_rate: float = 0.0,
    seed: int = 0,
    start: int = 0,
    map: Map = map,
) -> Iterator[Any]:
    """The stream of the batches with masks for a network of these sizes: a new one for each batch.

    Batch number k, which counts from `start`, has the `dropout_masks` of iteration k, so a run that
    stopped after k batches goes on with start=k. A batch is a Batch or a sequence of shards, each
    of which gets masks of its own, where it is used: they are new shards each time, so a cluster
    would be sent them each time. `map` draws the masks of a Batch, and has to be lazy, as that of
    `minibatches`.

    Raises as `dropout_masks`, and TypeError for batches that are no iterable or a map that is no
    function; later, for a batch that is none.

    >>> from scratchmlp import init_params, init_state, sgd, train
    >>> X, y, sizes = np.ones((2, 4)), np.array([0, 0, 1, 2]), [2, 8, 3]
    >>> start = init_state(init_params(sizes), sgd(0.1))
    >>> batches = dropout([Batch(X, y)] * 2, sizes, rate=0.5)
    >>> [state.iteration for state in train(start, batches, optimizer=sgd(0.1))]
    [1, 2]
    """
    layers = _layers(sizes, rate, input_rate)
    checks.stream("batches", batches)
    checks.count("seed", seed, least=0)
    checks.count("start", start, least=0)
    checks.function("map", map)
    return iter(map(partial(_with_masks, layers, seed), count(start), batches))


def _layers(sizes: Sequence[int], rate: Any, input_rate: Any) -> list[Drop]:
    checks.sizes(sizes)
    hidden = len(sizes) - 2
    of_inputs = _probability("input_rate", input_rate)
    if isinstance(rate, (list, tuple)):
        rates = [_probability("rate", each) for each in rate]
    else:
        rates = [_probability("rate", rate)] * hidden
    if len(rates) != hidden:
        raise value_error(f"rate has {len(rates)} but sizes gives {hidden} hidden layers")
    return [*zip(map(int, sizes), [of_inputs, *rates], strict=False)]


def _probability(name: str, value: Any) -> float:
    rate = checks.fraction(name, value, zero=True)
    if np.float32(rate) == 1:  # the random numbers are below 1, and of this dtype
        raise value_error(f"{name} must be below 1 as a float32 too, not {value!r}")
    return rate


def _with_masks(layers: list[Drop], seed: int, iteration: int, batch: Any) -> Any:
    if isinstance(batch, Batch):
        return _dropout(layers, seed, iteration, 0, batch)
    checks.stream("batch", batch)
    shards = (each if callable(each) else _batch(each) for each in batch)
    return tuple(
        partial(_dropout, layers, seed, iteration, number, shard)
        for number, shard in enumerate(shards)
    )


@public
def _dropout(layers: list[Drop], seed: int, iteration: int, number: int, shard: Any) -> Batch:
    batch = _batch(shard() if callable(shard) else shard)
    checks.array("X", batch.X)
    checks.not_empty("X", batch.X)
    n_in, m = batch.X.shape[-2:]
    own = [(n_in, layers[0][1]), *layers[1:]]  # a Batch of some rows has fewer than the network
    return batch._replace(masks=_masks(own, m, seed, iteration, number))


def _batch(shard: Any) -> Batch:
    if not isinstance(shard, Batch):
        raise type_error(
            f"a shard must be a Batch or a function that returns one, not {checks.kind(shard)}"
        )
    if shard.masks is not None:
        raise value_error("a batch has masks already")
    return shard


def _masks(layers: list[Drop], m: int, seed: int, *keys: int) -> Masks:
    def mask(layer: int, size: int, rate: float) -> Array | None:
        if rate == 0:
            return None
        # One example after the other for X, one unit after the other for A: as these lie in memory.
        shape = (size, m) if layer else (m, size)
        numbers = generator(seed, Purpose.DROPOUT, *keys, layer).random(shape, np.float32)
        drawn = (numbers >= rate).astype(np.float32)
        drawn *= np.float32(1 / (1 - rate))
        return freeze(drawn if layer else drawn.T)

    return tuple(mask(layer, size, rate) for layer, (size, rate) in enumerate(layers))

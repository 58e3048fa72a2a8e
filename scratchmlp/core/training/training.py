"""Training: a fold of updates over batches, as a lazy stream of states."""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from toolz import accumulate, drop, pluck, take

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params, freeze, frozen_tree
from scratchmlp.core.data.batches import Map
from scratchmlp.core.model.network import Network, classifier
from scratchmlp.core.training.objective import Shards, check, check_shards, gather, given
from scratchmlp.core.training.optimizers import (
    AdamState,
    AverageState,
    MomentumState,
    Optimizer,
    RmspropState,
    check_optimizer,
    rate_of,
    sgd,
)
from scratchmlp.core.training.schedules import check_rate


class State(NamedTuple):
    """Where training stands: all that it goes on from, and figures to watch.

    `iteration` is the number of updates made; `loss` and `accuracy` are those of the last batch,
    before its update (NaN before the first).
    """

    params: Params
    optimizer: tuple[Any, ...]
    iteration: int
    loss: float
    accuracy: float


class Trained(NamedTuple):
    """The parameters after training, and each iteration's loss and accuracy, (iterations,)."""

    params: Params
    losses: Array
    accuracies: Array


class DivergenceError(ArithmeticError):
    """The loss is no longer finite: at `iteration`, where `state` is the last good one before.

    `learning_rate` is that of the update which led there, or None where the optimizer is not
    scratchmlp's or there was no update.
    """

    def __init__(self, iteration: int, state: State, learning_rate: float | None = None) -> None:
        super().__init__(iteration, state, learning_rate)
        self.iteration = iteration
        self.state = state
        self.learning_rate = learning_rate

    def __str__(self) -> str:
        rate = "" if self.learning_rate is None else f" at learning rate {self.learning_rate:.4g}"
        return (
            f"the loss is not finite at iteration {self.iteration}{rate} (it was "
            f"{self.state.loss:.4g}): try a smaller learning rate, or clip_by_global_norm"
        )


def init_state(params: Params, optimizer: Optimizer) -> State:
    """The State before the first update.

    Raises as `forward` for the params, and ValueError where these are not finite; TypeError for
    anything but an Optimizer.

    >>> from scratchmlp import init_params
    >>> init_state(init_params([2, 3]), sgd(0.1)).iteration
    0
    """
    return _start("init_state", params, optimizer)


def _start(where: str, params: Params, optimizer: Optimizer) -> State:
    checks.finite_params(where, params)
    check_optimizer(where, optimizer)
    memory = optimizer.init(params)
    if not isinstance(memory, tuple):
        came = checks.kind(memory)
        raise TypeError(f"{where}: init of optimizer must give a tuple, not {came}")
    return State(frozen_tree(params), memory, 0, math.nan, math.nan)


def train_step(
    state: State,
    batch: Shards,
    *,
    network: Network = classifier,
    optimizer: Optimizer,
    map: Map = map,
) -> State:
    """The State after one update, by the gradient of a Batch or of a sequence of shards.

    Raises DivergenceError where the loss is not finite; otherwise as `value_and_grad`.

    >>> from scratchmlp import Batch, init_params
    >>> batch = Batch(np.ones((2, 4)), np.array([0, 0, 1, 2]))
    >>> train_step(init_state(init_params([2, 3]), sgd(0.1)), batch, optimizer=sgd(0.1)).iteration
    1
    """
    _check("train_step", state, network, optimizer, map)
    return _advance("train_step", network, optimizer, map, (state, state), batch)[1]


def train(
    state: State,
    batches: Iterable[Shards],
    *,
    network: Network = classifier,
    optimizer: Optimizer,
    map: Map = map,
) -> Iterator[State]:
    """The lazy stream of the States after each batch: the fold of `train_step` over the batches.

    Each batch is a Batch or a sequence of shards. The stream is as long as the batches: with
    `itertools.repeat(batch)` it is gradient descent without an end, of which one takes what one
    needs. To go on from the last State taken is the same as to have gone on.

    Raises TypeError for batches that are no iterable; as `train_step`, when the stream comes to it.

    >>> from scratchmlp import Batch, init_params
    >>> batch = Batch(np.ones((2, 4)), np.array([0, 0, 1, 2]))
    >>> states = train(init_state(init_params([2, 3]), sgd(0.1)), repeat(batch), optimizer=sgd(0.1))
    >>> [state.iteration for state in take(3, states)]
    [1, 2, 3]
    """
    return _states("train", state, batches, network, optimizer, map)


def _states(
    where: str,
    state: State,
    batches: Iterable[Shards],
    network: Network,
    optimizer: Optimizer,
    map: Map,
) -> Iterator[State]:
    _check(where, state, network, optimizer, map)
    checks.stream(where, "batches", batches)
    advance = partial(_advance, where, network, optimizer, map)
    steps = drop(1, accumulate(advance, batches, (state, state)))
    return iter(pluck(1, steps))


def gradient_descent(
    params: Params,
    X: Array | Shards,
    y: Array | None = None,
    *,
    iterations: int,
    learning_rate: float,
    network: Network = classifier,
    map: Map = map,
) -> Trained:
    """The parameters after so many steps down the gradient of all the data, and the way there.

    The data is X (n_in, m) with y, labels (m,) or targets (n_out, m); or, in the place of X and
    with no y, a Batch or a sequence of shards. An iteration's loss and accuracy are of the forward
    pass that its gradient needs, so they are those before its update.

    Raises DivergenceError where the loss is not finite; otherwise as `value_and_grad`.

    >>> from scratchmlp import init_params
    >>> X, y = np.array([[-1.0, -2.0, 1.0, 2.0]]), np.array([0, 0, 1, 1])
    >>> trained = gradient_descent(init_params([1, 2]), X, y, iterations=50, learning_rate=1.0)
    >>> trained.accuracies[-1], trained.losses.shape
    (np.float64(1.0), (50,))
    """
    where = "gradient_descent"
    checks.count(where, "iterations", iterations, least=0)
    optimizer = sgd(check_rate(where, learning_rate))
    state = _start(where, params, optimizer)
    data = repeat(given(where, X, y))
    states = _states(where, state, data, network, optimizer, map)
    losses, accuracies = np.empty(iterations), np.empty(iterations)
    for number, state in enumerate(take(iterations, states)):
        losses[number], accuracies[number] = state.loss, state.accuracy
    return Trained(state.params, freeze(losses), freeze(accuracies))


def _advance(
    where: str,
    network: Network,
    optimizer: Optimizer,
    map: Map,
    states: tuple[State, State],
    batch: Shards,
) -> tuple[State, State]:
    # The state before is kept because only the next loss tells whether new parameters are good.
    good, state = states
    check_shards(where, "batch", batch)
    (loss, accuracy), grads = gather(where, state.params, batch, network, map)
    if not math.isfinite(loss):
        rate = rate_of(optimizer, state.iteration - 1) if state.iteration else None
        raise DivergenceError(state.iteration, good, rate)
    params, memory = optimizer.update(state.params, grads, state.optimizer, state.iteration)
    return state, State(params, memory, state.iteration + 1, loss, accuracy)


def _check(where: str, state: State, network: Network, optimizer: Optimizer, map: Map) -> None:
    if not isinstance(state, State):
        raise TypeError(f"{where}: state must be a State, not {type(state).__name__}")
    check(where, state.params, network, map)
    check_optimizer(where, optimizer)
    checks.count(where, "state.iteration", state.iteration, least=0)
    _check_memory(where, state.optimizer, state.params)


def _check_memory(where: str, memory: Any, params: Params) -> None:
    """An optimizer's state: if it is one of scratchmlp's, in the shapes of the parameters."""
    if not isinstance(memory, tuple):
        came = checks.kind(memory)
        raise TypeError(f"{where}: state.optimizer must be a tuple, not {came}")
    if isinstance(memory, AverageState):
        checks.like_params(where, "state.optimizer.average", memory.average, params)
        checks.array(where, "state.optimizer.updates", memory.updates, "iu")
        checks.count(where, "state.optimizer.updates", memory.updates[()], least=0)
        _check_memory(where, memory.state, params)
    if isinstance(memory, (MomentumState, RmspropState, AdamState)):
        for name, each in zip(memory._fields, memory, strict=True):
            checks.like_params(where, f"state.optimizer.{name}", each, params)

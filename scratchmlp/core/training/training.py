"""Training: a fold of updates over batches, as a lazy stream of states."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
from toolz import accumulate, drop, pluck, take

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Numbers, Params, freeze
from scratchmlp.core.border import public, public_stream, type_error
from scratchmlp.core.data.batches import Map, Shards, as_shards, data_as_shards
from scratchmlp.core.flat import Flat, Spare, as_tuples, flat
from scratchmlp.core.model import fitting
from scratchmlp.core.model.network import Network, backpropagate, classifier, quiet, resolved
from scratchmlp.core.stacks import networks
from scratchmlp.core.training.objective import Derivative, Evaluation, Work, reduced, value_and_grad
from scratchmlp.core.training.optimizers import Optimizer, sgd
from scratchmlp.core.training.own_objectives import checked_objective
from scratchmlp.core.training.own_optimizers import check_memory, check_optimizer, checked_optimizer
from scratchmlp.core.training.schedules import LearningRate, check_rate
from scratchmlp.core.training.state import State, Trained, Turn, diverge, of_those_left
from scratchmlp.core.training.wrappers import frozen_below
from scratchmlp.core.trees import owned_tree

# A function like `value_and_grad`, which may take its place.
Objective: TypeAlias = Callable[..., tuple[Evaluation, Grads]]


@public
def init_state(params: Params, optimizer: Optimizer) -> State:
    """The State before the first update. Writable params are copied.

    Raises as `forward` for the params, and ValueError where these are not finite; TypeError for
    anything but an Optimizer.

    >>> from scratchmlp import init_params
    >>> init_state(init_params([2, 3]), sgd(0.1)).iteration
    0
    """
    return _start(params, optimizer)


@public
def train_step(
    state: State,
    batch: Shards,
    *,
    network: Network = classifier,
    optimizer: Optimizer,
    map: Map = map,
    value_and_grad: Objective = value_and_grad,
) -> State:
    """The State after one update, by the gradient of a Batch or of a sequence of shards.

    The gradient is that of `value_and_grad`, which is called as the library's is, with (params,
    batch, network, map=map): with one's own, anything that gives an Evaluation and a gradient can
    be descended.

    Raises DivergenceError where the loss is not finite; otherwise as `value_and_grad`.

    >>> from scratchmlp import Batch, init_params
    >>> batch = Batch(np.ones((2, 4)), np.array([0, 0, 1, 2]))
    >>> train_step(init_state(init_params([2, 3]), sgd(0.1)), batch, optimizer=sgd(0.1)).iteration
    1
    """
    step = _step(state, network, optimizer, map, value_and_grad)
    return step((state, state, (state.params, state.optimizer)), batch)[1]


@public_stream
def train(
    state: State,
    batches: Iterable[Shards],
    *,
    network: Network = classifier,
    optimizer: Optimizer,
    map: Map = map,
    value_and_grad: Objective = value_and_grad,
) -> Iterator[State]:
    """The lazy stream of the States after each batch: the fold of `train_step` over the batches.

    Each batch is a Batch or a sequence of shards. The stream is as long as the batches: with
    `itertools.repeat(batch)` it is gradient descent without an end, of which one takes what one
    needs. To continue from the last State taken gives the same States.

    Raises TypeError for batches that are no iterable; as `train_step`, when the stream comes to it.

    >>> from scratchmlp import Batch, init_params
    >>> batch = Batch(np.ones((2, 4)), np.array([0, 0, 1, 2]))
    >>> states = train(init_state(init_params([2, 3]), sgd(0.1)), repeat(batch), optimizer=sgd(0.1))
    >>> [state.iteration for state in take(3, states)]
    [1, 2, 3]
    """
    return _states(state, batches, _step(state, network, optimizer, map, value_and_grad))


@public
def gradient_descent(
    params: Params,
    X: Array | Shards,
    y: Array | None = None,
    *,
    iterations: int,
    learning_rate: LearningRate,
    network: Network = classifier,
    map: Map = map,
    value_and_grad: Objective = value_and_grad,
) -> Trained:
    """The parameters after so many steps of gradient descent on all the data, and their figures.

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
    checks.count("iterations", iterations, least=0)
    optimizer = sgd(check_rate(learning_rate))
    state = _start(params, optimizer)
    step = _step(state, network, optimizer, map, value_and_grad)
    states = _states(state, repeat(data_as_shards(X, y)), step)
    losses, accuracies = (np.empty((iterations, *np.shape(state.loss))) for _ in range(2))
    for number, state in enumerate(take(iterations, states)):
        losses[number], accuracies[number] = state.loss, state.accuracy
    return Trained(state.params, freeze(losses), freeze(accuracies))


def _start(params: Params, optimizer: Optimizer) -> State:
    fitting.finite_params(params)
    check_optimizer(optimizer)
    memory = checks.called("init of optimizer", optimizer.init, params)
    if not isinstance(memory, tuple):
        came = checks.kind(memory)
        raise type_error(f"init of optimizer must give a tuple, not {came}")
    k = networks(params)
    nothing: Numbers = freeze(np.full(k, math.nan)) if k else math.nan
    return State(owned_tree(params), owned_tree(memory), 0, nothing, nothing)


Step: TypeAlias = Callable[[Turn, Shards], Turn]


def _states(state: State, batches: Iterable[Shards], step: Step) -> Iterator[State]:
    checks.stream("batches", batches)
    turn: Turn = (state, state, (flat(state.params), flat(state.optimizer)))
    return iter(pluck(1, drop(1, accumulate(step, batches, turn))))


def _step(
    state: State, network: Network, optimizer: Optimizer, map: Map, objective: Objective
) -> Step:
    """The function that makes a step, of arguments that are checked and resolved once."""
    if not isinstance(state, State):
        raise type_error(f"state must be a State, not {type(state).__name__}")
    known = resolved(network, state.params)
    check_optimizer(optimizer)
    checks.count("state.iteration", state.iteration, least=0)
    checks.function("map", map)
    check_memory(state, optimizer)
    if objective is value_and_grad:
        first = frozen_below(optimizer)
        derivative = partial(backpropagate, first=first) if first else backpropagate
        gradient: Callable[[Params, Shards], Any] = partial(_gradient, known, derivative, map)
    else:
        checks.function("value_and_grad", objective)
        gradient = partial(checked_objective, objective, network, map)
    return partial(_advance, gradient, checked_optimizer(optimizer))


def _gradient(
    network: Network, derivative: Derivative, map: Map, params: Params, batch: Shards
) -> tuple[Evaluation, Grads]:
    return reduced(Work(params, network, derivative), as_shards("batch", batch), map)


def _advance(
    gradient: Callable[[Params, Shards], tuple[Evaluation, Grads]],
    optimizer: Optimizer,
    turn: Turn,
    batch: Shards,
) -> Turn:
    good, state, (params, memory) = turn
    (loss, accuracy), grads = gradient(params, batch)
    update = optimizer.update
    if stacked := isinstance(loss, np.ndarray):
        loss, accuracy = of_those_left(~np.isfinite(loss), state, (loss, accuracy))
        update = quiet()(update)  # some networks may have diverged
    if not (np.isfinite(loss).any() if stacked else math.isfinite(loss)):
        # Only the loss of this batch tells that the update before it was a bad one.
        diverge(optimizer.learning_rate, good, state)
    spare = grads if isinstance(grads, Flat) else Spare(grads)
    new = update(params, spare, memory, state.iteration)
    params, memory = as_tuples(new)
    return state, State(params, memory, state.iteration + 1, loss, accuracy), new

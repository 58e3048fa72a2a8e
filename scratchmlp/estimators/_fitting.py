"""How the estimators fit: pure functions over examples in rows, by scikit-learn's formulas."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from scratchmlp import (
    Array,
    AverageState,
    Batch,
    Evaluation,
    Grads,
    Layer,
    MomentumState,
    Network,
    Optimizer,
    Params,
    State,
    adam,
    dropout,
    flatten,
    forward,
    map_arrays,
    shards,
    squared_error,
    unflatten,
    value_and_grad,
)


class Examples(NamedTuple):
    """X (m, n_in), dense or sparse, y (m,) or (m, n_out), and weights (m,) or None."""

    X: Any
    y: Array
    weights: Array | None


class Plan(NamedTuple):
    """What one epoch of minibatches needs; `drops` are the keywords of `dropout`, or None."""

    network: Network
    optimizer: Optimizer
    alpha: float
    size: int
    drops: dict[str, Any] | None
    workers: int
    map: Any


def chosen(examples: Examples, rows: Any) -> Batch:
    """Some of the examples, by a slice or their places, as the columns that the core takes."""
    X, y, weights = examples[0][rows], examples.y[rows].T, examples.weights
    batch = Batch(X.T, y, None if weights is None else weights[rows])
    if not issparse(X):
        return batch
    # Features that are zero in all of these examples are left out, where they are many.
    live = np.unique(X.indices)
    if 2 * len(live) > X.shape[1] or not len(live):
        return batch._replace(X=columns(X))
    return batch._replace(X=columns(X[:, live]), rows=live)


def columns(X: Any) -> Array:
    """Rows as columns; sparse ones become dense.

    >>> columns(np.array([[1.0, 2.0]]))
    array([[1.],
           [2.]])
    """
    return (X.toarray() if issparse(X) else X).T


def in_shards(examples: Examples) -> tuple[Callable[[], Batch], ...]:
    """All examples as functions that give 1250 of them: sparse ones are dense only while used."""
    return tuple(partial(chosen, examples, part) for part in gen_batches(len(examples.y), 1250))


def outputs(params: Params, X: Any, network: Network) -> Array:
    """The outputs (m, n_out) of the network for rows X (m, n_in), dense or sparse."""
    tiles = (columns(X[part]) for part in gen_batches(X.shape[0], 1000))
    return np.concatenate([forward(params, tile, network).A[-1] for tile in tiles], axis=1).T


def uniform_layer(random: Any, gain: float, _: Any, shape: tuple[int, int], dtype: Any) -> Layer:
    """Weights and biases within sqrt(gain / (n_in + n_out)), drawn from a `random_state`.

    Source: Glorot and Bengio 2010; the order of the numbers is scikit-learn's.
    """
    n_out, n_in = shape
    limit = (gain / (n_in + n_out)) ** 0.5
    W = random.uniform(-limit, limit, (n_in, n_out)).T
    return Layer(W.astype(dtype, "C"), random.uniform(-limit, limit, (n_out, 1)).astype(dtype))


def mean_over_outputs(Z: Array, Y: Array) -> Array:
    """Half the squared error, as scikit-learn reports it: the mean, not the sum, over outputs.

    >>> mean_over_outputs(np.array([[3.0], [1.0]]), np.array([[1.0], [1.0]]))
    array([1.])
    """
    return squared_error.value(Z, Y) / len(Z)


def adam_of_scikit_learn(rate: Any, beta1: float, beta2: float, epsilon: float) -> Optimizer:
    """Adam with epsilon added to the root of the biased second moment, not of the unbiased one.

    Source: Kingma and Ba 2014, the variant at the end of section 2.
    """
    return Optimizer(adam().init, partial(_adam, rate, beta1, beta2, epsilon), rate)


def _adam(rate: Any, beta1: float, beta2: float, epsilon: float, *arguments: Any) -> Any:
    unbiased = epsilon / math.sqrt(1 - beta2 ** (arguments[-1] + 1))
    return adam(rate, beta1, beta2, unbiased).update(*arguments)


def rescaled(memory: Any, factor: float) -> Any:
    """A memory of momentum times a factor; any other as it is.

    scikit-learn's velocity has the learning rates in it under which it grew, and the core's has
    not: where the rate falls to a half, the core's velocity has to be doubled.
    """
    if isinstance(memory, AverageState):
        return memory._replace(state=rescaled(memory.state, factor))
    scale = partial(np.multiply, factor)
    return map_arrays(scale, memory) if isinstance(memory, MomentumState) else memory


def objective(
    examples: Examples, network: Network, alpha: float, map: Any
) -> Callable[[Params], tuple[Evaluation, Grads]]:
    """The function of the params whose value is the penalized mean loss of all examples."""
    weights, parts = examples.weights, in_shards(examples)
    total = len(examples.y) if weights is None else float(weights.sum(dtype=np.float64))
    return partial(penalized, alpha / total, batch=parts, network=network, map=map)


def penalized(
    decay: float, params: Params, batch: Any, network: Network, map: Any
) -> tuple[Evaluation, Grads]:
    """`value_and_grad` of the mean loss plus decay / 2 times the sum of all W^2."""
    evaluation, grads = value_and_grad(params, batch, network, map=map)
    if decay == 0:
        return evaluation, grads
    penalty = decay / 2 * sum(float(np.vdot(W, W)) for W, _ in params)
    pairs = zip(params, grads, strict=True)
    sums = tuple([Layer(_added(decay * layer.W, each.W), each.b) for layer, each in pairs])
    return evaluation._replace(loss=evaluation.loss + penalty), sums


def _added(fresh: Array, other: Array) -> Array:
    fresh += other
    return fresh


def epoch(plan: Plan, state: State, examples: Examples, order: Array) -> tuple[State, Evaluation]:
    """The State after minibatches of all examples in an order, and the means of their figures."""
    places = [order[part] for part in gen_batches(len(order), plan.size)]
    figures = []
    for rows, batch in zip(places, _batches(plan, state, examples, places), strict=True):
        weights = examples.weights
        total = len(rows) if weights is None else float(weights[rows].sum(dtype=np.float64))
        (loss, hits), grads = penalized(
            plan.alpha / total if total else 0.0, state.params, batch, plan.network, plan.map
        )
        new, memory = plan.optimizer.update(state.params, grads, state.optimizer, state.iteration)
        state = State(new, memory, state.iteration + 1, loss, hits)
        figures.append((loss * len(rows), hits * len(rows)))
    sums = (sum(each) for each in zip(*figures, strict=True))
    return state, Evaluation(*(each / len(order) for each in sums))


def _batches(plan: Plan, state: State, examples: Examples, places: list[Array]) -> Iterator[Any]:
    batches: Iterator[Any] = (chosen(examples, rows) for rows in places)
    if plan.workers > 1:
        batches = (_shared(batch, plan.workers) for batch in batches)
    if plan.drops is None:
        return batches
    return dropout(batches, start=state.iteration, map=map, **plan.drops)


def _shared(batch: Batch, workers: int) -> tuple[Batch, ...]:
    X, y, weights, rows, *_ = batch
    parts = shards(X, y, size=-(-X.shape[1] // workers), weights=weights)
    return tuple(part._replace(rows=rows) for part in parts)


def lbfgs(
    params: Params,
    objective: Callable[[Params], tuple[Evaluation, Grads]],
    options: dict[str, Any],
    callback: Callable[[Any], None],
) -> OptimizeResult:
    """SciPy's result of L-BFGS-B from the params: its x is a vector as of `flatten`.

    It computes in float64, whatever the params are: line searches need more than float32 has.
    """
    start = map_arrays(partial(np.asarray, dtype=np.float64), params)

    def value(vector: Array) -> tuple[float, Array]:
        (loss, _), grads = objective(unflatten(vector, start))
        return float(loss), flatten(grads)

    return minimize(
        value, flatten(start), jac=True, method="L-BFGS-B", options=options, callback=callback
    )

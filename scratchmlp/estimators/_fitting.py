"""How the estimators fit: pure functions over examples in rows, by scikit-learn's formulas."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches
from sklearn.utils import shuffle as shuffled

import scratchmlp as mlp
from scratchmlp.core.model.network import activations, quiet, resolved
from scratchmlp.core.training import update_rules as rules
from scratchmlp.core.training.norms import squared_norm
from scratchmlp.core.training.optimizers import updated
from scratchmlp.core.training.schedules import rate_at


class Examples(NamedTuple):
    """X (m, n_in), dense or sparse, y (m,) or (m, n_out), and weights (m,) or None."""

    X: Any
    y: mlp.Array
    weights: mlp.Array | None


class Plan(NamedTuple):
    """What one epoch of minibatches needs; `drops` are the keywords of `dropout`, or None."""

    network: mlp.Network
    optimizer: mlp.Optimizer
    alpha: float
    size: int
    drops: dict[str, Any] | None
    workers: int
    map: Any


def chosen(examples: Examples, rows: Any) -> Examples:
    """Some of the examples, by a slice or their places."""
    X, y, weights = examples
    if isinstance(rows, slice) or issparse(X):
        return Examples(X[rows], y[rows], None if weights is None else weights[rows])
    # `take` is faster than places in brackets.
    return Examples(X.take(rows, axis=0), y[rows], None if weights is None else weights[rows])


def as_batch(examples: Examples) -> mlp.Batch:
    """The examples as the columns that the core takes.

    Of sparse ones, features that are zero in all of them are left out where they are many.
    """
    X, y, weights = examples
    live = np.unique(X.indices) if issparse(X) else None
    if live is None or not 0 < 2 * len(live) <= X.shape[1]:
        return mlp.Batch(columns(X), y.T, weights)
    return mlp.Batch(columns(X[:, live]), y.T, weights, rows=live)


def columns(X: Any) -> mlp.Array:
    """Rows as columns; sparse ones become dense.

    >>> columns(np.array([[1.0, 2.0]]))
    array([[1.],
           [2.]])
    """
    return (X.toarray() if issparse(X) else X).T


def in_shards(examples: Examples) -> tuple[Callable[[], mlp.Batch], ...]:
    """All examples as functions that give 1250 of them: sparse ones are dense only while used."""
    parts = gen_batches(len(examples.y), 1250)
    return tuple(partial(_shard, examples, part) for part in parts)


def _shard(examples: Examples, part: slice) -> mlp.Batch:
    return as_batch(chosen(examples, part))


def outputs(params: mlp.Params, X: Any, network: mlp.Network) -> mlp.Array:
    """The outputs (m, n_out) for rows X (m, n_in), dense or sparse; of a stack, their mean."""
    tiles = (columns(X[part]) for part in gen_batches(X.shape[0], 1000))
    A = np.concatenate([mlp.forward(params, tile, network).A[-1] for tile in tiles], axis=-1)
    return (A if A.ndim == 2 else A.mean(axis=0)).T


def mean_over_outputs(Z: mlp.Array, Y: mlp.Array) -> mlp.Array:
    """Half the squared error, as scikit-learn reports it: the mean, not the sum, over outputs.

    >>> mean_over_outputs(np.array([[3.0], [1.0]]), np.array([[1.0], [1.0]]))
    array([1.])
    """
    return mlp.squared_error.value(Z, Y) / Z.shape[-2]


def adam_of_scikit_learn(rate: Any, beta1: float, beta2: float, epsilon: float) -> mlp.Optimizer:
    """Adam with epsilon added to the root of the biased second moment, not of the unbiased one.

    Source: Kingma and Ba 2014, the variant at the end of section 2.
    """
    return mlp.Optimizer(mlp.adam().init, partial(_adam, rate, beta1, beta2, epsilon), rate)


def _adam(rate: Any, beta1: float, beta2: float, epsilon: float, *arguments: Any) -> Any:
    now = rate_at(rate, arguments[-1])
    numbers = rules.adam_numbers(now, beta1, beta2, 0.0, 0.0, arguments[-1])
    return updated(mlp.AdamState, rules.adam, (*numbers[:3], epsilon, 0.0), *arguments)


def rescaled(memory: Any, factor: float) -> Any:
    """A memory of momentum times a factor; any other as it is.

    scikit-learn's velocity has the learning rates in it under which it grew, and the core's has
    not: where the rate falls to a half, the core's velocity has to be doubled.
    """
    if isinstance(memory, mlp.AverageState):
        return memory._replace(state=rescaled(memory.state, factor))
    scale = partial(np.multiply, factor)
    return mlp.map_arrays(scale, memory) if isinstance(memory, mlp.MomentumState) else memory


def orders(m: int, random: Any, shuffle: bool) -> Iterator[mlp.Array]:
    """The order of m examples in each epoch: scikit-learn's, of a `random_state`."""
    order = np.arange(m)
    while True:
        order = shuffled(order, random_state=random) if shuffle else order
        yield order


def epoch(
    plan: Plan, state: mlp.State, examples: Examples, order: mlp.Array
) -> tuple[mlp.State, mlp.Evaluation]:
    """The State after minibatches of all examples in an order, and the means of their figures.

    To the loss belongs the penalty, alpha / 2 times the sum of all W^2, divided by the minibatch's
    total weight.
    """
    places = [order[part] for part in gen_batches(len(order), plan.size)]
    decays = [_decay(plan.alpha, examples.weights, rows) for rows in places]
    optimizer = plan.optimizer
    if plan.alpha:
        optimizer = mlp.weight_decay(optimizer, partial(_entry, decays, state.iteration))
    parts = (chosen(examples, rows) for rows in places)
    simple = plan.drops is None and plan.workers == 1 and state.params[0].W.ndim == 2
    by_scipy = issparse(examples.X) and simple and len(state.params) > 1
    train: Any = partial(mlp.train, state, network=plan.network, optimizer=optimizer, map=plan.map)
    if by_scipy:
        states = train(parts, value_and_grad=sparse_value_and_grad)
    else:
        states = train(_batches(plan, state, parts))
    loss: Any = 0.0
    hits: Any = 0.0
    for rows, decay, after in zip(places, decays, states, strict=True):
        share, penalty = len(rows) / len(order), decay / 2 * squares(state.params) if decay else 0.0
        loss, hits = loss + share * (after.loss + penalty), hits + share * after.accuracy
        state = after
    return state, mlp.Evaluation(loss, hits)


def _decay(alpha: float, weights: mlp.Array | None, rows: mlp.Array) -> float:
    """The factor of the penalty in a minibatch: alpha divided by the total weight of its rows."""
    total = len(rows) if weights is None else float(weights[rows].sum(dtype=np.float64))
    return alpha / total if total else 0.0


def _entry(values: list[float], first: int, iteration: int) -> float:
    return values[iteration - first]


def squares(params: mlp.Params) -> mlp.Numbers:
    """The sum of all W^2, or in a stack that of each network, (k,).

    >>> from scratchmlp import Layer
    >>> squares((Layer(np.array([[3.0, 4.0]]), np.zeros((1, 1))),)).item()
    25.0
    """
    total: Any = 0.0
    for W, _ in params:
        total = total + (squared_norm(W) if W.ndim == 2 else np.einsum("kij,kij->k", W, W))
    return total


def sparse_value_and_grad(
    params: mlp.Params, examples: Examples, network: mlp.Network, *, map: Any
) -> tuple[mlp.Evaluation, mlp.Grads]:
    """`value_and_grad` of sparse examples: the products of the first layer are SciPy's.

    The layers above it are a network too, which takes what the first one gives.
    """
    (X, y, weights), ((W, b), *above) = examples, params
    activation, *hidden, _ = activations(resolved(network, params))
    upper = network._replace(hidden=tuple(hidden))
    with quiet():
        Z = (X @ W.T).T + b
        A = activation.function(Z)
        if not np.isfinite(A).all():  # training has diverged, which the loss has to tell
            return mlp.Evaluation(math.nan, math.nan), params
        batch = mlp.Batch(A, y.T, weights)
        evaluation, grads = mlp.value_and_grad(tuple(above), batch, upper, map=map)
        dZ = mlp.input_grad(tuple(above), A, y.T, upper) * activation.derivative(Z, A)
        dZ *= 1 / len(y) if weights is None else weights / weights.sum()
        first = mlp.Layer((X.T @ dZ.T).T, dZ.sum(axis=1, keepdims=True))
    return evaluation, (first, *grads)


def _batches(plan: Plan, state: mlp.State, parts: Iterator[Examples]) -> Iterator[Any]:
    batches: Iterator[Any] = map(as_batch, parts)
    if plan.workers > 1:
        batches = map(partial(_shared, plan.workers), batches)
    if plan.drops is not None:
        batches = mlp.dropout(batches, start=state.iteration, **plan.drops)
    return batches


def _shared(workers: int, batch: mlp.Batch) -> tuple[mlp.Batch, ...]:
    X, y, weights, rows, *_ = batch
    parts = mlp.shards(X, y, size=-(-X.shape[1] // workers), weights=weights)
    return tuple(part._replace(rows=rows) for part in parts)


def objective(examples: Examples, network: mlp.Network, alpha: float, map: Any) -> Any:
    """The function that L-BFGS minimizes: a penalized mean loss and its gradient.

    The arguments are a vector, as of `flatten`, and params of the structure that it has.
    """
    decay = _decay(alpha, examples.weights, np.arange(len(examples.y)))
    return partial(_penalized, in_shards(examples), network, decay, map)


def _penalized(
    parts: Any, network: mlp.Network, decay: float, map: Any, vector: mlp.Array, like: mlp.Params
) -> tuple[float, mlp.Array]:
    params = mlp.unflatten(vector, like)
    (loss, _), grads = mlp.value_and_grad(params, parts, network, map=map)
    weights = mlp.flatten(mlp.zero_biases(params))
    return float(loss + decay / 2 * weights @ weights), mlp.flatten(grads) + decay * weights

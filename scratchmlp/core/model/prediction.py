"""Prediction: what networks say of examples, and how good that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Numbers, Params, freeze
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.model import fitting
from scratchmlp.core.model.losses import Loss
from scratchmlp.core.model.network import Network, classifier, propagate, quiet, resolved, taken
from scratchmlp.core.model.weights import of_outputs, weighted_sum
from scratchmlp.core.stacks import check_single, networks, unstack

TILE = 1000  # columns that are computed at once: few enough for their activations to stay in cache


@public
def predict(params: Params, X: Array, network: Network = classifier) -> Array:
    """What the network says of the examples X (n_in, m), as its loss decodes the outputs.

    The class with the highest score, labels (m,), of `softmax_cross_entropy`; the 0 or 1 of each
    output, (n_out, m), of `sigmoid_cross_entropy`; the outputs themselves, (n_out, m), of a
    regressor. Of a stack it is (k, m) or (k, n_out, m). X is taken in tiles of columns, so the
    memory beyond the result does not grow with m.

    Raises as `forward`, and ValueError where an output is not finite.

    >>> from scratchmlp import Layer
    >>> params = (Layer(np.array([[1.0], [2.0]]), np.zeros((2, 1))),)
    >>> predict(params, np.array([[1.0, -1.0]]))
    array([1, 0])
    """
    decode = resolved(network, params).loss.decode
    tiles = _outputs(params, X, network)
    each = [tile if decode is None else decode(tile) for tile in tiles]
    return freeze(np.concatenate(each, axis=-1))


@public
def ensemble_outputs(
    members: Sequence[Params] | Params, X: Array, network: Network = classifier
) -> Array:
    """The outputs A of each of k networks for the examples X (n_in, m): (k, n_out, m).

    The members are a list of params, which may have other hidden layers each, or a stack.

    Raises as `committee`.

    >>> from scratchmlp import Layer, regressor
    >>> members = [(Layer(np.full((1, 1), slope), np.zeros((1, 1))),) for slope in (1.0, 2.0)]
    >>> ensemble_outputs(members, np.array([[3.0, 4.0]]), regressor)
    array([[[3., 4.]],
    <BLANKLINE>
           [[6., 8.]]])
    """
    each = _members(members)
    outputs = [np.concatenate([*_outputs(params, X, network)], axis=-1) for params in each]
    return freeze(np.stack(outputs))


@public
def committee(members: Sequence[Params] | Params, X: Array, network: Network = classifier) -> Array:
    """The mean of the outputs A of several networks for the examples X, (n_out, m).

    Under a softmax these are probabilities, and `.argmax(axis=0)` is what the committee decides.
    The members are a list of params or a stack. X is taken in tiles of columns.

    Raises ValueError for no members, for members whose numbers of outputs differ, and where outputs
    are not finite; TypeError where their dtypes differ; otherwise as `forward`.

    >>> from scratchmlp import Layer, regressor
    >>> members = [(Layer(np.full((1, 1), slope), np.zeros((1, 1))),) for slope in (1.0, 2.0)]
    >>> committee(members, np.array([[3.0, 4.0]]), regressor)
    array([[4.5, 6. ]])

    Members that learn from distorted digits, with dropout, a max-norm and averages:

    >>> from toolz import last, take
    >>> from scratchmlp import accuracy, affine, averaged, compose, dropout, elastic, init_params
    >>> from scratchmlp import init_state, max_norm, minibatches, moving_average, nesterov, train
    >>> from scratchmlp.datasets import mnist
    >>> from scratchmlp.workers import threads
    >>> (X, y), test = mnist()
    >>> distort = compose(affine(rotation=15, scale=0.15, shift=2), elastic(sigma=6, alpha=30))
    >>> sizes = [784, 64, 10]
    >>> optimizer = moving_average(max_norm(nesterov(0.05), 4.0), 0.99)
    >>> def member(seed):
    ...     start = init_state(init_params(sizes, seed=seed), optimizer)
    ...     with threads(1) as ahead:                   # distorts the next batches meanwhile
    ...         batches = minibatches(
    ...             X[:, :4000], y[:4000], size=64, seed=seed, augment=distort, map=ahead
    ...         )
    ...         masked = dropout(batches, sizes, rate=0.1, seed=seed)
    ...         return averaged(last(take(300, train(start, masked, optimizer=optimizer)))).params
    >>> accuracy(committee([member(0), member(1)], test.X).argmax(axis=0), test.y) > 0.9
    True
    """
    each = [_outputs(params, X, network) for params in _members(members)]
    means = [np.mean(outputs, axis=0) for outputs in zip(*each, strict=True)]
    return freeze(np.concatenate(means, axis=1))


@public
def accuracy(predicted: Array, y: Array) -> float:
    """The share of predictions that equal y: both labels of shape (m,), or 0 and 1 of (n_out, m).

    Raises ValueError where the shapes differ or there are no examples; TypeError for anything but
    arrays of integers.

    >>> accuracy(np.array([3, 1, 4]), np.array([3, 1, 5]))
    0.6666666666666666
    """
    fitting.predictions(predicted, y)
    return float(np.mean(predicted == y))


@public
def confusion_matrix(predicted: Array, y: Array, n_classes: int) -> Array:
    """Counts C of shape (n_classes, n_classes): C[i, j] examples of class i predicted as class j.

    Raises as `accuracy`, and ValueError for a label that is not in 0 ... n_classes - 1.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    fitting.predictions(predicted, y)
    checks.count("n_classes", n_classes, least=1)
    checks.labels(predicted, n_classes, "labels predicted")
    checks.labels(y, n_classes)
    pairs = n_classes * y.astype(np.intp) + predicted.astype(np.intp)
    counts = np.bincount(pairs, minlength=n_classes**2)
    return freeze(counts.reshape(n_classes, n_classes))


def in_tiles(X: Array) -> Iterator[Array]:
    """The examples, so many at once.

    >>> [tile.shape for tile in in_tiles(np.zeros((3, 2500)))]
    [(3, 1000), (3, 1000), (3, 500)]
    """
    return (X[..., start : start + TILE] for start in range(0, X.shape[-1], TILE))


def weighted_correct(
    loss: Loss, A: Array, Y: Array, y: Array, weights: Array | None = None
) -> Numbers:
    """The weighted sum of what outputs A (n_out, m) get right, (k,) of a stack of networks.

    An example counts 1 or 0 for a class, the share of right outputs where each is a decision, and
    NaN without decisions. The truth is what the targets Y decode to, or the labels y themselves.

    >>> from scratchmlp import softmax_cross_entropy
    >>> A = Y = np.array([[0.2, 0.7], [0.8, 0.3]])
    >>> weighted_correct(softmax_cross_entropy, A, Y, np.array([1, 1]))
    1.0
    """
    if loss.decode is None:
        return np.full(len(A), np.nan) if A.ndim == 3 else math.nan
    predicted = loss.decode(A)
    if predicted.ndim == A.ndim - 1:
        truth = y if y.ndim == Y.ndim - 1 else loss.decode(Y)
        return weighted_sum(predicted == truth, weights)
    equal = predicted == loss.decode(Y)
    if not of_outputs(weights):
        return weighted_sum(equal.mean(axis=-2), weights)
    return weighted_sum((equal * weights).mean(axis=-2), None)


def _outputs(params: Params, X: Array, network: Network) -> Iterator[Array]:
    """The outputs A for each tile of X, of checked arguments."""
    network = resolved(network, params)
    fitting.examples(X, params)
    return map(_finite_outputs, ((params, tile, network) for tile in in_tiles(X)))


def _finite_outputs(arguments: tuple[Params, Array, Network]) -> Array:
    params, X, network = arguments
    with quiet():
        A = propagate(params, taken(X, params), network).A[-1]
    if not np.isfinite(A).all():
        raise value_error("the outputs of X must be finite, but some are not: look at the params")
    return A


def _members(members: Sequence[Params] | Params) -> tuple[Params, ...]:
    """The params of each member, of a list or a stack, that can be a committee."""
    if networks(members):
        fitting.params(members)
        return unstack(cast(Params, members))
    if not isinstance(members, (list, tuple)):
        raise type_error(f"members must be a list of params, not {checks.kind(members)}")
    if not members:
        raise value_error("members must have at least one")
    each = cast("tuple[Params, ...]", tuple(members))
    for number, member in enumerate(each):
        fitting.params(member, f"members[{number}]")
        check_single(f"members[{number}]", member)
        if (came := member[0].W.dtype) != (first := each[0][0].W.dtype):
            raise type_error(f"members[{number}] is {came} but members[0] is {first}")
    if len(n_out := {len(member[-1].b) for member in each}) > 1:
        raise value_error(f"members must have as many outputs, not {sorted(n_out)}")
    return each

"""Muon: momentum whose matrices are made nearly orthogonal, and Adam for all other arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Numbers, Params, freeze, owned
from scratchmlp.core.border import public, type_error, value_error
from scratchmlp.core.shown import written
from scratchmlp.core.training import update_rules as rules
from scratchmlp.core.training.further_optimizers import nesterov_mean, nesterov_numbers
from scratchmlp.core.training.optimizers import Optimizer, Updated, check_memory_type
from scratchmlp.core.training.schedules import (
    LearningRate,
    check_rate,
    checked_decay,
    checked_size,
    rate_at,
)
from scratchmlp.core.trees import map_arrays

# Of Newton and Schulz's iteration; they make small singular values grow fastest.
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
ADAM_BETAS, EPSILON = (0.9, 0.999), 1e-8


class MuonState(NamedTuple):
    """The decaying mean of the gradients, in the shapes of the parameters, and of their squares.

    The squares are those of the arrays that Adam updates; a matrix of Muon's has an empty array.
    """

    first_moment: Grads
    second_moment: Grads


@written
@public
def muon(
    learning_rate: LearningRate = 0.02,
    beta: Numbers = 0.95,
    *,
    weight_decay: Numbers = 0.0,
    adam_ratio: Numbers = 0.05,
    last_layer: bool = False,
) -> Optimizer:
    """Muon for the weights of the hidden layers, Adam for biases and the weights of the last layer.

    m = beta m + (1 - beta) g and W - learning_rate sqrt(max(1, n_out / n_in)) orthogonal(M), with
    Nesterov's M = beta m / (1 - beta^(t + 1)) + (1 - beta) g / (1 - beta^t), where t = iteration +
    1. orthogonal(M) is nearly U V^T of the singular value decomposition M = U S V^T: from X = M /
    |M| on, five iterations X = a X + b (X X^T) X + c (X X^T)^2 X take singular values from 0.002
    upward to between 0.68 and 1.21. Each network of a stack has its own.

    The rate of Adam is `adam_ratio` times the learning rate. A weight decay above 0 also takes rate
    weight_decay W from all weights, as in `adamw`. With `last_layer` the last layer's weights are
    Muon's too; say so where there is no layer after it, as for a part of a network, or in
    `layerwise`, where each layer is the last one of its optimizer. In a tree without Layers, Muon
    updates every array of two axes or more, whose last two are the matrix, and Adam all others.

    Raises ValueError unless 0 <= beta < 1, adam_ratio > 0 and weight_decay >= 0, and as `step` for
    the learning rate; TypeError where `last_layer` is not a bool.
    Source: K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the form of the mean
    is that of Dozat 2016.

    >>> from scratchmlp import Layer
    >>> hidden, last = (Layer(2 * np.eye(2)[:n], np.ones((n, 1))) for n in (2, 1))
    >>> params, optimizer = (hidden, last), muon(0.1)
    >>> new, _ = optimizer.update(params, params, optimizer.init(params), 0)
    >>> new[0].W.round(2), new[1].W.round(4)
    (array([[1.89, 0.  ],
           [0.  , 1.89]]), array([[1.995, 0.   ]]))
    """
    rate, decay = check_rate(learning_rate), checked_decay("beta", beta)
    ratio = checked_size("adam_ratio", adam_ratio)
    shrink = checked_size("weight_decay", weight_decay, zero=True)
    if not isinstance(last_layer, bool):
        raise type_error(f"last_layer must be True or False, not {checks.kind(last_layer)}")
    update = partial(_muon, rate, decay, shrink, ratio, last_layer)
    return Optimizer(partial(_start, last_layer), update, rate)


def orthogonal(M: Array) -> Array:
    """The matrix, or each of a stack, with singular values of nearly 1 in the place of its own.

    >>> orthogonal(np.array([[3.0, 0.0], [0.0, -4.0]])).round(1)
    array([[ 0.7,  0. ],
           [ 0. , -1.1]])
    """
    wide = M.shape[-2] <= M.shape[-1]
    norm = np.sqrt(np.einsum("...ij,...ij->...", M, M))[..., np.newaxis, np.newaxis]
    X = np.divide(M, norm + EPSILON, order="C")
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        # The smaller of X X^T and X^T X; of such a product BLAS computes one half alone.
        turned = X.swapaxes(-1, -2)
        A = X @ turned if wide else turned @ X
        B = A @ A.swapaxes(-1, -2)
        B *= c
        B += b * A
        correction = B @ X if wide else X @ B
        X *= a
        X += correction
    return X


def _kinds(last_layer: bool, tree: Any) -> Any:
    """Of each array of a tree, whether it is a matrix for Muon, or what Adam takes it as."""
    if isinstance(tree, Layer):
        return "matrix", "biases"
    if not isinstance(tree, tuple):
        return "matrix" if tree.ndim > 1 else "weights"
    kinds = [_kinds(last_layer, branch) for branch in tree]
    if kinds and isinstance(tree[-1], Layer) and not last_layer:
        kinds[-1] = "weights", "biases"
    return tuple(kinds)


def _start(last_layer: bool, params: Params) -> MuonState:
    still = map_arrays(np.zeros_like, params)
    (squares,) = _parts(_of_adam, _kinds(last_layer, params), still)
    return MuonState(still, squares)


def _of_adam(kind: str, zeros: Array) -> tuple[Array]:
    return (freeze(np.zeros_like(zeros[..., :0, :0])) if kind == "matrix" else zeros,)


@public
def _muon(rate: LearningRate, *arguments: Any) -> Updated:
    beta, decay, ratio, last_layer, params, grads, state, iteration = arguments
    check_memory_type(MuonState, state)
    now = rate_at(rate, iteration)
    checks.one_length("the numbers of muon", now, beta, decay, ratio)
    of_weights = rules.adam_numbers(now * ratio, *ADAM_BETAS, EPSILON, decay, iteration)
    numbers = {
        "matrix": (now, decay, *nesterov_numbers(beta, iteration)),
        "weights": of_weights,
        "biases": (*of_weights[:4], 0.0),
    }
    kinds = _kinds(last_layer, params)
    new, *memory = _parts(partial(_updated, numbers), kinds, params, grads, *state)
    return new, MuonState(*memory)


def _parts(function: Callable[..., tuple[Any, ...]], kinds: Any, *trees: Any) -> Any:
    """The trees that a function makes of each kind and the corresponding arrays of trees."""
    if not isinstance(kinds, tuple):
        return function(kinds, *trees)
    if any(not isinstance(tree, tuple) or len(tree) != len(kinds) for tree in trees):
        raise value_error("the gradients must have the structure of the parameters")
    parts = [_parts(function, *each) for each in zip(kinds, *trees, strict=True)]
    make = getattr(trees[0], "_make", tuple)
    return (
        [make(each) for each in zip(*parts, strict=True)]
        if parts
        else [trees[0]] * max(1, len(trees) - 1)
    )


def _updated(numbers: dict[str, tuple[Numbers, ...]], kind: str, *arrays: Array) -> Any:
    """The new array and its new memory, of an array, its gradient and its memory."""
    if kind != "matrix":
        return rules.applied(rules.adam, numbers[kind], *arrays)
    a, g, m, squares = arrays
    n_out, n_in = a.shape[-2:]
    rate, decay, *shares = numbers[kind]
    direction, first = rules.applied(nesterov_mean, shares, a, g, m)
    steps = rate * math.sqrt(max(1, n_out / n_in)), rate * decay
    (new,) = rules.applied(_shrink_and_descend, steps, a, orthogonal(direction))
    return new, first, owned(squares)


def _shrink_and_descend(rate: Any, decay: Any, a: Array, g: Array, new: Array) -> None:
    """a - rate g - decay a."""
    np.multiply(rate, g, out=new)
    if isinstance(decay, np.ndarray) or decay:
        new += decay * a
    np.subtract(a, new, out=new)

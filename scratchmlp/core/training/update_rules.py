"""The rules of the optimizers: from an array, its gradient and its memory to their successors.

A rule is a function of some numbers, an array a, its gradient g and its memory, that returns the
new array and the new memory. In a stack a number may be an array that has one for each network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np

from scratchmlp.core.arrays import Array, Layer, Numbers, freeze
from scratchmlp.core.border import value_error
from scratchmlp.core.stacks import per_network

Rule: TypeAlias = Callable[..., tuple[Array, ...]]


def applied(
    rule: Rule, numbers: Sequence[Numbers], *trees: Any, biases: Sequence[Numbers] | None = None
) -> list[Any]:
    """The trees that a rule makes of the corresponding arrays of others, as read-only arrays.

    The trees are of parameters, of their gradients, and of memories. Gradients are taken in the
    dtype of the parameters. The b of a Layer may have other numbers.

    >>> tree = (np.array([2.0]), np.array([3.0]))
    >>> applied(lambda rate, a, g: (a - rate * g,), [0.5], tree, tree)
    [(array([1.]), array([1.5]))]
    """
    first, grads, *_ = trees
    if not isinstance(first, tuple):
        if first.shape != np.shape(grads):
            raise value_error(f"a gradient has shape {np.shape(grads)} but its array {first.shape}")
        own = [per_network(number, first) for number in numbers]
        rest = (grads.astype(first.dtype, copy=False), *trees[2:])
        return [freeze(array) for array in rule(*own, first, *rest)]
    if not first:
        return [first] * (len(trees) - 1)
    if not isinstance(grads, tuple) or len(grads) != len(first):
        raise value_error("the gradients must have the structure of the parameters")
    of_each = (numbers, biases or numbers) if isinstance(first, Layer) else repeat(numbers)
    parts = [
        applied(rule, own, *branches, biases=biases)
        for own, branches in zip(of_each, zip(*trees, strict=True), strict=False)
    ]
    make = getattr(first, "_make", tuple)
    return [make(arrays) for arrays in zip(*parts, strict=True)]


def descend(rate: Any, a: Array, g: Array) -> tuple[Array]:
    """a - rate g.

    >>> descend(0.5, np.array([2.0]), np.array([2.0]))
    (array([1.]),)
    """
    return (_descended(rate, a, g),)


def heavy_ball(rate: Any, beta: Any, a: Array, g: Array, v: Array) -> tuple[Array, ...]:
    """Momentum's.

    >>> heavy_ball(0.5, 0.5, np.array([1.0]), np.array([1.0]), np.array([2.0]))
    (array([0.]), array([2.]))
    """
    velocity = _accumulated(beta, v, g)
    return _descended(rate, a, velocity), velocity


def nesterov(rate: Any, beta: Any, a: Array, g: Array, v: Array) -> tuple[Array, ...]:
    """Nesterov's.

    >>> nesterov(0.5, 0.5, np.array([1.0]), np.array([1.0]), np.array([2.0]))
    (array([0.]), array([2.]))
    """
    velocity = _accumulated(beta, v, g)
    direction = _accumulated(beta, velocity, g)
    return _descended(rate, a, direction, out=direction), velocity


def rmsprop(rate: Any, beta: Any, epsilon: Any, a: Array, g: Array, s: Array) -> tuple[Array, ...]:
    """RMSProp's.

    >>> new, second = rmsprop(0.5, 0.75, 1e-8, np.array([1.0]), np.array([1.0]), np.array([0.0]))
    >>> new.round(6), second
    (array([0.]), array([0.25]))
    """
    second = blended(s, g * g, beta)
    scale = np.sqrt(second)
    scale += epsilon
    return _descended(rate, a, np.divide(g, scale, out=scale), out=scale), second


def adam_numbers(
    rate: Numbers, beta1: Numbers, beta2: Numbers, epsilon: Numbers, decay: Numbers, iteration: int
) -> tuple[Numbers, ...]:
    """The numbers of `adam` in an iteration, which counts from 0.

    The biases of both moments are taken from the rate and from epsilon, which are single numbers.
    """
    root = _root(1 - beta2 ** (iteration + 1))
    scale = root / (1 - beta1 ** (iteration + 1))
    return rate * scale, beta1, beta2, epsilon * root, decay / scale


def adam(
    rate: Any, beta1: Any, beta2: Any, epsilon: Any, decay: Any, a: Array, g: Array, *moments: Array
) -> tuple[Array, ...]:
    """Adam's, and with a weight decay AdamW's, by the numbers of `adam_numbers`.

    >>> a, g, m, s = (np.array([number]) for number in (1.0, 1.0, 0.0, 0.0))
    >>> adam(*adam_numbers(0.5, 0.9, 0.999, 1e-8, 0.0, 0), a, g, m, s)[0].round(6)
    array([0.5])
    """
    first = blended(moments[0], g, beta1)
    second = blended(moments[1], g * g, beta2)
    scale = np.sqrt(second)
    scale += epsilon
    direction = np.divide(first, scale, out=scale)
    if isinstance(decay, np.ndarray) or decay:
        direction += decay * a
    return _descended(rate, a, direction, out=direction), first, second


def blended(old: Array, new: Array, beta: Any) -> Array:
    """The mean beta old + (1 - beta) new, as a fresh array.

    >>> blended(np.array([4.0]), np.array([0.0]), 0.25)
    array([1.])
    """
    mean = new - old
    mean *= 1 - beta
    mean += old
    return mean


def _accumulated(beta: Any, v: Array, g: Array) -> Array:
    """beta v + g, as a fresh array."""
    velocity = beta * v
    velocity += g
    return velocity


def _descended(rate: Any, a: Array, direction: Array, out: Array | None = None) -> Array:
    """a - rate direction, as a fresh array, or in the memory that is given for it."""
    change = np.multiply(rate, direction, out=out)
    return np.subtract(a, change, out=change)


def _root(number: Numbers) -> Numbers:
    return np.sqrt(number) if isinstance(number, np.ndarray) else math.sqrt(number)

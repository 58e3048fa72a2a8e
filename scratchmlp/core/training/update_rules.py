"""The rules of the optimizers: from an array, its gradient and its memory to their successors.

A rule is a function of (rate, iteration, a, g, *memory), after its own constants, that returns the
new array and the new memory.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from scratchmlp.core.arrays import Array, Layer, Params, freeze, map_layers

Rule: TypeAlias = Callable[..., tuple[Array, ...]]


def applied(of_weights: Rule, of_biases: Rule, *trees: Params) -> tuple[Params, ...]:
    """The trees that two rules make of the corresponding W and b of others, as read-only arrays.

    >>> tree = (Layer(np.array([[2.0]]), np.array([[3.0]])),)
    >>> [tree[0].W.item() for tree in applied(*[lambda a, g: (a - g, a + g)] * 2, tree, tree)]
    [0.0, 4.0]
    """

    def both(W: tuple[Array, ...], b: tuple[Array, ...]) -> list[Layer]:
        pairs = zip(of_weights(*W), of_biases(*b), strict=True)
        return [Layer(freeze(one), freeze(other)) for one, other in pairs]

    layers = [both(*zip(*each, strict=True)) for each in zip(*trees, strict=True)]
    return tuple(zip(*layers, strict=True))


def descend(params: Params, grads: Params, rate: float) -> Params:
    """W - rate dW for each array.

    >>> params = (Layer(np.array([[2.0]]), np.array([[3.0]])),)
    >>> descend(params, params, 0.5)
    (Layer(W=array([[1.]]), b=array([[1.5]])),)
    """
    return map_layers(partial(_descended, rate), params, grads)


def blended(old: Array, new: Array, beta: float) -> Array:
    """The mean beta old + (1 - beta) new, as a fresh array.

    >>> blended(np.array([4.0]), np.array([0.0]), 0.25)
    array([1.])
    """
    mean = new - old
    mean *= 1 - beta
    mean += old
    return mean


def heavy_ball(beta: float, rate: float, _: int, a: Array, g: Array, v: Array) -> tuple[Array, ...]:
    """Momentum's."""
    velocity = _accumulated(beta, v, g)
    return _descended(rate, a, velocity), velocity


def nesterov(beta: float, rate: float, _: int, a: Array, g: Array, v: Array) -> tuple[Array, ...]:
    """Nesterov's."""
    velocity = _accumulated(beta, v, g)
    direction = _accumulated(beta, velocity, g)
    return _descended(rate, a, direction, out=direction), velocity


def rmsprop(
    beta: float, epsilon: float, rate: float, _: int, a: Array, g: Array, s: Array
) -> tuple[Array, ...]:
    """RMSProp's."""
    second = blended(s, g * g, beta)
    scale = np.sqrt(second)
    scale += epsilon
    return _descended(rate, a, np.divide(g, scale, out=scale), out=scale), second


def adam(
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    rate: float,
    iteration: int,
    a: Array,
    g: Array,
    m: Array,
    s: Array,
) -> tuple[Array, ...]:
    """Adam's, and with a weight decay AdamW's."""
    first = blended(m, g, beta1)
    second = blended(s, g * g, beta2)
    # The biases of both moments are taken from the rate and from epsilon, which are numbers.
    root = math.sqrt(1 - beta2 ** (iteration + 1))
    scale = np.sqrt(second)
    scale += epsilon * root
    direction = np.divide(first, scale, out=scale)
    scale_of_rate = root / (1 - beta1 ** (iteration + 1))
    if weight_decay:
        direction += weight_decay / scale_of_rate * a
    return _descended(rate * scale_of_rate, a, direction, out=direction), first, second


def _accumulated(beta: float, v: Array, g: Array) -> Array:
    """beta v + g, as a fresh array."""
    velocity = beta * v
    velocity += g
    return velocity


def _descended(rate: float, a: Array, direction: Array, out: Array | None = None) -> Array:
    """a - rate direction, as a fresh array, or in the memory that is given for it."""
    change = np.multiply(rate, direction, out=out)
    return freeze(np.subtract(a, change, out=change))

"""The rules of the optimizers: from an array, its gradient and its memory to their successors.

A rule is a function of some numbers, an array a, its gradient g and its memory, that writes the new
array and the new memory into the arrays that come last; the first of these may be g itself. It is
given long arrays in blocks, which stay in the cache from one operation to the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from scratchmlp.core.arrays import Array, Layer, Numbers
from scratchmlp.core.border import value_error
from scratchmlp.core.flat import Flat, Spare, successor
from scratchmlp.core.stacks import per_network

Rule: TypeAlias = Callable[..., None]
BLOCK = 1 << 16  # numbers: what a rule reads and writes of each array is then 256 kB of float32


def applied(
    rule: Rule, numbers: Sequence[Numbers], *trees: Any, biases: Sequence[Numbers] | None = None
) -> Any:
    """The trees that a rule makes of the corresponding arrays of others, as read-only arrays.

    The trees are of parameters, of their gradients, and of memories. Gradients are taken in the
    dtype of the parameters. In a stack a number may be an array that has one for each network; the
    b of a Layer may have numbers of its own.

    >>> tree = (np.array([2.0]), np.array([3.0]))
    >>> applied(descend, [0.5], tree, tree)
    [(array([1.]), array([1.5]))]
    """
    own = numbers if biases is None else biases
    stacked = np.ndarray in map(type, (*numbers, *own))
    if not stacked and own == numbers and all([type(tree) is Flat for tree in trees]):  # noqa: C419
        new = _of_array(_Step(rule, False, True), numbers, tuple([tree.whole for tree in trees]))
        return [*map(successor, trees[1:], new)]
    return _applied(_Step(rule, stacked, isinstance(trees[1], Spare)), numbers, own, trees)


class _Step(NamedTuple):
    """A rule; whether its numbers differ between networks; whether gradients are Spare."""

    rule: Rule
    stacked: bool
    spare: bool


def _applied(
    step: _Step, numbers: Sequence[Numbers], of_biases: Sequence[Numbers], trees: tuple[Any, ...]
) -> Any:
    first, grads = trees[:2]
    if not isinstance(first, tuple):
        return _of_array(step, numbers, trees)
    if not isinstance(grads, tuple) or len(grads) != len(first):
        raise value_error("the gradients must have the structure of the parameters")
    if isinstance(first, Layer):
        weights, biases = zip(*trees, strict=True)
        W, b = _of_array(step, numbers, weights), _of_array(step, of_biases, biases)
        return [*map(Layer, W, b)]
    parts = [_applied(step, numbers, of_biases, each) for each in zip(*trees, strict=True)]
    make = getattr(first, "_make", tuple)
    return [make(each) for each in zip(*parts, strict=True)] if parts else [first] * len(trees[1:])


def _of_array(step: _Step, numbers: Sequence[Any], arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """The new array and the new memory, of an array, its gradient and its memory."""
    a, g, *memory = arrays
    if g.shape != a.shape:
        raise value_error(f"a gradient has shape {g.shape} but its array {a.shape}")
    if g.dtype != a.dtype:
        g = g.astype(a.dtype)
        arrays = a, g, *memory
    first = g if step.spare and g.flags.writeable else np.empty_like(a)
    new = first, *map(np.empty_like, memory)
    if step.stacked:
        step.rule(*[per_network(number, a) for number in numbers], *arrays, *new)
    else:
        by_blocks(step.rule, numbers, *arrays, *new)
    for array in new:
        array.setflags(write=False)
    return new


def by_blocks(rule: Rule, numbers: Sequence[Any], *arrays: Array) -> None:
    """A rule of arrays of one shape, block after block where all lie in memory in one order.

    >>> by_blocks(descend, [0.5], np.ones(2), np.ones(2), new := np.empty(2))
    >>> new
    array([0.5, 0.5])
    """
    size = arrays[0].size
    order = _order(arrays) if size > BLOCK else None
    if order is None:
        return rule(*numbers, *arrays)
    flat = [each.reshape(-1, order=order) for each in arrays]
    for start in range(0, size, BLOCK):
        rule(*numbers, *[each[start : start + BLOCK] for each in flat])


def _order(arrays: Sequence[Array]) -> Literal["C", "F"] | None:
    if all(each.flags.c_contiguous for each in arrays):
        return "C"
    return "F" if all(each.flags.f_contiguous for each in arrays) else None


def descend(rate: Any, a: Array, g: Array, new: Array) -> None:
    """a - rate g.

    >>> new = np.empty(1)
    >>> descend(0.5, np.array([2.0]), np.array([2.0]), new)
    >>> new
    array([1.])
    """
    np.multiply(rate, g, out=new)
    np.subtract(a, new, out=new)


def heavy_ball(
    rate: Any, beta: Any, a: Array, g: Array, v: Array, new: Array, velocity: Array
) -> None:
    """Momentum's: v = beta v + g, and a - rate v."""
    np.multiply(beta, v, out=velocity)
    velocity += g
    descend(rate, a, velocity, new)


def nesterov(
    rate: Any, beta: Any, a: Array, g: Array, v: Array, new: Array, velocity: Array
) -> None:
    """Nesterov's: v = beta v + g, and a - rate (g + beta v)."""
    np.multiply(beta, v, out=velocity)
    velocity += g
    np.add(beta * velocity, g, out=new)
    descend(rate, a, new, new)


def rmsprop(
    rate: Any, share: Any, epsilon: Any, a: Array, g: Array, s: Array, new: Array, second: Array
) -> None:
    """RMSProp's: s = (1 - share) s + share g^2, and a - rate g / (sqrt(s) + epsilon)."""
    square = g * g
    blend(share, s, square, second)
    np.sqrt(second, out=square)
    square += epsilon
    np.divide(g, square, out=new)
    descend(rate, a, new, new)


def adam_numbers(
    rate: Numbers, beta1: Numbers, beta2: Numbers, epsilon: Numbers, decay: Numbers, iteration: int
) -> tuple[Numbers, ...]:
    """The numbers of `adam` in an iteration, which counts from 0.

    For beta there is 1 - beta, which is so in double precision. The biases of both moments are
    taken from the rate and from epsilon, which are single numbers.
    """
    root = _root(1 - beta2 ** (iteration + 1))
    scale = root / (1 - beta1 ** (iteration + 1))
    return rate * scale, 1 - beta1, 1 - beta2, epsilon * root, decay / scale


def adam(rate: Any, share1: Any, share2: Any, epsilon: Any, decay: Any, *arrays: Array) -> None:
    """Adam's, and with a weight decay AdamW's, by the numbers of `adam_numbers`.

    >>> numbers, (a, g, m, s) = adam_numbers(0.5, 0.9, 0.999, 1e-8, 0.0, 0), np.eye(4)[:, :1] + 1
    >>> adam(*numbers, a, g, 0 * m, 0 * s, new := np.empty(1), m, s)
    >>> new.round(6)
    array([1.5])
    """
    a, g, m, s, new, first, second = arrays
    blend(share1, m, g, first)
    np.multiply(g, g, out=new)
    blend(share2, s, new, second)
    np.sqrt(second, out=new)
    new += epsilon
    np.divide(first, new, out=new)
    if isinstance(decay, np.ndarray) or decay:
        new += decay * a
    descend(rate, a, new, new)


def blend(share: Any, old: Array, new: Array, mean: Array) -> None:
    """(1 - share) old + share new.

    >>> mean = np.empty(1)
    >>> blend(0.75, np.array([4.0]), np.array([0.0]), mean)
    >>> mean
    array([1.])
    """
    np.subtract(new, old, out=mean)
    mean *= share
    mean += old


def _root(number: Numbers) -> Numbers:
    return np.sqrt(number) if isinstance(number, np.ndarray) else math.sqrt(number)

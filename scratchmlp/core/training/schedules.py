"""Learning rates: numbers, or functions from the iteration, which counts from 0, to a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from scratchmlp.core import checks
from scratchmlp.core.arrays import Numbers
from scratchmlp.core.border import public
from scratchmlp.core.shown import written

Schedule: TypeAlias = Callable[[int], Numbers]
LearningRate: TypeAlias = Numbers | Schedule


def check_rate(learning_rate: LearningRate, name: str = "learning_rate") -> LearningRate:
    """A number as a float, an array (k,) of one for each network of a stack, or the schedule."""
    if callable(learning_rate):
        return learning_rate
    return checks.numbers(checks.positive, name, learning_rate, zero=True)


def rate_at(learning_rate: LearningRate, iteration: int, name: str = "learning_rate") -> Numbers:
    """The learning rate of an iteration, or another number of that kind.

    Raises ValueError where a schedule gives one that is negative or not finite, TypeError for
    anything but a number, or an array (k,) of them.

    >>> rate_at(0.1, 7), rate_at(lambda iteration: 1 / (1 + iteration), 1)
    (0.1, 0.5)
    """
    if not callable(learning_rate):
        return learning_rate
    rate = learning_rate(iteration)
    return checks.numbers(checks.positive, f"{name}({iteration})", rate, zero=True)


def checked_decay(name: str, value: Any) -> Numbers:
    """A number from 0 to below 1, or one for each network."""
    return checks.numbers(checks.fraction, name, value, zero=True)


def checked_size(name: str, value: Any, *, zero: bool = False) -> Numbers:
    """A number above 0, or also 0, or one for each network."""
    return checks.numbers(checks.positive, name, value, zero=zero)


@written
@public
def constant(rate: Numbers) -> Schedule:
    """The same rate at every iteration, as the number itself would be.

    >>> constant(0.1)(1000)
    0.1
    """
    return partial(_constant, _rate(rate))


@written
@public
def step_decay(rate: Numbers, *, every: int, factor: float = 0.1) -> Schedule:
    """The rate times `factor` once for each `every` iterations that have passed.

    Raises ValueError for a negative rate, every < 1 or a factor that is not above 0.

    >>> [step_decay(0.5, every=10, factor=0.5)(iteration) for iteration in (0, 9, 10, 20)]
    [0.5, 0.5, 0.25, 0.125]
    """
    steps = checks.count("every", every, least=1)
    times = checks.positive("factor", factor)
    return partial(_step_decay, _rate(rate), steps, times)


@written
@public
def exponential_decay(rate: Numbers, *, every: int, factor: float = 0.1) -> Schedule:
    """As `step_decay`, but smoothly: the rate times factor^(iteration / every).

    >>> [exponential_decay(0.5, every=10, factor=0.25)(iteration) for iteration in (0, 5, 10)]
    [0.5, 0.25, 0.125]
    """
    steps = checks.count("every", every, least=1)
    times = checks.positive("factor", factor)
    return partial(_exponential_decay, _rate(rate), steps, times)


@written
@public
def inverse_scaling(rate: Numbers, *, power: float = 0.5, every: int = 1) -> Schedule:
    """The rate divided by (1 + iteration / every)^power.

    Raises ValueError for a negative rate or power, or every < 1.
    Source: Robbins and Monro 1951, "A Stochastic Approximation Method", which needs a power above
    1/2 and at most 1 for convergence with noisy gradients.

    >>> [inverse_scaling(0.5, every=10)(iteration) for iteration in (0, 30, 150)]
    [0.5, 0.25, 0.125]
    """
    steps = checks.count("every", every, least=1)
    exponent = checks.positive("power", power, zero=True)
    return partial(_inverse_scaling, _rate(rate), steps, exponent)


@written
@public
def cosine_decay(rate: Numbers, *, iterations: int, final: Numbers = 0.0) -> Schedule:
    """From the rate down to `final` along half a cosine, in so many iterations.

    Source: Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983.

    >>> [round(cosine_decay(0.5, iterations=10)(iteration), 9) for iteration in (0, 5, 10, 99)]
    [0.5, 0.25, 0.0, 0.0]
    """
    ends = _rate(rate), _rate(final, "final")
    checks.one_length("rate and final", *ends)
    span = checks.count("iterations", iterations, least=1)
    return partial(_cosine, *ends, 0.0, float(span))


@written
@public
def warmup(learning_rate: LearningRate, *, iterations: int) -> Schedule:
    """A rate or schedule, of which the first iterations take 1/n, 2/n, ... n/n.

    The schedule's own clock runs from the start. Source: Goyal et al. 2017,
    https://arxiv.org/abs/1706.02677.

    >>> [warmup(0.5, iterations=4)(iteration) for iteration in (0, 1, 3, 4)]
    [0.125, 0.25, 0.5, 0.5]
    """
    span = checks.count("iterations", iterations, least=1)
    return partial(_warmup, check_rate(learning_rate), span)


@written
@public
def one_cycle(
    peak: Numbers,
    *,
    iterations: int,
    rising: float = 0.3,
    start: Numbers | None = None,
    final: Numbers | None = None,
) -> Schedule:
    """Up to the peak in the `rising` share of the iterations and down in the rest, along cosines.

    It begins at `start`, by default peak / 25, and ends at `final`, by default peak / 250,000.
    Source: Smith and Topin 2017, https://arxiv.org/abs/1708.07120.

    >>> [one_cycle(0.5, iterations=10)(iteration) for iteration in (0, 3, 10)]
    [0.02, 0.5, 2e-06]
    """
    top = _rate(peak, "peak")
    low = top / 25 if start is None else _rate(start, "start")
    last = top / 250_000 if final is None else _rate(final, "final")
    checks.one_length("peak, start and final", top, low, last)
    span = checks.count("iterations", iterations, least=1)
    turn = checks.fraction("rising", rising) * span
    return partial(_one_cycle, low, top, last, turn, float(span))


def _rate(value: Any, name: str = "rate") -> Numbers:
    return checks.numbers(checks.positive, name, value, zero=True)


def _constant(rate: Numbers, iteration: int) -> Numbers:
    return rate


def _step_decay(rate: Numbers, every: int, factor: float, iteration: int) -> Numbers:
    return rate * factor ** (iteration // every)


def _exponential_decay(rate: Numbers, every: int, factor: float, iteration: int) -> Numbers:
    return rate * factor ** (iteration / every)


def _inverse_scaling(rate: Numbers, every: int, power: float, iteration: int) -> Numbers:
    return rate / (1 + iteration / every) ** power


def _cosine(one: Numbers, other: Numbers, start: float, end: float, iteration: int) -> Numbers:
    """From one rate at `start` to the other at `end`, and the same before and after."""
    way = min(max((iteration - start) / (end - start), 0.0), 1.0)
    share = (1 + math.cos(math.pi * way)) / 2
    return share * one + (1 - share) * other


def _warmup(learning_rate: LearningRate, span: int, iteration: int) -> Numbers:
    return min(1.0, (iteration + 1) / span) * rate_at(learning_rate, iteration)


def _one_cycle(
    low: Numbers, top: Numbers, last: Numbers, turn: float, end: float, iteration: int
) -> Numbers:
    if iteration < turn:
        return _cosine(low, top, 0.0, turn, iteration)
    return _cosine(top, last, turn, end, iteration)

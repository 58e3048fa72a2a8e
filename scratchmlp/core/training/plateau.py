"""A learning rate that falls whenever the loss stalls: a stream of states that looks at itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from typing import Any, NamedTuple

from scratchmlp.core import checks
from scratchmlp.core.border import public, public_stream, type_error
from scratchmlp.core.training.state import State


class _Seen(NamedTuple):
    """The least loss so far, for how many losses it has been so, and the rate now."""

    best: float
    waited: int
    rate: float


@public
def plateau_rate(
    rate: float,
    losses: Iterable[float],
    *,
    patience: int = 5,
    factor: float = 0.5,
    min_improvement: float = 0.0,
) -> float:
    """The learning rate after these validation losses: times `factor` whenever they have stalled.

    They have when `patience` of them in a row are not lower than the lowest before by more than
    `min_improvement`; then the count starts again. A loss that is NaN is no improvement.

    Raises ValueError for patience < 1, a factor that is not between 0 and 1, or a negative rate or
    improvement; TypeError where these are no numbers.

    >>> plateau_rate(0.1, [3.0, 2.0, 2.5, 2.1, 2.2, 2.3], patience=2)
    0.025
    """
    rule = _rule(patience, factor, min_improvement)
    start = checks.positive("rate", rate, zero=True)
    return reduce(rule, _numbers("losses", losses), _Seen(math.inf, 0, start)).rate


@public_stream
def plateau(
    run: Callable[[State, float], Iterable[State]],
    state: State,
    rate: float,
    loss: Callable[[State], float],
    *,
    every: int,
    patience: int = 5,
    factor: float = 0.5,
    min_improvement: float = 0.0,
    earlier: Iterable[float] = (),
) -> Iterator[State]:
    """The lazy stream of states of a training whose learning rate falls whenever the loss stalls.

    `run(state, rate)` is the stream of states that follow one at a rate, such as `train` with the
    batches from its iteration on; where the rate falls, it is asked for another. `loss(state)`,
    such as that of other examples, is taken of each state whose iteration is a multiple of `every`;
    the rate is `plateau_rate` of these. So n + m steps are n steps and then m, bit for bit, where
    `earlier` has the losses that were taken in the n steps.

    Raises as `plateau_rate`, ValueError for every < 1, TypeError for anything but functions.
    Source: the rule is that of PyTorch's ReduceLROnPlateau.

    >>> def run(state, rate):
    ...     return (State((), (), k, rate, 0.0) for k in range(state.iteration + 1, 8))
    >>> start = State((), (), 0, 0.0, 0.0)
    >>> states = plateau(run, start, 0.1, lambda state: 1.0, every=2, patience=1)
    >>> [state.loss for state in states]
    [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025]
    """
    checks.function("run", run)
    checks.function("loss", loss)
    checks.count("every", every, least=1)
    rule = _rule(patience, factor, min_improvement)
    start = checks.positive("rate", rate, zero=True)
    if not isinstance(state, State):
        raise type_error(f"state must be a State, not {checks.kind(state)}")
    seen = reduce(rule, _numbers("earlier", earlier), _Seen(math.inf, 0, start))
    return _plateau(run, state, seen, loss, every, rule)


def _plateau(
    run: Callable[[State, float], Iterable[State]],
    state: State,
    seen: _Seen,
    loss: Callable[[State], float],
    every: int,
    rule: Callable[[_Seen, float], _Seen],
) -> Iterator[State]:
    ended = False
    while not ended:
        before, ended = seen.rate, True
        for following in run(state, seen.rate):
            yield following
            if following.iteration % every == 0:
                seen = rule(seen, loss(following))
            if seen.rate != before:
                state, ended = following, False
                break


def _numbers(name: str, losses: Iterable[Any]) -> list[float]:
    checks.stream(name, losses)
    return [checks.number(f"{name}[{place}]", loss) for place, loss in enumerate(losses)]


def _rule(patience: int, factor: float, min_improvement: float) -> Callable[[_Seen, float], _Seen]:
    checks.count("patience", patience, least=1)
    share = checks.fraction("factor", factor)
    least = checks.positive("min_improvement", min_improvement, zero=True)
    return partial(_next, patience, share, least)


def _next(patience: int, factor: float, least: float, seen: _Seen, loss: float) -> _Seen:
    if loss < seen.best - least:
        return _Seen(loss, 0, seen.rate)
    waited = seen.waited + 1
    return (
        _Seen(seen.best, 0, factor * seen.rate)
        if waited >= patience
        else seen._replace(waited=waited)
    )

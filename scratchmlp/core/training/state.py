"""What training goes on from, what comes of it, and the error where it goes wrong."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchmlp.core.arrays import Array, Numbers, Params, freeze
from scratchmlp.core.training.schedules import LearningRate, rate_at


class State(NamedTuple):
    """Where training stands: all that it goes on from, and figures to watch.

    `iteration` is the number of updates made; `loss` and `accuracy` are those of the last batch,
    before its update (NaN before the first). For a stack of k networks they are (k,), and NaN from
    where a network has diverged.
    """

    params: Params
    optimizer: tuple[Any, ...]
    iteration: int
    loss: Numbers
    accuracy: Numbers


# What the fold of training carries: the state before, whose params are known to be good; the state;
# and its trees of arrays, which may be Flat.
Turn: TypeAlias = tuple[State, State, tuple[Params, tuple[Any, ...]]]


class Trained(NamedTuple):
    """The parameters after training, and each iteration's loss and accuracy.

    The figures are (iterations,), or (iterations, k) for a stack of k networks.
    """

    params: Params
    losses: Array
    accuracies: Array


class DivergenceError(ArithmeticError):
    """The loss is no longer finite, at `iteration`; `state` is the last one whose loss was finite.

    On the first batch of a stream, and from `train_step`, it is the state that was given.

    `learning_rate` is that of the update which led there, or None where the optimizer does not tell
    or there was no update; `last_loss` is the last that was finite. In a stack it is raised when no
    network is left.
    """

    def __init__(
        self,
        iteration: int,
        state: State,
        learning_rate: Numbers | None = None,
        last_loss: Numbers = math.nan,
    ) -> None:
        super().__init__(iteration, state, learning_rate, last_loss)
        self.iteration = iteration
        self.state = state
        self.learning_rate = learning_rate
        self.last_loss = last_loss

    def __str__(self) -> str:
        number = isinstance(self.learning_rate, float)
        rate = f" at learning rate {self.learning_rate:.4g}" if number else ""
        known = isinstance(self.last_loss, float) and math.isfinite(self.last_loss)
        last = f" (before, it was {self.last_loss:.4g})" if known else ""
        return (
            f"the loss is not finite at iteration {self.iteration}{rate}{last}: try scaled inputs, "
            "as of standardize, a smaller learning rate, or clip_by_global_norm"
        )


def of_those_left(lost: Array, state: State, figures: tuple[Any, ...]) -> tuple[Array, ...]:
    """The figures of a stack, NaN for the networks that are lost, now or since an earlier state."""
    if not (before := np.isnan(state.loss)).all():  # as they are before the first update
        lost = lost | before
    return without(lost, figures)


def without(lost: Array, figures: tuple[Any, ...]) -> tuple[Array, ...]:
    """The figures of a stack, NaN for the networks that are lost.

    >>> without(np.array([True, False]), (np.ones(2),))
    (array([nan,  1.]),)
    """
    return tuple(freeze(np.where(lost, np.nan, each)) for each in figures)


def diverge(known: LearningRate | None, good: State, state: State) -> None:
    """Raise the DivergenceError of a state, after which the loss was not finite."""
    rate = None if known is None or not state.iteration else rate_at(known, state.iteration - 1)
    raise DivergenceError(state.iteration, good, rate, state.loss)

"""A learning rate that falls when the loss stalls, and its law of resume."""

import itertools
from functools import partial

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    State,
    adam,
    evaluate,
    init_params,
    init_state,
    minibatches,
    momentum,
    plateau,
    plateau_rate,
    sgd,
    train,
)
from tests.helpers import same_bytes

rng = np.random.default_rng(0)
X, y = rng.normal(size=(4, 40)), rng.integers(0, 3, 40)
VALIDATION = Batch(rng.normal(size=(4, 20)), rng.integers(0, 3, 20))
EVERY, PATIENCE, RATE = 3, 2, 0.5


def run(make, state, rate):
    batches = minibatches(X, y, size=8, start=state.iteration)
    return train(state, batches, optimizer=make(rate))


def loss(state):
    return evaluate(state.params, VALIDATION).loss


def stream(make, state, earlier=()):
    return plateau(
        partial(run, make), state, RATE, loss, every=EVERY, patience=PATIENCE, earlier=earlier
    )


@pytest.mark.parametrize("make", [sgd, partial(momentum, beta=0.5), adam])
def test_some_steps_and_then_more_are_all_of_them_to_the_bit(make):
    start = init_state(init_params([4, 8, 3], dtype=np.float64), make(RATE))
    whole = list(itertools.islice(stream(make, start), 60))
    losses = [loss(state) for state in whole if state.iteration % EVERY == 0]
    assert plateau_rate(RATE, losses, patience=PATIENCE) < RATE / 4  # it fell more than twice
    for n in (3, 7, 30, 33):
        earlier = losses[: n // EVERY]
        rest = list(itertools.islice(stream(make, whole[n - 1], earlier), 60 - n))
        assert same_bytes(rest[-1][:2], whole[-1][:2])
        assert [state.iteration for state in rest] == list(range(n + 1, 61))


def test_every_rate_is_that_of_the_losses_before():
    start = State((), (), 0, 0.0, 0.0)
    losses = iter([3.0, 2.0, 2.5, 2.1, np.nan, 2.2, 1.0, 1.5])

    def rates(state, rate):
        return (State((), (), k, rate, 0.0) for k in range(state.iteration + 1, 9))

    found = plateau(rates, start, 0.8, lambda _: next(losses), every=1, patience=2)
    assert [state.loss for state in found] == [0.8] * 4 + [0.4] * 2 + [0.2] * 2


def test_an_improvement_below_the_least_is_none():
    losses = [1.0, 0.95, 0.9, 0.4]
    assert plateau_rate(0.8, losses, patience=2, min_improvement=0.2) == 0.4
    assert plateau_rate(0.8, losses, patience=2) == 0.8


def test_it_is_lazy_and_ends_where_the_states_end():
    start = State((), (), 0, 0.0, 0.0)
    seen = []

    def few(state, rate):
        for k in range(state.iteration + 1, 6):
            seen.append(k)
            yield State((), (), k, rate, 0.0)

    states = plateau(few, start, 1.0, lambda _: 1.0, every=1, patience=1)
    assert seen == []
    assert [state.iteration for state in states] == [1, 2, 3, 4, 5]
    assert seen == [1, 2, 3, 4, 5]

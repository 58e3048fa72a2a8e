"""Learning rates times seeds, as one stack of networks and one at a time, on 8 x 8 digits."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from toolz import last, take

from benchmarks import harness
from benchmarks.peers import ONE_BY_ONE, STACKED
from benchmarks.processes import Program, Work, values
from scratchmlp import (
    Batch,
    Data,
    DivergenceError,
    Params,
    evaluate,
    init_params,
    init_state,
    minibatches,
    sgd,
    shuffle,
    split,
    stack,
    train,
)

DEPTHS = ([64, 32, 10], [64, 32, 32, 10], [64, 32, 32, 32, 32, 10])
RATES, SEEDS = np.geomspace(1e-3, 10, 25), 20
SIZE, STEPS, CHANCE = 64, 600, 0.1
SWEEPS = (STACKED, ONE_BY_ONE)


def both_ways(sizes: list[int], quick: bool) -> dict[str, Any]:
    """The accuracies (rates, seeds) on the validation set, and the seconds of both ways to them."""
    ways = [Program(name, f"benchmarks.sweep:{name}") for name in SWEEPS]
    rates, seeds, steps = (RATES[::6], 3, 100) if quick else (RATES, SEEDS, STEPS)
    found = values(ways, [sizes, rates.tolist(), seeds, steps])
    (right, seconds), (alone, seconds_alone) = (found[name] for name in SWEEPS)
    same = np.mean(np.equal(right, alone))  # the others are unstable: there, rounding decides
    print(
        f"{len(rates)} rates times {seeds} seeds of {sizes}, {steps} steps: {seconds:.1f} s in one "
        f"go, {seconds_alone:.1f} s one at a time; {same:.1%} have the same accuracy both ways",
        flush=True,
    )
    return {"rates": rates.tolist(), "right": right, STACKED: seconds, ONE_BY_ONE: seconds_alone}


def prepare(variant: str, case: Sequence[Any]) -> Work:
    """A sweep in one go, or one network at a time."""
    sizes, rates, seeds, steps = case
    way = {STACKED: in_one_go, ONE_BY_ONE: one_at_a_time}[variant]
    training, validation = digits()
    batches = list(take(steps, minibatches(*training, size=SIZE)))
    members = [init_params(sizes, seed=seed) for _ in rates for seed in range(seeds)]
    each = np.repeat(rates, seeds)

    def run() -> tuple[list[list[float]], float]:
        start = time.perf_counter()
        right = way(members, each, batches, Batch(*validation))
        seconds = time.perf_counter() - start
        return np.reshape(right, (len(rates), seeds)).tolist(), seconds

    return Work(harness.plain(run))


def digits() -> tuple[Data, Data]:
    """scikit-learn's digits, from 0 to 1, to train on and to validate by."""
    rows, labels = load_digits(return_X_y=True)
    X = np.asfortranarray(rows.T / 16, dtype=np.float32)
    return split(*shuffle(X, labels, seed=0), 0.8)


def in_one_go(
    members: Sequence[Params], rates: np.ndarray, batches: Sequence[Batch], validation: Batch
) -> np.ndarray:
    """The accuracy of each network, all of which are one stack."""
    optimizer = sgd(rates)
    start = init_state(stack(members), optimizer)
    found = evaluate(last(train(start, batches, optimizer=optimizer)).params, validation)
    return np.where(np.isfinite(found.loss), found.accuracy, CHANCE)


def one_at_a_time(
    members: Sequence[Params], rates: np.ndarray, batches: Sequence[Batch], validation: Batch
) -> np.ndarray:
    """The same, one network after the other."""
    return np.array([*map(partial(_alone, batches, validation), members, rates)])


def _alone(
    batches: Sequence[Batch], validation: Batch, params: Params, learning_rate: float
) -> float:
    optimizer = sgd(float(learning_rate))
    try:
        states = train(init_state(params, optimizer), batches, optimizer=optimizer)
        return evaluate(last(states).params, validation).accuracy
    except (DivergenceError, ValueError):  # the last update too may have overflowed
        return CHANCE


def drawn(found: dict[str, dict[str, Any]]) -> Figure:
    """The median accuracy against the rate, and the band between the quartiles, at each depth."""
    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    for (name, each), colour in zip(found.items(), ("C0", "C1", "C2"), strict=True):
        low, middle, high = 100 * np.quantile(each["right"], (0.25, 0.5, 0.75), axis=1)
        axes.fill_between(each["rates"], low, high, color=colour, alpha=0.25, linewidth=0)
        seconds = f"{each[STACKED]:.1f} s in one go, {each[ONE_BY_ONE]:.0f} s one at a time"
        axes.plot(each["rates"], middle, color=colour, label=f"{name}: {seconds}")
    rates, seeds = np.shape(next(iter(found.values()))["right"])
    axes.set(xscale="log", xlabel="learning rate", ylabel="validation accuracy, %", ylim=(0, 100))
    axes.set_title(
        f"{rates * seeds} networks a depth at once: medians and quartiles of {seeds} seeds"
    )
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center")
    return figure

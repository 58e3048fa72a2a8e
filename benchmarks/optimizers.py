"""Which optimizer brings a network where in how many seconds, each at its best learning rate.

    python -m benchmarks.optimizers [--quick] [--seeds N] [--only TEXT] [--json FILE]
                                    [--figure FILE]

Two networks on MNIST, and on MNIST distorted once and for all, which is harder. The rate of each
optimizer, constant in a run, is the best of five on validation data: a sixth of the training data.
At that rate it is then trained on all training data from several seeds, until the test accuracy is
the last goal, or for a number of epochs, or of seconds. First, in a process of its own,
`benchmarks.optimizer_agreement` shows that the optimizers are those of the literature.
"""

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from toolz import last, take

from benchmarks import harness
from benchmarks.harness import DEEP
from benchmarks.overheads import compared
from scratchmlp import (
    Data,
    DivergenceError,
    Optimizer,
    adagrad,
    adam,
    adamw,
    affine,
    averaged,
    compose,
    elastic,
    evaluate,
    flatten,
    gaussian_noise,
    image_seeds,
    init_params,
    init_state,
    lion,
    lookahead,
    map_arrays,
    minibatches,
    momentum,
    moving_average,
    muon,
    nadam,
    nesterov,
    rmsprop,
    schedule_free,
    sgd,
    shards,
    split,
    train,
)
from scratchmlp._extras import require
from scratchmlp.datasets import mnist

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Contender(NamedTuple):
    """An optimizer of a learning rate, and the rate in the middle of those that are tried."""

    make: Callable[[float], Optimizer]
    middle: float


class Match(NamedTuple):
    """What is learnt by which network, the test accuracies to reach, and the most seconds."""

    name: str
    data: Callable[[], tuple[Data, Data]]
    sizes: list[int]
    goals: tuple[float, ...]
    limit: float


class Look(NamedTuple):
    """Epochs and seconds of training so far, and the accuracy then."""

    epochs: float
    seconds: float
    accuracy: float


WIDE = [784, 1024, 1024, 10]
SIZE, LOOKS = 128, 4  # of a batch, and in an epoch
EPOCHS, SWEPT_EPOCHS = 20, 2
TICKS = (0.3, 0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 30, 50)
FACTORS = (1 / 9, 1 / 3, 1, 3, 9)
DISTORTION = compose(
    affine(rotation=25, scale=0.2, shear=0.2, shift=3),
    elastic(sigma=5, alpha=30),
    gaussian_noise(0.2),
)
CONTENDERS = {
    "sgd": Contender(sgd, 0.2),
    "momentum": Contender(momentum, 0.03),
    "nesterov": Contender(nesterov, 0.03),
    "adagrad": Contender(adagrad, 0.01),
    "rmsprop": Contender(rmsprop, 0.0005),
    "adam": Contender(adam, 0.001),
    "adamw": Contender(adamw, 0.001),
    "nadam": Contender(nadam, 0.001),
    "lion": Contender(lion, 0.0001),
    "muon": Contender(muon, 0.02),
    "adam, averaged": Contender(lambda rate: moving_average(adam(rate), 0.995), 0.001),
    "lookahead(adam)": Contender(lambda rate: lookahead(adam(rate)), 0.001),
    "schedule_free(sgd)": Contender(lambda rate: schedule_free(sgd(rate)), 1.0),
    "schedule_free(adam)": Contender(lambda rate: schedule_free(adam(rate, beta1=0.0)), 0.003),
}


def plain() -> tuple[Data, Data]:
    """MNIST, to train with and to test."""
    return mnist()


@cache
def distorted() -> tuple[Data, Data]:
    """MNIST, each image distorted once: turned, stretched, moved, bent and made noisy."""
    (X, y), test = mnist()
    seeds = [image_seeds(7, epoch, np.arange(len(part))) for epoch, part in enumerate((y, test.y))]
    return Data(DISTORTION(X, seeds[0]), y), Data(DISTORTION(test.X, seeds[1]), test.y)


EASY, HARD = (0.97, 0.98, 0.985), (0.80, 0.82, 0.84)
MATCHES = [
    Match("MNIST, deep", plain, DEEP, EASY, 15),
    Match("MNIST, wide", plain, WIDE, EASY, 45),
    Match("distorted, deep", distorted, DEEP, HARD, 15),
    Match("distorted, wide", distorted, WIDE, HARD, 45),
]


def main() -> None:
    """Print the tables, and draw the figure where that is asked for."""
    options = harness.options(
        __doc__,
        figure=("", "draw accuracies against seconds there"),
        seeds=(5, "runs of each optimizer at its best rate"),
        only=("", "only the matches whose names have this text"),
    )
    print(f"{harness.described()}\n", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.optimizer_agreement"], check=True)
    ratio = tree_against_vector(5 if options.quick else 31)
    print(f"\nAdam of {DEEP} on the tree, as a ratio to one flat array: {ratio:.2f}")
    figures: dict[str, Any] = {"tree": ratio}
    for match in MATCHES:
        if options.only in match.name:
            figures[match.name] = played(
                match, 1 if options.quick else options.seeds, options.quick
            )
            harness.write_json(options.json, figures)
    if options.figure:
        drawn({name: each for name, each in figures.items() if name != "tree"}).savefig(
            options.figure, dpi=150
        )


def tree_against_vector(rounds: int) -> float:
    """The update of Adam on a tree, as a ratio to the same on a tree of one flat array."""
    optimizer, params = adam(), init_params(DEEP)
    grads = map_arrays(lambda a: np.float32(0.01) * a, params)
    flat, slopes = (flatten(params),), (flatten(grads),)
    state, memory = optimizer.init(params), optimizer.init(flat)
    return compared(
        lambda: [optimizer.update(params, grads, state, 5) for _ in range(50)],
        lambda: [optimizer.update(flat, slopes, memory, 5) for _ in range(50)],
        rounds,
    )


def played(match: Match, seeds: int, quick: bool) -> dict[str, Any]:
    """The sweep and the race of all, printed and as figures."""
    (X, y), test = match.data()
    if quick:
        X, y, match = X[:, :4000], y[:4000], match._replace(limit=0.5)
    training, validation = split(X, y, 5 / 6)
    sizes = "-".join(map(str, match.sizes))
    factors = FACTORS[1:3] if quick else FACTORS
    print(f"\n{match.name}, {sizes}: validation accuracy by learning rate\n", flush=True)
    swept, best = dict[str, dict[float, float]](), dict[str, float]()
    for name, (make, middle) in CONTENDERS.items():
        limited = match._replace(limit=match.limit / 3, goals=(2.0,))
        swept[name] = {
            rate: learnt(make(rate), limited, training, validation, 0, SWEPT_EPOCHS)[-1].accuracy
            for rate in (float(f"{factor * middle:.1g}") for factor in factors)
        }
        best[name] = max(swept[name], key=swept[name].__getitem__)
    rows = [(n, *(f"{r:g}: {100 * a:.2f}" for r, a in found.items())) for n, found in swept.items()]
    print(harness.table(("", *("" for _ in factors)), rows), flush=True)
    courses = {
        name: [
            learnt(make(best[name]), match, Data(X, y), test, seed, EPOCHS) for seed in range(seeds)
        ]
        for name, (make, _) in CONTENDERS.items()
    }
    print(f"\nSeconds, and epochs, to a test accuracy; the median of {seeds} and its spread\n")
    header = ("", "rate", *(f"{100 * goal:g} %" for goal in match.goals))
    lines = [
        (name, f"{best[name]:g}", *(cell(runs, goal) for goal in match.goals))
        for name, runs in courses.items()
    ]
    print(harness.table(header, lines), flush=True)
    return {"sweep": swept, "courses": courses}


def learnt(
    optimizer: Optimizer, match: Match, training: Data, judged: Data, seed: int, epochs: int
) -> list[Look]:
    """The accuracies on the way, until the last goal, or the end of the epochs or the seconds.

    Of a run that diverges the last one is 0.
    """
    start = init_state(init_params(match.sizes, seed=seed), optimizer)
    states = train(start, minibatches(*training, size=SIZE, seed=seed), optimizer=optimizer)
    every, spent, looks = math.ceil(len(training.y) / SIZE / LOOKS), 0.0, list[Look]()
    right = 0.0
    while len(looks) < LOOKS * epochs and spent < match.limit and right < match.goals[-1]:
        began = time.perf_counter()
        try:
            params = averaged(last(take(every, states))).params
        except DivergenceError:
            return [*looks, Look(math.nan, math.nan, 0.0)]
        spent += time.perf_counter() - began
        right = float(evaluate(params, shards(*judged)).accuracy)
        looks.append(Look((len(looks) + 1) / LOOKS, spent, right))
    return looks


def cell(runs: Sequence[Sequence[Look]], goal: float) -> str:
    """Median, lowest and highest seconds to a goal, and the median epochs."""
    first = [next((look for look in run if look.accuracy >= goal), None) for run in runs]
    there = [look for look in first if look is not None]
    if 2 * len(there) <= len(runs):
        return f"{len(there)} of {len(runs)}"
    lost = [math.inf] * (len(runs) - len(there))
    seconds, epochs = (
        statistics.median_high([*each, *lost])
        for each in ([look.seconds for look in there], [look.epochs for look in there])
    )
    spread = f"{min(look.seconds for look in there):.1f} to "
    spread += f"{max(look.seconds for look in there):.1f}" if not lost else "never"
    return f"{seconds:.1f} ({spread}), {epochs:g}"


def drawn(matches: Mapping[str, Any]) -> "Figure":
    """The median error of each optimizer against its median seconds, in a picture a match."""
    figure: Figure = require("matplotlib.figure", "plot").Figure(
        (7 * min(2, len(matches)), 4.5 * math.ceil(len(matches) / 2)), layout="constrained"
    )
    grid = figure.subplots(math.ceil(len(matches) / 2), min(2, len(matches)), squeeze=False)
    for axes, (name, match) in zip(grid.flat, matches.items(), strict=False):
        for number, (optimizer, runs) in enumerate(match["courses"].items()):
            looks = [*zip(*runs, strict=False)]  # as long as the shortest run
            seconds = [statistics.median(look.seconds for look in each) for each in looks]
            wrong = [100 - 100 * statistics.median(look.accuracy for look in e) for e in looks]
            dashes = ("-", "--", ":")[number // 5 % 3]
            axes.plot(seconds, wrong, dashes, label=optimizer, color=f"C{number % 10}", lw=1.2)
        axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="test error, %", title=name)
        axes.minorticks_off()
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            shown = [tick for tick in TICKS if low < tick < high]
            axis.set_ticks(shown, labels=[f"{tick:g}" for tick in shown])
        axes.grid(alpha=0.3)
    for empty in grid.flat[len(matches) :]:
        empty.set_axis_off()
    grid.flat[0].legend(fontsize="x-small")
    return figure


if __name__ == "__main__":
    main()

"""Deep against shallow networks on MNIST: time, accuracy by iterations and by seconds.

    python -m benchmarks.deep_vs_shallow [--quick] [--json FILE] [--figure FILE] [--seeds N]

The article's two networks, and one to six hidden layers of equal width, as wide as to have the
parameters, or a gradient the FLOPs, of the article's deep network. Each is trained from ten seeds
at once, as a stack; the time is that of an iteration of one network. (Networks as large as these
train no faster in a stack, but the article's shallow one does.) All takes a quarter of an hour.
"""

import statistics
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from toolz import groupby, last, take

from benchmarks import harness
from benchmarks.harness import DEEP, SHALLOW
from scratchmlp import (
    Data,
    State,
    clip_by_global_norm,
    evaluate,
    init_params,
    init_state,
    nesterov,
    shards,
    stack,
    train,
)
from scratchmlp.datasets import mnist
from scratchmlp.workers import threads

DEPTHS = range(1, 7)
ARTICLE = "the article's"
OPTIMIZER = clip_by_global_norm(nesterov(0.05), 0.5)  # as the command line's own
IMAGES, ITERATIONS = 10_000, 150
MARKS = 20  # how often the accuracies are looked at, at equal ratios of iterations
SEEDS = 10
TIMED = 20  # iterations


class Net(NamedTuple):
    """A network, and what it shares with the article's deep one."""

    group: str
    sizes: list[int]


class Course(NamedTuple):
    """How a network learnt: seconds an iteration, share of the roofline, accuracies on the way.

    The accuracies have a row for each of the iterations, with a figure for each seed.
    """

    net: Net
    seconds: float
    roofline: float
    iterations: list[int]
    training: list[list[float]]
    test: list[list[float]]


def main() -> None:
    """Print the table, and draw the figure where that is asked for."""
    options = harness.options(
        __doc__,
        figure=("", "draw the figure there"),
        seeds=(SEEDS, "networks of each kind, which differ in their seeds"),
    )
    data = mnist()
    images, iterations = (IMAGES // 5, 40) if options.quick else (IMAGES, ITERATIONS)
    training = Data(data.train.X[:, :images], data.train.y[:images])
    print(f"{harness.described()}\n")
    courses = [
        learnt(
            net,
            training,
            data.test,
            iterations * (5 if net.sizes == SHALLOW else 1),
            seeds=options.seeds,
        )
        for net in nets()
    ]
    print(
        f"{iterations} iterations of Nesterov's momentum ({5 * iterations} for {SHALLOW}) on "
        f"{images:,} images; medians (and quartiles) of {options.seeds} seeds\n"
    )
    print(table(courses))
    if options.figure:
        figure(courses).savefig(options.figure, dpi=150)
    harness.write_json(options.json, {"courses": [course._asdict() for course in courses]})


def nets() -> list[Net]:
    """The article's, and those as large and as dear as its deep one."""

    def work(sizes: list[int]) -> int:
        return harness.gradient_flops(sizes, 1)

    found = [Net(ARTICLE, SHALLOW), Net(ARTICLE, DEEP)]
    for group, cost in (("equal parameters", parameters), ("equal FLOPs", work)):
        for depth in DEPTHS:
            widths = ([784, *[width] * depth, 10] for width in range(10, 1000))
            found.append(Net(group, min(widths, key=lambda sizes: abs(cost(sizes) - cost(DEEP)))))
    return found


def parameters(sizes: list[int]) -> int:
    """Weights and biases."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))


def learnt(net: Net, training: Data, test: Data, iterations: int, *, seeds: int = SEEDS) -> Course:
    """Time some iterations of one network; train a stack, and look at the test set now and then."""
    before = roofline()
    parts, held_out = shards(*training), shards(*test)
    networks = [init_params(net.sizes, seed=seed) for seed in range(seeds)]
    one, all_of_them = (init_state(each, OPTIMIZER) for each in (networks[0], stack(networks)))
    seconds: list[float] = []
    marks, right, tested = [], [], []
    with threads() as map:
        alone = clocked(train(one, repeat(parts), optimizer=OPTIMIZER, map=map), seconds)
        last(take(min(TIMED, iterations), alone))
        states = train(all_of_them, repeat(parts), optimizer=OPTIMIZER, map=map)
        for state in filter(_marked(iterations), take(iterations, states)):
            marks.append(state.iteration)
            right.append(evaluate(state.params, parts, map=map).accuracy.tolist())
            tested.append(evaluate(state.params, held_out, map=map).accuracy.tolist())
    typical = statistics.median(seconds)
    speed = harness.gradient_flops(net.sizes, training.X.shape[1]) / typical
    return Course(net, typical, speed / max(before, roofline()), marks, right, tested)


def _marked(iterations: int) -> Callable[[State], bool]:
    marks = set(np.geomspace(min(5, iterations), iterations, MARKS).round())
    return lambda state: state.iteration in marks


def clocked(states: Iterator[State], seconds: list[float]) -> Iterator[State]:
    """The same states; the time that each took is noted."""
    while True:
        start = time.perf_counter()
        state = next(states)
        seconds.append(time.perf_counter() - start)
        yield state


def roofline() -> float:
    """What NumPy's square product reaches now, on all cores, in FLOP/s."""
    cases = {harness.ROOFLINE: harness.square_matmul(2048)}
    seconds = harness.in_turns(cases, rounds=1, least=0.1)
    return harness.flops_per_second(seconds[harness.ROOFLINE], 2048)


def table(courses: list[Course]) -> str:
    """A row a network; accuracies at the end, and in the time that the quickest large one took."""
    quickest = min(course.seconds * course.iterations[-1] for course in courses[1:])
    rows = [
        (
            net.group,
            "-".join(map(str, net.sizes)),
            f"{parameters(net.sizes):,}",
            f"{harness.gradient_flops(net.sizes, 1) / 1e6:.2f}",
            f"{1e3 * seconds:.0f}",
            f"{share:.0%}",
            of_seeds(right[-1]),
            of_seeds(tested[-1]),
            of_seeds(tested[max(0, bisect(marks, quickest / seconds) - 1)]),
        )
        for net, seconds, share, marks, right, tested in courses
    ]
    header = (
        "group",
        "layers",
        "parameters",
        "MFLOP an image",
        "ms an iteration",
        "of the roofline",
        "training accuracy",
        "test accuracy",
        f"test accuracy after {quickest:.0f} s",
    )
    return harness.table(header, rows)


def of_seeds(shares: list[float]) -> str:
    """The median and the quartiles.

    >>> of_seeds([0.5, 0.6, 0.7])
    '60.00% (55.00% to 65.00%)'
    """
    low, median, high = np.quantile(shares, (0.25, 0.5, 0.75))
    return f"{median:.2%} ({low:.2%} to {high:.2%})"


def figure(courses: list[Course]) -> Figure:
    """Errors on the test set (and, dotted, the training set): by iterations, and by seconds.

    Lines are medians over the seeds, with bands between the quartiles on the test set.
    """
    groups = groupby(lambda course: course.net.group, courses)
    article = list(zip(groups.pop(ARTICLE), ("0.6", "black"), strict=True))
    drawn = Figure((12, 8), layout="constrained")
    for row, (name, group) in zip(drawn.subplots(2, 2, sharey=True), groups.items(), strict=True):
        colours = colormaps["plasma"](np.linspace(0, 0.9, len(group)))
        for axes, by_seconds in zip(row, (False, True), strict=True):
            for course, colour in [*article, *zip(group, colours, strict=True)]:
                _draw(axes, course, by_seconds, colour)
            _label(axes, "seconds of training" if by_seconds else "iterations")
        row[0].set_ylabel("images that are wrong")
        row[0].set_title(f"{name} (as the article's deep network)", loc="left")
        row[1].legend(fontsize="small", title="layers", bbox_to_anchor=(1, 1), loc="upper left")
    drawn.suptitle(
        f"Deep against shallow: errors on the test set, median and quartiles of "
        f"{len(courses[0].test[0])} seeds (dotted: on the training set)"
    )
    return drawn


def _label(axes: Axes, name: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel=name)
    for axis, form in ((axes.xaxis, "{x:g}"), (axes.yaxis, "{x:g} %")):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter(form))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)


def _draw(axes: Axes, course: Course, by_seconds: bool, colour: Any) -> None:
    x = np.multiply(course.iterations, course.seconds if by_seconds else 1)
    label = "-".join(map(str, course.net.sizes))
    low, median, high = 100 - 100 * np.quantile(course.test, (0.75, 0.5, 0.25), axis=1)
    axes.plot(x, median, color=colour, label=label)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    training = np.median(course.training, axis=1)
    axes.plot(x, 100 - 100 * training, ":", color=colour, linewidth=0.8)


if __name__ == "__main__":
    main()

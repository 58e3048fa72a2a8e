"""The article's job on one page, by the library's pure functions: from the data to the curves.

    python -m benchmarks.one_page [--quick] [--figure FILE]

It is a start for programs of your own. The network, the loss, the rule of the updates and what is
measured on the way are each a line or a function here, so that any of them is easily another.
"""

import argparse
from collections.abc import Callable, Iterator

from matplotlib.figure import Figure
from toolz import take

from scratchmlp import (
    Batch,
    Evaluation,
    Network,
    Params,
    accuracy,
    evaluate,
    init_params,
    predict,
    relu,
    shards,
    shuffle,
    softmax_cross_entropy,
    split,
    step,
    value_and_grad,
)
from scratchmlp.datasets import mnist
from scratchmlp.workers import threads

SIZES = [784, 256, 128, 64, 10]  # inputs, then the units of each layer
NETWORK = Network(hidden=relu, loss=softmax_cross_entropy)
RATE = 0.1
Shards = tuple[Batch, ...]
Point = tuple[int, Evaluation, Evaluation]  # iteration, and figures of both parts of the data


def descent(params: Params, examples: Shards, map: Callable) -> Iterator[tuple[Params, Evaluation]]:
    """Gradient descent without end: the parameters and their figures, from the start on."""
    while True:
        figures, grads = value_and_grad(params, examples, NETWORK, map=map)
        yield params, figures
        params = step(params, grads, RATE)


def curves(points: list[Point]) -> Figure:
    """Accuracy and loss of the points against iterations, on both parts of the data."""
    figure = Figure((10, 4), layout="constrained")
    iterations, *parts = zip(*points, strict=True)
    for axes, name in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for label, figures in zip(("training", "validation"), parts, strict=True):
            axes.plot(iterations, [getattr(each, name) for each in figures], label=label)
        axes.set_xlabel("iteration")
        axes.set_ylabel(name)
        axes.legend()
        axes.grid(alpha=0.3)
    return figure


def main() -> None:
    """Train, print how it goes, and draw it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few images, few iterations")
    parser.add_argument("--figure", default="one_page.png", metavar="FILE")
    options = parser.parse_args()
    m, iterations = (3_000, 60) if options.quick else (60_000, 500)
    data, test = mnist()
    X, y = shuffle(*data, seed=0)
    training, validation = (shards(*part) for part in split(X[:, :m], y[:m], 0.8))
    points: list[Point] = []
    with threads() as map:
        path = descent(init_params(SIZES, seed=0), training, map)
        for iteration, (params, figures) in enumerate(take(iterations, path)):
            if iteration % (iterations // 20) == 0:
                points.append((iteration, figures, evaluate(params, validation, NETWORK, map=map)))
                shares = " and ".join(f"{each.accuracy:.1%}" for each in points[-1][1:])
                print(f"{iteration:4}: loss {figures.loss:.3f}, accuracy {shares}", flush=True)
    right = accuracy(predict(params, test.X, NETWORK), test.y)
    print(f"{right:.2%} of the test set are right")
    curves(points).savefig(options.figure, dpi=100)


if __name__ == "__main__":
    main()

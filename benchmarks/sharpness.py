"""Why the loss spikes: the largest eigenvalue of the Hessian along gradient descent at two rates.

python -m benchmarks.sharpness [--quick] [--json FILE] [--figure FILE]
"""

from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from toolz import take

from benchmarks import harness
from benchmarks.harness import DEEP
from scratchmlp import Batch, article_normal, init_params, init_state, sgd, train
from scratchmlp._extras import require
from scratchmlp.datasets import mnist
from scratchmlp.spectrum import hessian_eigenvalues

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = (0.05, 0.1)  # the article's is 0.1
EXAMPLES, EVERY = 2000, 6


class Course(NamedTuple):
    """The loss at each iteration, and the sharpness at every few, with their iterations."""

    losses: np.ndarray
    iterations: np.ndarray
    sharpness: np.ndarray


def main() -> None:
    """Print where each course stands against 2 / rate, and draw them."""
    options = harness.options(__doc__, figure=("", "draw it there"))
    iterations = 20 if options.quick else 240
    courses = {rate: course(rate, iterations) for rate in RATES}
    print(f"{harness.described()}\n")
    rows = [
        (
            rate,
            f"{2 / rate:.0f}",
            f"{each.sharpness[0]:.1f}",
            f"{each.sharpness.max():.1f}",
            f"{(each.sharpness > 2 / rate).mean():.0%}",
            int((np.diff(each.losses) > 0).sum()),
        )
        for rate, each in courses.items()
    ]
    header = ("rate", "2 / rate", "sharpness at first", "at most", "above 2 / rate", "rises")
    print(harness.table(header, rows))
    if options.figure:
        drawn(courses).savefig(Path(options.figure), dpi=150)
    harness.write_json(
        options.json, {str(rate): [*map(np.ndarray.tolist, each)] for rate, each in courses.items()}
    )


def course(rate: float, iterations: int) -> Course:
    """Gradient descent of the article's deep network on some digits."""
    X, y = mnist().train
    batch, optimizer = Batch(X[:, :EXAMPLES], y[:EXAMPLES]), sgd(rate)
    start = init_state(init_params(DEEP, initializer=article_normal), optimizer)
    states = list(take(iterations, train(start, repeat(batch), optimizer=optimizer)))
    seen = [start, *states][:-1:EVERY]
    sharpness = [hessian_eigenvalues(state.params, batch)[0] for state in seen]
    losses = np.array([state.loss for state in states])
    return Course(losses, np.array([state.iteration for state in seen]), np.array(sharpness))


def drawn(courses: dict[float, Course]) -> "Figure":
    """The losses over the sharpness, which hovers about 2 / rate once it gets there."""
    figure: Figure = require("matplotlib.figure", "plot").Figure((10, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for (rate, each), colour in zip(courses.items(), ("#0072b2", "#d55e00"), strict=True):
        above.plot(each.losses, color=colour, lw=1.2, label=f"rate {rate}")
        below.plot(each.iterations, each.sharpness, color=colour, lw=1.2, label=f"rate {rate}")
        below.axhline(2 / rate, color=colour, ls="--", lw=1, label=f"2 / {rate}")
    above.set_ylabel("loss")
    below.set_ylabel("largest eigenvalue\nof the Hessian")
    below.set_xlabel("iteration")
    above.set_yscale("log")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right")
    return figure


if __name__ == "__main__":
    main()

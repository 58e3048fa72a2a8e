"""Pictures: functions from data to a matplotlib Figure, which draw on nothing global."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from scratchmlp.core.arrays import Array
from scratchmlp.extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart; the styles tell them apart in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_STYLES = ("-", "--", "-.", ":")


class Curve(NamedTuple):
    """Losses and accuracies (0 to 1), each (k,), at k iterations."""

    iterations: Array
    losses: Array
    accuracies: Array


def learning_curves(curves: Mapping[str, Curve], title: str = "") -> "Figure":
    """Accuracy and loss against iterations, side by side: a line for each named Curve.

    Raises ImportError without the `plot` extra (matplotlib).

    >>> import numpy as np
    >>> k = np.arange(1, 4)
    >>> figure = learning_curves({"training": Curve(k, 1 / k, 1 - 1 / k)})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['accuracy (%)', 'loss (cross-entropy, nats)']
    """
    figure: Figure = require("matplotlib.figure", "plot").Figure((10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (name, curve) in enumerate(curves.items()):
        colour, style = _COLOURS[number % len(_COLOURS)], _STYLES[number % len(_STYLES)]
        for axes, values in ((left, 100 * curve.accuracies), (right, curve.losses)):
            axes.plot(curve.iterations, values, color=colour, linestyle=style, label=name)
    left.set_ylabel("accuracy (%)")
    right.set_ylabel("loss (cross-entropy, nats)")
    for axes, place in ((left, "lower right"), (right, "upper right")):
        axes.set_xlabel("iteration")
        axes.grid(alpha=0.3)
        axes.legend(loc=place)
    figure.suptitle(title)
    return figure

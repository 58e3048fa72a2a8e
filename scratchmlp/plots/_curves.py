"""Learning curves: of one network or of many, of one run or of several."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchmlp.core.arrays import Array
from scratchmlp.core.border import public
from scratchmlp.core.training.streams import History
from scratchmlp.plots._figures import COLOURS, empty_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 500  # of a curve; a longer one is drawn as means of neighbours


@public
def learning_curves(
    runs: Mapping[str, History],
    title: str = "",
    loss: str = "cross-entropy, nats",
    *,
    every_line: bool = False,
) -> "Figure":
    """Accuracy and loss of named runs against iterations, side by side.

    A run's training is a solid line, its validation, where it has any, a dashed one with dots. The
    history of a stack of networks is drawn as their median and a band between their quartiles, of
    those that have not diverged; or, with `every_line`, as a line for each network.

    >>> k = np.arange(1, 4)
    >>> figure = learning_curves({"a run": History(k, 1 / k, 1 - 1 / k, 2 / k, 1 - 2 / k)})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['accuracy (%)', 'loss (cross-entropy, nats)']
    """
    figure = empty_figure(10, 4)
    left, right = figure.subplots(1, 2)
    for number, (name, run) in enumerate(runs.items()):
        prefix = f"{name}, " if len(runs) > 1 else ""
        # A single run has a colour for each of its lines.
        solid, dashed = (COLOURS[(number + k) % len(COLOURS)] for k in (0, len(runs) == 1))
        for axes, training, validation in (
            (left, 100 * run.accuracies, 100 * run.validation_accuracies),
            (right, run.losses, run.validation_losses),
        ):
            there = ~np.isnan(validation)
            there = there.any(axis=1) if there.ndim == 2 else there
            style: dict[str, Any] = {"color": solid}
            thin = _thin(run.iterations, training)
            _draw_curve(axes, *thin, f"{prefix}training", every_line, style)
            if there.any():
                style = {"color": dashed, "ls": "--", "marker": "o", "ms": 3}
                points = run.iterations[there], validation[there]
                _draw_curve(axes, *points, f"{prefix}validation", every_line, style)
    left.set_ylabel("accuracy (%)")
    right.set_ylabel(f"loss ({loss})")
    right.set_yscale("log")
    _leave_out_the_lowest(left)
    for axes, place in ((left, "lower right"), (right, "upper right")):
        axes.set_xlabel("iteration")
        axes.grid(alpha=0.3)
        if runs:
            axes.legend(loc=place)
    figure.suptitle(title)
    return figure


def _leave_out_the_lowest(axes: Any) -> None:
    """Accuracies from the lowest but 3 % on: the first few would leave no room for the others."""
    bands = [path.vertices[:, 1] for band in axes.collections for path in band.get_paths()]
    seen = np.concatenate([*(line.get_ydata() for line in axes.lines), *bands, []])
    if np.isfinite(seen).any():
        low, high = np.nanquantile(seen, (0.03, 1))
        axes.set_ylim(low, high + 0.04 * max(high - low, 1))


def _draw_curve(
    axes: Any, x: Array, y: Array, label: str, every_line: bool, style: dict[str, Any]
) -> None:
    """A line of figures (n,); of those of k networks, (n, k), a median and a band, or k lines."""
    if y.ndim == 1:
        axes.plot(x, y, lw=1.2, label=label, **style)
        return
    k = y.shape[1]
    if every_line:
        labels = [f"{label}, each of {k}", *["_"] * (k - 1)]  # the legend leaves out the latter
        axes.plot(x, y, lw=0.6, alpha=0.6, label=labels, **(style | {"marker": None}))
        return
    some = ~np.isnan(y).all(axis=1)
    of = f"the rest of {k}" if np.isnan(y).any() else str(k)
    low, median, high = np.nanquantile(y[some], (0.25, 0.5, 0.75), axis=1)
    axes.plot(x[some], median, lw=1.2, label=f"{label}: median and quartiles of {of}", **style)
    axes.fill_between(x[some], low, high, color=style["color"], alpha=0.2, lw=0)


def _thin(x: Array, y: Array) -> tuple[Array, Array]:
    width = -(-len(x) // _MOST_POINTS)
    if width < 2:
        return x, y
    whole = len(x) // width * width
    parts = y[:whole].reshape(-1, width, *y.shape[1:])
    return x[:whole].reshape(-1, width)[:, -1], parts.mean(axis=1)

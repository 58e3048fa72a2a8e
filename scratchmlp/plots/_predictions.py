"""What was predicted against what is true: of classes, and of numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array
from scratchmlp.core.border import public, value_error
from scratchmlp.plots._figures import empty_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@public
def confusion_matrix(counts: Array, names: Sequence[str] | None = None) -> "Figure":
    """Counts (n_classes, n_classes), as `scratchmlp.confusion_matrix` gives them.

    A row for each class, a column for each prediction; the shade is the share of the row. Classes
    are numbered where they are given no names.

    >>> len(confusion_matrix(np.array([[5, 1], [0, 7]])).axes[0].texts)
    4
    """
    checks.array("counts", counts, "iu")
    n = len(counts)
    if counts.shape != (n, n) or not n:
        raise value_error(f"counts must be square, not of shape {counts.shape}")
    figure = empty_figure(2 + 0.5 * n, 1.5 + 0.5 * n)
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # The square root lets few mistakes be seen beside many right answers.
    axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        colour = "white" if share[i, j] > 0.4 else "black" if count else "#aaaaaa"
        axes.text(j, i, str(count), ha="center", va="center", color=colour, fontsize=9)
    labels = list(map(str, range(n))) if names is None else names
    axes.set_xticks(range(n), labels)
    axes.set_yticks(range(n), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("label")
    axes.set_title(f"{np.trace(counts) / max(counts.sum(), 1):.2%} of {counts.sum():,} right")
    return figure


@public
def predicted_against_true(
    predicted: Array, y: Array, names: Sequence[str] | None = None
) -> "Figure":
    """Predicted numbers (n_out, m) against the true ones y (n_out, m), one panel an output.

    Points on the line are right; above them, the root mean squared error and R squared.

    >>> figure = predicted_against_true(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]]), ["size"])
    >>> figure.axes[0].get_title()
    'size: RMSE 0, R² 1.000'
    """
    checks.matrix("predicted", predicted)
    checks.matrix("y", y)
    if predicted.shape != y.shape:
        raise value_error(
            f"predicted and y must have one shape, not {predicted.shape} and {y.shape}"
        )
    shown = min(len(y), 12)
    columns = min(shown, 4)
    rows = -(-shown // columns)
    figure = empty_figure(4.0 * columns, 4.0 * rows)
    for k in range(shown):
        axes = figure.add_subplot(rows, columns, k + 1)
        ends = [float(f(np.concatenate([predicted[k], y[k]]))) for f in (np.min, np.max)]
        axes.plot(ends, ends, color="0.7", linewidth=1)
        axes.plot(y[k], predicted[k], ".", markersize=4, alpha=0.6)
        error = float(((predicted[k] - y[k]) ** 2).mean())
        spread = float(y[k].var())
        share = f", R² {1 - error / spread:.3f}" if spread else ""
        name = names[k] if names else f"output {k + 1}"
        axes.set_title(f"{name}: RMSE {error**0.5:.4g}{share}", fontsize=9)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
    return figure

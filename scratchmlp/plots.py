"""Pictures: functions from data to a matplotlib Figure, which draw on nothing global.

All need the `plot` extra (matplotlib), and raise an ImportError that says so without it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchmlp._extras import require
from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Params
from scratchmlp.core.border import public, value_error
from scratchmlp.core.images import Size, check_shape, size_of
from scratchmlp.core.model import fitting
from scratchmlp.core.model.network import Cache
from scratchmlp.core.stacks import check_single
from scratchmlp.core.training.streams import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart; the styles tell them apart in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
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
    figure = _figure(10, 4)
    left, right = figure.subplots(1, 2)
    for number, (name, run) in enumerate(runs.items()):
        prefix = f"{name}, " if len(runs) > 1 else ""
        # A single run has a colour for each of its lines.
        solid, dashed = (_COLOURS[(number + k) % len(_COLOURS)] for k in (0, len(runs) == 1))
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
    bands = [path.vertices[:, 1] for band in left.collections for path in band.get_paths()]
    seen = np.concatenate([*(line.get_ydata() for line in left.lines), *bands, []])
    if np.isfinite(seen).any():  # the first few points would leave no room for the others
        low, high = np.nanquantile(seen, (0.03, 1))
        left.set_ylim(low, high + 0.04 * max(high - low, 1))
    for axes, place in ((left, "lower right"), (right, "upper right")):
        axes.set_xlabel("iteration")
        axes.grid(alpha=0.3)
        if runs:
            axes.legend(loc=place)
    figure.suptitle(title)
    return figure


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
    figure = _figure(2 + 0.5 * n, 1.5 + 0.5 * n)
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
    figure = _figure(4.0 * columns, 4.0 * rows)
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


@public
def most_wrong(
    X: Array,
    y: Array,
    probabilities: Array,
    *,
    count: int = 20,
    shape: Size | None = None,
) -> "Figure":
    """The examples X (n_in, m) with labels y (m,) that are most confidently taken for others.

    `probabilities` (n_classes, m) are a softmax network's predictions, `forward(...).A[-1]`. Each
    image has the probability of what it was taken for above that of its label; `shape` is that of
    an image, by default square.

    >>> P = np.array([[0.9, 0.6, 0.1], [0.1, 0.4, 0.9]])
    >>> most_wrong(np.eye(4)[:, :3], np.array([1, 1, 1]), P).axes[0].get_title()
    'taken for 0: 90.0%\\nis 1: 10.0%'
    """
    checks.matrix("X", X)
    checks.matrix("probabilities", probabilities)
    checks.labels(y, len(probabilities))
    if not X.shape[1] == len(y) == probabilities.shape[1]:
        raise value_error(
            f"X, y and probabilities must have as many examples, "
            f"not {X.shape[1]}, {len(y)} and {probabilities.shape[1]}"
        )
    checks.count("count", count, least=0)
    check_shape(shape)
    taken, certainty = probabilities.argmax(axis=0), probabilities.max(axis=0)
    order = np.argsort(np.where(taken == y, -1.0, certainty), kind="stable")[::-1]
    worst = [k for k in order[:count].tolist() if taken[k] != y[k]]
    titles = [
        f"taken for {taken[k]}: {_share(certainty[k])}\nis {y[k]}: {_share(probabilities[y[k], k])}"
        for k in worst
    ]
    images = X[:, worst].T.reshape(-1, *size_of(shape, len(X)))
    return _gallery(images, titles, 10, 1.3, cmap="gray_r")


@public
def first_layer(params: Params, *, count: int = 64, shape: Size | None = None) -> "Figure":
    """The weights of the first layer's units as images: those with the largest weights, in order.

    Orange weights are positive, purple ones negative, white ones 0; all share one scale.

    >>> from scratchmlp import init_params
    >>> sum(axes.has_data() for axes in first_layer(init_params([16, 5, 2])).axes)
    5
    """
    fitting.params(params)
    check_single("params", params)
    checks.count("count", count, least=0)
    check_shape(shape)
    W = params[0].W
    largest = np.argsort(np.linalg.norm(W, axis=1), kind="stable")[::-1][:count]
    images = W[largest].reshape(-1, *size_of(shape, W.shape[1], "what layer 1 takes"))
    # A few weights are far from the rest, and would leave it pale.
    limit = float(np.quantile(np.abs(images), 0.995)) or 1.0
    titles = [""] * len(images)
    return _gallery(images, titles, 8, 1.0, cmap="PuOr_r", vmin=-limit, vmax=limit)


@public
def magnitudes(cache: Cache, grads: Grads) -> "Figure":
    """How large activations and gradients are, layer by layer: do signals vanish or explode?

    On the left the distribution of |A| of each layer of a Cache, the examples being layer 0 (of the
    last |Z|, since probabilities tell nothing), on the right that of |dW| of its gradient: the
    median, and the ranges that hold half and nine tenths of what is not zero.

    >>> from scratchmlp import backward, forward, init_params
    >>> params, X = init_params([3, 4, 2]), np.ones((3, 5))
    >>> cache = forward(params, X)
    >>> figure = magnitudes(cache, backward(params, cache, np.array([0, 1, 1, 0, 0])))
    >>> [axes.get_title() for axes in figure.axes]
    ['activations |A|, outputs |Z|', 'gradients |dW|']
    """
    fitting.params(grads, "grads")
    figure = _figure(10, 4)
    parts = {
        "activations |A|, outputs |Z|": (*cache.A[:-1], cache.Z[-1]),
        "gradients |dW|": [layer.W for layer in grads],
    }
    for axes, (title, arrays) in zip(figure.subplots(1, 2), parts.items(), strict=True):
        first = len(grads) - len(arrays) + 1
        for number, array in enumerate(arrays, start=first):
            sizes = np.abs(array[array != 0])
            if not sizes.size:
                continue
            least, low, middle, high, most = np.quantile(sizes, (0.05, 0.25, 0.5, 0.75, 0.95))
            axes.plot([number] * 2, [least, most], color=_COLOURS[0], lw=1.5)
            axes.plot([number] * 2, [low, high], color=_COLOURS[0], lw=7, solid_capstyle="butt")
            axes.plot(number, middle, "_", color="white", ms=9, mew=2)
            zero = 1 - sizes.size / array.size
            if zero:
                axes.annotate(f"{zero:.0%} zero", (number, most), ha="center", va="bottom")
        axes.set_yscale("log")
        axes.set_xticks(range(first, first + len(arrays)))
        axes.margins(x=0.2, y=0.15)
        axes.set_xlabel("layer")
        axes.set_title(title)
        axes.grid(alpha=0.3, axis="y")
    return figure


def _figure(width: float, height: float) -> "Figure":
    figure: Figure = require("matplotlib.figure", "plot").Figure(
        (width, height), layout="constrained"
    )
    return figure


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


def _share(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else f"{probability:.0e}"


def _gallery(
    images: Array, titles: Sequence[str], columns: int, size: float, **options: Any
) -> "Figure":
    rows = max(1, -(-len(images) // columns))
    figure = _figure(columns * size, rows * (size + 0.5 * any(titles)))
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, image, title in zip(places, images, titles, strict=False):
        axes.imshow(image, **options)
        axes.set_title(title, fontsize=8)
    return figure


def _thin(x: Array, y: Array) -> tuple[Array, Array]:
    width = -(-len(x) // _MOST_POINTS)
    if width < 2:
        return x, y
    whole = len(x) // width * width
    parts = y[:whole].reshape(-1, width, *y.shape[1:])
    return x[:whole].reshape(-1, width)[:, -1], parts.mean(axis=1)

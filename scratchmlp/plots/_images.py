"""Pictures of images: examples, and weights of units that see them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params
from scratchmlp.core.border import public, value_error
from scratchmlp.core.images import Size, check_shape, size_of
from scratchmlp.core.model import fitting
from scratchmlp.core.stacks import check_single
from scratchmlp.plots._figures import empty_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def _share(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else f"{probability:.0e}"


def _gallery(
    images: Array, titles: Sequence[str], columns: int, size: float, **options: Any
) -> "Figure":
    rows = max(1, -(-len(images) // columns))
    figure = empty_figure(columns * size, rows * (size + 0.5 * any(titles)))
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, image, title in zip(places, images, titles, strict=False):
        axes.imshow(image, **options)
        axes.set_title(title, fontsize=8)
    return figure

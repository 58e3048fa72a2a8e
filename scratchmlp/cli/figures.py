"""Pictures of a run and of a network, as files."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from scratchmlp import (
    Data,
    Network,
    Params,
    backward,
    committee,
    confusion_matrix,
    forward,
    plots,
    softmax,
)
from scratchmlp._atomic import remove_leftovers, replacing
from scratchmlp.cli import scores
from scratchmlp.cli.folders import CURVES, HISTORY
from scratchmlp.cli.histories import as_history, read_history
from scratchmlp.core.stacks import networks
from scratchmlp.descriptions import CLASSES, NUMBERS, Target

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 1000  # examples, of which magnitudes are a fair sample


def draw_history(folder: Path, iterations: int, params: Params, loss: str) -> None:
    """The learning curves of so many iterations of the run in a folder."""
    rows = read_history(folder / HISTORY, iterations)
    if rows:
        sizes = [params[0].W.shape[-1], *(b.shape[-2] for _, b in params)]
        title = "-".join(map(str, sizes))
        if k := networks(params):
            title = f"{title}: means of {k} networks"
        curves = plots.learning_curves({"run": as_history(rows)}, title, loss)
        _write(folder / CURVES, curves)


def draw_network(
    folder: Path, params: Params, data: Data, network: Network, target: Target
) -> list[str]:
    """What the network makes of the data; the names of the files.

    The confusion matrix and the most confident mistakes are for classes alone, predictions against
    the truth for numbers; images are left out where an example is no square.
    """
    X, y = data
    cache = forward(params, X[:, :FEW], network)
    grads = backward(params, cache, y[..., :FEW], network)
    figures = {"magnitudes": plots.magnitudes(cache, grads)}
    square = math.isqrt(len(X)) ** 2 == len(X) and len(X) > 16
    if square:
        figures["first_layer"] = plots.first_layer(params)
    A = committee([params], X, network)  # of one, whose outputs the mean is
    if target.task == CLASSES:
        n = max(len(A), len(target.classes))
        counts = confusion_matrix(scores.decided(A, target), y, n)
        names = [*target.classes, *map(str, range(len(target.classes), n))]
        figures["confusion_matrix"] = plots.confusion_matrix(counts, names)
        if square and network.loss.activation == softmax:
            figures["most_wrong"] = plots.most_wrong(X, y, A)
    elif target.task == NUMBERS:
        both = scores.own_unit(A, target), scores.own_unit(y, target)
        figures["predicted"] = plots.predicted_against_true(*both, target.names)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        remove_leftovers(folder, f"{name}.png")
        _write(folder / f"{name}.png", figure)
    return [f"{name}.png" for name in figures]


def _write(path: Path, figure: "Figure") -> None:
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=150)

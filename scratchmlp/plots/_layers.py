"""The sizes of activations and gradients, layer by layer."""

from typing import TYPE_CHECKING

import numpy as np

from scratchmlp.core.arrays import Grads
from scratchmlp.core.border import public
from scratchmlp.core.model import fitting
from scratchmlp.core.model.network import Cache
from scratchmlp.plots._figures import COLOURS, empty_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    figure = empty_figure(10, 4)
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
            axes.plot([number] * 2, [least, most], color=COLOURS[0], lw=1.5)
            axes.plot([number] * 2, [low, high], color=COLOURS[0], lw=7, solid_capstyle="butt")
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

"""What a network looks at, and how little it takes to fool it: gradients in the inputs, drawn.

python -m benchmarks.saliency [--quick] [--figure FILE]
"""

from typing import TYPE_CHECKING

import numpy as np
from toolz import last, take

from benchmarks import harness
from benchmarks.harness import DEEP
from scratchmlp import (
    Params,
    accuracy,
    adam,
    init_params,
    init_state,
    input_grad,
    minibatches,
    predict,
    train,
)
from scratchmlp._extras import require
from scratchmlp.datasets import mnist

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEP = 0.1  # how far each pixel, from 0 to 1, may move


def main() -> None:
    """Train, print the accuracy on digits before and after they are moved, and draw some."""
    options = harness.options(__doc__, figure=("", "draw it there"))
    (X, y), (X_test, y_test) = mnist()
    optimizer, steps = adam(), 200 if options.quick else 2000
    states = train(
        init_state(init_params(DEEP), optimizer),
        minibatches(X, y, size=128),
        optimizer=optimizer,
    )
    params = last(take(steps, states)).params
    fooled = adversarial(params, X_test, y_test)
    before, after = (accuracy(predict(params, each), y_test) for each in (X_test, fooled))
    print(f"accuracy on the test set {before:.2%}, with each pixel moved by {STEP}: {after:.2%}")
    if options.figure:
        drawn(params, X_test[:, :10], y_test[:10]).savefig(options.figure, dpi=150)


def adversarial(params: Params, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The fast gradient sign method (Goodfellow et al. 2014): each pixel up the loss, by STEP."""
    return np.clip(X + STEP * np.sign(input_grad(params, X, y)), 0, 1).astype(X.dtype)


def drawn(params: Params, X: np.ndarray, y: np.ndarray) -> "Figure":
    """Digits, where their loss is sensitive, and what they are taken for once they are moved."""
    moved = adversarial(params, X, y)
    rows = (X, abs(input_grad(params, X, y)), moved)
    figure: Figure = require("matplotlib.figure", "plot").Figure((12, 4), layout="constrained")
    places = figure.subplots(3, X.shape[1])
    for axes, images, cmap in zip(places, rows, ("gray_r", "magma", "gray_r"), strict=True):
        for place, image in zip(axes, images.T, strict=True):
            place.imshow(image.reshape(28, 28), cmap=cmap)
            place.set_axis_off()
    for labels, axes in ((predict(params, X), places[0]), (predict(params, moved), places[2])):
        for place, label in zip(axes, labels, strict=True):
            place.set_title(f"taken for {label}", fontsize=9)
    return figure


if __name__ == "__main__":
    main()

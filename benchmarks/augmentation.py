"""What distorting images costs, alone and while a network learns, and what it makes of digits.

python -m benchmarks.augmentation [--quick] [--json FILE] [--figure FILE]
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from toolz import last, take

from benchmarks import harness
from scratchmlp import (
    affine,
    compose,
    elastic,
    gaussian_noise,
    image_seeds,
    init_params,
    init_state,
    minibatches,
    nesterov,
    train,
)
from scratchmlp._extras import require
from scratchmlp.core.data.augment import Augmentation
from scratchmlp.datasets import mnist
from scratchmlp.workers import blas_threads, cores, threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AFFINE = affine(rotation=15, scale=0.15, shear=0.15, shift=2)
ELASTIC = elastic(sigma=6, alpha=30)
DISTORT = compose(AFFINE, ELASTIC)
AUGMENTATIONS = {
    "affine": AFFINE,
    "elastic": ELASTIC,
    "affine and elastic": DISTORT,
    "Gaussian noise": gaussian_noise(0.3),
}
NETWORKS = ([784, 800, 10], [784, 1024, 1024, 10])
SIZE = 128  # of a batch


def main() -> None:
    """Print the tables, and draw the figure where that is asked for."""
    options = harness.options(__doc__, figure=("", "draw digits there"))
    rounds, images = (2, 6_000) if options.quick else (5, 60_000)
    X, y = mnist().train
    print(f"{harness.described()}\n")
    seconds = harness.medians(harness.in_turns(alone(X[:, :images], y[:images]), rounds))
    scaled = {name: each * 60_000 / images for name, each in seconds.items()}
    print(harness.table(("60,000 images", "seconds"), [(n, f"{s:.2f}") for n, s in scaled.items()]))
    print(f"\nMilliseconds of an iteration at batch {SIZE}\n")
    rows = {
        f"{'-'.join(map(str, sizes))}, BLAS on {blas} of {cores()} cores": learning(
            sizes, blas, X, y, rounds
        )
        for sizes in NETWORKS
        for blas in sorted({1, cores()})
    }
    header = ("network", *next(iter(rows.values())))
    print(
        harness.table(header, [(n, *(f"{t:.2f}" for t in row.values())) for n, row in rows.items()])
    )
    if options.figure:
        drawn(X).savefig(options.figure, dpi=150)
    harness.write_json(options.json, {"seconds": scaled, "milliseconds": rows})


def alone(X: np.ndarray, y: np.ndarray) -> dict[str, harness.Case]:
    """Distorting all of some images in batches, by one thread and by one a core."""

    def case(augment: Augmentation, workers: int) -> harness.Case:
        @contextmanager
        def around() -> Iterator[Callable[[], Any]]:
            with threads(workers) as map:
                batches = minibatches(X, y, size=512, augment=augment, map=map)
                yield lambda: last(take(-(-len(y) // 512), batches))

        return around

    cases = {
        f"{name}, {workers} thread{'s' * (workers > 1)}": case(augment, workers)
        for name, augment in AUGMENTATIONS.items()
        for workers in sorted({1, cores()})
    }
    few = X[:, : X.shape[1] // 20]
    return cases | {
        "elastic, SciPy, one by one (a twentieth)": harness.plain(lambda: by_scipy(few))
    }


def by_scipy(X: np.ndarray) -> np.ndarray:
    """The elastic distortion as it is mostly written: noise filtered, and each image mapped."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((28, 28))

    def distorted(image: np.ndarray) -> np.ndarray:
        noise = rng.uniform(-1, 1, size=(2, 28, 28))
        down, across = (30 * ndimage.gaussian_filter(each, 6) for each in noise)
        return ndimage.map_coordinates(image, (rows + down, columns + across), order=1)

    return np.array([distorted(image.reshape(28, 28)) for image in X.T])


def learning(
    sizes: list[int], blas: int, X: np.ndarray, y: np.ndarray, rounds: int
) -> dict[str, float]:
    """Milliseconds of an iteration: without distortions, in series with them, and ahead."""
    optimizer = nesterov(0.05)
    start = init_state(init_params(sizes), optimizer)

    def case(augment: Augmentation | None, ahead: bool) -> harness.Case:
        @contextmanager
        def around() -> Iterator[Callable[[], Any]]:
            pool = threads(1, blas=blas) if ahead else nullcontext(map)
            with blas_threads(blas), pool as mapped:
                batches = minibatches(X, y, size=SIZE, augment=augment, map=mapped)
                states = train(start, batches, optimizer=optimizer)
                yield lambda: last(take(20, states))

        return around

    cases = {
        "plain": case(None, False),
        "distorted": case(DISTORT, False),
        "distorted ahead": case(DISTORT, True),
    }
    seconds = harness.medians(harness.in_turns(cases, rounds, least=1.0))
    return {name: 1000 * each / 20 for name, each in seconds.items()}


def drawn(X: np.ndarray) -> "Figure":
    """Ten digits, and below each what five epochs make of it."""
    digits = X[:, :10]
    epochs = [DISTORT(digits, image_seeds(0, epoch, np.arange(10))) for epoch in range(5)]
    figure: Figure = require("matplotlib.figure", "plot").Figure((8, 4.9), layout="constrained")
    for row, images in zip(figure.subplots(6, 10), (digits, *epochs), strict=True):
        for axes, image in zip(row, images.T, strict=True):
            axes.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            if images is digits:
                axes.spines[:].set(color="#d55e00", linewidth=2)
    return figure


if __name__ == "__main__":
    main()

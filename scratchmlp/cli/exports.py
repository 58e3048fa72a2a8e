"""What `export` does: a model becomes a file for elsewhere."""

from math import isqrt
from pathlib import Path

from scratchmlp import Array, Data
from scratchmlp.cli import data, models
from scratchmlp.cli.settings import ExportSettings
from scratchmlp.descriptions import Description, pixels
from scratchmlp.export import export

MNIST_PIXELS = 784


def export_command(settings: ExportSettings) -> None:
    """Write the file, of the kind that its suffix tells, and say what it is."""
    members, network = models.load(settings.model)
    n_in = members[0][0].W.shape[1]
    examples = _examples(settings.data, n_in)
    description = None if examples is None else images(examples.X)
    own = members[0] if len(members) == 1 else members
    export(settings.file, own, network, description=description, examples=examples)
    kilobytes = settings.file.stat().st_size / 1000
    print(f"{kilobytes:,.0f} kB, written to {settings.file}")


def images(X: Array) -> Description | None:
    """The description of square images whose pixels were divided by 255, if X can be of such.

    >>> import numpy as np
    >>> images(np.zeros((784, 1))).shape, images(np.full((784, 1), 2.0)), images(np.zeros((9, 1)))
    ((28, 28), None, None)
    """
    side = isqrt(len(X))
    if side < 8 or side * side != len(X) or X.min() < 0 or X.max() > 1:
        return None
    return pixels(len(X), (side, side))


def _examples(path: Path | None, n_in: int) -> Data | None:
    """The examples that are given, or the embedded MNIST's if the network takes such."""
    if path is None and n_in != MNIST_PIXELS:
        return None
    found = data.load_test(path)
    if len(found.X) != n_in:
        raise ValueError(f"{path}: has {len(found.X)} features, but the network takes {n_in}")
    return found

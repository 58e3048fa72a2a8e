"""What `export` does: a model becomes a file for elsewhere."""

from math import isqrt

from scratchmlp import Array, Data
from scratchmlp._description_files import same
from scratchmlp.cli import data, models, sources
from scratchmlp.cli.settings import ExportSettings
from scratchmlp.datasets import EMBEDDED
from scratchmlp.descriptions import Description, pixels
from scratchmlp.export import export

MNIST_PIXELS = 784


def export_command(settings: ExportSettings) -> None:
    """Write the file, of the kind that its suffix tells, and say what it is."""
    found = models.load(settings.model)
    first, description = found.members[0], found.descriptions[0]
    if not all(same(each, description) for each in found.descriptions):
        raise ValueError("the members of the committee have other scales: export them one by one")
    examples = _examples(settings, description, first[0].W.shape[1])
    if description is None and examples is not None:
        description = images(examples.X)
    description = _without_plain_numbers(description)
    own = first if len(found.members) == 1 else found.members
    export(settings.file, own, found.network, description=description, examples=examples)
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


def _without_plain_numbers(description: Description | None) -> Description | None:
    """Classes called 0, 1, 2, ... need no names: their labels are numbers elsewhere too."""
    if description is None or description.target is None:
        return description
    classes = description.target.classes
    plain = bool(classes) and classes == tuple(map(str, range(len(classes))))
    return description._replace(target=None) if plain else description


def _examples(settings: ExportSettings, description: Description | None, n_in: int) -> Data | None:
    """The examples that are given, else the run's own, or MNIST's if the network takes such."""
    if settings.data is not None:
        raw, _ = sources.new(settings.data, description, ignore_unknown=False)
    elif models.has_own_data(settings.model[0]):
        raw, _ = models.own_data(settings.model[0], description)
    elif n_in == MNIST_PIXELS:
        raw, _ = sources.new(EMBEDDED, description, ignore_unknown=False)
    else:
        return None
    if len(raw.X) != n_in and description is None:
        came = len(raw.X)
        raise ValueError(f"{settings.data}: has {came} features, but the network takes {n_in}")
    return data.scale(raw, description)

"""What a network's inputs and outputs mean, as plain tuples: columns, categories, scales, classes.

A description is made of a table by `scratchmlp.tables`, stands in a model's file, and is all that
is needed to encode another table in the same way. Nothing here needs pandas.
"""

from typing import NamedTuple

import numpy as np

from scratchmlp.core.arrays import freeze
from scratchmlp.core.data.preprocessing import Statistics

NUMBER, BOOLEAN, CATEGORY = "number", "boolean", "category"
KINDS = (NUMBER, BOOLEAN, CATEGORY)
"""What a column may be."""
CLASSES, LABELS, NUMBERS = "classes", "labels", "numbers"
TASKS = (CLASSES, LABELS, NUMBERS)
"""What the outputs may be."""


class Column(NamedTuple):
    """A column that is a feature: of numbers, of true and false, or of categories.

    Numbers, and true and false, become one row of X, and categories a row each; where values are
    missing in the data that was described, one row more says which.
    """

    name: str
    kind: str = NUMBER
    categories: tuple[str, ...] = ()
    missing: bool = False


class Target(NamedTuple):
    """What the outputs are: one of several classes, a yes or no for each name, or numbers.

    `names` are the target columns', `classes` the class of each output where the task is classes.
    Numbers are (value - mean) / deviation, with statistics (n_out, 1), which are None otherwise.
    """

    task: str
    names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    statistics: Statistics | None = None


class Description(NamedTuple):
    """How examples are encoded: X is (raw - mean) / deviation, with statistics (n_in, 1).

    `missing` tells whether a value may be missing; it then becomes 0, after the scaling. `shape` is
    the height and width where an example is an image, else ().
    """

    columns: tuple[Column, ...]
    target: Target | None
    statistics: Statistics
    missing: bool = False
    shape: tuple[int, ...] = ()


def row_names(column: Column) -> tuple[str, ...]:
    """The names of the rows of X that a column becomes.

    >>> row_names(Column("sex", CATEGORY, ("f", "m"), missing=True))
    ('sex=f', 'sex=m', 'sex is missing')
    """
    values = tuple(f"{column.name}={each}" for each in column.categories)
    own = values if column.kind == CATEGORY else (column.name,)
    return (*own, f"{column.name} is missing") if column.missing else own


def feature_names(description: Description) -> tuple[str, ...]:
    """The names of the rows of X, in order.

    >>> feature_names(pixels(2))
    ('pixel0', 'pixel1')
    """
    return tuple(name for column in description.columns for name in row_names(column))


def output_names(target: Target) -> tuple[str, ...]:
    """The names of the network's outputs, in order.

    >>> output_names(Target(CLASSES, ("species",), ("cat", "dog")))
    ('cat', 'dog')
    """
    return target.classes if target.task == CLASSES else target.names


def unscaled(n: int) -> Statistics:
    """The statistics by which n features stay as they are.

    >>> unscaled(1)
    Statistics(mean=array([[0.]]), deviation=array([[1.]]))
    """
    return Statistics(freeze(np.zeros((n, 1))), freeze(np.ones((n, 1))))


def pixels(n: int, shape: tuple[int, ...] = (), target: Target | None = None) -> Description:
    """The description of images of n pixels from 0 to 255, which become numbers from 0 to 1.

    >>> pixels(784, (28, 28)).statistics.deviation[0]
    array([255.])
    """
    columns = tuple(Column(f"pixel{k}") for k in range(n))
    return Description(columns, target, pixel_statistics(n), shape=shape)


def pixel_statistics(n: int) -> Statistics:
    """The statistics by which n pixels from 0 to 255 become numbers from 0 to 1.

    >>> pixel_statistics(1)
    Statistics(mean=array([[0.]]), deviation=array([[255.]]))
    """
    return Statistics(freeze(np.zeros((n, 1))), freeze(np.full((n, 1), 255.0)))


def of_pixels(description: Description) -> bool:
    """Whether the features are pixels.

    >>> of_pixels(pixels(2))
    True
    """
    mean, deviation = description.statistics
    return not mean.any() and bool((deviation == 255).all())


def check_sizes(description: Description, n_in: int, n_out: int) -> None:
    """ValueError where a network of these inputs and outputs cannot be of these features.

    >>> check_sizes(pixels(2), 3, 1)
    Traceback (most recent call last):
    ValueError: the description has 2 features but the network takes 3
    """
    features = len(feature_names(description))
    if features != n_in:
        raise ValueError(f"the description has {features} features but the network takes {n_in}")
    target = description.target
    if target is not None and (outputs := len(output_names(target))) != n_out:
        fits = target.task == CLASSES and outputs < n_out
        if not (fits or (target.task == CLASSES and (n_out, outputs) == (1, 2))):
            raise ValueError(f"the description has {outputs} outputs but the network {n_out}")

"""Initial weights of a first layer that come from examples: by which inputs vary together."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data.preprocessing import standardize
from scratchmlp.core.model.initializers import Initializer, Shape

LEAST, MOST = 0.1, 1e3  # neighbours: below there may be none, above all inputs count the same


@public
def contrasts(X: Array, neighbours: float = 14.0) -> Initializer:
    """An initializer of a first layer whose units each compare two groups of inputs of X (n_in, m).

    Input j is near input i by exp(-r / neighbours), where r inputs have a larger |correlation| with
    i than j has; one that is the same in all examples is near to none. The weights of a unit are
    how near all inputs are to one input, less how near they are to another, scaled to norm sqrt(2).
    The chances to be the first of the two are in proportion to the inputs' standard deviations; to
    be the other, to these times how near it is to the first.

    In images these are edges in all places and directions, like those of `gabor`, but nothing says
    which pixels lie side by side: the 14 nearest of a pixel are those within about two pixels.

    All weights learn as any others do: `init_params(sizes, initializer=(contrasts(X), he_normal,
    ...))`. It keeps a matrix of (n_in, n_in) numbers.

    Raises ValueError for X that is not finite or has fewer than two inputs that vary, or neighbours
    that are not from 0.1 to 1000; TypeError for anything but numbers; later, ValueError for a layer
    that has not n_in inputs.
    Source: Le Roux et al. 2007, "Learning the 2-D Topology of Images", for correlations as places.

    >>> X = np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0]])
    >>> W = contrasts(X)(np.random.default_rng(0), (2, 3), np.float64)
    >>> W.round(6)  # one input against the other; the third never changes
    array([[ 1., -1.,  0.],
           [ 1., -1.,  0.]])
    """
    number = checks.within("neighbours", neighbours, LEAST, MOST)
    scaled, (_, deviation) = standardize(X)
    varies = scaled.any(axis=1)
    if (found := int(varies.sum())) < 2:
        raise value_error(f"X must have at least two inputs that vary, not {found}")
    alike = abs(scaled @ scaled.T)
    np.fill_diagonal(alike, np.inf)
    alike[:, ~varies] = -1
    ranks = (-alike).argsort(axis=1, kind="stable").argsort(axis=1)
    near = np.where(varies, np.exp(-ranks / number), 0)
    return partial(_contrasts, freeze(near), freeze(deviation[:, 0] * varies))


@public
def _contrasts(
    near: Array, spread: Array, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
) -> Array:
    n_out, n_in = shape
    if n_in != len(spread):
        raise value_error(f"X has {len(spread)} inputs, but a layer takes {n_in}")
    one = _drawn(rng, np.broadcast_to(spread, shape))
    chances = near[one] * spread
    chances[np.arange(n_out), one] = 0
    W: Array = near[one] - near[_drawn(rng, chances)]
    W *= np.sqrt(2 / (W * W).sum(axis=1, keepdims=True))
    return W.astype(dtype)


def _drawn(rng: np.random.Generator, chances: Array) -> Array:
    """Of each row a place, drawn in proportion: that of the first to come, at such rates."""
    places: Array = (chances / rng.standard_exponential(chances.shape)).argmax(axis=1)
    return places

"""The spectrum of the Hessian, by SciPy's Lanczos iteration.

The largest eigenvalue is the sharpness of the loss: where it is above 2 / rate, a step of gradient
descent goes too far. This is why a loss spikes at a high learning rate, and not at a low one:

>>> from itertools import islice, repeat
>>> from scratchmlp import Batch, article_normal, init_params, init_state, sgd, train
>>> from scratchmlp.datasets import mnist
>>> X, y = mnist().train
>>> digits = Batch(X[:, :200], y[:200])
>>> start = init_params([784, 64, 32, 10], initializer=article_normal)
>>> def sharpness(rate, steps):
...     states = train(init_state(start, sgd(rate)), repeat(digits), optimizer=sgd(rate))
...     return [hessian_eigenvalues(s.params, digits)[0] for s in islice(states, 0, steps, 10)]
>>> [bool(max(sharpness(rate, steps=30)) > 2 / rate) for rate in (0.1, 0.5)]
[False, True]
"""

from functools import partial

from scratchmlp._extras import require
from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params, freeze
from scratchmlp.core.border import public, value_error
from scratchmlp.core.data.batches import Map, Shards, data_as_shards
from scratchmlp.core.derivatives.curvature import HessianOperator, hessian_operator
from scratchmlp.core.model.network import Network, classifier
from scratchmlp.core.randomness import Purpose, generator
from scratchmlp.core.stacks import check_single
from scratchmlp.core.trees import flatten, unflatten

__all__ = ["hessian_eigenvalues"]


@public
def hessian_eigenvalues(
    params: Params,
    X: Array | Shards,
    y: Array | None = None,
    network: Network = classifier,
    *,
    k: int = 1,
    seed: int = 0,
    tolerance: float = 1e-4,
    weights: Array | None = None,
    map: Map = map,
) -> Array:
    """The k largest eigenvalues of the Hessian of the weighted mean loss, (k,), largest first.

    By products with vectors alone, from a random start by the seed, until they are within the
    tolerance, relatively; float32 parameters do not give much more. The data is that of `hvp`.

    Raises ImportError without the `spectrum` extra (SciPy), ValueError unless 0 < k < the number of
    parameters, and for a stack of params; otherwise as `hvp`.

    >>> import numpy as np
    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> X, Y = np.array([[3.0, -3.0]]), np.array([[0.0, 0.0]])
    >>> hessian_eigenvalues(params, X, Y, regressor).round(6)
    array([9.])
    """
    checks.count("k", k, least=1)
    checks.count("seed", seed, least=0)
    checks.positive("tolerance", tolerance)
    times = hessian_operator(params, data_as_shards(X, y, weights), network, map)
    check_single("params", params)
    flat = flatten(params)
    if k >= len(flat):
        raise value_error(f"k must be below the {len(flat)} parameters, not {k}")
    linalg = require("scipy.sparse.linalg", "spectrum")
    operator = linalg.LinearOperator(
        (len(flat), len(flat)), partial(_on_vectors, times, params), dtype=flat.dtype
    )
    start = generator(seed, Purpose.PROBES).normal(size=len(flat)).astype(flat.dtype)
    options = {"which": "LA", "v0": start, "tol": tolerance, "return_eigenvectors": False}
    values = linalg.eigsh(operator, k, **options)
    return freeze(values[::-1].copy())


def _on_vectors(times: HessianOperator, params: Params, vector: Array) -> Array:
    return flatten(times(unflatten(vector.ravel(), params)))

"""Uses of Hessian products: the trace of the Hessian, and a step of Newton's method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params
from scratchmlp.core.border import public
from scratchmlp.core.data.batches import Map, Shards, data_as_shards
from scratchmlp.core.derivatives.curvature import gauss_newton_operator, hessian_operator
from scratchmlp.core.model.network import Network, classifier
from scratchmlp.core.randomness import Purpose, generator
from scratchmlp.core.stacks import check_single
from scratchmlp.core.training.objective import value_and_grad
from scratchmlp.core.trees import flatten, unflatten


@public
def hessian_trace(
    params: Params,
    X: Array | Shards,
    y: Array | None = None,
    network: Network = classifier,
    *,
    samples: int = 100,
    seed: int = 0,
    weights: Array | None = None,
    map: Map = map,
) -> float:
    """An estimate of the trace of the Hessian: the mean of v.H v over random vectors v of 1 and -1.

    It is right on average, and its error falls as 1 / sqrt(samples). The data is that of `hvp`.

    Raises as `hvp`, and for samples below 1, a seed below 0 or a stack of params.
    Source: Hutchinson 1990, "A Stochastic Estimator of the Trace of the Influence Matrix".

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> X, Y = np.array([[3.0, -3.0]]), np.array([[0.0, 0.0]])
    >>> hessian_trace(params, X, Y, regressor, samples=5)
    10.0
    """
    checks.count("samples", samples, least=1)
    checks.count("seed", seed, least=0)
    times = hessian_operator(params, data_as_shards(X, y, weights), network, map)
    check_single("params", params)
    n = len(flatten(params))

    def sample(number: int) -> float:
        v = 2.0 * generator(seed, Purpose.PROBES, number).integers(2, size=n) - 1
        return float(v @ flatten(times(unflatten(v, params))))

    return sum(sample(number) for number in range(samples)) / samples


@public
def newton_cg_step(
    params: Params,
    X: Array | Shards,
    y: Array | None = None,
    network: Network = classifier,
    *,
    damping: float = 0.01,
    iterations: int = 10,
    weights: Array | None = None,
    map: Map = map,
) -> Params:
    """The params less d, where (G + damping I) d = g by so many steps of conjugate gradients.

    g is the gradient and G the Gauss-Newton matrix of the weighted mean loss, which is not formed:
    each step takes one `gnvp`. The data is that of `hvp`.

    Raises as `gnvp`, for a damping that is not above 0, iterations below 1, or a stack of params.
    Source: Martens 2010, "Deep learning via Hessian-free optimization".

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> X, Y = np.array([[1.0, -1.0]]), np.array([[3.0, -1.0]])
    >>> [a.round(6) for a in newton_cg_step(params, X, Y, regressor, damping=1e-9)[0]]
    [array([[2.]]), array([[1.]])]
    """
    shift = checks.positive("damping", damping)
    checks.count("iterations", iterations, least=1)
    data = data_as_shards(X, y, weights)
    times = gauss_newton_operator(params, data, network, map)
    check_single("params", params)
    _, grads = value_and_grad(params, data, network, map=map)

    def damped(d: Array) -> Array:
        return flatten(times(unflatten(d, params))) + shift * d

    d = _conjugate_gradients(damped, flatten(grads), iterations)
    return unflatten(flatten(params) - d, params)


def _conjugate_gradients(times: Callable[[Array], Array], b: Array, iterations: int) -> Array:
    """The x for which times(x) is b, or near it after so many steps.

    Source: Hestenes and Stiefel 1952, "Methods of Conjugate Gradients".
    """
    x, r, p = np.zeros_like(b), b, b
    for _ in range(iterations):
        square, Ap = float(r @ r), times(p)
        curvature = float(p @ Ap)
        if not curvature > 0:  # b is 0 or solved for; or a loss of one's own is not convex
            break
        x = x + square / curvature * p
        r = r - square / curvature * Ap
        p = r + float(r @ r) / square * p
    return x

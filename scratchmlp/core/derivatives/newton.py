"""What stands on the products with the Hessian: its trace, and a step of Newton's method."""

from collections.abc import Callable

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Params, flatten, unflatten
from scratchmlp.core.data.batches import Map
from scratchmlp.core.derivatives.curvature import times_gauss_newton, times_hessian
from scratchmlp.core.model.network import Network, classifier
from scratchmlp.core.randomness import Stream, generator
from scratchmlp.core.training.objective import Shards, check, gather, given


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

    Raises as `hvp`, and for samples below 1 or a seed below 0.
    Source: Hutchinson 1990, "A Stochastic Estimator of the Trace of the Influence Matrix".

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> X, Y = np.array([[3.0, -3.0]]), np.array([[0.0, 0.0]])
    >>> hessian_trace(params, X, Y, regressor, samples=5)
    10.0
    """
    checks.count("hessian_trace", "samples", samples, least=1)
    checks.count("hessian_trace", "seed", seed, least=0)
    check("hessian_trace", params, network, map)
    data = given("hessian_trace", X, y, weights)
    times = times_hessian("hessian_trace", params, data, network, map)
    n = len(flatten(params))

    def sample(number: int) -> float:
        v = 2.0 * generator(seed, Stream.PROBES, number).integers(2, size=n) - 1
        return float(v @ flatten(times(unflatten(v, params))))

    return sum(sample(number) for number in range(samples)) / samples


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

    Raises as `gnvp`, for a damping that is not above 0, and for iterations below 1.
    Source: Martens 2010, "Deep learning via Hessian-free optimization".

    >>> from scratchmlp import Layer, regressor
    >>> params = (Layer(np.array([[1.0]]), np.array([[0.0]])),)
    >>> X, Y = np.array([[1.0, -1.0]]), np.array([[3.0, -1.0]])
    >>> [a.round(6) for a in newton_cg_step(params, X, Y, regressor, damping=1e-9)[0]]
    [array([[2.]]), array([[1.]])]
    """
    shift = checks.positive("newton_cg_step", "damping", damping)
    checks.count("newton_cg_step", "iterations", iterations, least=1)
    check("newton_cg_step", params, network, map)
    data = given("newton_cg_step", X, y, weights)
    times = times_gauss_newton("newton_cg_step", params, data, network, map)
    _, grads = gather("newton_cg_step", params, data, network, map)

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
        bend = float(p @ Ap)
        if not bend > 0:  # b is 0 or solved for; or a loss of one's own is not convex
            break
        x = x + square / bend * p
        r = r - square / bend * Ap
        p = r + float(r @ r) / square * p
    return x

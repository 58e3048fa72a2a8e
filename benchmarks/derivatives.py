"""Derivatives beside JAX's and PyTorch's: how well they agree, and what they cost.

python -m benchmarks.derivatives [--quick] [--json FILE]
"""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from benchmarks.harness import DEEP
from benchmarks.peers import DERIVING, OURS
from benchmarks.peers.jax_derivatives import by_jax, gauss_newton
from benchmarks.processes import Measured, label, measured, ratios, said, spread
from scratchmlp import (
    Network,
    Params,
    elu,
    example_grad_norms,
    example_grads,
    fisher_diagonal,
    flatten,
    gelu,
    gnvp,
    hvp,
    init_params,
    input_grad,
    jvp,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
    squared_error,
    tanh,
    unflatten,
    vjp,
)

SIZES = [5, 6, 4, 3]  # of the networks whose Hessian is formed
BATCHES, QUICK_BATCHES = (32, 128, 4096), (32, 128)
NAMES = (
    "gradient",
    "input_grad",
    "example_grads",
    "example_grad_norms",
    "clipped_grad_sum",
    "fisher_diagonal",
    "jvp",
    "vjp",
    "gnvp",
    "hvp",
)
QUICK_NAMES = ("gradient", "input_grad", "example_grad_norms", "jvp", "gnvp", "hvp")
JAX = "JAX, jitted"
PAIRS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "relu": (relu, jax.nn.relu),
    "leaky_relu": (leaky_relu(0.1), partial(jax.nn.leaky_relu, negative_slope=0.1)),
    "elu": (elu, jax.nn.elu),
    "tanh": (tanh, jnp.tanh),
    "sigmoid": (sigmoid, jax.nn.sigmoid),
    "softplus": (softplus, jax.nn.softplus),
    "gelu": (gelu, partial(jax.nn.gelu, approximate=False)),
    "silu": (silu, jax.nn.silu),
}


def main() -> None:
    """Print both tables."""
    options = harness.options(__doc__)
    figures = {"differences": differences(), "costs": costs(options.quick)}
    harness.write_json(options.json, figures)


def differences() -> dict[str, dict[str, float]]:
    """The largest of any number from JAX's in float64, for each activation and loss."""
    with jax.enable_x64(True):
        found = {
            f"{name}, {loss}": compared(name, loss)
            for name in PAIRS
            for loss in ("softmax", "squares")
        }
    print(f"The largest difference from JAX in float64, {SIZES}\n")
    header = ("", *next(iter(found.values())))
    rows = [(name, *(f"{gap:.0e}" for gap in gaps.values())) for name, gaps in found.items()]
    print(harness.table(header, rows) + "\n")
    worst = max(gap for gaps in found.values() for gap in gaps.values())
    if worst > 1e-10:
        raise SystemExit(f"the largest difference is {worst:.0e}")
    return found


def compared(name: str, loss: str) -> dict[str, float]:
    """The differences of one network, all of whose derivatives are formed."""
    g, theirs = PAIRS[name]
    network = Network(g) if loss == "softmax" else Network(g, squared_error)
    rng = np.random.default_rng(0)
    params, v = (init_params(SIZES, seed=seed, dtype=np.float64) for seed in (0, 1))
    X, Y, u = rng.normal(size=(5, 8)), rng.random((3, 8)), rng.normal(size=(3, 8))
    Y /= Y.sum(axis=0)
    mean, one, predicted, logits = by_jax(theirs, loss)
    vector, tangent = jnp.asarray(flatten(params)), jnp.asarray(flatten(v))

    def outputs(vector: Any) -> Any:
        return predicted(unflattened(vector, params), X)

    def mean_of(vector: Any) -> Any:
        return mean(unflattened(vector, params), X, Y)

    hessian = np.asarray(jax.hessian(mean_of)(vector))
    dense = [flatten(hvp(params, unflatten(e, params), X, Y, network)) for e in np.eye(len(vector))]
    each = jax.vmap(jax.grad(one), (None, 1, 1))(params, X, Y)
    rows = np.concatenate([np.asarray(a).reshape(8, -1) for a in jax.tree.leaves(each)], axis=1)
    ours = example_grads(params, X, Y, network)
    formed = np.concatenate([a.reshape(8, -1) for a in jax.tree.leaves(ours)], axis=1)
    inputs = jax.vmap(jax.grad(one, 1), (None, 1, 1), 1)(params, X, Y)
    pairs = {
        "input_grad": (input_grad(params, X, Y, network), inputs),
        "example_grads": (formed, rows),
        "norms": (example_grad_norms(params, X, Y, network), np.linalg.norm(rows, axis=1)),
        "fisher": (flatten(fisher_diagonal(params, X, Y, network)), (rows**2).mean(axis=0)),
        "jvp": (jvp(params, v, X, network), jax.jvp(outputs, (vector,), (tangent,))[1]),
        "vjp": (flatten(vjp(params, u, X, network)), jax.vjp(outputs, vector)[1](u)[0]),
        "hessian": (np.array(dense), hessian),
        "gnvp": (
            flatten(gnvp(params, v, X, Y, network)),
            gauss_newton(lambda v: logits(unflattened(v, params), X), loss, vector, tangent, Y),
        ),
    }
    return {what: float(np.abs(a - np.asarray(b)).max()) for what, (a, b) in pairs.items()}


def unflattened(vector: Any, like: Params) -> Any:
    """`unflatten` of JAX's arrays, which it can trace."""
    arrays, start = [], 0
    for array in jax.tree.leaves(like):
        arrays.append(vector[start : start + array.size].reshape(array.shape))
        start += array.size
    return tuple(zip(arrays[::2], arrays[1::2], strict=True))


def costs(quick: bool) -> dict[str, Any]:
    """Milliseconds of each derivative by each library, at each size of batch."""
    cases = [["derivative", name, DEEP, m] for m in BATCHES for name in NAMES]
    if quick:
        cases = [case for case in cases if case[-1] in QUICK_BATCHES and case[1] in QUICK_NAMES]
    rounds, turns = (2, 1) if quick else (7, 3)
    result = measured(DERIVING, cases, rounds, turns, 0.1)
    print(f"{said(result)}\n")
    for m in dict.fromkeys(case[-1] for case in cases):
        print(f"Milliseconds, and as a multiple of the gradient; {DEEP}, batch {m}, float32\n")
        print(table(result, [case[1] for case in cases if case[-1] == m], m) + "\n", flush=True)
    return result._asdict()


def table(result: Measured, names: Sequence[str], m: int) -> str:
    """A row for each derivative: milliseconds of each library, multiples, and ours against JAX."""
    libraries = [program.name for program in DERIVING]
    gradient = result.seconds[label(["derivative", "gradient", DEEP, m])]
    rows = []
    for name in names:
        by_library = result.seconds[label(["derivative", name, DEEP, m])]
        cells = [
            f"{spread(seconds, 1e3, 3)}, {statistics.median(ratios(seconds, gradient[each])):.2f}"
            if (seconds := by_library.get(each))
            else ""
            for each in libraries
        ]
        jax = by_library.get(JAX)
        rows.append((name, *cells, spread(ratios(by_library[OURS], jax), digits=2) if jax else ""))
    return harness.table(("", *libraries, f"{OURS} against {JAX}"), rows)


if __name__ == "__main__":
    main()

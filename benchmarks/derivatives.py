"""Derivatives beside JAX's and PyTorch's: how well they agree, and what they cost in gradients.

python -m benchmarks.derivatives [--quick] [--json FILE]
"""

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks import harness
from benchmarks.harness import DEEP
from scratchmlp import (
    Batch,
    Network,
    Params,
    classifier,
    clipped_grad_sum,
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
    shards,
    sigmoid,
    silu,
    softplus,
    squared_error,
    tanh,
    unflatten,
    value_and_grad,
    vjp,
)
from scratchmlp.core.arrays import leaves
from scratchmlp.datasets import mnist

SIZES = [5, 6, 4, 3]  # of the networks whose Hessian is formed
BATCHES = (32, 128, 4096)
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
Cases = dict[str, Callable[[], Any]]


def main() -> None:
    """Print both tables."""
    options = harness.options(__doc__)
    print(f"{harness.described()}\n")
    gaps = differences()
    costs = {m: cost(m, 3 if options.quick else 15) for m in BATCHES}
    harness.write_json(options.json, {"differences": gaps, "costs": costs})


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
    mean, one, predicted = by_jax(theirs, loss)
    vector, tangent = jnp.asarray(flatten(params)), jnp.asarray(flatten(v))

    def outputs(vector: Any) -> Any:
        return predicted(unflattened(vector, params), X)

    def mean_of(vector: Any) -> Any:
        return mean(unflattened(vector, params), X, Y)

    hessian = np.asarray(jax.hessian(mean_of)(vector))
    dense = [flatten(hvp(params, unflatten(e, params), X, Y, network)) for e in np.eye(len(vector))]
    each = jax.vmap(jax.grad(one), (None, 1, 1))(params, X, Y)
    rows = np.concatenate([np.asarray(a).reshape(8, -1) for a in leaves(each)], axis=1)
    ours = example_grads(params, X, Y, network)
    formed = np.concatenate([a.reshape(8, -1) for a in leaves(ours)], axis=1)
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
            gauss_newton(theirs, loss, params, vector, tangent, X, Y),
        ),
    }
    return {what: float(np.abs(a - np.asarray(b)).max()) for what, (a, b) in pairs.items()}


def unflattened(vector: Any, like: Params) -> Any:
    """`unflatten` of JAX's arrays, which it can trace."""
    arrays, start = [], 0
    for array in leaves(like):
        arrays.append(vector[start : start + array.size].reshape(array.shape))
        start += array.size
    return tuple(zip(arrays[::2], arrays[1::2], strict=True))


def by_jax(g: Callable[[Any], Any], loss: str) -> tuple[Callable[..., Any], ...]:
    """The mean loss, the loss of one example, and the outputs."""

    def logits(params: Any, X: Any) -> Any:
        *hidden, (W, b) = params
        for V, c in hidden:
            X = g(V @ X + c)
        return W @ X + b

    def values(params: Any, X: Any, Y: Any) -> Any:
        return by_logits(logits(params, X), Y, loss)

    def one(params: Any, x: Any, y: Any) -> Any:
        return values(params, x[:, None], y[:, None])[0]

    def predicted(params: Any, X: Any) -> Any:
        Z = logits(params, X)
        return jax.nn.softmax(Z, axis=0) if loss == "softmax" else Z

    return lambda *args: values(*args).mean(), one, predicted


def by_logits(Z: Any, Y: Any, loss: str) -> Any:
    """Each example's loss."""
    if loss == "softmax":
        return -(Y * jax.nn.log_softmax(Z, axis=0)).sum(axis=0)
    return 0.5 * ((Z - Y) ** 2).sum(axis=0)


def gauss_newton(
    g: Callable[[Any], Any], loss: str, params: Params, vector: Any, tangent: Any, X: Any, Y: Any
) -> Any:
    """J.T H J tangent, by JAX."""

    def logits(vector: Any) -> Any:
        *hidden, (W, b) = unflattened(vector, params)
        A = X
        for V, c in hidden:
            A = g(V @ A + c)
        return W @ A + b

    Z, RZ = jax.jvp(logits, (vector,), (tangent,))
    slope = jax.grad(lambda Z: by_logits(Z, Y, loss).mean())
    return jax.vjp(logits, vector)[1](jax.jvp(slope, (Z,), (RZ,))[1])[0]


def cost(m: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of each function's time as a multiple of the same library's own gradient, float32."""
    X, y = (array[..., :m] for array in mnist().train)
    params, v = (init_params(DEEP, seed=seed) for seed in (0, 1))
    libraries = {
        "scratchmlp": ours(params, v, X, y),
        "JAX, jitted": jaxs(params, v, X, y),
        "PyTorch": torchs(params, v, X, y),
    }
    cases = {(name, what): run for name, each in libraries.items() for what, run in each.items()}
    seconds = harness.in_turns(
        {"/".join(key): harness.plain(run) for key, run in cases.items()}, rounds, 0.1
    )
    found: dict[str, dict[str, float]] = {}
    for name, each in libraries.items():
        gradient = seconds[f"{name}/gradient"]
        found[name] = {
            what: statistics.median(map(float.__truediv__, seconds[f"{name}/{what}"], gradient))
            for what in each
        }
        found[name]["milliseconds of a gradient"] = 1e3 * statistics.median(gradient)
    print(f"As a multiple of the same library's gradient; {DEEP}, batch {m}, float32\n")
    print(harness.table(("", *found), [_row(what, found) for what in found["scratchmlp"]]) + "\n")
    return found


def _row(what: str, found: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    return what, *(f"{each[what]:.2f}" if what in each else "" for each in found.values())


def ours(params: Params, v: Params, X: np.ndarray, y: np.ndarray) -> Cases:
    """What scratchmlp does; the gradient over the shards that `hvp` makes of X and y."""
    u, parts = np.ones((10, X.shape[1]), np.float32), shards(X, y)
    cases: Cases = {
        "gradient": lambda: value_and_grad(params, parts),
        "gradient of one batch": lambda: value_and_grad(params, Batch(X, y)),
        "input_grad": lambda: input_grad(params, X, y),
        "example_grad_norms": lambda: example_grad_norms(params, X, y),
        "clipped_grad_sum": lambda: clipped_grad_sum(params, X, y, max_norm=1.0),
        "fisher_diagonal": lambda: fisher_diagonal(params, X, y),
        "jvp": lambda: jvp(params, v, X, classifier),
        "vjp": lambda: vjp(params, u, X, classifier),
        "gnvp": lambda: gnvp(params, v, parts),
        "hvp": lambda: hvp(params, v, parts),
    }
    if X.shape[1] <= 128:
        cases["example_grads"] = lambda: example_grads(params, X, y)
    return cases


def jaxs(params: Params, v: Params, X: np.ndarray, y: np.ndarray) -> Cases:
    """The same by JAX; norms by forming the gradients, as one does there."""
    mean, one, predicted = by_jax(jax.nn.relu, "softmax")
    Y, p, t, x = jnp.eye(10)[:, y], *jax.tree.map(jnp.asarray, (params, v, np.asarray(X)))
    slope, each = jax.grad(mean), jax.vmap(jax.grad(one), (None, 1, 1))

    def norms(p: Any, x: Any, Y: Any) -> Any:
        return jnp.sqrt(sum((a**2).sum(axis=(1, 2)) for a in jax.tree.leaves(each(p, x, Y))))

    def back(p: Any, x: Any, u: Any) -> Any:
        return jax.vjp(lambda p: predicted(p, x), p)[1](u)

    functions: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "gradient": (slope, (p, x, Y)),
        "input_grad": (jax.grad(lambda p, x, Y: mean(p, x, Y) * x.shape[1], 1), (p, x, Y)),
        "jvp": (lambda p, t, x: jax.jvp(lambda p: predicted(p, x), (p,), (t,))[1], (p, t, x)),
        "vjp": (back, (p, x, jnp.ones_like(Y))),
        "hvp": (
            lambda p, t, x, Y: jax.jvp(lambda p: slope(p, x, Y), (p,), (t,))[1],
            (p, t, x, Y),
        ),
    }
    if X.shape[1] <= 128:  # beyond it they take gigabytes
        functions |= {"example_grads": (each, (p, x, Y)), "example_grad_norms": (norms, (p, x, Y))}

    def run(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[], Any]:
        jitted = jax.jit(function)
        return lambda: jax.block_until_ready(jitted(*args))

    return {name: run(*each) for name, each in functions.items()}


def torchs(params: Params, v: Params, X: np.ndarray, y: np.ndarray) -> Cases:
    """The same by `torch.func`, eager."""
    p, t = (tuple(torch.tensor(a) for a in leaves(tree)) for tree in (params, v))
    rows, labels = torch.tensor(np.ascontiguousarray(X.T)), torch.tensor(y.astype(np.int64))

    def logits(p: Any, rows: Any) -> Any:
        for W, b in zip(p[:-2:2], p[1:-2:2], strict=True):
            rows = torch.relu(rows @ W.T + b[:, 0])
        return rows @ p[-2].T + p[-1][:, 0]

    def mean(p: Any, rows: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(logits(p, rows), labels)

    def one(p: Any, row: Any, label: Any) -> Any:
        return mean(p, row[None], label[None])

    def outputs(p: Any) -> Any:
        return torch.softmax(logits(p, rows), dim=1)

    slope, each = torch.func.grad(mean), torch.func.vmap(torch.func.grad(one), (None, 0, 0))

    def norms() -> Any:
        return sum(a.square().sum(dim=(1, 2)) for a in each(p, rows, labels)).sqrt()

    cases: Cases = {
        "gradient": lambda: slope(p, rows, labels),
        "input_grad": lambda: torch.func.grad(mean, 1)(p, rows, labels),
        "jvp": lambda: torch.func.jvp(outputs, (p,), (t,))[1],
        "vjp": lambda: torch.func.vjp(outputs, p)[1](torch.ones(len(rows), 10)),
        "hvp": lambda: torch.func.jvp(lambda p: slope(p, rows, labels), (p,), (t,))[1],
    }
    if len(rows) <= 128:
        cases |= {"example_grads": lambda: each(p, rows, labels), "example_grad_norms": norms}
    return cases


if __name__ == "__main__":
    main()

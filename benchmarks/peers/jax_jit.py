"""JAX: everything compiled, steps in a scan, whose updates are written out or optax's.

Of a step's figures only the loss is kept.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.harness import Case, plain
from benchmarks.peers import RATES, Peer, layers, prepared, rows
from scratchmlp import Batch, Data, Params, init_params, stack

CHUNK = 2000


def loss(params: Any, X: Any, y: Any) -> Any:
    """The mean cross-entropy of examples X (m, n_in)."""
    *hidden, (W, b) = params
    for each, bias in hidden:
        X = jax.nn.relu(X @ each + bias)
    Z = X @ W + b
    return (jax.nn.logsumexp(Z, axis=1) - jnp.take_along_axis(Z, y[:, None], 1)[:, 0]).mean()


def step(
    variant: str, params: Params, batches: Sequence[Batch], rule: str, rate: float
) -> Callable[[], Any]:
    """One scan over the batches."""
    X, y = map(jnp.asarray, rows(batches))
    start = _params(params)
    init, update = (by_optax if variant == "optax" else written_out)(rule, rate)

    @jax.jit
    def scanned(params: Any, X: Any, y: Any) -> Any:
        def advance(carry: Any, batch: Any) -> Any:
            params, state, k = carry
            value, grads = jax.value_and_grad(loss)(params, *batch)
            return (*update(params, grads, state, k), k + 1), value

        (params, *_), losses = jax.lax.scan(advance, (params, init(params), 0), (X, y))
        return params, losses

    return lambda: jax.block_until_ready(scanned(start, X, y))


def written_out(rule: str, rate: float) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """init(params), and update(params, grads, state, iteration): new params and new state."""
    each = jax.tree.map

    def sgd(params: Any, grads: Any, state: Any, k: Any) -> Any:
        return each(lambda p, g: p - rate * g, params, grads), state

    def nesterov(params: Any, grads: Any, velocity: Any, k: Any) -> Any:
        v = each(lambda v, g: 0.9 * v + g, velocity, grads)
        return each(lambda p, g, v: p - rate * (g + 0.9 * v), params, grads, v), v

    def adam(params: Any, grads: Any, state: Any, k: Any) -> Any:
        m = each(lambda m, g: 0.9 * m + 0.1 * g, state[0], grads)
        s = each(lambda s, g: 0.999 * s + 0.001 * g * g, state[1], grads)
        root = jnp.sqrt(1 - 0.999 ** (k + 1))
        scale = rate * root / (1 - 0.9 ** (k + 1))
        new = each(lambda p, m, s: p - scale * m / (jnp.sqrt(s) + 1e-8 * root), params, m, s)
        return new, (m, s)

    def zeros(params: Any) -> Any:
        return each(jnp.zeros_like, params)

    return {
        "sgd": (lambda params: (), sgd),
        "nesterov": (zeros, nesterov),
        "adam": (lambda params: (zeros(params), zeros(params)), adam),
    }[rule]


def by_optax(rule: str, rate: float) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The same by optax."""
    optimizer = {
        "sgd": lambda: optax.sgd(rate),
        "nesterov": lambda: optax.sgd(rate, momentum=0.9, nesterov=True),
        "adam": lambda: optax.adam(rate),
    }[rule]()

    def update(params: Any, grads: Any, state: Any, k: Any) -> Any:
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    return optimizer.init, update


def gradient(variant: str, params: Params, data: Data) -> Case:
    """The whole batch, or a scan over chunks of it."""
    X, y = _arrays(data)
    ours = _params(params)
    if variant == "whole":
        whole = jax.jit(jax.grad(loss))
        return plain(lambda: _layers(whole(ours, X, y)))

    @jax.jit
    def scanned(params: Any, X: Any, y: Any) -> Any:
        def add(total: Any, part: Any) -> Any:
            return jax.tree.map(jnp.add, total, jax.grad(loss)(params, *part)), None

        zero = jax.tree.map(jnp.zeros_like, params)
        chunks = X.reshape(-1, CHUNK, X.shape[1]), y.reshape(-1, CHUNK)
        total, _ = jax.lax.scan(add, zero, chunks)
        return jax.tree.map(lambda g: g * (CHUNK / len(X)), total)

    return plain(lambda: _layers(scanned(ours, X, y)))


def epoch(
    variant: str, params: Params, data: Data, batch: int, rate: float
) -> Callable[[], Params]:
    """One scan over full batches; what is left of an epoch is left out."""
    X, y = _arrays(data)
    rng = np.random.default_rng(0)
    now = [_params(params)]

    @partial(jax.jit, donate_argnums=0)
    def scanned(params: Any, order: Any) -> Any:
        def advance(params: Any, chosen: Any) -> Any:
            grads = jax.grad(loss)(params, X[chosen], y[chosen])
            return jax.tree.map(lambda p, g: p - rate * g, params, grads), None

        return jax.lax.scan(advance, params, order)[0]

    def run() -> Params:
        order = rng.permutation(len(X))[: len(X) // batch * batch].astype(np.int32)
        now[0] = scanned(now[0], order.reshape(-1, batch))
        return _layers(jax.tree.map(np.array, now[0]))

    return run


def many(variant: str, sizes: list[int], batches: Sequence[Batch], k: int) -> tuple[Case, int]:
    """k networks at once, by vmap inside one scan over the batches, which all of them share."""
    X, y = map(jnp.asarray, rows(batches))
    now = [_params(stack([init_params(sizes, seed=seed) for seed in range(k)]))]
    slopes = jax.vmap(jax.value_and_grad(loss), (0, None, None))

    @partial(jax.jit, donate_argnums=0)
    def scanned(params: Any, X: Any, y: Any) -> Any:
        def advance(params: Any, batch: Any) -> Any:
            values, grads = slopes(params, *batch)
            return jax.tree.map(lambda p, g: p - RATES["sgd"] * g, params, grads), values

        return jax.lax.scan(advance, params, (X, y))

    def run() -> None:
        now[0], losses = scanned(now[0], X, y)
        jax.block_until_ready((now[0], losses))

    return plain(run), k


def _arrays(data: Data) -> tuple[Any, Any]:
    return jnp.array(np.ascontiguousarray(data.X.T)), jnp.array(data.y.astype(np.int32))


def _params(params: Params) -> Any:
    return tuple((jnp.array(W.mT), jnp.array(b[..., 0])) for W, b in params)


def _layers(params: Any) -> Params:
    weights, biases = zip(*jax.block_until_ready(params), strict=True)
    return layers(weights, biases, transposed=True)


PEER = Peer(step, gradient, epoch, many=many)
prepare = partial(prepared, PEER)

"""JAX: jit of the whole batch and of a scan over chunks; an epoch as one scan over batches."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Case, plain
from benchmarks.peers import Peer, layers
from scratchmlp import Data, Params

CHUNK = 2000


def loss(params: Any, X: Any, y: Any) -> Any:
    """The mean cross-entropy of examples X (m, n_in)."""
    *hidden, (W, b) = params
    for each, bias in hidden:
        X = jax.nn.relu(X @ each + bias)
    Z = X @ W + b
    return (jax.nn.logsumexp(Z, axis=1) - jnp.take_along_axis(Z, y[:, None], 1)[:, 0]).mean()


def gradients(params: Params, data: Data, quick: bool) -> dict[str, Case]:
    """The whole batch, and a scan over chunks of it."""
    X, y = _arrays(data)
    ours = _params(params)
    m = len(X) // CHUNK * CHUNK
    whole = jax.jit(jax.grad(loss))

    @jax.jit
    def scanned(params: Any, X: Any, y: Any) -> Any:
        def add(total: Any, part: Any) -> Any:
            return jax.tree.map(jnp.add, total, jax.grad(loss)(params, *part)), None

        zero = jax.tree.map(jnp.zeros_like, params)
        chunks = X.reshape(-1, CHUNK, X.shape[1]), y.reshape(-1, CHUNK)
        total, _ = jax.lax.scan(add, zero, chunks)
        return jax.tree.map(lambda g: g * (CHUNK / len(X)), total)

    cases = {"JAX, jit": plain(lambda: _layers(whole(ours, X, y)))}
    if m == len(X):
        cases[f"JAX, scan over chunks of {CHUNK}"] = plain(lambda: _layers(scanned(ours, X, y)))
    return cases


def epochs(params: Params, data: Data, batch: int, rate: float) -> dict[str, Callable[[], Params]]:
    """One scan over full batches; what is left of an epoch is left out."""
    X, y = _arrays(data)
    rng = np.random.default_rng(0)
    now = [_params(params)]

    @partial(jax.jit, donate_argnums=0)
    def epoch(params: Any, order: Any) -> Any:
        def step(params: Any, chosen: Any) -> Any:
            grads = jax.grad(loss)(params, X[chosen], y[chosen])
            return jax.tree.map(lambda p, g: p - rate * g, params, grads), None

        return jax.lax.scan(step, params, order)[0]

    def run() -> Params:
        order = rng.permutation(len(X))[: len(X) // batch * batch].astype(np.int32)
        now[0] = epoch(now[0], order.reshape(-1, batch))
        return _layers(jax.tree.map(np.array, now[0]))

    return {"JAX, scan": run}


def _arrays(data: Data) -> tuple[Any, Any]:
    return jnp.array(np.ascontiguousarray(data.X.T)), jnp.array(data.y.astype(np.int32))


def _params(params: Params) -> Any:
    return tuple((jnp.array(W.T), jnp.array(b[:, 0])) for W, b in params)


def _layers(params: Any) -> Params:
    weights, biases = zip(*jax.block_until_ready(params), strict=True)
    return layers(weights, biases, transposed=True)


PEER = Peer(gradients, epochs)

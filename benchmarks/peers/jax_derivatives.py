"""JAX's derivatives: of any of scratchmlp's networks to agree with, and jitted to be timed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import Peer, prepared
from scratchmlp import Data, Params

MOST_EXAMPLES = 128  # whose own gradients are formed: of more they take gigabytes


def by_jax(g: Callable[[Any], Any], loss: str) -> tuple[Callable[..., Any], ...]:
    """The mean loss, the loss of one example, the outputs, and the logits."""

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

    return lambda *args: values(*args).mean(), one, predicted, logits


def by_logits(Z: Any, Y: Any, loss: str) -> Any:
    """Each example's loss."""
    if loss == "softmax":
        return -(Y * jax.nn.log_softmax(Z, axis=0)).sum(axis=0)
    return 0.5 * ((Z - Y) ** 2).sum(axis=0)


def gauss_newton(logits: Callable[[Any], Any], loss: str, params: Any, tangent: Any, Y: Any) -> Any:
    """J.T H J tangent, where J is the derivative of the logits and H the loss's Hessian in them."""
    Z, RZ = jax.jvp(logits, (params,), (tangent,))
    slope = jax.grad(lambda Z: by_logits(Z, Y, loss).mean())
    return jax.vjp(logits, params)[1](jax.jvp(slope, (Z,), (RZ,))[1])[0]


def derivative(name: str, params: Params, v: Params, data: Data) -> Callable[[], Any] | None:
    """One of those that scratchmlp has, jitted; norms by forming the gradients, as one does."""
    mean, one, predicted, logits = by_jax(jax.nn.relu, "softmax")
    p, t, x = jax.tree.map(jnp.asarray, (params, v, np.asarray(data.X)))
    Y = jnp.eye(len(params[-1].b))[:, data.y]
    slope, each = jax.grad(mean), jax.vmap(jax.grad(one), (None, 1, 1))

    def norms(p: Any, t: Any, x: Any, Y: Any) -> Any:
        return jnp.sqrt(sum((a**2).sum(axis=(1, 2)) for a in jax.tree.leaves(each(p, x, Y))))

    functions: dict[str, Callable[..., Any]] = {
        "gradient": lambda p, t, x, Y: slope(p, x, Y),
        "input_grad": lambda p, t, x, Y: jax.grad(lambda x: mean(p, x, Y) * x.shape[1])(x),
        "jvp": lambda p, t, x, Y: jax.jvp(lambda p: predicted(p, x), (p,), (t,))[1],
        "vjp": lambda p, t, x, Y: jax.vjp(lambda p: predicted(p, x), p)[1](jnp.ones_like(Y)),
        "hvp": lambda p, t, x, Y: jax.jvp(lambda p: slope(p, x, Y), (p,), (t,))[1],
        "gnvp": lambda p, t, x, Y: gauss_newton(lambda p: logits(p, x), "softmax", p, t, Y),
    }
    if x.shape[1] <= MOST_EXAMPLES:
        functions |= {
            "example_grads": lambda p, t, x, Y: each(p, x, Y),
            "example_grad_norms": norms,
        }
    if name not in functions:
        return None
    jitted = jax.jit(functions[name])
    return lambda: jax.block_until_ready(jitted(p, t, x, Y))


PEER = Peer(derivative=derivative)
prepare = partial(prepared, PEER)

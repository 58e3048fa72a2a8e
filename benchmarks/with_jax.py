"""scratchmlp's tuples are JAX's pytrees: an example with jax.grad, jax.tree and optax, checked.

python -m benchmarks.with_jax
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from scratchmlp import (
    Batch,
    Layer,
    Params,
    evaluate,
    flatten,
    init_params,
    value_and_grad,
)
from scratchmlp.datasets import mnist


def main() -> None:
    """Train by scratchmlp's gradients and optax's Adam, and say how far it came."""
    jax.config.update("jax_enable_x64", True)
    X, y = mnist().train
    batch = Batch(X[:, :1000], y[:1000])
    params = init_params([784, 32, 10], dtype=np.float64)
    (loss, _), grads = value_and_grad(params, batch)

    its_loss, its_grads = jax.value_and_grad(cross_entropy)(params, batch)
    apart = jax.tree.map(lambda a, b: float(abs(a - b).max()), grads, its_grads)
    assert isinstance(apart[0], Layer)  # a tree of the same tuples
    print(f"the loss by scratchmlp {loss:.12f}, by JAX {its_loss:.12f}")
    print(f"their gradients differ by at most {max(jax.tree.leaves(apart)):.0e}")
    assert max(jax.tree.leaves(apart)) < 1e-12
    assert np.array_equal(flatten(grads), flatten(jax.tree.map(np.asarray, grads)))

    trained = descended(params, batch, 50)
    before, after = (evaluate(each, batch) for each in (params, trained))
    print(f"50 steps by optax.adam: accuracy {before.accuracy:.1%} -> {after.accuracy:.1%}")
    assert after.accuracy > 0.95


def cross_entropy(params: Params, batch: Batch) -> Any:
    """The same network, in JAX."""
    *hidden, (W, b) = params
    A = jnp.asarray(batch.X, b.dtype)
    for layer in hidden:
        A = jax.nn.relu(layer.W @ A + layer.b)
    logits = (W @ A + b).T
    return optax.softmax_cross_entropy_with_integer_labels(logits, batch.y).mean()


def descended(params: Params, batch: Batch, steps: int) -> Params:
    """The parameters after so many steps of optax's Adam down scratchmlp's gradient."""
    optimizer = optax.adam(0.01)
    state = optimizer.init(params)
    for _ in range(steps):
        _, grads = value_and_grad(params, batch)
        updates, state = optimizer.update(grads, state, params)
        params = jax.tree.map(np.asarray, optax.apply_updates(params, updates))
    return params


if __name__ == "__main__":
    main()

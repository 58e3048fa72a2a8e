"""Initial parameters: functions of (rng, shape, dtype), and `init_params` that applies them."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike
from toolz import sliding_window

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Layer, Params, freeze
from scratchmlp.core.randomness import Stream, generator

Initializer: TypeAlias = Callable[["np.random.Generator", tuple[int, int], np.dtype], Array | Layer]


def he_normal(rng: "np.random.Generator", shape: tuple[int, int], dtype: DTypeLike) -> Array:
    """Weights W of shape (n_out, n_in), normal with standard deviation sqrt(2 / n_in).

    It keeps the variance of activations the same from one ReLU layer to the next.
    Source: He et al. 2015, "Delving Deep into Rectifiers", https://arxiv.org/abs/1502.01852.

    >>> he_normal(np.random.default_rng(0), (2, 8), np.float32).std().round(1)
    np.float32(0.4)
    """
    return _normal(rng, shape, dtype, (2 / shape[1]) ** 0.5)


def article_normal(rng: "np.random.Generator", shape: tuple[int, int], dtype: DTypeLike) -> Layer:
    """Weights W (n_out, n_in) *and* biases b (n_out, 1), normal with deviation sqrt(1 / n_out).

    The article's own: by the size of the layer itself, where the field has that of its input.

    >>> article_normal(np.random.default_rng(0), (100, 3), np.float32).b.std().round(1)
    np.float32(0.1)
    """
    n_out, _ = shape
    deviation = (1 / n_out) ** 0.5
    return Layer(_normal(rng, shape, dtype, deviation), _normal(rng, (n_out, 1), dtype, deviation))


def init_params(
    sizes: Sequence[int],
    *,
    seed: int = 0,
    initializer: Initializer = he_normal,
    dtype: DTypeLike = np.float32,
) -> Params:
    """A Layer for each pair of neighbours in `sizes`: W (n_out, n_in), b (n_out, 1).

    `sizes` are the number of inputs and then of the units of each layer. An initializer is a
    function of (rng, shape, dtype) that returns W, the biases then being zero, or a whole Layer.
    Every layer has random numbers of its own, so another layer at the end changes none before it.

    Raises ValueError for fewer than two sizes, or any below 1; TypeError where one is no integer.

    >>> [layer.W.shape for layer in init_params([784, 10, 10])]
    [(10, 784), (10, 10)]
    """
    checks.sizes("init_params", sizes)
    checks.count("init_params", "seed", seed, least=0)
    kind = checks.floating("init_params", dtype)
    return tuple(
        _layer(generator(seed, Stream.PARAMS, number), (n_out, n_in), kind, initializer)
        for number, (n_in, n_out) in enumerate(sliding_window(2, sizes))
    )


def _layer(
    rng: "np.random.Generator", shape: tuple[int, int], dtype: np.dtype, initializer: Initializer
) -> Layer:
    made = initializer(rng, shape, dtype)
    W, b = made if isinstance(made, Layer) else (made, np.zeros((shape[0], 1), dtype))
    layer = Layer(freeze(np.array(W, dtype)), freeze(np.array(b, dtype)))
    checks.layer(f"init_params: {initializer!r}", layer, shape)
    return layer


def _normal(
    rng: "np.random.Generator", shape: tuple[int, int], dtype: DTypeLike, deviation: float
) -> Array:
    return (deviation * rng.standard_normal(shape)).astype(dtype)

"""Initial parameters: functions of (rng, shape, dtype), and `init_params` that applies them.

Each is given a random generator and the shape (n_out, n_in) of the weights, and returns W, or W and
b as a Layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike
from toolz import sliding_window

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Layer, Params, freeze
from scratchmlp.core.border import public, value_error
from scratchmlp.core.randomness import Purpose, generator

Shape: TypeAlias = tuple[int, int]
Initializer: TypeAlias = "Callable[[np.random.Generator, Shape, np.dtype[Any]], Array | Layer]"


def he_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Normal weights (n_out, n_in) with standard deviation sqrt(2 / n_in).

    It keeps the variance of activations the same from one ReLU layer to the next.
    Source: He et al. 2015, "Delving Deep into Rectifiers", https://arxiv.org/abs/1502.01852.

    >>> he_normal(np.random.default_rng(0), (2, 8), np.float32).std().round(1)
    np.float32(0.4)
    """
    return _normal(rng, shape, dtype, 2 / shape[1])


def he_uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Uniform weights (n_out, n_in) of variance 2 / n_in: within sqrt(6 / n_in) either way.

    Source: as `he_normal`.

    >>> bool(abs(he_uniform(np.random.default_rng(0), (9, 6), np.float32)).max() <= 1)
    True
    """
    return _uniform(rng, shape, dtype, 2 / shape[1])


def glorot_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Normal weights (n_out, n_in) of variance 2 / (n_in + n_out), for tanh and the like.

    It keeps the variance of activations on the way forward and of gradients on the way back.
    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward
    neural networks". Also known as Xavier's.

    >>> glorot_normal(np.random.default_rng(0), (100, 100), np.float32).std().round(2)
    np.float32(0.1)
    """
    return _normal(rng, shape, dtype, 2 / sum(shape))


def glorot_uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Uniform weights (n_out, n_in) within sqrt(6 / (n_in + n_out)) either way.

    Source: as `glorot_normal`.

    >>> bool(abs(glorot_uniform(np.random.default_rng(0), (2, 4), np.float32)).max() <= 1)
    True
    """
    return _uniform(rng, shape, dtype, 2 / sum(shape))


def lecun_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Normal weights (n_out, n_in) of variance 1 / n_in.

    Source: LeCun et al. 1998, "Efficient BackProp".

    >>> lecun_normal(np.random.default_rng(0), (100, 100), np.float32).std().round(2)
    np.float32(0.1)
    """
    return _normal(rng, shape, dtype, 1 / shape[1])


def orthogonal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Weights (n_out, n_in) with orthonormal rows, or columns if these are fewer, at random.

    All such matrices are equally likely.
    Source: Saxe et al. 2013, https://arxiv.org/abs/1312.6120; Mezzadri 2006 for the signs.

    >>> W = orthogonal(np.random.default_rng(0), (2, 3), np.float64)
    >>> bool(np.allclose(W @ W.T, np.eye(2)))
    True
    """
    tall = max(shape), min(shape)
    Q, R = np.linalg.qr(rng.standard_normal(tall))
    Q *= np.where(np.diagonal(R) < 0, -1, 1)
    return (Q if shape == tall else Q.T).astype(dtype)


def article_normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Layer:
    """Weights W (n_out, n_in) *and* biases b (n_out, 1), normal with deviation sqrt(1 / n_out).

    The article's own: by the size of the layer itself, where the field has that of its input.

    >>> article_normal(np.random.default_rng(0), (100, 3), np.float32).b.std().round(1)
    np.float32(0.1)
    """
    n_out, _ = shape
    W = _normal(rng, shape, dtype, 1 / n_out)
    return Layer(W, _normal(rng, (n_out, 1), dtype, 1 / n_out))


def zeros(rng: np.random.Generator, shape: Shape, dtype: DTypeLike) -> Array:
    """Weights (n_out, n_in) of 0: for a network of one layer, since hidden units would stay alike.

    >>> zeros(np.random.default_rng(0), (1, 2), np.float32)
    array([[0., 0.]], dtype=float32)
    """
    return np.zeros(shape, dtype)


@public
def init_params(
    sizes: Sequence[int],
    *,
    seed: int = 0,
    initializer: Initializer | tuple[Initializer, ...] = he_normal,
    dtype: DTypeLike = np.float32,
) -> Params:
    """A Layer for each pair of neighbours in `sizes`: W (n_out, n_in), b (n_out, 1).

    `sizes` are the number of inputs and then of the units of each layer. An initializer is a
    function of (rng, shape, dtype) that returns W, the biases then being zero, or a whole Layer; it
    is one for all layers, or a tuple with one for each.
    Every layer has random numbers of its own, so another layer at the end changes none before it.

    Raises ValueError for fewer than two sizes, or any below 1, for initializers that are not as
    many as the layers, and where one gives another shape or numbers that are not finite; TypeError
    where a size is no integer, the dtype is not float32 or float64, or an initializer no function
    or gives no array.

    >>> [layer.W.shape for layer in init_params([784, 10, 10])]
    [(10, 784), (10, 10)]
    """
    checks.sizes(sizes)
    checks.count("seed", seed, least=0)
    kind = checks.floating(dtype)
    shapes = [(n_out, n_in) for n_in, n_out in sliding_window(2, sizes)]
    each = initializer if isinstance(initializer, tuple) else (initializer,) * len(shapes)
    if len(each) != len(shapes):
        raise value_error(f"initializer must be one, or one for each layer, not {len(each)}")
    for one in each:
        checks.function("initializer", one)
    return tuple(
        _layer(generator(seed, Purpose.PARAMS, number), shape, kind, initialize)
        for number, (shape, initialize) in enumerate(zip(shapes, each, strict=True))
    )


def _layer(
    rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any], initializer: Initializer
) -> Layer:
    made = initializer(rng, shape, dtype)
    layer = made if isinstance(made, Layer) else Layer(made, np.zeros((shape[0], 1), dtype))
    name = f"what initializer {getattr(initializer, '__name__', 'given')} gives for"
    for part, array in zip("Wb", layer, strict=True):
        checks.array(f"{name} {part}", array)
        checks.finite(f"{name} {part}", array)
    if layer.W.shape != shape or layer.b.shape != (shape[0], 1):
        raise value_error(
            f"{name} a layer must be W {shape} and b {(shape[0], 1)}, "
            f"but W is {layer.W.shape} and b is {layer.b.shape}"
        )
    return Layer(*(freeze(np.array(array, dtype)) for array in layer))


def _normal(rng: np.random.Generator, shape: Shape, dtype: DTypeLike, variance: float) -> Array:
    return (variance**0.5 * rng.standard_normal(shape)).astype(dtype)


def _uniform(rng: np.random.Generator, shape: Shape, dtype: DTypeLike, variance: float) -> Array:
    limit = (3 * variance) ** 0.5
    return rng.uniform(-limit, limit, shape).astype(dtype)

"""Checks of your own activations, losses, optimizers and initializers, for the tests of your code.

Each calls what it is given with seeded random inputs and with extreme ones. It returns None if all
properties hold that training relies on; otherwise it raises a ValueError that says which property
fails, and at which input.

All functions must give results of the right shape; float32 for float32 and float64 for float64;
the same result for the same inputs, which may be read-only and stay as they were; and finite
results for inputs up to the size of `largest`. They must pickle too, as is needed for processes and
clusters, unless `pickled=False`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from scratchmlp import (
    Activation,
    Array,
    Layer,
    Loss,
    Optimizer,
    _slopes,
    article_normal,
    init_params,
)
from scratchmlp._properties import array, finite, outline, pickles, pure
from scratchmlp._slopes import DTYPES
from scratchmlp._updates import downhill, steady
from scratchmlp.core.model.initializers import Initializer, Shape

__all__ = ["check_activation", "check_initializer", "check_loss", "check_optimizer"]


def check_activation(
    activation: Activation, *, largest: float = 1e4, pickled: bool = True, seed: int = 0
) -> None:
    """Check an Activation for hidden layers: function, derivative and, if there is one, second.

    The function must be elementwise. `derivative` must be the slope of the function, and `second`
    the slope of `derivative`, by central differences (g(Z + h) - g(Z - h)) / 2h at random points.
    At a corner, any slope between those of its two sides is accepted. Zero is among the points,
    since formulas that divide by Z fail there.

    Raises ValueError that says which property fails; TypeError for anything but an Activation.

    >>> from scratchmlp import tanh
    >>> check_activation(tanh)
    >>> triple = Activation(lambda Z: 3 * Z, lambda Z, A: np.full_like(Z, 2))
    >>> check_activation(triple, pickled=False)
    Traceback (most recent call last):
    ValueError: check_activation: derivative is 2 at Z = 0, but function's slope is 3
    """
    _check_kind("check_activation", "activation", activation, Activation)
    with _speaking_for("check_activation"):
        _slopes.check_activation(activation, largest, seed)
        if pickled:
            pickles("activation", activation)


def check_loss(
    loss: Loss,
    targets: Array | None = None,
    *,
    largest: float = 1e4,
    pickled: bool = True,
    seed: int = 0,
) -> None:
    """Check a Loss: its activation, value, delta and, if there is one, curvature.

    `targets` (n_out, m) are some that the loss is for; by default, three outputs whose targets are
    probabilities that sum to 1, which is right for losses of classes and of numbers alike. Each
    example's value must depend on its own column alone. `delta` must be the derivative of `value`
    in Z, and `curvature` that of `delta`, by central differences along random directions dZ: for
    each example (value(Z + h dZ) - value(Z - h dZ)) / 2h is the sum of delta dZ over the outputs.
    The derivative of the loss's activation is not looked at: `check_activation` does that.

    Raises ValueError that says which property fails; TypeError for anything but a Loss, and for
    targets that are no matrix of numbers.

    >>> from scratchmlp import squared_error
    >>> check_loss(squared_error)
    >>> mean = squared_error._replace(value=lambda Z, Y: ((Z - Y) ** 2).mean())
    >>> check_loss(mean, pickled=False)
    Traceback (most recent call last):
    ValueError: check_loss: value must give an array of shape (20,), not float32
    """
    _check_kind("check_loss", "loss", loss, Loss)
    rng = np.random.default_rng(seed)
    Y = rng.dirichlet((1.0, 1.0, 1.0), 20).T if targets is None else targets
    if not isinstance(Y, np.ndarray) or Y.ndim != 2 or Y.dtype.kind not in "iuf" or not Y.size:
        raise TypeError("check_loss: targets must be an array of numbers of shape (n_out, m)")
    with _speaking_for("check_loss"):
        _slopes.check_loss(loss, Y.astype(np.float64), largest, rng)
        if pickled:
            pickles("loss", loss)


def check_optimizer(
    optimizer: Optimizer, *, largest: float = 1e4, pickled: bool = True, seed: int = 0
) -> None:
    """Check an Optimizer: its init and its update.

    `init` must give a tuple (of tuples) of arrays. `update` must keep the structure, shapes and
    dtypes of the parameters and of its state, and must stay finite for gradients that are zero or
    of the size `largest`, in iteration 1,000,000 as in the first. It must not go uphill: where the
    gradient is W, as that of |W|^2 / 2, the product of its first step with W must not be positive.

    Raises ValueError that says which property fails; TypeError for anything but an Optimizer.

    >>> from scratchmlp import adam, map_arrays, sgd
    >>> check_optimizer(adam(0.1))
    >>> def ascend(params, grads, state, iteration):
    ...     return map_arrays(np.add, params, grads), state
    >>> check_optimizer(Optimizer(sgd(0.1).init, ascend), pickled=False)
    Traceback (most recent call last):
    ValueError: check_optimizer: update must go downhill, but its first step on |W|^2 / 2 goes up
    """
    _check_kind("check_optimizer", "optimizer", optimizer, Optimizer)
    with _speaking_for("check_optimizer"):
        copy = pickles("optimizer", optimizer) if pickled else optimizer
        for dtype in DTYPES:
            start = init_params([4, 3, 1], seed=seed, initializer=article_normal, dtype=dtype)
            state = pure("init", optimizer.init, start)
            if not isinstance(state, tuple) or "?" in outline(state):
                raise ValueError(f"init must give a tuple of arrays, not {outline(state)}")
            downhill(optimizer, start, state)
            steady((optimizer, copy), start, state, largest, np.random.default_rng(seed))


def check_initializer(
    initializer: Initializer,
    *,
    pickled: bool = True,
    seed: int = 0,
    shapes: Sequence[Shape] = ((1, 1), (2, 5), (5, 2), (1, 7), (7, 1)),
) -> None:
    """Check an initializer: a function of (rng, shape, dtype), for layers (n_out, n_in) of shapes.

    It must give finite weights W of the shape (n_out, n_in), or a Layer of W and b (n_out, 1), and
    must draw random numbers from `rng` alone.

    Raises ValueError that says which property fails; TypeError for anything but a function.

    >>> from scratchmlp import he_normal
    >>> check_initializer(he_normal)
    >>> check_initializer(lambda rng, shape, dtype: rng.normal(size=shape), pickled=False)
    Traceback (most recent call last):
    ValueError: check_initializer: W must be float32 where it is asked for, not float64
    """
    if not callable(initializer):
        came = type(initializer).__name__
        raise TypeError(f"check_initializer: initializer must be a function, not {came}")
    with _speaking_for("check_initializer"):
        copy = pickles("initializer", initializer) if pickled else initializer
        before = str(np.random.get_state(legacy=False))
        for dtype in DTYPES:
            for shape in shapes:
                _check_layer(partial(_initialized, copy, seed, shape, dtype), shape, dtype)
        if str(np.random.get_state(legacy=False)) != before:
            raise ValueError(
                "initializer must draw from rng alone, but changes NumPy's global state"
            )


@contextmanager
def _speaking_for(where: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error.__cause__


def _check_kind(where: str, name: str, value: Any, expected: type[Any]) -> None:
    if not isinstance(value, expected):
        raise TypeError(
            f"{where}: {name} must be of type {expected.__name__}, not {type(value).__name__}"
        )


def _initialized(
    initializer: Initializer, seed: int, shape: tuple[int, int], dtype: "np.dtype[Any]"
) -> Any:
    return initializer(np.random.default_rng(seed), shape, dtype)


def _check_layer(make: Any, shape: tuple[int, int], dtype: "np.dtype[Any]") -> None:
    made = pure("initializer", make)
    layer = made if isinstance(made, Layer) else Layer(made, np.zeros((shape[0], 1), dtype))
    for name, value, expected in zip("Wb", layer, (shape, (shape[0], 1)), strict=True):
        finite(name, array(name, value, np.empty(expected, dtype)), "index {}".format)

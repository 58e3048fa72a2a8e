"""What several tests need: small problems, and the gradient by central differences."""

import signal
from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from toolz import take

from scratchmlp import (
    Layer,
    Loss,
    adagrad,
    adam,
    adamw,
    clip_by_global_norm,
    constant,
    cosine_decay,
    exponential_decay,
    flatten,
    huber,
    init_params,
    init_state,
    inverse_scaling,
    leaky_relu,
    lion,
    lookahead,
    max_norm,
    minibatches,
    momentum,
    moving_average,
    muon,
    nadam,
    nesterov,
    one_cycle,
    poisson,
    rmsprop,
    schedule_free,
    sgd,
    softmax,
    step_decay,
    train,
    unflatten,
    warmup,
    weight_decay,
)
from scratchmlp._names import ACTIVATIONS
from scratchmlp._names import LOSSES as NAMED_LOSSES

HIDDEN = ACTIVATIONS | {"leaky_relu": leaky_relu(0.1)}
del HIDDEN["softmax"]
LOSSES = NAMED_LOSSES | {"huber": huber(0.5)}
OPTIMIZERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "adagrad": adagrad,
    "nadam": nadam,
    "lion": lion,
    "muon": muon,
    "schedule-free with decay": lambda rate: schedule_free(weight_decay(sgd(rate), 0.1), 0.8),
    "looking ahead": lambda rate: lookahead(adam(rate), 3, 0.5),
    "averaged, with a max-norm": lambda rate: moving_average(max_norm(nesterov(rate), 0.5), 0.9),
    "clipped and decayed": lambda rate: clip_by_global_norm(weight_decay(adam(rate), 0.1), 0.01),
}
SCHEDULES = {
    "number": 0.05,
    "constant": constant(0.05),
    "step": step_decay(0.05, every=2),
    "exponential": exponential_decay(0.05, every=3),
    "inverse": inverse_scaling(0.05, power=0.7, every=2),
    "cosine": cosine_decay(0.05, iterations=4),
    "one cycle": one_cycle(0.05, iterations=5),
    "warm-up": warmup(cosine_decay(0.05, iterations=5), iterations=3),
}
DEPTHS = (1, 2, 4)
OUTPUTS = (1, 2, 5)


class Problem(NamedTuple):
    """Float64 params, examples X (3, m), targets Y (n_out, m) and weights (m,)."""

    params: tuple[Layer, ...]
    X: np.ndarray
    Y: np.ndarray
    weights: np.ndarray


def problem(depth: int = 2, n_out: int = 3, loss: Loss | None = None, m: int = 6) -> Problem:
    """A small one, with targets that the loss takes; the biases are not zero."""
    rng = np.random.default_rng([depth, n_out, m])
    params = init_params([3, *[4] * (depth - 1), n_out], seed=depth, dtype=np.float64)
    params = tuple(Layer(W, rng.normal(0, 0.5, b.shape)) for W, b in params)
    if loss == poisson:  # whose means, exponentials, are to be near the targets
        params = (*params[:-1], Layer(0.1 * params[-1].W, params[-1].b))
    Y = rng.random((n_out, m))
    if loss is None or loss.activation == softmax:
        Y = Y / Y.sum(axis=0)
    return Problem(params, rng.normal(size=(3, m)), Y, rng.random(m))


SIXTY = problem(m=60)


def states(optimizer, count=12, state=None):
    """The states of training on labels of these 60 examples, from their params or a state on."""
    start = init_state(SIXTY.params, optimizer) if state is None else state
    batches = minibatches(SIXTY.X, SIXTY.Y.argmax(axis=0), size=25, start=start.iteration)
    return [*take(count, train(start, batches, optimizer=optimizer))]


def updates(optimizer, gradients):
    """W and the optimizer's state after each update of a single weight that starts at 1."""
    params = (Layer(np.ones((1, 1)), np.zeros((1, 1))),)
    state, path = optimizer.init(params), []
    for iteration, gradient in enumerate(gradients):
        grads = (Layer(np.full((1, 1), float(gradient)), np.zeros((1, 1))),)
        params, state = optimizer.update(params, grads, state, iteration)
        path.append((params[0].W.item(), state))
    return path


def numerical_gradient(loss: Callable, params: tuple[Layer, ...], h: float = 1e-5):
    """The gradient of loss(params) by central differences: exact but for O(h^2) and rounding."""
    vector = flatten(params)
    steps = h * np.eye(len(vector))
    slopes = [
        (loss(unflatten(vector + s, params)) - loss(unflatten(vector - s, params))) / (2 * h)
        for s in steps
    ]
    return unflatten(np.array(slopes), params)


def gradients_agree(grads, numerical, tolerance: float = 1e-7) -> bool:
    """Whether no number differs by more than the tolerance, relative where it is above 1.

    With h = 1e-5 in float64 the difference quotient is wrong by about eps / h = 2e-11 for the
    rounding of a loss near 1, and by h^2 / 6 = 2e-11 times its third derivative: 1e-7 leaves room
    for third derivatives in the thousands and is far below any real mistake.
    """
    one, other = flatten(grads), flatten(numerical)
    return bool((np.abs(one - other) <= tolerance * np.maximum(1, np.abs(other))).all())


@contextmanager
def interruptible():
    """SIGINT interrupts, also where tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def same_bytes(one, other) -> bool:
    """Whether two trees are the same to the bit."""
    return flatten(one).tobytes() == flatten(other).tobytes()

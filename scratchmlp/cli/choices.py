"""The optimizers, schedules and dtypes that can be chosen by name."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchmlp import (
    Optimizer,
    adagrad,
    adam,
    adamw,
    constant,
    cosine_decay,
    exponential_decay,
    lion,
    momentum,
    muon,
    nadam,
    nesterov,
    one_cycle,
    rmsprop,
    sgd,
    step_decay,
)
from scratchmlp.core.training.schedules import LearningRate


class Choice(NamedTuple):
    """An optimizer of a learning rate, and the rate that it has unless another is given."""

    make: Callable[[LearningRate], Optimizer]
    learning_rate: float


OPTIMIZERS = {
    "sgd": Choice(sgd, 0.1),
    "momentum": Choice(momentum, 0.05),
    "nesterov": Choice(nesterov, 0.05),
    "adagrad": Choice(adagrad, 0.01),
    "rmsprop": Choice(rmsprop, 0.001),
    "adam": Choice(adam, 0.001),
    "adamw": Choice(adamw, 0.001),
    "nadam": Choice(nadam, 0.001),
    "lion": Choice(lion, 0.0001),
    "muon": Choice(muon, 0.02),
}
# Those that take a weight decay of their own, which is no part of the gradient.
DECOUPLED: dict[str, Callable[..., Optimizer]] = {"adamw": adamw, "lion": lion, "muon": muon}
# Functions of the first learning rate and the number of iterations.
SCHEDULES: dict[str, Callable[[float, int], LearningRate]] = {
    "constant": lambda rate, n: constant(rate),
    "step": lambda rate, n: step_decay(rate, every=-(-n // 3)),
    "exponential": lambda rate, n: exponential_decay(rate, every=n, factor=0.01),
    "cosine": lambda rate, n: cosine_decay(rate, iterations=n),
    "one_cycle": lambda rate, n: one_cycle(rate, iterations=n),
    "plateau": lambda rate, n: constant(rate),  # until the validation loss stalls
}
DTYPES = {"float32": np.float32, "float64": np.float64}

"""What the options of `train` choose among, and what is made of the choice."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np

from scratchmlp._names import INITIALIZERS, activation_named, augmentation_named, loss_named
from scratchmlp.cli.runs import Plan
from scratchmlp.core import checks
from scratchmlp.core.arrays import Params
from scratchmlp.core.data.augment import Augmentation, compose
from scratchmlp.core.data.batches import Map, minibatches, shards
from scratchmlp.core.data.dropout import dropout
from scratchmlp.core.data.live_rows import live_shards
from scratchmlp.core.data.preprocessing import Data, shuffle, split
from scratchmlp.core.model.initializers import init_params
from scratchmlp.core.model.network import Network
from scratchmlp.core.model.targets import balanced_weights, one_hot, smooth_labels
from scratchmlp.core.training.adaptive_optimizers import adam, adamw, rmsprop
from scratchmlp.core.training.objective import Shards
from scratchmlp.core.training.optimizers import Optimizer, momentum, nesterov, sgd
from scratchmlp.core.training.schedules import (
    LearningRate,
    constant,
    cosine_decay,
    exponential_decay,
    one_cycle,
    step_decay,
    warmup,
)
from scratchmlp.core.training.wrappers import (
    clip_by_global_norm,
    max_norm,
    moving_average,
    weight_decay,
)
from scratchmlp.datasets import Dataset


class Choice(NamedTuple):
    """An optimizer of a learning rate, and the rate that it has unless another is given."""

    make: Callable[[LearningRate], Optimizer]
    learning_rate: float


class Lesson(NamedTuple):
    """Examples to train with, and to validate and test with, or None."""

    training: Data
    validation: Data | None
    test: Data | None


OPTIMIZERS = {
    "sgd": Choice(sgd, 0.1),
    "momentum": Choice(momentum, 0.05),
    "nesterov": Choice(nesterov, 0.05),
    "rmsprop": Choice(rmsprop, 0.001),
    "adam": Choice(adam, 0.001),
    "adamw": Choice(adamw, 0.001),
}
# Functions of the first learning rate and the number of iterations.
SCHEDULES: dict[str, Callable[[float, int], LearningRate]] = {
    "constant": lambda rate, n: constant(rate),
    "step": lambda rate, n: step_decay(rate, every=-(-n // 3)),
    "exponential": lambda rate, n: exponential_decay(rate, every=n, factor=0.01),
    "cosine": lambda rate, n: cosine_decay(rate, iterations=n),
    "one_cycle": lambda rate, n: one_cycle(rate, iterations=n),
}
DTYPES = {"float32": np.float32, "float64": np.float64}


def lesson(options: Namespace, data: Dataset) -> Lesson:
    """The examples in a random order, as many as are asked for, divided."""
    X, y = shuffle(*data.train, seed=options.seed)
    if options.examples is not None:
        checks.count("--examples", options.examples, least=1)
        if options.examples > len(y):
            raise ValueError(f"train: --examples is {options.examples}, but there are {len(y)}")
        X, y = X[:, : options.examples], y[: options.examples]
    test = None if options.no_test else data.test
    if options.validation_fraction == 0:
        return Lesson(Data(X, y), None, test)
    checks.fraction("--validation-fraction", options.validation_fraction)
    return Lesson(*split(X, y, 1 - options.validation_fraction), test)


def params(options: Namespace, training: Data) -> Params:
    """Initial parameters, by default of the article's deep network for this data."""
    sizes = options.layers or [len(training.X), 256, 128, 64, int(training.y.max()) + 1]
    initializer, dtype = INITIALIZERS[options.initializer], DTYPES[options.dtype]
    return init_params(sizes, seed=options.seed, initializer=initializer, dtype=dtype)


def epoch(options: Namespace, training: Data) -> int:
    """The number of updates that one epoch has."""
    if options.batch_size is None:
        return 1
    if options.cluster is not None:
        raise ValueError("train: --cluster shares out all the data: leave out --batch-size")
    size = checks.count("--batch-size", options.batch_size, least=1)
    return -(-training.X.shape[1] // size)


def iterations(options: Namespace, per_epoch: int) -> int:
    """The number of updates in all; of minibatches 10 epochs unless one says, else 500."""
    if options.iterations is not None:
        return checks.count("--iterations", options.iterations, least=1)
    if options.epochs is not None:
        return per_epoch * checks.count("--epochs", options.epochs, least=1)
    return 500 if options.batch_size is None else 10 * per_epoch


def plan(options: Namespace, lesson: Lesson, network: Network) -> Plan:
    """How the run goes: when it is validated, unless that is said, by its length."""
    per_epoch = epoch(options, lesson.training)
    total = iterations(options, per_epoch)
    every = min(100, max(1, total // 50)) if options.batch_size is None else per_epoch
    if options.validate_every is not None:
        every = checks.count("--validate-every", options.validate_every, least=1)
    if options.patience is not None:
        checks.count("--patience", options.patience, least=1)
        if lesson.validation is None:
            raise ValueError("train: --patience needs a --validation-fraction above 0")
    checks.positive("--min-improvement", options.min_improvement, zero=True)
    return Plan(
        folder=options.out if options.resume is None else options.resume,
        network=network,
        iterations=total,
        every=every,
        validation=lesson.validation and shards(*lesson.validation),
        patience=options.patience,
        min_improvement=options.min_improvement,
    )


def batches(
    options: Namespace, training: Data, sizes: Sequence[int], start: int, map: Map
) -> Iterable[Shards]:
    """The stream of batches from that number on, for a network of these sizes, with its masks.

    They are minibatches, which the map makes, or all the data again and again.
    """
    plain = _batches(options, training, sizes[-1], start, map)
    if not (options.dropout or options.input_dropout):
        return plain
    if options.cluster is not None:
        raise ValueError("train: --cluster keeps shards as they are: leave out the dropout")
    rates = options.dropout or [0.0]
    return dropout(
        plain,
        sizes,
        rate=rates if len(rates) > 1 else rates[0],
        input_rate=options.input_dropout,
        seed=options.seed,
        start=start,
        map=map,
    )


def _batches(
    options: Namespace, training: Data, n_out: int, start: int, map: Map
) -> Iterable[Shards]:
    X, y = training
    weights = balanced_weights(y) if options.balanced else None
    if options.label_smoothing:
        y = smooth_labels(one_hot(y, n_out), options.label_smoothing)
    augment = augmentation(options)
    if options.batch_size is None:
        return repeat(live_shards(X, y, weights=weights))
    return minibatches(
        X,
        y,
        size=options.batch_size,
        seed=options.seed,
        start=start,
        weights=weights,
        augment=augment,
        map=map,
    )


def augmentation(options: Namespace) -> Augmentation | None:
    """What is made of the images of a minibatch, or None.

    >>> augmentation(Namespace(augment=None, image_shape=None)) is None
    True
    """
    if options.augment is None:
        if options.image_shape is not None:
            raise ValueError("train: --image-shape is for --augment")
        return None
    if options.batch_size is None:
        raise ValueError("train: --augment is for minibatches: give a --batch-size")
    shape = tuple(options.image_shape) if options.image_shape else None
    return compose(*(augmentation_named(name, shape) for name in options.augment))


def network(options: Namespace) -> Network:
    """The Network of the options `hidden`, a list of names, and `loss`.

    >>> network(Namespace(hidden=["tanh"], loss="squared_error")).hidden == activation_named("tanh")
    True
    """
    hidden = tuple(map(activation_named, options.hidden))
    return Network(hidden if len(hidden) > 1 else hidden[0], loss_named(options.loss))


def optimizer(options: Namespace, total: int) -> Optimizer:
    """The Optimizer, with a schedule for so many iterations in all."""
    make, rate = OPTIMIZERS[options.optimizer]
    if options.learning_rate is not None:
        rate = checks.positive("--learning-rate", options.learning_rate, zero=True)
    schedule = SCHEDULES[options.schedule](rate, total)
    if options.warmup:
        schedule = warmup(schedule, iterations=options.warmup)
    if options.optimizer == "adamw" and options.weight_decay is not None:
        made = adamw(schedule, weight_decay=options.weight_decay)
    else:
        made = make(schedule)
        if options.weight_decay:
            made = weight_decay(made, options.weight_decay)
    if options.clip_norm:
        made = clip_by_global_norm(made, options.clip_norm)
    if options.max_norm:
        made = max_norm(made, options.max_norm)
    return made if options.average is None else moving_average(made, options.average)

"""What the settings of a run ask for, made of the core's functions."""

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

from scratchmlp import (
    Data,
    Network,
    Optimizer,
    Params,
    adversarial,
    balanced_weights,
    clip_by_global_norm,
    compose,
    dropout,
    init_params,
    live_shards,
    lookahead,
    max_norm,
    minibatches,
    moving_average,
    one_hot,
    schedule_free,
    shards,
    sigmoid_cross_entropy,
    smooth_labels,
    softmax_cross_entropy,
    squared_error,
    stack,
    value_and_grad,
    warmup,
    weight_decay,
)
from scratchmlp._names import (
    INITIALIZERS,
    activation_named,
    augmentation_named,
    initializer_named,
    loss_named,
)
from scratchmlp.cli.choices import DECOUPLED, DTYPES, OPTIMIZERS, SCHEDULES
from scratchmlp.cli.settings import NetworkSettings, TrainSettings, UpdateSettings
from scratchmlp.core.arrays import Array
from scratchmlp.core.data.augment import Augmentation
from scratchmlp.core.data.batches import Map, Shards
from scratchmlp.core.training.training import Objective
from scratchmlp.descriptions import (
    CLASSES,
    LABELS,
    NUMBERS,
    Description,
    feature_names,
    output_names,
)

LOSSES_OF = {
    CLASSES: softmax_cross_entropy,
    LABELS: sigmoid_cross_entropy,
    NUMBERS: squared_error,
}


class Pace(NamedTuple):
    """How many updates a run has, and how many from one validation to the next."""

    iterations: int
    every: int


def pace(settings: TrainSettings, m: int) -> Pace:
    """The length of a run with m examples: unless it is said, 500 updates by all of them at once,
    or of minibatches 10 epochs.
    """
    length, size = settings.length, settings.updates.batch_size
    epoch = 1 if size is None else -(-m // size)
    total = length.iterations or epoch * (length.epochs or (500 if size is None else 10))
    every = min(100, max(1, total // 50)) if size is None else epoch
    return Pace(total, length.validate_every or every)


def sizes(settings: NetworkSettings, description: Description) -> tuple[int, ...]:
    """The units of each layer, inputs first; the ends are by default those that the data has."""
    target = description.target
    n_out = 0 if target is None else len(output_names(target))
    return settings.layers or (len(feature_names(description)), *settings.units, n_out)


def params(settings: TrainSettings, units: tuple[int, ...], X: Array) -> Params:
    """The initial parameters to train with examples X, of several networks a stack."""
    asked = settings.network
    first = initializer_named(
        asked.first_initializer or asked.initializer, settings.noise.image_shape, X
    )
    initializers = (first, *[INITIALIZERS[asked.initializer]] * (len(units) - 2))
    dtype = DTYPES[asked.dtype]
    each = [
        init_params(list(units), seed=asked.seed + place, initializer=initializers, dtype=dtype)
        for place in range(asked.networks or 1)
    ]
    return each[0] if asked.networks is None else stack(each)


def network(settings: NetworkSettings, description: Description) -> Network:
    """The Network of the activations and the loss that are named; the loss is else the target's."""
    hidden = tuple(map(activation_named, settings.hidden))
    task = CLASSES if description.target is None else description.target.task
    loss = LOSSES_OF[task] if settings.loss is None else loss_named(settings.loss)
    return Network(hidden if len(hidden) > 1 else hidden[0], loss)


def learning_rate(updates: UpdateSettings) -> float:
    """The learning rate at first, by default that of the optimizer."""
    default = OPTIMIZERS[updates.optimizer].learning_rate
    return default if updates.learning_rate is None else updates.learning_rate


def optimizer(settings: TrainSettings, iterations: int, rate: float | None = None) -> Optimizer:
    """The Optimizer, with a schedule for so many iterations in all, from a rate on."""
    updates = settings.updates
    make, rate = (
        OPTIMIZERS[updates.optimizer].make,
        learning_rate(updates) if rate is None else rate,
    )
    schedule = SCHEDULES[updates.schedule](rate, iterations)
    if updates.warmup:
        schedule = warmup(schedule, iterations=updates.warmup)
    if updates.optimizer in DECOUPLED and updates.weight_decay is not None:
        made = DECOUPLED[updates.optimizer](schedule, weight_decay=updates.weight_decay)
    else:
        made = make(schedule)
        if updates.weight_decay:
            made = weight_decay(made, updates.weight_decay)
    if updates.clip_norm:
        made = clip_by_global_norm(made, updates.clip_norm)
    if updates.max_norm:
        made = max_norm(made, updates.max_norm)
    if updates.schedule_free is not None:
        made = schedule_free(made, updates.schedule_free)
    if updates.lookahead is not None:
        made = lookahead(made, updates.lookahead)
    return made if updates.average is None else moving_average(made, updates.average)


def objective(length: float) -> Objective:
    """What gives the gradient: of the examples, or of those that are moved so far against it."""
    return adversarial(length) if length else value_and_grad


def batches(
    settings: TrainSettings, training: Data, units: tuple[int, ...], start: int, map: Map
) -> Iterable[Shards]:
    """The stream of batches from that number on, for a network of these sizes, with its masks.

    They are minibatches, which the map makes, or all the data again and again.
    """
    plain = _batches(settings, training, units[-1], start, map)
    noise = settings.noise
    if not (noise.dropout or noise.input_dropout):
        return plain
    rates = list(noise.dropout or (0.0,))
    return dropout(
        plain,
        list(units),
        rate=rates if len(rates) > 1 else rates[0],
        input_rate=noise.input_dropout,
        seed=settings.network.seed,
        start=start,
        map=map,
    )


def _batches(
    settings: TrainSettings, training: Data, n_out: int, start: int, map: Map
) -> Iterable[Shards]:
    X, y = training
    updates = settings.updates
    if y.ndim > 1 and (updates.balanced or updates.label_smoothing):
        raise ValueError("--balanced and --label-smoothing are for classes")
    weights = balanced_weights(y) if updates.balanced else None
    if updates.label_smoothing:
        y = smooth_labels(one_hot(y, n_out), updates.label_smoothing)
    if updates.batch_size is None:
        divided = shards if settings.noise.adversarial else live_shards  # dead rows move too
        return repeat(divided(X, y, weights=weights))
    return minibatches(
        X,
        y,
        size=updates.batch_size,
        seed=settings.network.seed,
        start=start,
        weights=weights,
        augment=augmentation(settings.noise.augment, settings.noise.image_shape),
        map=map,
    )


def augmentation(
    names: tuple[str, ...] | None, shape: tuple[int, int] | None
) -> Augmentation | None:
    """The distortions of these names, one after another, of images of that shape; None of none."""
    if names is None:
        return None
    return compose(*(augmentation_named(name, shape) for name in names))

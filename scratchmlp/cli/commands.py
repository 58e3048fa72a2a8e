"""What the command line does: train, evaluate and predict."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from toolz import take

from scratchmlp import (
    Data,
    Network,
    Params,
    accuracy,
    confusion_matrix,
    evaluate,
    init_state,
    predict,
    shards,
    train,
    train_step,
)
from scratchmlp._atomic import replacing
from scratchmlp._extras import require
from scratchmlp.cli import builders, data, figures, models, runs
from scratchmlp.cli.settings import EvaluateSettings, PredictSettings, TrainSettings, by_name
from scratchmlp.core.arrays import Array
from scratchmlp.core.data.batches import Map
from scratchmlp.workers import blas_threads, cluster, threads


def run(settings: TrainSettings | EvaluateSettings | PredictSettings) -> None:
    """Do what the settings of a command ask for."""
    if isinstance(settings, TrainSettings):
        train_command(settings)
    elif isinstance(settings, EvaluateSettings):
        evaluate_command(settings)
    else:
        predict_command(settings)


def train_command(settings: TrainSettings) -> None:
    """Train a network, from the start or from where a run stands; write what comes of it."""
    require("matplotlib", "cli")  # before the work rather than after it
    splits = data.splits(settings.data, settings.network.seed)
    units = builders.sizes(settings.network, splits.training)
    data.check_fits(splits, units)
    network = builders.network(settings.network)
    pace = builders.pace(settings, splits.training.X.shape[1])
    optimizer = builders.optimizer(settings, pace.iterations)
    state = init_state(builders.params(settings.network, splits.training), optimizer)
    plan = runs.Plan(
        settings.folder,
        network,
        *pace,
        splits.validation and shards(*splits.validation),
        settings.length.patience,
        settings.length.min_improvement,
    )
    # Whatever does not fit is to be known before another run's files make way for this one's.
    one = Data(splits.training.X[:, :1], splits.training.y[:1])
    for batch in take(1, builders.batches(settings, one, units, 0, map)):
        train_step(state, batch, network=network, optimizer=optimizer)
    if settings.resume:
        runs.tidy(plan.folder)
        state = runs.resumed(state, plan)
    else:
        runs.clear(plan.folder)
    runs.write_settings(plan.folder, by_name(settings))
    with _sharing(settings) as (shared, ahead):
        batches = builders.batches(settings, splits.training, units, state.iteration, ahead)
        states = train(state, batches, network=network, optimizer=optimizer, map=shared)
        left = max(0, plan.iterations - state.iteration)
        found = runs.run_to_the_end(state, take(left, states), plan, shared)
        print(f"{found.iteration} iterations, written to {plan.folder}")
        figures.draw_history(plan.folder, found.params, settings.network.loss)
        for name, part in splits._asdict().items():
            if part:
                loss, right = evaluate(found.params, shards(*part), network, map=shared)
                print(f"{name:10}  loss {loss:.4f}  accuracy {right:.2%}")


def evaluate_command(settings: EvaluateSettings) -> None:
    """Print a network's loss and accuracy, and of classes the confusion matrix; draw pictures."""
    members, network = models.load(settings.model)
    X, y = data.load_test(settings.data)
    if y is None:
        raise ValueError(f"{settings.data}: has no labels to evaluate with")
    if len(members) > 1:
        _evaluate_committee(settings, members, network, Data(X, y))
        return
    (params,) = members
    with threads(settings.workers) as map:
        loss, right = evaluate(params, shards(X, y), network, map=map)
    print(f"{X.shape[1]} examples: loss {loss:.4f}, accuracy {right:.2%}\n")
    predicted = predict(params, X, network)
    if predicted.ndim == 1:
        _print_confusion(confusion_matrix(predicted, y, len(params[-1].b)))
    if settings.plot is not None:
        names = figures.draw_network(settings.plot, params, Data(X, y), network)
        print(f"{', '.join(names)}, written to {settings.plot}")


def _evaluate_committee(
    settings: EvaluateSettings, members: Sequence[Params], network: Network, test: Data
) -> None:
    if settings.plot is not None:
        raise ValueError("--plot is for one model, not for a committee")
    with blas_threads(settings.workers):
        predicted = models.labels(members, test.X, network)
    right = accuracy(predicted, test.y)
    print(f"{len(predicted)} examples: a committee of {len(members)}, accuracy {right:.2%}\n")
    _print_confusion(confusion_matrix(predicted, test.y, len(members[0][-1].b)))


def predict_command(settings: PredictSettings) -> None:
    """Write the class of each example, numbered from 1, in Kaggle's form."""
    members, network = models.load(settings.model)
    labels = models.labels(members, data.load_test(settings.data).X, network)
    with replacing(settings.out, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["ImageId", "Label"])
        lines.writerows(enumerate(labels.tolist(), start=1))
    print(f"{len(labels)} labels, written to {settings.out}")


@contextmanager
def _sharing(settings: TrainSettings) -> Iterator[tuple[Map, Map]]:
    """A map for the shards of all the data, and one to make minibatches with.

    Shards go to a cluster or a pool of threads. A minibatch is too small for that, and is left to
    BLAS's threads; meanwhile others distort or mask the next ones.
    """
    workers, address = settings.places
    noise = settings.noise
    if address is not None:
        connect = require("distributed", "cluster").Client
        with connect(address) as client, cluster(client) as shared:
            yield shared, map
    elif settings.updates.batch_size is None:
        with threads(workers) as shared:
            yield shared, map
    elif noise.augment or noise.dropout or noise.input_dropout:
        with threads(max(1, workers // 2), blas=workers) as ahead:
            yield map, ahead
    else:
        with blas_threads(workers):
            yield map, map


def _print_confusion(counts: Array) -> None:
    print("confusion matrix: a row for each label, a column for each prediction")
    width = len(str(counts.max())) + 2
    for name, row in [("", range(len(counts))), *enumerate(counts)]:
        print(f"{name:>{width}}", *(f"{value:{width}}" for value in row), sep="")

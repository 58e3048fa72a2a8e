"""What the command line does: train, evaluate and predict."""

import csv
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from toolz import take

from scratchmlp._atomic import replacing
from scratchmlp._extras import require
from scratchmlp.cli import figures as pictures
from scratchmlp.cli import models, runs
from scratchmlp.cli import settings as choices
from scratchmlp.core.arrays import Array, Params
from scratchmlp.core.data.batches import Map, shards
from scratchmlp.core.data.preprocessing import Data, normalize
from scratchmlp.core.model.network import Network
from scratchmlp.core.model.prediction import accuracy, confusion_matrix, predict
from scratchmlp.core.training.objective import evaluate
from scratchmlp.core.training.training import init_state, train, train_step
from scratchmlp.datasets import Dataset, has_labels, load_csv, load_folder, mnist
from scratchmlp.workers import blas_threads, cluster, threads


def train_command(options: Namespace) -> None:
    """Train a network, from the start or from where a run stands; write what comes of it."""
    require("matplotlib", "cli")  # before the work rather than after it
    data = _load(options.data)
    if data.train.y is None:
        raise ValueError(f"{options.data}: has no labels to train with")
    lesson, network = choices.lesson(options, data), choices.network(options)
    training = lesson.training
    plan = choices.plan(options, lesson, network)
    optimizer = choices.optimizer(options, plan.iterations)
    state = init_state(choices.params(options, training), optimizer)
    sizes = [state.params[0].W.shape[1], *(len(b) for _, b in state.params)]
    # Whatever does not fit is to be known before another run's files make way for this one's.
    network.loss.targets(training.y, sizes[-1])
    one = Data(training.X[:, :1], training.y[:1])
    for batch in take(1, choices.batches(options, one, sizes, 0, map)):
        train_step(state, batch, network=network, optimizer=optimizer)
    if options.resume is None:
        runs.clear(plan.folder)
    else:
        runs.tidy(plan.folder)
        state = runs.resumed(state, plan)
    runs.write_settings(plan.folder, _settings(options))
    with _sharing(options) as (shared, ahead):
        batches = choices.batches(options, training, sizes, state.iteration, ahead)
        states = train(state, batches, network=network, optimizer=optimizer, map=shared)
        left = max(0, plan.iterations - state.iteration)
        found = runs.follow(state, take(left, states), plan, shared)
        print(f"{found.iteration} iterations, written to {plan.folder}")
        pictures.draw_history(plan.folder, found.params, options.loss)
        for name, part in lesson._asdict().items():
            if part:
                loss, right = evaluate(found.params, shards(*part), network, map=shared)
                print(f"{name:10}  loss {loss:.4f}  accuracy {right:.2%}")


def evaluate_command(options: Namespace) -> None:
    """Print a network's loss and accuracy, and of classes the confusion matrix; draw pictures."""
    members, network = models.load(options.model)
    X, y = _test_data(options.data)
    if y is None:
        raise ValueError(f"{options.data}: has no labels to evaluate with")
    if len(members) > 1:
        _evaluate_committee(options, members, network, Data(X, y))
        return
    (params,) = members
    with threads(options.workers) as map:
        loss, right = evaluate(params, shards(X, y), network, map=map)
    print(f"{X.shape[1]} examples: loss {loss:.4f}, accuracy {right:.2%}\n")
    predicted = predict(params, X, network)
    if predicted.ndim == 1:
        _print_confusion(confusion_matrix(predicted, y, len(params[-1].b)))
    if options.plot is not None:
        names = pictures.draw_network(options.plot, params, Data(X, y), network)
        print(f"{', '.join(names)}, written to {options.plot}")


def _evaluate_committee(
    options: Namespace, members: Sequence[Params], network: Network, data: Data
) -> None:
    if options.plot is not None:
        raise ValueError("evaluate: --plot is of one model")
    with blas_threads(options.workers):
        predicted = models.labels(members, data.X, network)
    right = accuracy(predicted, data.y)
    print(f"{len(predicted)} examples: a committee of {len(members)}, accuracy {right:.2%}\n")
    _print_confusion(confusion_matrix(predicted, data.y, len(members[0][-1].b)))


def predict_command(options: Namespace) -> None:
    """Write the class of each example, numbered from 1, in Kaggle's form."""
    members, network = models.load(options.model)
    labels = models.labels(members, _test_data(options.data).X, network)
    with replacing(options.out, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["ImageId", "Label"])
        lines.writerows(enumerate(labels.tolist(), start=1))
    print(f"{len(labels)} labels, written to {options.out}")


COMMANDS: dict[str, Callable[[Namespace], None]] = {
    "train": train_command,
    "evaluate": evaluate_command,
    "predict": predict_command,
}


@contextmanager
def _sharing(options: Namespace) -> Iterator[tuple[Map, Map]]:
    """A map for the shards of all the data, and one to make minibatches with.

    Shards go to a cluster or a pool of threads. A minibatch is too small for that, and is left to
    BLAS's threads; meanwhile others distort or mask the next ones.
    """
    if options.cluster is not None:
        connect = require("distributed", "cluster").Client
        with connect(options.cluster) as client, cluster(client) as shared:
            yield shared, map
    elif options.batch_size is None:
        with threads(options.workers) as shared:
            yield shared, map
    elif options.augment or options.dropout or options.input_dropout:
        with threads(max(1, options.workers // 2), blas=options.workers) as ahead:
            yield map, ahead
    else:
        with blas_threads(options.workers):
            yield map, map


def _settings(options: Namespace) -> dict[str, Any]:
    """What it takes to go on with this run, whatever folder one is in then."""
    data = options.data and str(options.data.absolute())
    left_out = {"command", "resume", "out", "recipe"}
    return {k: v for k, v in vars(options).items() if k not in left_out} | {"data": data}


def _print_confusion(counts: Array) -> None:
    print("confusion matrix: a row for each label, a column for each prediction")
    width = len(str(counts.max())) + 2
    for name, row in [("", range(len(counts))), *enumerate(counts)]:
        print(f"{name:>{width}}", *(f"{value:{width}}" for value in row), sep="")


def _load(path: Path | None) -> Dataset:
    """The examples of the embedded MNIST, of a folder of IDX files, or of a CSV file."""
    if path is None:
        return mnist()
    if path.is_dir():
        train, test = load_folder(path)
        return Dataset(_scaled(train), test and _scaled(test))
    return Dataset(_scaled(load_csv(path, labelled=has_labels(path))), None)


def _test_data(path: Path | None) -> Data:
    train, test = _load(path)
    return test or train


def _scaled(data: Data) -> Data:
    """Bytes are pixels from 0 to 255; anything else is taken as it is."""
    return Data(normalize(data.X), data.y) if data.X.dtype == np.uint8 else data

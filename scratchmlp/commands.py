"""What the command line does: train, evaluate and predict."""

import csv
from argparse import Namespace
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import numpy as np
from toolz import take

from scratchmlp import checkpoints, runs
from scratchmlp.core import checks
from scratchmlp.core.batches import Batch, shards
from scratchmlp.core.combinators import clip_by_global_norm
from scratchmlp.core.examples import Data, normalize, shuffle, split
from scratchmlp.core.initializers import Initializer, article_normal, he_normal, init_params
from scratchmlp.core.live_rows import LiveBatch, live_shards
from scratchmlp.core.metrics import confusion_matrix
from scratchmlp.core.network import predict
from scratchmlp.core.objective import Evaluation, Map, evaluate
from scratchmlp.core.optimizers import (
    Optimizer,
    momentum,
    nesterov,
    sgd,
)
from scratchmlp.core.training import State, init_state, train
from scratchmlp.datasets import Dataset, has_labels, load_csv, load_folder, mnist
from scratchmlp.extras import require
from scratchmlp.files import replacing

INITIALIZERS: dict[str, Initializer] = {"article_normal": article_normal, "he_normal": he_normal}
OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "momentum": momentum,
    "nesterov": nesterov,
    "sgd": sgd,
}
ARTICLE = {
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "clip_norm": 0,
    "initializer": "article_normal",
    "examples": 42_000,
}


def train_command(options: Namespace, map: Map) -> None:
    """Train a network; write the model, its history and its learning curves."""
    checks.count("train", "--iterations", options.iterations, least=1)
    require("matplotlib", "cli")  # before the work rather than after it
    options.out.mkdir(parents=True, exist_ok=True)
    data, test = _load(options.data)
    if data.y is None:
        raise ValueError(f"{options.data}: has no labels to train with")
    training, validation = _divided(data, options)
    sizes = options.layers or [len(data.X), 256, 128, 64, int(data.y.max()) + 1]
    initializer = INITIALIZERS[options.initializer]
    optimizer = OPTIMIZERS[options.optimizer](options.learning_rate)
    if options.clip_norm:
        optimizer = clip_by_global_norm(optimizer, options.clip_norm)
    state = init_state(init_params(sizes, seed=options.seed, initializer=initializer), optimizer)
    states = train(state, repeat(training), optimizer=optimizer, map=map)

    def validate(state: State) -> Evaluation | None:
        due = validation and state.iteration % max(1, options.iterations // 50) == 0
        return evaluate(state.params, validation, map=map) if due else None

    run = runs.follow(state, take(options.iterations, states), validate, options.iterations)
    runs.write(options.out, run)
    print(f"{len(run.records)} iterations, written to {options.out}")
    if run.divergence:
        raise run.divergence
    parts: dict[str, tuple[Batch | LiveBatch, ...]]
    parts = {"training": training, "validation": validation}
    if test is not None:
        parts["test"] = shards(*test)
    for name, part in parts.items():
        if part:
            loss, accuracy = evaluate(run.state.params, part, map=map)
            print(f"{name:10}  loss {loss:.4f}  accuracy {accuracy:.2%}")


def evaluate_command(options: Namespace, map: Map) -> None:
    """Print a network's loss, accuracy and confusion matrix."""
    (params, *_), network = _model(options.model)
    X, y = _test_data(options.data)
    if y is None:
        raise ValueError(f"{options.data}: has no labels to evaluate with")
    loss, accuracy = evaluate(params, shards(X, y), network, map=map)
    print(f"{X.shape[1]} examples: loss {loss:.4f}, accuracy {accuracy:.2%}\n")
    counts = confusion_matrix(predict(params, X, network), y, len(params[-1].b))
    print("confusion matrix: a row for each label, a column for each prediction")
    width = len(str(counts.max())) + 2
    for name, row in [("", range(len(counts))), *enumerate(counts)]:
        print(f"{name:>{width}}", *(f"{value:{width}}" for value in row), sep="")


def predict_command(options: Namespace, map: Map) -> None:
    """Write the class of each example, numbered from 1, in Kaggle's form."""
    (params, *_), network = _model(options.model)
    labels = predict(params, _test_data(options.data).X, network)
    if labels.ndim != 1:
        raise ValueError(f"{options.model}: is no classifier")
    with replacing(options.out, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["ImageId", "Label"])
        lines.writerows(enumerate(labels.tolist(), start=1))
    print(f"{len(labels)} labels, written to {options.out}")


COMMANDS: dict[str, Callable[[Namespace, Map], None]] = {
    "train": train_command,
    "evaluate": evaluate_command,
    "predict": predict_command,
}


def _model(path: Path) -> checkpoints.Checkpoint:
    return checkpoints.load(path / "model.npz" if path.is_dir() else path)


def _divided(data: Data, options: Namespace) -> tuple[tuple[LiveBatch, ...], tuple[Batch, ...]]:
    """Shards to train and to validate with: some of the examples, at random."""
    X, y = shuffle(*data, seed=options.seed)
    if options.examples is not None:
        checks.count("train", "--examples", options.examples, least=1)
        if options.examples > len(y):
            raise ValueError(f"train: --examples is {options.examples}, but there are {len(y)}")
        X, y = X[:, : options.examples], y[: options.examples]
    if options.validation_fraction == 0:
        return live_shards(X, y), ()
    checks.fraction("train", "--validation-fraction", options.validation_fraction)
    training, validation = split(X, y, 1 - options.validation_fraction)
    return live_shards(*training), shards(*validation)


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

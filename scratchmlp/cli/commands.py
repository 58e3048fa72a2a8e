"""What the command line does: train (in `training`), evaluate, predict, export (in `exports`)."""

import csv
from collections.abc import Sequence

from scratchmlp import (
    Data,
    Network,
    Params,
    accuracy,
    confusion_matrix,
    evaluate,
    predict,
    shards,
)
from scratchmlp._atomic import replacing
from scratchmlp.cli import data, figures, models
from scratchmlp.cli.exports import export_command
from scratchmlp.cli.settings import (
    EvaluateSettings,
    ExportSettings,
    PredictSettings,
    TrainSettings,
)
from scratchmlp.cli.training import train_command
from scratchmlp.core.arrays import Array
from scratchmlp.workers import blas_threads, threads


def run(settings: TrainSettings | EvaluateSettings | PredictSettings | ExportSettings) -> None:
    """Do what the settings of a command ask for."""
    if isinstance(settings, TrainSettings):
        train_command(settings)
    elif isinstance(settings, EvaluateSettings):
        evaluate_command(settings)
    elif isinstance(settings, ExportSettings):
        export_command(settings)
    else:
        predict_command(settings)


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


def _print_confusion(counts: Array) -> None:
    print("confusion matrix: a row for each label, a column for each prediction")
    width = len(str(counts.max())) + 2
    for name, row in [("", range(len(counts))), *enumerate(counts)]:
        print(f"{name:>{width}}", *(f"{value:{width}}" for value in row), sep="")

"""What the command line does: train (in `training`), evaluate, predict, export (in `exports`)."""

from collections.abc import Iterator

from scratchmlp import Data, evaluate, shards
from scratchmlp.cli import builders, data, figures, models, predictions, scores, sources
from scratchmlp.cli.exports import export_command
from scratchmlp.cli.settings import (
    EvaluateSettings,
    ExportSettings,
    PredictSettings,
    TrainSettings,
)
from scratchmlp.cli.training import train_command
from scratchmlp.descriptions import Description
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
    """Print how good a network is, in all and for each class or number; draw pictures."""
    found = models.load(settings.model)
    params, network, description = found.members[0], found.network, found.descriptions[0]
    if settings.plot is not None and len(found.members) > 1:
        raise ValueError("--plot is for one model, not for a committee")
    raw, said = _data(settings, description)
    if raw.y is None:
        raise ValueError(f"{said}: has no labels to evaluate with")
    target = scores.target_of(description, network, len(params[-1].b))
    examples = data.scale(raw, description)
    copies = _copies(settings)
    with blas_threads(settings.workers):
        A = models.outputs(found, raw, copies)
    several = len(found.members) > 1
    who = f"a committee of {len(found.members)}"
    if copies.augment is not None:
        mean = f"the mean over {copies.number} distorted copies"
        who = f"{mean} and {len(found.members)} networks" if several else mean
    elif not several:
        with threads(settings.workers) as map:
            who = f"loss {evaluate(params, shards(*examples), network, map=map).loss:.4f}"
    print(said)
    if several:
        print(*_of_each(found, raw, copies), sep="\n")
    print(f"{A.shape[1]} examples: {who}, {scores.headline(A, examples.y, target)}\n")
    print(*scores.details(A, examples.y, target), sep="\n")
    if settings.plot is not None:
        names = figures.draw_network(settings.plot, params, examples, network, target)
        print(f"{', '.join(names)}, written to {settings.plot}")


def _of_each(found: models.Models, raw: Data, copies: models.Copies) -> Iterator[str]:
    """How good each member of a committee is alone."""
    pairs = zip(found.members, found.descriptions, strict=True)
    for number, (params, description) in enumerate(pairs, start=1):
        A = models.outputs(models.Models((params,), (description,), found.network), raw, copies)
        target = scores.target_of(description, found.network, len(A))
        y = data.scale(raw, description).y
        yield f"network {number:3}: {scores.headline(A, y, target)}"


def predict_command(settings: PredictSettings) -> None:
    """Write the class of each example by its name, or the numbers that are predicted."""
    found = models.load(settings.model)
    description = found.descriptions[0]
    raw, said = _data(settings, description)
    target = scores.target_of(description, found.network, len(found.members[0][-1].b))
    A = models.outputs(found, raw, _copies(settings))
    predictions.write(settings.out, A, target, description, probabilities=settings.probabilities)
    print(f"{said}: {A.shape[1]} predictions, written to {settings.out}")


def _copies(settings: EvaluateSettings | PredictSettings) -> models.Copies:
    """The copies that are asked for: each example as it is, unless there are distortions."""
    augment = builders.augmentation(settings.augment, settings.image_shape)
    return models.Copies(augment, settings.copies)


def _data(
    settings: EvaluateSettings | PredictSettings, description: Description | None
) -> tuple[Data, str]:
    """The examples given, or else the run's own, encoded; and in words which they are."""
    if settings.data is None:
        return models.own_data(settings.model[0], description)
    return sources.new(settings.data, description, settings.unknown == "ignore")

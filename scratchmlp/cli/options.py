"""The options of the command line, and what each is for."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from scratchmlp._names import (
    ACTIVATIONS,
    AUGMENTATIONS,
    INITIALIZERS,
    LOSSES,
    MADE_ACTIVATIONS,
    MADE_LOSSES,
    activation_named,
    augmentation_named,
    loss_named,
)
from scratchmlp.cli import runs
from scratchmlp.cli.recipes import RECIPES
from scratchmlp.cli.settings import DTYPES, OPTIMIZERS, SCHEDULES
from scratchmlp.workers import cores

COMMANDS = {
    "train": "train a network (the default)",
    "evaluate": "measure a network",
    "predict": "label images",
}
NUMBER: dict[str, Any] = {"type": int, "metavar": "N"}
REAL: dict[str, Any] = {"type": float, "metavar": "X"}
DATA = (
    "a folder of IDX files, or a CSV file with a header (default: the MNIST that comes with the "
    "package)"
)
MODEL = "the folder that `train` wrote, or a model.npz; several are a committee"


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and the message."""
        self.exit(2, f"{self.prog}: {message}\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options given, over those of the run that is resumed or of the article, over defaults."""
    given = list(arguments)
    if not given or given[0] not in (*COMMANDS, "-h", "--help"):
        given.insert(0, "train")
    options = _parser({}).parse_args(given)
    if options.command != "train":
        return options
    settings = RECIPES.get(options.recipe, {})
    if options.resume is not None:
        settings = runs.settings(options.resume)
        if options.iterations is not None or options.epochs is not None:
            settings = {k: v for k, v in settings.items() if k not in ("iterations", "epochs")}
        if settings.get("data") is not None:
            settings["data"] = Path(settings["data"])
    return _parser(settings).parse_args(given)


def _parser(settings: Mapping[str, Any]) -> Parser:
    top = Parser(prog="scratchmlp", description="Multilayer perceptrons from scratch in NumPy.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train, evaluate, predict = (
        commands.add_parser(name, help=text) for name, text in COMMANDS.items()
    )
    for command in (train, evaluate, predict):
        command.add_argument("--data", type=Path, metavar="PATH", help=DATA)
    for command in (evaluate, predict):
        command.add_argument("model", type=Path, nargs="+", metavar="MODEL", help=MODEL)
    for command in (train, evaluate):
        text = "threads (default: %(default)s)"
        command.add_argument("--workers", default=cores(), help=text, **NUMBER)
    text = "a folder for pictures of it, of its mistakes and of its weights"
    evaluate.add_argument("--plot", type=Path, metavar="DIR", help=text)
    text, submission = "the file to write (default: %(default)s)", Path("submission.csv")
    predict.add_argument("--out", type=Path, default=submission, metavar="CSV", help=text)
    _network_options(train)
    _update_options(train)
    _noise_options(train)
    _course_options(train)
    train.set_defaults(**settings)
    return top


def _network_options(command: Parser) -> None:
    add = _adder(command, "the network")
    activations, losses = {**ACTIVATIONS, **MADE_ACTIVATIONS}, {**LOSSES, **MADE_LOSSES}
    add(
        "--layers",
        "the inputs, then the units of each layer (default: the data's, with 256 128 64 between)",
        nargs="+",
        **NUMBER,
    )
    add(
        "--hidden",
        f"the activation of all hidden layers, or of each: {_listed(activations, 'softmax')}",
        ["relu"],
        nargs="+",
        type=_name(activation_named),
        metavar="NAME",
    )
    add("--loss", _listed(losses), "softmax_cross_entropy", type=_name(loss_named), metavar="NAME")
    add("--initializer", _listed(INITIALIZERS), "he_normal", **_one_of(INITIALIZERS))
    add("--dtype", _listed(DTYPES), "float32", **_one_of(DTYPES))
    add("--seed", "what all random numbers depend on", 0, **NUMBER)


def _update_options(command: Parser) -> None:
    add = _adder(command, "the updates")
    rates = ", ".join(f"{name} {choice.learning_rate}" for name, choice in OPTIMIZERS.items())
    add("--optimizer", _listed(OPTIMIZERS), "nesterov", **_one_of(OPTIMIZERS))
    add("--learning-rate", f"how far to go (default: {rates})", **REAL)
    add("--schedule", f"its course: {_listed(SCHEDULES)}", "constant", **_one_of(SCHEDULES))
    add("--warmup", "iterations in which the learning rate rises to it", 0, **NUMBER)
    add("--clip-norm", "the most a gradient may measure, 0: any", 0.5, **REAL)
    add("--max-norm", "the most that the weights into a unit may measure, 0: any", 0.0, **REAL)
    add("--average", "decay of an average of the parameters, which is the model (as 0.999)", **REAL)
    add("--weight-decay", "L2 penalty; of adamw, its own (default: adamw 0.01, others 0)", **REAL)
    add("--label-smoothing", "the share of a label that goes to all classes alike", 0.0, **REAL)
    add("--balanced", "let every class count the same", action="store_true")
    add("--batch-size", "examples of an update (default: all)", **NUMBER)


def _noise_options(command: Parser) -> None:
    add = _adder(command, "what is made of the examples and units, at random")
    add(
        "--augment",
        f"distort the images of a minibatch: {_listed(AUGMENTATIONS)}, with numbers or ranges as "
        "in 'affine(rotation=10,scale=0.15,shear=0.15,shift=-1:2)' 'elastic(sigma=4,alpha=20)'",
        nargs="+",
        type=_name(augmentation_named),
        metavar="NAME",
    )
    add("--image-shape", "height and width of an image (default: square)", nargs=2, **NUMBER)
    text = "the probability to drop a unit: of all hidden layers, or of each"
    add("--dropout", text, nargs="+", **REAL)
    add("--input-dropout", "the same of an input", 0.0, **REAL)


def _course_options(command: Parser) -> None:
    group = command.add_argument_group("the course")
    add = _adder(group)
    length = _adder(group.add_mutually_exclusive_group())
    length("--iterations", "updates in all (default: 500, of minibatches 10 epochs)", **NUMBER)
    length("--epochs", "the same, in passes through the data", **NUMBER)
    add("--validation-fraction", "the share not to train with", 0.2, **REAL)
    add("--no-test", "leave the test set alone, as while one chooses", action="store_true")
    add("--cluster", "share the work out to the workers of a dask scheduler", metavar="ADDRESS")
    add("--examples", "take so many at random (default: all)", **NUMBER)
    add(
        "--validate-every",
        "iterations from one validation and checkpoint to the next "
        "(default: an epoch of minibatches, else a fiftieth of all, at most 100)",
        **NUMBER,
    )
    add(
        "--patience",
        "stop after so many validations without improvement, and keep the best (default: never)",
        **NUMBER,
    )
    add("--min-improvement", "what counts as one, of the validation loss", 0.0, **REAL)
    add(
        "--out",
        "the folder to write; what another run left there is lost",
        Path("run"),
        type=Path,
        metavar="DIR",
    )
    add(
        "--resume",
        "go on with the run in a folder, killed or done, with its own options",
        type=Path,
        metavar="DIR",
    )
    text = f"settings by a name, over which options go: {_listed(RECIPES)}"
    add("--recipe", text, **_one_of(RECIPES))
    group.add_argument(
        "--article", action="store_const", const="article", dest="recipe", help="the article's"
    )


def _adder(parent: Any, title: str | None = None) -> Callable[..., None]:
    group = parent if title is None else parent.add_argument_group(title)

    def add(name: str, text: str, default: Any = None, **more: Any) -> None:
        if isinstance(default, list):
            text += f" (default: {' '.join(default)})"
        elif default is not None:
            text += " (default: %(default)s)"
        if more.get("action") != "store_true":
            more["default"] = default
        group.add_argument(name, help=text, **more)

    return add


def _one_of(known: Mapping[str, object]) -> dict[str, Any]:
    return {"choices": list(known), "metavar": "NAME"}


def _listed(known: Mapping[str, object], without: str = "") -> str:
    return ", ".join(name for name in known if name != without)


def _name(find: Callable[[str], object]) -> Callable[[str], str]:
    """A kind of argument: a name that is found, or an error that tells which there are."""

    def name(text: str) -> str:
        try:
            find(text)
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return name

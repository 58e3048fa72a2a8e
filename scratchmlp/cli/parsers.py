"""The parser of the command line: its options, and what each is for."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from scratchmlp._names import (
    ACTIVATIONS,
    AUGMENTATIONS,
    INITIALIZERS,
    LOSSES,
    MADE_ACTIVATIONS,
    MADE_LOSSES,
)
from scratchmlp.cli.checked import MISSING
from scratchmlp.cli.choices import DECOUPLED, DTYPES, OPTIMIZERS, SCHEDULES
from scratchmlp.cli.recipes import RECIPES
from scratchmlp.cli.settings import DEFAULTS
from scratchmlp.descriptions import TASKS
from scratchmlp.workers import cores

COMMANDS = {
    "train": "train a network (the default)",
    "evaluate": "measure a network",
    "predict": "write what a network predicts",
    "export": "write a network for elsewhere: .onnx, .safetensors (PyTorch), or a page, .html",
}
DATA = (
    "a table (CSV in any dialect, compressed or not, or Parquet), an .npz or .npy file, or a "
    "folder of IDX files; "
)
MODEL = "the folder that `train` wrote, or a model.npz; several are a committee"
RUN = Path("run")
COPIES = 16


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and the message."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def parser() -> Parser:
    """The commands with their options, of which only those that are given come out."""
    top = Parser(prog="scratchmlp", description="Multilayer perceptrons from scratch in NumPy.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train, evaluate, predict, export = (
        commands.add_parser(name, help=text, argument_default=argparse.SUPPRESS)
        for name, text in COMMANDS.items()
    )
    _adder(train)("--data", f"{DATA}default: the MNIST that comes with the package", "PATH")
    for command in (evaluate, predict):
        command.add_argument("model", nargs="+", metavar="MODEL", help=MODEL)
        text = "default: the run's own, what it had to test with, else to validate with"
        _adder(command)("--data", f"{DATA}{text}", "PATH")
        text = "categories that the network does not know are an error, or ignored"
        _adder(command)("--unknown", f"{text} (default: error)", "NAME")
        text = "average over copies of each image that are distorted at random: as of `train`"
        _adder(command)("--augment", text, "NAME", nargs="+")
        _adder(command)("--copies", f"of each image, with --augment (default: {COPIES})", "N")
        _adder(command)("--image-shape", "height and width of an image", "N", nargs="+")
    export.add_argument("model", nargs="+", metavar="MODEL", help=MODEL)
    text = "the file to write, of the kind that its suffix tells: .onnx, .safetensors or .html"
    export.add_argument("file", metavar="FILE", help=text)
    text = "default: those that the run had to test with, else to validate with"
    _adder(export)("--data", f"examples for a page: {DATA}{text}", "PATH")
    for command in (train, evaluate):
        _adder(command)("--workers", f"threads (default: {cores()})", "N")
    text = "a folder for pictures of the network, of its mistakes and of its weights"
    _adder(evaluate)("--plot", text, "DIR")
    text = "write the probability of each class, in columns of their own"
    _adder(predict)("--probabilities", text, action="store_true")
    _adder(predict)("--out", "the file to write (default: submission.csv)", "CSV")
    for add_options in (_network, _updates, _noise, _data, _length, _places):
        add_options(train)
    return top


def _network(command: Parser) -> None:
    add = _adder(command, "network")
    activations, losses = {**ACTIVATIONS, **MADE_ACTIVATIONS}, {**LOSSES, **MADE_LOSSES}
    hidden = ", ".join(name for name in activations if name != "softmax")
    text = "the number of inputs, then of units in each layer (default: the data's inputs and"
    add("--layers", f"{text} outputs, with --units between)", "N", nargs="+")
    text = "the number of units in each hidden layer, where --layers does not say"
    add("--units", text, "N", nargs="+")
    text = "the activation function of all hidden layers, or one for each of them: "
    add("--hidden", text + hidden, "NAME", nargs="+")
    text = "(default: as the target is, a class, several times yes or no, or numbers)"
    add("--loss", f"the loss function: {_listed(losses)} {text}", "NAME")
    add("--initializer", f"how initial weights are drawn: {_listed(INITIALIZERS)}", "NAME")
    text = (
        "the same of the first layer, or 'gabor(1.5)', edges in images with their width in pixels,"
    )
    text = f"{text} or 'contrasts(14)', of as many inputs that vary together"
    add("--first-initializer", text, "NAME")
    add("--dtype", f"the numbers' type: {_listed(DTYPES)}", "NAME")
    add("--seed", "the seed of all random numbers", "N")
    text = "train so many networks at once, whose initial weights have the seeds from --seed on"
    add("--networks", f"{text} (default: one, and no stack)", "K")


def _updates(command: Parser) -> None:
    add = _adder(command, "updates of the parameters")
    rates = ", ".join(f"{name} {choice.learning_rate}" for name, choice in OPTIMIZERS.items())
    add("--optimizer", f"the optimizer: {_listed(OPTIMIZERS)}", "NAME")
    add("--learning-rate", f"the learning rate (default: {rates})", "X")
    add("--schedule", f"the learning rate schedule: {_listed(SCHEDULES)}", "NAME")
    add("--warmup", "iterations in which the learning rate rises from 0 first", "N")
    add("--clip-norm", "the greatest norm of a gradient; longer ones are scaled; 0: any", "X")
    add("--max-norm", "the greatest norm of the weights into a unit; 0: any", "X")
    text = "the decay of a moving average of the parameters, which becomes the model; such as 0.999"
    add("--average", text, "X")
    text = "train without a falling learning rate: the average of the parameters, which has this"
    text += " share in those where gradients are taken, becomes the model; such as 0.9 with sgd"
    add("--schedule-free", text, "X")
    text = "go back by half after every N updates; the parameters there become the model; such as 5"
    add("--lookahead", text, "N")
    text = f"the factor of the L2 penalty; for {', '.join(DECOUPLED)} that of decoupled decay"
    add("--weight-decay", f"{text} (default: adamw 0.01, others 0)", "X")
    add("--label-smoothing", "the share of each label that is spread evenly over all classes", "X")
    text = "weight the examples so that every class counts the same in all; --no-balanced: do not"
    add("--balanced", text, action="store_true")
    add("--no-balanced", argparse.SUPPRESS, action="store_false", dest="balanced")
    text = "the number of examples in a minibatch (default: all examples); without --optimizer and"
    add("--batch-size", f"{text} --learning-rate, updates are those of --recipe minibatches", "N")


def _noise(command: Parser) -> None:
    add = _adder(command, "augmentation, dropout and adversarial examples")
    text = (
        f"distort the images of each minibatch at random: {_listed(AUGMENTATIONS)}, with numbers "
        "or ranges as in 'affine(rotation=10,scale=0.15,shear=0.15,shift=-1:2)' "
        "'elastic(sigma=4,alpha=20)'"
    )
    add("--augment", text, "NAME", nargs="+")
    add("--image-shape", "height and width of an image (default: it is square)", "N", nargs="+")
    text = "the dropout probability of a hidden unit: one for all hidden layers, or one for each"
    add("--dropout", text, "X", nargs="+")
    add("--input-dropout", "the dropout probability of an input", "X")
    text = "move each example so far, by the norm, to where its loss grows, before it is learnt"
    add("--adversarial", text, "X")


def _data(command: Parser) -> None:
    add = _adder(command, "examples and their division")
    text = "what to predict: a column's name, or its number (default: the one column called label,"
    add("--target", f"{text} class, target or y); several are predicted at once", "NAME", nargs="+")
    add("--drop", "columns to leave out", "NAME", nargs="+")
    text = "what the target is (default: text and few whole numbers are classes, other numbers"
    add("--task", f"{text} are predicted as numbers): {_listed(dict.fromkeys(TASKS))}", "NAME")
    text = (
        "missing values are an error, or become the column's mean, with a column that tells which"
    )
    add("--missing", f"{text}: {_listed(MISSING)}", "NAME")
    add(
        "--transpose",
        "turn images that lie on their side, as those of EMNIST do",
        action=argparse.BooleanOptionalAction,
    )
    add("--validation", "a file or folder of examples to validate with", "PATH")
    add("--test", "a file or folder of examples to test with", "PATH")
    add("--examples", "use only so many examples, taken at random (default: all)", "N")
    text = "the share of the examples to validate with rather than to train with, of a table "
    text += "with --test none"
    add("--validation-fraction", text, "X")
    text = "do not measure on the test set, as while choosing settings; --measure-test: do"
    add("--no-test", text, action="store_true")
    add("--measure-test", argparse.SUPPRESS, action="store_false", dest="no_test")


def _length(command: Parser) -> None:
    group = command.add_argument_group("length of the run, and early stopping")
    add = _adder(group)
    length = _adder(group.add_mutually_exclusive_group())
    length("--iterations", "updates in all (default: 500, of minibatches 10 epochs)", "N")
    length("--epochs", "the same, in passes through the training examples", "N")
    text = "iterations from one validation and checkpoint to the next (default: an epoch of"
    add("--validate-every", f"{text} minibatches, else a fiftieth of all, at most 100)", "N")
    text = "stop after so many validations in a row without improvement, and keep the best network"
    add("--patience", f"{text} (default: never)", "N")
    text = "by how much the validation loss must fall to count as an improvement"
    add("--min-improvement", text, "X")


def _places(command: Parser) -> None:
    add = _adder(command, "files and machines")
    text = f"the folder to write (default: {RUN}); a run that is there is replaced, and lost, when"
    add("--out", f"{text} the new one has its first checkpoint", "DIR")
    text = "go on with the run in a folder, killed or done, with the settings that it has; options"
    add("--resume", f"{text} given change them, and `none` takes one back", "DIR")
    add("--recipe", f"settings by a name, over which options go: {_listed(RECIPES)}", "NAME")
    text = "the same as --recipe article"
    add("--article", text, action="store_const", const="article", dest="recipe")
    add("--cluster", "share the work out to the workers of this dask scheduler", "ADDRESS")


def _adder(parent: Any, title: str | None = None) -> Callable[..., None]:
    """A function that adds an option; its default and its kind of value are those of settings."""
    group = parent if title is None else parent.add_argument_group(title)

    def add(name: str, text: str, metavar: str | None = None, **more: Any) -> None:
        default = DEFAULTS.get(name.removeprefix("--").replace("-", "_"))
        if metavar is not None:
            more["metavar"] = metavar
            if default is not None:
                shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
                text += f" (default: {shown})"
        group.add_argument(name, help=text, default=argparse.SUPPRESS, **more)

    return add


def _listed(known: Mapping[str, object]) -> str:
    return ", ".join(known)

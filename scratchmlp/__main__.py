"""The command line: its options, and its exit status."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from scratchmlp import commands
from scratchmlp.workers import cores, threads


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and the message."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 after one line that says why."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in (*commands.COMMANDS, "-h", "--help"):
        given.insert(0, "train")
    options = _parser("--article" in given).parse_args(given)
    try:
        with threads(options.workers) as map:
            commands.COMMANDS[options.command](options, map)
        return 0
    except KeyboardInterrupt:
        reason = "interrupted"
    except (ArithmeticError, ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
    print(f"scratchmlp: {reason}", file=sys.stderr)
    return 2


def _parser(article: bool) -> Parser:
    top = Parser(prog="scratchmlp", description="Multilayer perceptrons from scratch in NumPy.")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = Parser(add_help=False)
    common.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="a folder of IDX files, or a CSV file with a header (default: the MNIST that comes "
        "with the package)",
    )
    common.add_argument(
        "--workers", type=int, default=cores(), metavar="N", help="threads (default: %(default)s)"
    )
    train = subparsers.add_parser("train", parents=[common], help="train a network (the default)")
    _train_options(train)
    train.set_defaults(**(commands.ARTICLE if article else {}))
    evaluate = subparsers.add_parser("evaluate", parents=[common], help="measure a network")
    predict = subparsers.add_parser("predict", parents=[common], help="label images")
    for command in (evaluate, predict):
        command.add_argument(
            "model",
            type=Path,
            metavar="MODEL",
            help="the folder that `train` wrote, or a model.npz",
        )
    predict.add_argument(
        "--out",
        type=Path,
        default=Path("submission.csv"),
        metavar="CSV",
        help="default: %(default)s",
    )
    return top


def _train_options(command: argparse.ArgumentParser) -> None:
    def add(name: str, text: str, default: Any = None, **more: Any) -> None:
        shown = "" if default is None else " (default: %(default)s)"
        command.add_argument(name, help=text + shown, default=default, **more)

    number: dict[str, Any] = {"type": int, "metavar": "N"}
    layers = (
        "the inputs, then the units of each layer (default: the data's, with 256 128 64 between)"
    )
    optimizers, initializers = sorted(commands.OPTIMIZERS), sorted(commands.INITIALIZERS)
    add("--layers", layers, nargs="+", **number)
    add("--iterations", "updates, each by the gradient of all the data", 500, **number)
    add("--optimizer", "how to update", "nesterov", choices=optimizers)
    add("--learning-rate", "how far to go down the gradient", 0.05, type=float, metavar="RATE")
    add("--clip-norm", "the most a gradient may measure, 0: any", 0.5, type=float, metavar="NORM")
    add("--initializer", "how to begin", "he_normal", choices=initializers)
    add("--seed", "what all random numbers depend on", 0, **number)
    add("--validation-fraction", "the share not to train with", 0.2, type=float, metavar="SHARE")
    add("--examples", "take so many at random (default: all)", **number)
    add("--out", "the folder for all that is written", Path("run"), type=Path, metavar="DIR")
    command.add_argument(
        "--article",
        action="store_true",
        help="the article's settings: descent at 0.1, article_normal, 42,000 examples",
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command line: its options, and its exit status."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

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
        command.add_argument("model", type=Path, metavar="MODEL", help="what `train` wrote")
    predict.add_argument(
        "--out", type=Path, default=Path("submission.csv"), metavar="CSV", help="%(default)s"
    )
    return top


def _train_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--layers",
        type=int,
        nargs="+",
        metavar="N",
        help="the inputs, then the units of each layer (default: those of the data, with 256 128 "
        "64 between)",
    )
    add("--iterations", type=int, default=500, metavar="N", help="default: %(default)s")
    add(
        "--optimizer",
        choices=sorted(commands.OPTIMIZERS),
        default="nesterov",
        help="default: %(default)s",
    )
    add("--learning-rate", type=float, default=0.05, metavar="RATE", help="default: %(default)s")
    add(
        "--clip-norm",
        type=float,
        default=0.5,
        metavar="NORM",
        help="the most that the gradient may measure, 0 for no bound (default: %(default)s)",
    )
    add(
        "--initializer",
        choices=sorted(commands.INITIALIZERS),
        default="he_normal",
        help="default: %(default)s",
    )
    add("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    add(
        "--validation-fraction",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="of the examples, not trained with (default: %(default)s)",
    )
    add("--examples", type=int, metavar="N", help="take so many at random (default: all)")
    add("--out", type=Path, default=Path("run"), metavar="DIR", help="default: %(default)s")
    add(
        "--article",
        action="store_true",
        help="the article's: plain gradient descent at rate 0.1, article_normal, 42,000 examples",
    )


if __name__ == "__main__":
    sys.exit(main())

"""Commands that cannot succeed: the run that is in their folder keeps all its bytes."""

import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from scratchmlp.__main__ import main
from tests.attack.signals import quiet
from tests.attack.table import Found
from tests.small_runs import BASE, RUNS, contents

WILD = ["--learning-rate", "1e30", "--clip-norm", "0", "--optimizer", "sgd"]
NEW = [
    ["--workers", "0"],
    ["--workers", "-1"],
    ["--iterations", "1" + "0" * 40],
    ["--iterations", "0"],
    ["--epochs", "1.5"],
    ["--data", "nonesuch.csv"],
    ["--data", "empty.csv"],
    ["--data", "."],
    ["--layers", "13", "3"],
    ["--layers", "12", "2"],
    ["--layers", "12"],
    ["--layers", "12", "9000000000000", "3"],
    ["--hidden", "relu", "tanh", "relu"],
    ["--hidden", "softmax"],
    ["--dropout", "0.1", "0.2"],
    ["--dropout", "1"],
    ["--augment", "affine", "--image-shape", "5", "5"],
    ["--augment", "affine(rotation=x)"],
    ["--validation-fraction", "0.999"],
    ["--validation-fraction", "0", "--patience", "3"],
    ["--examples", "100000"],
    ["--label-smoothing", "2"],
    ["--average", "1"],
    ["--seed", "-1"],
    ["--loss", "magic"],
    ["--recipe", "magic"],
    ["--lerning-rate", "1"],
    ["--cluster", "tcp://127.0.0.1:9"],
    ["--schedule", "one_cycle", "--warmup", "-3"],
    WILD,
]
RESUMED = [
    ["--seed", "1"],
    ["--examples", "100"],
    ["--data", "other.csv"],
    ["--out", "other"],
    ["--recipe", "best"],
    ["--layers", "12", "9", "3"],
    ["--optimizer", "momentum"],
    ["--dtype", "float64"],
    ["--epochs", "9", "--dropout", "0.1", "0.2"],
    ["--epochs", "9", *WILD],
    ["--loss", "squared_error"],
]


def attack(size: int, seed: int = 0) -> Iterator[Found]:
    """Each command once, over a run that is done; whatever the size."""
    run = Path("doomed")
    text = Path("data.csv").read_text()
    Path("other.csv").write_text("\n".join([*text.splitlines()[:-1], ""]))
    Path("empty.csv").write_text(text.splitlines()[0] + "\n")
    quiet([*RUNS["patience"], "--out", str(run)])
    before = contents(run)
    commands = [[*BASE, "--out", str(run), *options] for options in NEW]
    commands += [["--resume", str(run), *options] for options in RESUMED]
    lost = wrong = 0
    for arguments in commands:
        status, lines = said(arguments)
        lost += contents(run) != before or bool(list(run.glob(".*")))
        wrong += status != 2 or lines != 1
    yield Found("doomed commands", len(commands), lost, wrong)


def said(arguments: list[str]) -> tuple[int, int]:
    """The status of a command, and how many lines it complains with."""
    errors = StringIO()
    with open(os.devnull, "w") as null, redirect_stdout(null), redirect_stderr(errors):
        try:
            status = main(arguments)
        except SystemExit as stopped:
            status = int(stopped.code or 0)
    return status, errors.getvalue().count("\n")

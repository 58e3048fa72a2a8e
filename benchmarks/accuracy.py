"""How far a plain network goes on MNIST: accuracy, seconds and weights, beside published figures.

    python -m benchmarks.accuracy [--quick] [--only TEXT] [--ablation EPOCHS] [--folder DIR]
                                  [--json FILE] [--figure FILE]

Each row is trained by the command that it prints, with three seeds; the test set is looked at once,
at the end. What the commands say was chosen before that, on 10,000 of the training images:
`--ablation` trains the best recipe without each of its choices, and measures the accuracy on those.
All takes several hours on two cores; `--folder` keeps what is done, for the next time.
"""

import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from toolz import last, take

from benchmarks import harness
from scratchmlp import (
    accuracy,
    cosine_decay,
    init_params,
    init_state,
    minibatches,
    nesterov,
    one_hot,
    predict,
    smooth_labels,
    train,
    warmup,
)
from scratchmlp._extras import require
from scratchmlp.checkpoints import load
from scratchmlp.cli.recipes import RECIPES
from scratchmlp.core.arrays import leaves
from scratchmlp.datasets import mnist

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = (0, 1, 2)
QUICK = "--examples 1000 --iterations 5"
EXAMPLES = "10000 examples"  # what a line of `evaluate` begins with
SECONDS, WRONG = (0.3, 1, 3, 10, 30, 100, 300, 1000, 3000), (30, 50, 100, 200, 500, 1000)  # ticks
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")


class Row(NamedTuple):
    """A network, the options that train it, and a published figure of its kind in percent.

    `seen` are the options of the copies of each test image over which predictions are averaged.
    """

    name: str
    options: str
    published: float | None = None
    source: str = ""
    seen: str = ""
    seeds: tuple[int, ...] = SEEDS


class Result(NamedTuple):
    """What came of a row: test accuracies in percent, seconds, and the number of weights."""

    row: Row
    accuracies: list[float]
    seconds: float
    weights: int


class Sprint(NamedTuple):
    """A network that is to get somewhere soon, with Nesterov's momentum and labels smoothed by 0.1.

    The learning rate rises in the first 50 updates, and falls along a cosine.
    """

    name: str
    sizes: list[int]
    batch: int
    iterations: int
    learning_rate: float


SPRINTS = (
    Sprint("97 % in a second", [784, 256, 10], 256, 260, 0.8),
    Sprint("98 % in two seconds", [784, 256, 10], 256, 700, 0.8),
)
COURSE = "--validation-fraction 0 --clip-norm 0 --schedule cosine --warmup 470"
AFFINE, ELASTIC = RECIPES["best"]["augment"]
DISTORTED = (
    f"{COURSE} --optimizer nesterov --batch-size 256 --learning-rate 0.2 "
    f"--augment '{AFFINE}' '{ELASTIC}'"
)
MILD = "--augment 'affine(rotation=5,scale=0.07,shear=0.07,shift=1)'"
QUICKLY = (
    "--layers 784 784 256 10 --first-initializer gabor --validation-fraction 0 --clip-norm 0 "
    "--optimizer nesterov --schedule cosine --warmup 100 "
    "--batch-size 256 --learning-rate 0.3 --label-smoothing 0.1 --validate-every 940 --epochs 4 "
    "--augment 'affine(rotation=10,scale=0.12,shear=0.12,shift=1.5)'"
)
ROWS = (
    Row("the article's shallow", "--article --layers 784 10 10 --iterations 1000"),
    Row("the article's deep", "--article"),
    Row(
        "plain SGD",
        "--layers 784 800 10 --validation-fraction 0 --clip-norm 0 --optimizer sgd "
        "--learning-rate 0.1 --batch-size 32 --epochs 30",
        98.4,
        "Simard 2003",
    ),
    Row(
        "no distortions, adversarial",
        f"--layers 784 1568 512 512 10 --first-initializer contrasts {COURSE} "
        "--optimizer adam --learning-rate 0.0007 "
        "--batch-size 128 --label-smoothing 0.1 --adversarial 1 --validate-every 4690 --epochs 30",
        99.22,
        "Goodfellow 2015",
    ),
    Row("99 % in fifteen seconds", QUICKLY, seen=f"{MILD} --copies 8"),
    Row(
        "distortions, one hidden layer",
        f"--layers 784 800 10 {DISTORTED} --epochs 120",
        99.30,
        "Simard 2003",
    ),
    Row(
        "best in five minutes",
        "--recipe best --layers 784 1568 512 512 10",
        99.65,
        "Ciresan 2010",
        f"{MILD} --copies 32",
    ),
    Row(
        "best in forty minutes",
        "--recipe best --layers 784 3136 1024 512 10 --epochs 150",
        99.65,
        "Ciresan 2010",
        f"{MILD} --copies 32",
        SEEDS[:1],
    ),
    Row("best", "--recipe best", 99.65, "Ciresan 2010", f"{MILD} --copies 32"),
)
# The members are trained side by side, each on a core of its own. On images held out, a pair of
# networks by different optimizers had 36 wrong, and one of networks by the same had 38.
TOGETHER = (
    f"--recipe best --workers 1 --augment '{AFFINE}' '{ELASTIC}' 'elastic(sigma=3.5,alpha=10)'"
)
COMMITTEE = (
    Row(
        "wide member",
        f"{TOGETHER} --layers 784 3136 1024 512 10 --epochs 100",
        seeds=SEEDS[:2],
    ),
    Row(
        "member by muon",
        f"{TOGETHER} --layers 784 1568 512 512 10 --epochs 130 "
        "--optimizer muon --learning-rate 0.02 --batch-size 1024 --warmup 100",
        seeds=SEEDS[:2],
    ),
)
# Each leaves out one choice of the best recipe, or makes another.
CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "without edges at first": {"first_initializer": None},
    "without distortions": {"augment": None},
    "a constant rate of 0.05": {
        "schedule": "constant",
        "warmup": 0,
        "learning_rate": 0.05,
    },
    "Adam at 0.001": {"optimizer": "adam", "learning_rate": 0.001},
    "one hidden layer": {"layers": [784, 2352, 10]},
    "dropout 0.2": {"dropout": [0.2]},
    "without label smoothing": {"label_smoothing": 0},
}


def main() -> None:
    """Print the table and draw the figure, or print the ablation."""
    options = harness.options(
        __doc__,
        ablation=("", "a number of epochs: train the best recipe without its choices instead"),
        only=("", "only the rows whose names have this text"),
        folder=("", "keep the networks there, and train none that is there already"),
        figure=("", "draw accuracy against seconds there"),
    )
    print(f"{harness.described()}\n")
    with runs_in(options.folder) as folder:
        if options.ablation:
            figures = ablation(int(options.ablation), folder, options.quick)
        else:
            results = race(folder, options.quick, options.only)
            figures = {"rows": [result._asdict() for result in results]}
            if options.figure:
                drawn(results).savefig(options.figure, dpi=150)
    harness.write_json(options.json, figures)


def race(folder: Path, quick: bool, only: str) -> list[Result]:
    """All rows, and the committee."""
    results = [sprinted(each, SEEDS, quick) for each in SPRINTS if only in each.name]
    results += [trained(row, row.seeds, folder, quick) for row in ROWS if only in row.name]
    if only in "committee":
        results.append(committee(COMMITTEE, folder, quick))
    print(table(results))
    return results


def sprinted(one: Sprint, seeds: Sequence[int], quick: bool) -> Result:
    """The test accuracies; the seconds are of the training alone, the images being in memory."""
    (X, y), test = mnist()
    n = 5 if quick else one.iterations
    targets = smooth_labels(one_hot(y, one.sizes[-1]), 0.1)
    optimizer = nesterov(warmup(cosine_decay(one.learning_rate, iterations=n), iterations=50))
    accuracies, seconds = [], []
    for seed in (seeds[0], *seeds):  # the first once more, for the libraries to start
        start = time.perf_counter()
        batches = minibatches(X, targets, size=one.batch, seed=seed)
        params = init_params(one.sizes, seed=seed)
        states = train(init_state(params, optimizer), batches, optimizer=optimizer)
        params = last(take(n, states)).params
        seconds.append(time.perf_counter() - start)
        accuracies.append(100 * accuracy(predict(params, test.X), test.y))
    print(f"{spread(accuracies[1:])}: {one}\n", flush=True)
    weights = sum(a.size for a in leaves(params))
    return Result(Row(one.name, ""), accuracies[1:], statistics.mean(seconds[1:]), weights)


def trained(row: Row, seeds: Sequence[int], folder: Path, quick: bool) -> Result:
    """Run the row's commands with each seed, and read what they say of the test set."""
    options = f"{row.options} --no-test" if row.seen else row.options
    runs = [
        run(f"{options} --seed {seed}", place(row, seed, folder), quick, row.seen) for seed in seeds
    ]
    accuracies = [percent(text, EXAMPLES if row.seen else "test") for text, _ in runs]
    then = f" && python -m scratchmlp evaluate run {row.seen}" if row.seen else ""
    print(f"{spread(accuracies)}: python -m scratchmlp {options}{then}\n", flush=True)
    params = load(place(row, seeds[0], folder) / "model.npz").state.params
    seconds = statistics.mean(seconds for _, seconds in runs)
    return Result(row, accuracies, seconds, sum(a.size for a in leaves(params)))


def committee(rows: Sequence[Row], folder: Path, quick: bool) -> Result:
    """The mean of what all networks of some rows predict, which are trained one on each core."""
    cores = len(os.sched_getaffinity(0))
    members = [(row, seed, place(row, seed, folder)) for row in rows for seed in row.seeds]
    each = [f"{row.options} --no-test --seed {seed}" for row, seed, _ in members]
    places = [where for *_, where in members]
    with ThreadPoolExecutor(cores) as pool:
        runs = [*pool.map(partial(run, quick=quick), each, places)]
    start = time.perf_counter()
    asked = f"evaluate {shlex.join(map(str, places))} {MILD} --copies 32"
    right = percent(printed(asked), EXAMPLES)
    seconds = time.perf_counter() - start + sum(seconds for _, seconds in runs) / cores
    print("\n".join((f"{right:.2f} %:", *each, asked)) + "\n")
    params = (load(where / "model.npz").state.params for where in places)
    weights = sum(a.size for a in leaves(tuple(params)))
    named = Row(f"a committee of {len(members)}", asked, 99.69, "Ciresan 2012")
    return Result(named, [right], seconds, weights)


def ablation(epochs: int, folder: Path, quick: bool) -> dict[str, Any]:
    """The best recipe with each change, by its accuracy on 10,000 training images held out."""
    base = {**RECIPES["best"], "validation_fraction": 1 / 6, "epochs": epochs}
    found: dict[str, list[float]] = {}
    for name, change in CHANGES.items():
        row = Row(name, f"{written(base | change)} --no-test")
        runs = [run(f"{row.options} --seed {s}", place(row, s, folder), quick) for s in SEEDS]
        found[name] = [percent(text, "validation") for text, _ in runs]
        print(f"{name}: {spread(found[name])}", flush=True)
    rows = [
        (name, spread(each), f"{statistics.mean(each) - statistics.mean(found['as it is']):+.2f}")
        for name, each in found.items()
    ]
    print(harness.table(("best recipe", "validation accuracy", "against it"), rows))
    return {"ablation": found}


def table(results: Sequence[Result]) -> str:
    """A row a network."""
    rows = [
        (
            row.name,
            f"{weights:,}",
            f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}",
            spread(accuracies),
            "" if row.published is None else f"{row.published:.2f} % ({row.source})",
        )
        for row, accuracies, seconds, weights in results
    ]
    return harness.table(("", "weights", "seconds", "test accuracy", "published"), rows)


def drawn(results: Sequence[Result]) -> "Figure":
    """Wrong images of the test set against seconds, both on logarithmic scales."""
    figure: Figure = require("matplotlib.figure", "plot").Figure((9, 5.5), layout="constrained")
    axes = figure.subplots()
    for number, (row, accuracies, seconds, _) in enumerate(results):
        wrong = [100 * (100 - each) for each in accuracies]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot([seconds] * len(wrong), wrong, "o", ms=5, alpha=0.7, color=colour)
        axes.annotate(
            row.name,
            (seconds, statistics.mean(wrong)),
            xytext=(8, -6 if number // 2 % 2 else 4),  # so that neighbours do not meet
            textcoords="offset points",
            fontsize="small",
            color=colour,
            va="center",
        )
        if row.published is not None:
            axes.plot(seconds, 100 * (100 - row.published), "_", ms=18, color=colour)
    axes.set(xscale="log", yscale="log", xlabel="seconds of the whole command")
    axes.set_ylabel("of 10,000 test images, wrong")
    axes.set_xticks(SECONDS, labels=map(str, SECONDS))
    axes.set_yticks(WRONG, labels=map(str, WRONG))
    axes.set_xlim(right=8 * max(result.seconds for result in results))  # room for the last name
    axes.minorticks_off()
    axes.set_title("How far a plain network goes on MNIST (bars: published figures of the kind)")
    axes.grid(alpha=0.3)
    return figure


@contextmanager
def runs_in(folder: str) -> Iterator[Path]:
    """The folder of that name, or one that is gone afterwards."""
    with TemporaryDirectory() as temporary:
        yield Path(folder or temporary)


def place(row: Row, seed: int, folder: Path) -> Path:
    """Where the network of a row with a seed goes."""
    return folder / f"{row.name} {seed}"


def run(arguments: str, out: Path, quick: bool, seen: str = "") -> tuple[str, float]:
    """What training prints and the seconds it takes, or took when this was done there before.

    With options of copies that are to be seen, evaluation is a part of both.
    """
    if quick:
        arguments = re.sub(r"--(epochs|iterations|examples) \S+", "", arguments) + f" {QUICK}"
    record = out / "record.json"
    asked = f"{arguments} {seen}"
    if record.exists() and (done := json.loads(record.read_text()))["arguments"] == asked:
        return done["printed"], done["seconds"]
    record.unlink(missing_ok=True)
    start = time.perf_counter()
    text = printed(f"{arguments} --out {shlex.quote(str(out))}")
    if seen:
        text += printed(f"evaluate {shlex.quote(str(out))} {seen}")
    done = {"arguments": asked, "printed": text, "seconds": time.perf_counter() - start}
    record.write_text(json.dumps(done, indent=1))
    return done["printed"], done["seconds"]


def printed(arguments: str) -> str:
    """What the command line prints of these arguments."""
    command = [sys.executable, "-m", "scratchmlp", *shlex.split(arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def percent(text: str, part: str) -> float:
    """The accuracy that was printed of a part of the data."""
    (found,) = re.findall(rf"^{part}\b.* accuracy ([\d.]+)%", text, re.MULTILINE)
    return float(found)


def written(settings: Mapping[str, Any]) -> str:
    """Settings as the options that ask for them; None is left out."""
    several = {k: v if isinstance(v, list) else [v] for k, v in settings.items() if v is not None}
    return " ".join(
        f"--{name.replace('_', '-')} {shlex.join(map(str, values))}"
        for name, values in several.items()
    )


def spread(values: Sequence[float]) -> str:
    """Their mean, and from the lowest to the highest."""
    if len(values) == 1:
        return f"{values[0]:.2f} %"
    return f"{statistics.mean(values):.2f} % ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()

"""Runs of the command line that take milliseconds, and what their folders hold."""

import numpy as np

FILES = ("model.npz", "checkpoint.npz", "history.csv", "settings.json")
BASE = ["--data", "data.csv", "--layers", "12", "8", "3", "--batch-size", "24", "--workers", "1"]
EVERY = [*BASE, "--epochs", "2", "--validate-every", "3"]  # 20 iterations
RUNS = {
    "all examples": ["--data", "data.csv", "--layers", "12", "3", "--iterations", "20"],
    "minibatches": EVERY,
    "patience": [*EVERY, "--patience", "30", "--learning-rate", "0.5"],
    "patience that ends it": [*EVERY, "--patience", "1", "--min-improvement", "10"],
    "an average": [*EVERY, "--optimizer", "adam", "--average", "0.9", "--schedule", "cosine"],
    "several networks": [*EVERY, "--networks", "3", "--average", "0.9"],
    "dropout": [*EVERY, "--dropout", "0.2"],
    "validated at the end alone": [*EVERY, "--validate-every", "100"],
    "never validated": [*EVERY, "--validation-fraction", "0"],
}


def write_data(folder, seed=0, m=300):
    """The file `data.csv`: 12 pixels, whose sums in three groups decide the class."""
    rng = np.random.default_rng(seed)
    X = rng.integers(256, size=(m, 12))
    y = X.reshape(m, 3, 4).sum(axis=2).argmax(axis=1)
    names = ["label", *(f"pixel{number}" for number in range(12))]
    rows = np.column_stack([y, X])
    np.savetxt(folder / "data.csv", rows, "%d", ",", header=",".join(names), comments="")


def read_iterations(process, lines):
    """Read what a process prints up to so many lines of iterations, or up to its end."""
    while lines and (line := process.stdout.readline()):
        lines -= line.startswith(b"iteration")


def contents(folder):
    """The bytes of every file in a folder, by its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def same_runs(one, other):
    """Whether the files of two runs are the same, but for pictures."""
    both = (contents(one), contents(other))
    return all(each[name] == both[0][name] for each in both for name in FILES)

"""Seconds of `fit` and the score of the estimators beside scikit-learn's own, processes in turns.

python -m benchmarks.estimators [--quick] [--seeds N] [--json FILE]

Each fit runs in a process of its own, the two libraries in turns, with the same parameters: the
same initial weights, order of examples and number of epochs. Data, solver and batch size vary.
"""

import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split

from benchmarks import harness
from scratchmlp.datasets import mnist

LIBRARIES = ("scratchmlp.estimators", "sklearn.neural_network")
SOLVERS = [("sgd", "auto"), ("sgd", 32), ("adam", "auto"), ("adam", 32)]
CANDIDATES = {  # 24 of them
    "hidden_layer_sizes": [(50,), (100,), (50, 50)],
    "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
    "learning_rate_init": [1e-3, 1e-2],
}


def main() -> None:
    """Print the table."""
    options = harness.options(__doc__, seeds=(5, "fits of each kind, each from its own seed"))
    rounds = 1 if options.quick else options.seeds
    cases = [(data, solver, size) for data in DATA for solver, size in SOLVERS]
    rows = []
    for data, solver, size in [*cases, ("digits", "grid", "auto")]:
        results: dict[str, list[dict[str, float]]] = {library: [] for library in LIBRARIES}
        for seed in range(rounds):
            for library in LIBRARIES:
                work = [library, data, solver, str(size), str(seed), str(int(options.quick))]
                results[library].append(_in_a_process(work))
        rows.append(_compared(f"{data}, {solver}, {size}", *results.values()))
        print(f"{rows[-1]}", file=sys.stderr, flush=True)
    print(f"{harness.described()}\n")
    head = ("data, solver, batch", "ours, s", "scikit-learn, s", "times", "score", "theirs")
    print(harness.table(head, [tuple(row.values()) for row in rows]))
    harness.write_json(options.json, {"estimators": rows})


def _compared(name: str, ours: list[Any], theirs: list[Any]) -> dict[str, str]:
    def middle(results: list[Any], key: str) -> float:
        return statistics.median(result[key] for result in results)

    pairs = zip(ours, theirs, strict=True)
    ratio = statistics.median(one["seconds"] / other["seconds"] for one, other in pairs)
    return {
        "case": name,
        "ours": f"{middle(ours, 'seconds'):.3f}",
        "theirs": f"{middle(theirs, 'seconds'):.3f}",
        "times": f"{ratio:.2f}",
        "score": f"{middle(ours, 'score'):.4f}",
        "their_score": f"{middle(theirs, 'score'):.4f}",
    }


def _in_a_process(work: list[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.estimators", "--fit", *work]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def fitted(
    library: str, data: str, solver: str, size: str, seed: str, quick: str
) -> dict[str, float]:
    """Seconds of one fit and the score on examples that it has not seen."""
    X, y, epochs = DATA[data](quick == "1")
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, test_size=0.15)
    model = import_module(library).MLPClassifier(
        solver="adam" if solver == "grid" else solver,
        batch_size=int(size) if size.isdigit() else size,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=int(seed),
    )
    if solver == "grid":
        candidates = {"alpha": [1e-4, 1e-2]} if quick == "1" else CANDIDATES
        model = GridSearchCV(model, candidates, cv=3)
    warnings.simplefilter("ignore", ConvergenceWarning)
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "score": model.score(X_test, y_test)}


def _digits(quick: bool) -> tuple[Any, ...]:
    X, y = load_digits(return_X_y=True)
    return X / 16, y, 5 if quick else 50


def _mnist(quick: bool) -> tuple[Any, ...]:
    X, y = mnist().train
    few = 2000 if quick else X.shape[1]
    return np.ascontiguousarray(X[:, :few].T), y[:few], 2 if quick else 5


def _made(m: int, n: int, epochs: int, quick: bool) -> tuple[Any, ...]:
    few = m // 100 if quick else m
    X, y = make_classification(few, n, n_informative=10, n_classes=4, random_state=0)
    return X, y, 2 if quick else epochs


def _wide(quick: bool) -> tuple[Any, ...]:
    return _made(20_000, 1000, 5, quick)


def _long(quick: bool) -> tuple[Any, ...]:
    return _made(1_000_000, 20, 2, quick)


def _text(quick: bool) -> tuple[Any, ...]:
    """Counts of words: documents of two kinds, whose words are distributed differently."""
    rng = np.random.default_rng(0)
    m, words, length = (500 if quick else 20_000), 5000, 60
    y = rng.integers(2, size=m)
    popular = rng.zipf(1.3, size=(m, length)) % words
    places = (popular + y[:, np.newaxis] * (popular % 7 == 0) * 11) % words
    counts = (np.ones(m * length), (np.repeat(np.arange(m), length), places.ravel()))
    return sparse.csr_array(counts, shape=(m, words)), y, 2 if quick else 5


DATA: dict[str, Callable[[bool], tuple[Any, ...]]] = {
    "digits": _digits,
    "MNIST": _mnist,
    "wide": _wide,
    "long": _long,
    "sparse text": _text,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        print(json.dumps(fitted(*sys.argv[2:])))
    else:
        main()

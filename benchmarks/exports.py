"""Exported networks against `predict`: the largest differences, the sizes of files, and seconds.

python -m benchmarks.exports
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.browser import chromium
from benchmarks.harness import DEEP, SHALLOW, described, options, table, write_json
from scratchmlp import Layer, committee, init_params
from scratchmlp.export import export, from_safetensors
from tests.exported import CASES, Case, digits, of_tables, outputs

PAGE = "return arguments[0].map((x) => [...forward(x).outputs])"


def main() -> None:
    """Export every network as every kind, run it there, and print the table."""
    arguments = options(__doc__)
    X = digits.X[:, :200]
    cases = {
        "the article's shallow": Case(init_params(SHALLOW), X=X),
        "the article's deep": Case(init_params(DEEP), X=X),
        **CASES,
        **of_tables(),
    }
    with tempfile.TemporaryDirectory() as folder, chromium() as driver:
        runs: dict[str, Callable[[Path, Case], Any]] = {
            ".onnx": by_onnxruntime,
            ".safetensors": by_safetensors,
            ".html": lambda path, case: by_page(driver, path, case),
        }
        rows = [
            [name, *(figures(Path(folder) / f"a{kind}", case, run) for kind, run in runs.items())]
            for name, case in cases.items()
        ]
    print(table(["network", *runs], rows), "\n", described(), sep="\n")
    write_json(arguments.json, {"rows": rows})


def figures(path: Path, case: Case, run: Callable[[Path, Case], Any]) -> str:
    """The largest difference from Python relative to 1 or more, the size, seconds to export."""
    if path.suffix == ".safetensors" and not isinstance(case.params[0], Layer):
        return "one network a file"
    start = time.perf_counter()
    export(path, case.params, case.network, description=case.description)
    seconds = time.perf_counter() - start
    expected = outputs(case)
    apart = (abs(run(path, case) - expected) / np.maximum(abs(expected), 1)).max()
    return f"{apart:.0e}, {path.stat().st_size / 1e3:,.0f} kB, {1000 * seconds:.0f} ms"


def by_onnxruntime(path: Path, case: Case) -> Any:
    """What onnxruntime makes of the raw inputs, on the scale of the network's outputs."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    raw: Mapping[str, Any] | None = case.raw
    found = session.run(None, {"X": case.X.T.astype(np.float32)} if raw is None else raw)[-1].T
    target = None if case.description is None else case.description.target
    if target is None or target.statistics is None:
        return found[-len(outputs(case)) :]  # of two classes by one output, the second
    mean, deviation = target.statistics
    return (found - mean) / deviation


def by_safetensors(path: Path, case: Case) -> Any:
    """What the network that is read back gives."""
    params, own, _ = from_safetensors(path)
    return committee([params], case.X, own)


def by_page(driver: Any, path: Path, case: Case) -> Any:
    """What the page computes, in a browser."""
    driver.get(path.as_uri())
    return np.array(driver.execute_script(PAGE, case.X.T.tolist())).T


if __name__ == "__main__":
    main()

"""What every benchmark needs: cases timed in turns, the machine they ran on, Markdown and JSON."""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from scratchmlp.workers import cores

# A case is a context that yields the function to time, so what surrounds it is not timed.
Case = Callable[[], AbstractContextManager[Callable[[], Any]]]
ROOFLINE = "NumPy matmul"
SHALLOW, DEEP = [784, 10, 10], [784, 256, 128, 64, 10]  # the article's networks


def plain(function: Callable[[], Any]) -> Case:
    """A case with nothing around it."""
    return lambda: nullcontext(function)


def in_turns(cases: Mapping[str, Case], rounds: int, least: float = 0.2) -> dict[str, list[float]]:
    """Seconds of one call of each case, measured once a round, in turns.

    Before it is timed a case runs once, for its threads to wake; before that there is a pause, for
    the threads of the case before it to fall asleep: those that wait in a loop slow all others.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            time.sleep(0.2)
            with case() as run:
                seconds[name].append(timed(run, least))
    return seconds


def timed(run: Callable[[], Any], least: float) -> float:
    """Seconds of a call, called as often as takes so long, after one that wakes its threads."""
    run()
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < least:
        run()
        calls += 1
    return (time.perf_counter() - start) / calls


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each case."""
    return {name: statistics.median(each) for name, each in seconds.items()}


def square_matmul(size: int = 4096) -> Case:
    """The roofline: NumPy's own product of square float32 matrices, on all cores."""
    one, other = np.random.default_rng(0).random((2, size, size), dtype=np.float32)
    return plain(lambda: one @ other)


def flops_per_second(seconds: Sequence[float], size: int = 4096) -> float:
    """What the square product reached."""
    return 2 * size**3 / statistics.median(seconds)


def gradient_flops(sizes: Sequence[int], m: int) -> int:
    """Operations of one gradient: two products forward, four backward, but no dA of the inputs."""
    products = [n_in * n_out for n_in, n_out in pairwise(sizes)]
    return 2 * m * (3 * sum(products) - products[0])


def machine() -> dict[str, Any]:
    """What ran: processor, cores, BLAS with its kernel and threads, versions."""
    blas = [each for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"]
    names = ("numpy", "toolz", "torch", "jax", "optax", "scikit-learn")
    return {
        "processor": _processor(),
        "cores": cores(),
        "blas": [
            f"{each['internal_api']} {each['version']}, kernel {each.get('architecture')}, "
            f"{each['num_threads']} threads"
            for each in blas
        ],
        "python": platform.python_version(),
        "versions": {name: found for name in names if (found := _version(name))},
        "settings": {k: v for k, v in os.environ.items() if k.startswith(("OPENBLAS_", "OMP_"))},
    }


def described(found: Mapping[str, Any] | None = None) -> str:
    """The machine in one paragraph: this one, as this process has it, or as another found it."""
    m = found or machine()
    versions = ", ".join(f"{name} {number}" for name, number in m["versions"].items())
    settings = "".join(f"; {name}={value}" for name, value in m["settings"].items())
    return (
        f"{m['processor']}, {m['cores']} cores; {'; '.join(m['blas'])}; "
        f"Python {m['python']}, {versions}{settings}"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def options(description: str, **more: Any) -> argparse.Namespace:
    """The options that all benchmarks have, and more of a name and a default."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    for name, (default, text) in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=text)
    return parser.parse_args()


def write_json(path: Path | None, figures: Mapping[str, Any]) -> None:
    """The figures, and the machine that they are of."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), **figures}, indent=1) + "\n")


def forget_peak_memory() -> None:
    """Let the peak of this process's memory be what it holds now (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """The most bytes that this process has held since (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

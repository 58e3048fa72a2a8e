"""Train on a file that is larger than the memory that the process is allowed (Linux).

python -m benchmarks.larger_than_memory [--examples M] [--limit MB] [--iterations K]
"""

import argparse
import hashlib
import resource
import struct
import tempfile
import time
from itertools import repeat
from pathlib import Path

import numpy as np
from toolz import take

from benchmarks import harness
from scratchmlp import (
    Batch,
    evaluate,
    flatten,
    init_params,
    init_state,
    nesterov,
    normalize,
    shards,
    train,
)
from scratchmlp.datasets import load_idx
from scratchmlp.file_shards import file_shards

MB = 10**6
SIZES = [784, 32, 10]


def main() -> None:
    """Make the file if it is not there, train, and print a digest of what was learnt."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=int, default=2_000_000, metavar="M")
    parser.add_argument("--iterations", type=int, default=3, metavar="K")
    parser.add_argument("--limit", type=int, default=64, metavar="MB", help="0: none")
    parser.add_argument("--folder", type=Path, help="of files that are there already")
    parser.add_argument("--in-memory", action="store_true", help="read it all first")
    options = parser.parse_args()
    if options.folder is not None:
        learn(options.folder, options)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_digits(Path(folder), options.examples)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"{harness.described()}\n\n{size / MB:.0f} MB of digits, {options.limit} MB allowed")
        start = time.perf_counter()
        learn(Path(folder), options)
        seconds = (time.perf_counter() - start) / options.iterations
        print(f"{seconds:.1f} s an iteration, {size / MB / seconds:.0f} MB/s")


def learn(folder: Path, options: argparse.Namespace) -> None:
    """Gradient descent with the limit of memory set, beyond what the process has by now."""
    optimizer, files = nesterov(0.05), (folder / "images", folder / "labels")
    start = init_state(init_params(SIZES), optimizer)
    blank = Batch(np.zeros((784, 1250), np.float32), np.zeros(1250, np.uint8))
    evaluate(start.params, blank)  # BLAS takes memory for good when it is first used
    if options.limit:
        allowed = held() + options.limit * MB
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    if options.in_memory:
        X, y = load_idx(*files)
        parts = shards(normalize(X), y)
    else:
        parts = file_shards(*files)
    for state in take(options.iterations, train(start, repeat(parts), optimizer=optimizer)):
        digest = hashlib.sha256(flatten(state.params).tobytes()).hexdigest()[:16]
        print(f"iteration {state.iteration}: loss {state.loss:.6f}, parameters {digest}")


def held() -> int:
    """The bytes of data that this process has."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmData"))


def write_digits(folder: Path, examples: int) -> None:
    """IDX files of so many images that are cheap to make, and of what is to be learnt of them."""
    rng = np.random.default_rng(0)
    with open(folder / "images", "wb") as images, open(folder / "labels", "wb") as labels:
        images.write(struct.pack(">HBB3I", 0, 8, 3, examples, 28, 28))
        labels.write(struct.pack(">HBBI", 0, 8, 1, examples))
        for start in range(0, examples, 10_000):
            pixels = rng.integers(256, size=(min(10_000, examples - start), 784), dtype=np.uint8)
            images.write(pixels.tobytes())
            labels.write((pixels[:, 0] // 26).astype(np.uint8).tobytes())


if __name__ == "__main__":
    main()

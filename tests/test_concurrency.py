"""Any number of threads and processes may call the core at once, each to the bits of one alone."""

import hashlib
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import adam, flatten, init_params, init_state, minibatches, shards, train
from scratchmlp.workers import threads

optimizer = adam(0.01)


def digest(seed):
    """What a run of its own comes to, by the seed."""
    rng = np.random.default_rng(seed)
    X, y = np.asfortranarray(rng.random((50, 400), dtype=np.float32)), rng.integers(5, size=400)
    start = init_state(init_params([50, 40, 30, 5], seed=seed), optimizer)
    batches = minibatches(X, y, size=64, seed=seed)
    state = last(take(40, train(start, batches, optimizer=optimizer)))
    return hashlib.sha256(flatten(state[:2]).tobytes()).hexdigest()


def test_threads_do_not_disturb_each_other():
    alone = [digest(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(digest, [*range(8)] * 3)) == alone * 3


def test_threads_share_parameters_and_a_pool():
    rng = np.random.default_rng(0)
    X, y = np.asfortranarray(rng.random((50, 400), dtype=np.float32)), rng.integers(5, size=400)
    start = init_state(init_params([50, 40, 5]), optimizer)
    parts = shards(X, y, size=50)

    def trained(map):
        return flatten(last(take(10, train(start, [parts] * 10, optimizer=optimizer, map=map)))[:2])

    with threads(2) as map, ThreadPoolExecutor(4) as pool:
        alone = trained(map).tobytes()
        assert {result.tobytes() for result in pool.map(trained, [map] * 8)} == {alone}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_do_not_disturb_each_other(method):
    """In a process of their own, since to fork one that has threads is worth a warning."""
    command = [sys.executable, "-m", "tests.test_concurrency", method]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [digest(seed) for seed in range(4)]


if __name__ == "__main__":
    digest(0)  # BLAS has threads before it is forked
    with multiprocessing.get_context(sys.argv[1]).Pool(4) as processes:
        print(*processes.map(digest, range(4)))

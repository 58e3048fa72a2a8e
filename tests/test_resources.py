"""Memory is bounded by the workers, and confident networks are not slow."""

import gc
import sys
import time
import tracemalloc
from itertools import repeat

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Batch,
    Layer,
    adam,
    init_params,
    init_state,
    predict,
    sgd,
    shards,
    train,
    value_and_grad,
)
from scratchmlp.workers import threads

params = init_params([50, 200, 10])
rng = np.random.default_rng(0)
X, y = rng.random((50, 100_000), dtype=np.float32), rng.integers(10, size=100_000)


def peak(work):
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("n", [1, 2, 4])
def test_memory_is_bounded_by_the_workers(n):
    parts = shards(X, y, size=500)  # 200 of them; the activations of all are 170 MB
    with threads(n) as pool:
        most = peak(lambda: value_and_grad(params, parts, map=pool))
    # A worker holds a shard's Z and A, 0.85 MB; a result is 49 kB, and 2 n + 1 of them may wait,
    # beside one for each of the 8 levels of the tree of sums.
    assert most < n * 1.5e6 + 1e6


def test_memory_does_not_grow_with_the_iterations():
    batch = Batch(X[:, :100], y[:100])
    states = train(init_state(params, sgd(0.1)), [batch] * 400, optimizer=sgd(0.1))

    def steps(k):
        for _ in range(k):
            next(states)

    steps(10)
    first, then = peak(lambda: steps(50)), peak(lambda: steps(300))
    assert then < 1.2 * first + 50_000


def test_a_long_run_does_not_grow():
    """Of 20,000 steps, each object that each of them left behind would be 20,000 blocks."""
    batch = Batch(X[:4, :8], y[:8] % 3)
    optimizer = adam()
    states = train(
        init_state(init_params([4, 5, 3]), optimizer), repeat(batch), optimizer=optimizer
    )

    def blocks(steps):
        last(take(steps, states))
        gc.collect()
        return sys.getallocatedblocks()

    before = blocks(1000)
    assert blocks(20_000) - before < 200


def test_a_confident_network_is_no_slower():
    """Denormal numbers would make it 15 times slower; other programs have made it 1.7 times so."""
    big = init_params([200, 300, 300, 10])
    X = rng.random((200, 500), dtype=np.float32)
    *hidden, (W, b) = big
    confident = (*hidden, Layer(W * np.float32(300), b))
    labels = predict(confident, X)
    seconds = {}
    for _ in range(15):
        for name, each in (("ordinary", big), ("confident", confident)):
            start = time.perf_counter()
            value_and_grad(each, Batch(X, labels))
            seconds[name] = min(time.perf_counter() - start, seconds.get(name, 1e9))
    assert seconds["confident"] < 4 * seconds["ordinary"]

"""Every integer from 0 on is a seed of its own, and no use of a seed is another use of another."""

from itertools import islice, pairwise

import numpy as np
import pytest

from scratchmlp import (
    dropout_masks,
    hessian_trace,
    image_seeds,
    init_params,
    minibatches,
    shuffle,
    zeros,
)
from scratchmlp._names import INITIALIZERS

# Sums of a small number and of multiples of powers of two, as they collide where a seed is cut into
# words of 32 or 64 bits and these are put one after another.
SMALL = (0, 1, 2, 5)
SEEDS = sorted(
    {small + (high << shift) for small in SMALL for high in SMALL for shift in (0, 32, 33, 64, 96)}
    | {(a << 64) + (b << 32) + c for a in SMALL for b in SMALL for c in SMALL}
)
M = 40  # 40! orders: two are the same by chance with a probability of 1e-48
X, y = np.arange(M)[np.newaxis], np.arange(M)


def all_different(values):
    ordered = sorted(values)
    return all(one != other for one, other in pairwise(ordered))


def orders():
    for seed in SEEDS:
        yield shuffle(X, y, seed=seed).y.tobytes()
        for batch in islice(minibatches(X, y, size=M, seed=seed), 6):
            yield batch.y.tobytes()


def test_no_two_orders_are_the_same():
    assert all_different(orders())


def test_a_shuffle_is_no_epoch_of_another_seed():
    epochs = [each.y.tobytes() for each in islice(minibatches(X, y, size=M, seed=5), 3)]
    assert shuffle(X, y, seed=5 + 2**33).y.tobytes() not in epochs


def test_no_two_dropout_masks_are_the_same():
    masks = [
        mask.astype(bool).tobytes()
        for seed in SEEDS
        for iteration in (0, 1, 5, 2**32, 5 + 2**33)
        for mask in dropout_masks([300, 300, 1], 1, input_rate=0.5, seed=seed, iteration=iteration)
    ]
    assert all_different(masks)


def test_no_two_seeds_of_images_are_the_same():
    places = np.array([0, 1, 5, 2**32, 2**33 + 5])
    seeds = [
        int(value)
        for seed in SEEDS
        for epoch in (0, 1, 5, 2**32, 2**33 + 5)
        for value in image_seeds(seed, epoch, places)
    ]
    # 10^4 numbers of 64 bits: two are the same by chance with a probability of 1e-12.
    assert all_different(seeds)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_no_two_seeds_give_the_same_params(name):
    if INITIALIZERS[name] is zeros:
        pytest.skip("they are all 0")
    drawn = [
        np.ravel(layer.W).tobytes()
        for seed in SEEDS
        for layer in init_params([3, 3, 3, 3], seed=seed, initializer=INITIALIZERS[name])
    ]
    assert all_different(drawn)


def test_no_two_seeds_give_the_same_probes():
    params = init_params([3, 4, 2], dtype=np.float64)
    examples, labels = np.random.default_rng(0).normal(size=(3, 5)), np.array([0, 1, 0, 1, 1])
    traces = [hessian_trace(params, examples, labels, samples=1, seed=seed) for seed in SEEDS[::4]]
    figures = [np.asarray(trace).tobytes() for trace in traces]
    # The probes may be signs: then there are as many traces as there are signs that differ.
    assert len({*figures}) > len(figures) // 2

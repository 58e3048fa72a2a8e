"""Law 6: two processes with the same seed give the same bytes."""

import subprocess
import sys

import numpy as np
import pytest

from scratchmlp import flatten, init_params, shuffle
from tests.helpers import same_bytes

PROGRAM = """
import hashlib, numpy as np
from scratchmlp import flatten, gradient_descent, init_params, shuffle
rng = np.random.default_rng(1)
X, y = shuffle(rng.random((30, 500)), rng.integers(4, size=500), seed=2)
trained = gradient_descent(init_params([30, 20, 4], seed=3), X, y, iterations=5, learning_rate=0.1)
print(hashlib.sha256(flatten(trained.params).tobytes() + trained.losses.tobytes()).hexdigest())
"""


def test_two_processes_give_the_same_bytes():
    one, other = (
        subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True).stdout
        for _ in range(2)
    )
    assert one == other
    assert len(one.strip()) == 64


def test_a_seed_is_all_that_parameters_depend_on():
    assert same_bytes(init_params([5, 4, 3], seed=1), init_params([5, 4, 3], seed=1))
    assert not same_bytes(init_params([5, 4, 3], seed=1), init_params([5, 4, 3], seed=2))


def test_another_layer_changes_none_before_it():
    short, long = init_params([5, 4, 3]), init_params([5, 4, 3, 2])
    assert same_bytes(short, long[:2])


def test_layers_of_one_shape_differ():
    first, second = init_params([4, 4, 4])
    assert (first.W != second.W).all()


@pytest.mark.parametrize("seed", [0, 7])
def test_shuffle_is_a_permutation_of_pairs(seed):
    X, y = np.arange(20.0).reshape(1, 20), np.arange(20)
    shuffled, labels = shuffle(X, y, seed=seed)
    np.testing.assert_array_equal(shuffled[0], labels)
    np.testing.assert_array_equal(np.sort(labels), y)
    assert (labels != y).any()
    assert flatten((shuffled,)).size == 20

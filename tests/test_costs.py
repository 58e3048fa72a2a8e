"""What a step costs, counted and not timed: calls and memory. A change may only lower the numbers.

The numbers of calls are those of Python 3.11 and NumPy 2.4 and three in a hundred more, as room for
other versions.
"""

import sys
import tracemalloc
from itertools import repeat

import numpy as np
import pytest

from scratchmlp import Batch, adam, flatten, init_params, init_state, nesterov, sgd, train
from scratchmlp.core.training.update_rules import BLOCK

SIZES, M = [784, 256, 128, 64, 10], 32
OPTIMIZERS = {"sgd": sgd(0.1), "nesterov": nesterov(0.1), "adam": adam()}
# Calls of Python functions, and of those functions and methods of C that a profiler sees: these
# are not the operators of arrays, nor ufuncs.
CALLS = {"sgd": (144, 109), "nesterov": (163, 125), "adam": (187, 159)}
# Trees of the size of the parameters that an update makes beside the gradient, in whose memory the
# new parameters are written: one for each moment.
TREES = {"sgd": 0, "nesterov": 1, "adam": 2}


def steps(optimizer):
    rng = np.random.default_rng(0)
    batch = Batch(rng.random((SIZES[0], M), dtype=np.float32), rng.integers(10, size=M))
    states = train(init_state(init_params(SIZES), optimizer), repeat(batch), optimizer=optimizer)
    next(states)
    return states


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_makes_no_more_calls(name):
    states, counts = steps(OPTIMIZERS[name]), {"call": 0, "c_call": 0}

    def count(frame, event, argument):
        if event in counts:
            counts[event] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        next(states)
    finally:
        sys.setprofile(before)
    python, c = CALLS[name]
    assert 0 < counts["call"] <= python
    assert 0 < counts["c_call"] <= c


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_allocates_the_gradient_the_moments_and_the_activations(name):
    states = steps(OPTIMIZERS[name])
    next(states)
    tracemalloc.start()
    state = next(states)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    parameters = flatten(state.params).nbytes
    # Of the gradient Z, A and dZ of each layer, and the derivative of one layer's activation.
    activations = 4 * M * (3 * sum(SIZES[1:]) + max(SIZES[1:]))
    room = max(activations, 4 * BLOCK)  # the update has as much as a block, and comes later
    assert parameters <= most < (1 + TREES[name]) * parameters + room + 20_000

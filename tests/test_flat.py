"""Trees that lie in one array inside `train`: the same bits as without, and never seen outside."""

from itertools import repeat

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Batch,
    Layer,
    Optimizer,
    adam,
    flatten,
    init_params,
    init_state,
    map_arrays,
    mapped,
    sgd,
    shards,
    train,
    train_step,
)
from scratchmlp.core import flat
from scratchmlp.core.arrays import leaves
from tests.helpers import OPTIMIZERS, SIXTY, states


def types_in(tree):
    if not isinstance(tree, tuple):
        return set()
    return {type(tree)}.union(*map(types_in, tree))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_bits_are_those_of_arrays_apart(name, monkeypatch):
    optimizer = OPTIMIZERS[name](0.1)
    together = states(optimizer)
    monkeypatch.setattr(flat, "MOST", 0)
    for one, other in zip(together, states(optimizer), strict=True):
        assert flatten(one[:2]).tobytes() == flatten(other[:2]).tobytes()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_have_plain_tuples_of_read_only_arrays(name):
    for state in states(OPTIMIZERS[name](0.1), 3):
        assert not types_in(state) & {flat.Flat, flat.Spare}
        assert not any(a.flags.writeable for a in leaves(state[:2]))


def test_small_networks_have_their_params_in_one_array():
    (W, _), (_, b) = states(adam())[-1].params
    assert W.base is b.base
    assert W.base.ndim == 1


def test_ones_own_functions_see_plain_tuples():
    seen = []

    def update(params, grads, state, iteration):
        seen.extend([params, grads, state])
        return params, state

    def same(grads):
        seen.append(grads)
        return grads

    start = init_state(SIXTY.params, Optimizer(adam().init, update))
    states(Optimizer(adam().init, update), 3, start)
    states(mapped(sgd(0.1), grads=same), 3)
    assert len(seen) == 12
    assert set().union(*map(types_in, seen)) <= {tuple, Layer, type(adam().init(SIXTY.params))}


def test_maps_see_plain_tuples():
    seen = []

    def watching(function, items):
        seen.extend([function.args, *(results := [*map(function, items)])])
        return results

    optimizer, parts = adam(), shards(SIXTY.X, SIXTY.Y, size=25)
    start = init_state(SIXTY.params, optimizer)
    last(take(3, train(start, repeat(parts), optimizer=optimizer, map=watching)))
    assert len(seen) == 3 * 4
    assert not set().union(*map(types_in, seen)) & {flat.Flat, flat.Spare}


@pytest.mark.parametrize("order", ["C", "F"])
def test_train_is_the_fold_of_train_step_in_whatever_order_arrays_lie(order):
    params = map_arrays(lambda a: np.asarray(a, order=order), init_params([784, 40, 10]))
    optimizer = adam()
    batch = Batch(np.linspace(0, 1, 784 * 7, dtype=np.float32).reshape(784, 7), np.arange(7))
    state = init_state(params, optimizer)
    for trained in take(3, train(state, repeat(batch), optimizer=optimizer)):
        state = train_step(state, batch, optimizer=optimizer)
        assert flatten(trained[:2]).tobytes() == flatten(state[:2]).tobytes()

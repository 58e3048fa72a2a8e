"""Law 2, for maps of every kind: the same bits, nothing of theirs written to, or an error."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    adversarial,
    evaluate,
    gnvp,
    gradient_descent,
    hessian_trace,
    hvp,
    init_params,
    init_state,
    newton_cg_step,
    records,
    sgd,
    shards,
    train,
    train_step,
    value_and_grad,
)
from scratchmlp.core.arrays import leaves
from tests.maps import LAWFUL, UNLAWFUL, Memoizing, shifted_copy

rng = np.random.default_rng(0)
# Large enough for BLAS to have several ways, and with a last shard of 3, where it has others.
params = init_params([300, 96, 4])
X = np.asfortranarray(rng.normal(size=(300, 43)).astype(np.float32))
y = rng.integers(4, size=43)
weights = rng.random(43).astype(np.float32)
PARTS = shards(X, y, size=5, weights=weights)
EQUAL = tuple(Batch(X[:, :7], y[:7], weights[:7]) for _ in range(6))  # six objects, one content
optimizer = sgd(0.1)
state = init_state(params, optimizer)


def last(states):
    *_, state = states
    return state


# Every function that sums over shards, as a function of the shards and the map.
SUMS = {
    "adversarial": lambda parts, **map: adversarial(0.5)(params, parts, **map),
    "evaluate": lambda parts, **map: evaluate(params, parts, **map),
    "gnvp": lambda parts, **map: gnvp(params, params, parts, **map),
    "gradient_descent": lambda parts, **map: gradient_descent(
        params, parts, iterations=3, learning_rate=0.1, **map
    ),
    "hessian_trace": lambda parts, **map: hessian_trace(params, parts, samples=2, **map),
    "hvp": lambda parts, **map: hvp(params, params, parts, **map),
    "newton_cg_step": lambda parts, **map: newton_cg_step(params, parts, **map),
    "records": lambda parts, **map: last(records([state], every=1, validation=parts, **map))[:3],
    "train": lambda parts, **map: last(train(state, [parts] * 3, optimizer=optimizer, **map)),
    "train_step": lambda parts, **map: train_step(state, parts, optimizer=optimizer, **map),
    "value_and_grad": lambda parts, **map: value_and_grad(params, parts, **map),
}


def bits(result):
    """All figures and arrays of a result, to the bit."""
    return [np.asarray(leaf).tobytes() for leaf in leaves(result)]


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("parts", [PARTS, EQUAL], ids=["different", "equal"])
@pytest.mark.parametrize("kind", LAWFUL)
def test_the_same_bits(name, parts, kind):
    assert bits(SUMS[name](parts, map=LAWFUL[kind])) == bits(SUMS[name](parts))


@pytest.mark.parametrize("m", [1, 7, 100])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_at_odd_addresses_give_the_same_bits(m, order):
    """As a worker of a cluster may have them; NumPy copies such operands, and so changes order."""
    large = init_params([784, 256, 10])
    batch = Batch(
        rng.random((784, m), dtype=np.float32).astype(np.float32, order=order),
        rng.integers(10, size=m),
        rng.random(m).astype(np.float32) + 1,
    )
    moved = shifted_copy(large)
    assert not moved[0].W.flags.aligned
    expected = bits(value_and_grad(large, batch))
    assert bits(value_and_grad(moved, batch)) == expected
    assert bits(value_and_grad(large, shifted_copy(batch))) == expected
    assert bits(value_and_grad(moved, shifted_copy(batch))) == expected


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("parts", [PARTS, EQUAL], ids=["different", "equal"])
@pytest.mark.parametrize("copies", [False, True], ids=["as given", "copies"])
def test_a_memory_of_results_stays_as_it_is(name, parts, copies):
    memoizing = Memoizing(copies)
    expected = bits(SUMS[name](parts))
    for _ in range(3):
        assert bits(SUMS[name](parts, map=memoizing)) == expected
        assert memoizing.intact()


MESSAGES = {
    "dropping": "map gave fewer results than there are shards",
    "empty": "map gave fewer results than there are shards",
    "lengthening": "map gave more results than there are shards",
    "duplicating": "but gave that of shard 0 in the place of shard 1",
    "reordering": "but gave that of shard 8 in the place of shard 0",
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("kind", UNLAWFUL)
def test_anything_but_one_result_for_each_shard_in_order_is_an_error(name, kind):
    with pytest.raises(ValueError, match=f"{name}: .*{MESSAGES[kind]}"):
        SUMS[name](PARTS, map=UNLAWFUL[kind])


class OwnError(Exception):
    pass


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("at", [0, 4, 8])
def test_what_a_map_raises_comes_out_as_it_is(name, at):
    error = OwnError("as it is")

    def raising(function, items):
        for number, item in enumerate(items):
            if number == at:
                raise error
            yield function(item)

    with pytest.raises(OwnError) as caught:
        SUMS[name](PARTS, map=raising)
    assert caught.value is error
    assert bits(SUMS[name](PARTS)) == bits(SUMS[name](PARTS))  # and nothing is left of it


@pytest.mark.parametrize("name", SUMS)
def test_a_map_that_gives_nothing_to_go_through(name):
    with pytest.raises(TypeError, match=f"{name}: what map gives must be an iterable"):
        SUMS[name](PARTS, map=lambda function, items: None)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 43])
def test_results_may_be_kept_and_read_only(size):
    kept = []

    def keeping(function, items):
        for item in items:
            kept.append(function(item))
            for array in leaves(kept[-1]):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
            yield kept[-1]

    parts = shards(X, y, size=size)
    assert bits(value_and_grad(params, parts, map=keeping)) == bits(value_and_grad(params, parts))
    before = [bits(each) for each in kept]
    value_and_grad(params, parts, map=lambda function, items: iter(kept))
    assert [bits(each) for each in kept] == before

"""Nobody else's memory: what is written to an argument afterwards changes no result.

Two kinds are told apart from the rest, and named here. Functions that pass on the States that they
are given make none of their own. Batches that are parts of the caller's data are views of it,
because data may be too large to copy; that holds for X, y and weights in every memory order.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from scratchmlp import (
    Statistics,
    affine,
    compose,
    gaussian_noise,
    init_params,
    init_state,
    live_shards,
    minibatches,
    moving_average,
    sgd,
    shards,
    split,
    standardize,
    train,
)
from tests.helpers import OPTIMIZERS
from tests.test_law_purity import CALLS, X, call, network, optimizer, params, y

PASSED_ON = {"averaged", "best_record", "early_stopping", "records", "thinned"}
VIEWS = {"dropout", "forward", "minibatches", "shards", "split"}

scaled, statistics = standardize(X)
# Calls that have least to do, and could give back what they were given.
IDLE = {
    "no iteration": ("gradient_descent", params, X, y, {"iterations": 0, "learning_rate": 0.1}),
    "statistics given": ("standardize", X, statistics),
    "the identity": ("map_arrays", lambda array: array, params),
    "a view": ("map_arrays", lambda array: array[...], params),
    "no smoothing": ("smooth_labels", np.eye(3), 0.0),
    "an averaging start": ("init_state", params, moving_average(sgd(0.1))),
    "a step of no length": ("step", params, params, 0.0),
    "a single array": ("flatten", (np.arange(3.0),)),
    "one member": ("committee", (params,), X, network),
    "numbers from 0 to 1": ("normalize", np.zeros((3, 4), np.float32)),
}


def test_the_exceptions_are_public_functions():
    assert {*CALLS} >= PASSED_ON | VIEWS


def paths(value, path=()):
    """The arrays of a nest of tuples, lists and dicts, each with the way to it."""
    if isinstance(value, (tuple, list, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [pair for key, item in items for pair in paths(item, (*path, key))]
    return [(path, value)] if isinstance(value, np.ndarray) else []


def writable(value):
    """The same with copies of all arrays."""
    if isinstance(value, dict):
        return {key: writable(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        items = [writable(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def overwrite(array):
    """Other bytes, all of them."""
    array.ravel(order="K").view(np.uint8)[...] ^= 0xFF


def contents(result):
    result = tuple(itertools.islice(result, 3)) if isinstance(result, Iterator) else result
    return [array.tobytes() for _, array in paths(result)]


def seen(function, arguments):
    """The ways to those arrays that the result still shows after its making."""
    found = []
    for number, (path, _) in enumerate(paths(arguments)):
        copies = writable(arguments)
        result = function(copies)
        before = contents(result)
        overwrite(paths(copies)[number][1])
        if contents(result) != before:
            found.append(path)
    return found


@pytest.mark.parametrize("name", sorted({*CALLS} - PASSED_ON - VIEWS))
def test_no_result_is_anybody_elses(name):
    assert seen(lambda arguments: call(name, arguments), CALLS[name]) == []


@pytest.mark.parametrize("case", IDLE)
def test_no_result_is_the_argument_itself(case):
    name, *arguments = IDLE[case]
    assert seen(lambda arguments: call(name, arguments), tuple(arguments)) == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_state_of_an_optimizer_is(name):
    made = OPTIMIZERS[name](0.1)
    memory = made.init(params)
    assert seen(lambda arguments: made.init(*arguments), (params,)) == []
    assert seen(lambda arguments: made.update(*arguments), (params, params, memory, 0)) == []


IMAGES = np.linspace(0, 1, 6).reshape(3, 2)
AUGMENTATIONS = {
    "nothing moved": affine(shape=(1, 3)),
    "no noise": gaussian_noise(0.0),
    "composed of nothing": compose(gaussian_noise(0.0), affine(shape=(1, 3))),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_no_augmented_image_is(name):
    augment = AUGMENTATIONS[name]
    seeds = np.arange(2, dtype=np.uint64)
    assert seen(lambda arguments: augment(*arguments), (IMAGES, seeds)) == []


def test_read_only_params_are_not_copied():
    given = init_params([3, 4, 2])
    state = init_state(given, sgd(0.1))
    for mine, theirs in zip(state.params, given, strict=True):
        assert np.shares_memory(mine.W, theirs.W)
        assert np.shares_memory(mine.b, theirs.b)


def test_a_stream_of_states_goes_on_as_it_would():
    batches = list(itertools.islice(minibatches(X, y, size=4), 3))

    def run(between):
        start = init_state(writable(params), optimizer)
        given = start._replace(params=writable(start.params))
        states = train(given, iter(batches), optimizer=optimizer)
        next(states)
        between(given)
        return contents(tuple(states))

    undisturbed = run(lambda given: None)
    assert run(lambda given: overwrite(given.params[0].W)) == undisturbed


def test_statistics_are_copied():
    given = Statistics(*(array.copy() for array in statistics))
    result = standardize(X, given)
    overwrite(given.mean)
    assert result.statistics.mean.tobytes() == statistics.mean.tobytes()


ORDERS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "neither": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "columns of a larger one": lambda array: np.asfortranarray(
        np.concatenate([array, array], axis=-1)
    )[..., : array.shape[-1]],
}
PARTS = {
    "shards": lambda X, y, weights: iter(shards(X, y, size=4, weights=weights)),
    "split": lambda X, y, weights: iter(split(X, y, 0.5)),
    "live_shards": lambda X, y, weights: iter(live_shards(X, y, size=4, weights=weights)),
    "minibatches": lambda X, y, weights: itertools.islice(
        minibatches(X, y, size=4, weights=weights), 4
    ),
}


@pytest.mark.parametrize("targets", ["labels", "targets"])
@pytest.mark.parametrize("name", PARTS)
def test_parts_of_data_have_one_rule_for_every_memory_order(name, targets):
    """Whether the parts to come show what is written meanwhile, or no part does."""
    answers = {}
    for order, ordered in ORDERS.items():
        given = X, y if targets == "labels" else np.eye(3)[:, y], np.linspace(1, 2, 6)
        for number, what in enumerate("Xyw"):
            if name == "split" and what == "w":
                continue
            arrays = [ordered(array.copy()) for array in given]
            undisturbed = contents(tuple(PARTS[name](*[array.copy() for array in arrays])))
            parts = PARTS[name](*arrays)
            first = next(parts)
            arrays[number][...] = arrays[number][..., ::-1].copy()
            answers[order, what] = contents((first, *parts)) == undisturbed
    assert len({*answers.values()}) == 1, answers

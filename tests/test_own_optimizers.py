"""Optimizers and objectives of one's own, functions in `mapped`, and trees of any arrays."""

from functools import partial
from itertools import repeat

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Batch,
    Evaluation,
    Layer,
    Optimizer,
    adam,
    adamw,
    checkpoints,
    clip_by_global_norm,
    evaluate,
    frozen,
    init_params,
    init_state,
    layerwise,
    map_arrays,
    mapped,
    max_norm,
    momentum,
    moving_average,
    nesterov,
    records,
    rmsprop,
    sgd,
    stack,
    train,
    train_step,
    unstack,
    value_and_grad,
    weight_decay,
    zero_biases,
)
from scratchmlp.core.arrays import leaves
from tests.helpers import OPTIMIZERS, problem, same_bytes

params, X, Y, _ = problem(depth=2)
small = map_arrays(lambda a: a.astype(np.float32), params)
batch = Batch(X, Y)


def step(optimizer, at=params, **options):
    return train_step(init_state(at, optimizer), batch, optimizer=optimizer, **options)


def dtypes(tree):
    return {leaf.dtype for leaf in leaves(tree)}


def none(params):
    return ()


# Law 7, for optimizers of one's own.


def descent(params, grads, state, iteration):
    return map_arrays(lambda a, g: a - np.float64(0.1) * g, params, grads), state


def test_an_optimizer_of_ones_own_promotes_nothing():
    own = Optimizer(none, descent)
    new = step(own, small).params
    assert dtypes(new) == {np.dtype(np.float32)}
    for one, other in zip(leaves(new), leaves(step(sgd(0.1), small).params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: mapped(o, grads=lambda g: g)])
def test_gradients_of_another_dtype_are_cast(name, wrap):
    optimizer = wrap(OPTIMIZERS[name](0.1))
    new, memory = optimizer.update(small, params, optimizer.init(small), 0)
    assert dtypes(new) == {np.dtype(np.float32)}
    moments = [leaf for leaf in leaves(memory) if leaf.dtype.kind == "f"]
    assert dtypes(tuple(moments)) <= {np.dtype(np.float32)}


# What an update gives.

WRONG = {
    "params alone": (lambda p, g, s, i: p, "must give \\(params, state\\), not tuple"),
    "a layer": (lambda p, g, s, i: p[0], "must give \\(params, state\\), not Layer"),
    "plain pairs": (
        lambda p, g, s, i: (tuple(map(tuple, p)), s),
        "must be like Layer.* not tuple.*: write Layer\\(W, b\\)",
    ),
    "a list": (lambda p, g, s, i: (list(p), s), "must be like tuple"),
    "a layer too few": (lambda p, g, s, i: (p[1:], s), "must be like tuple"),
    "another shape": (
        lambda p, g, s, i: (map_arrays(lambda a: a[:1], p), s),
        "must have an array of shape \\(4, 3\\), not \\(1, 3\\)",
    ),
    "complex numbers": (
        lambda p, g, s, i: (map_arrays(lambda a: a + 0j, p), s),
        "must have arrays of numbers, not complex128",
    ),
    "no state": (
        lambda p, g, s, i: (p, None),
        "the state that .*<lambda> gives must be a tuple, not NoneType",
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: clip_by_global_norm(o, 1.0)])
def test_a_wrong_update_is_told_by_name(case, wrap):
    update, message = WRONG[case]
    own = wrap(Optimizer(none, update))
    with pytest.raises((TypeError, ValueError), match=rf"^train_step: .*{message}"):
        step(own)


# Nothing that is handed out may be written into.


def emptied(tree):
    for layer in tree:
        layer.W[...] = 0
    return tree


WRITERS = {
    "update of the optimizer <lambda>": lambda: step(
        Optimizer(none, lambda p, g, s, i: (emptied(p), s))
    ),
    "update of the optimizer ": lambda: step(Optimizer(none, lambda p, g, s, i: (emptied(g), s))),
    "init of optimizer": lambda: step(Optimizer(lambda p: (emptied(p),), descent)),
    "the function of the grads": lambda: step(mapped(sgd(0.1), grads=emptied)),
    "the function of the params": lambda: step(mapped(sgd(0.1), params=emptied)),
    "value_and_grad": lambda: step(
        sgd(0.1), value_and_grad=lambda p, *_, **__: (Evaluation(0.0, 0.0), emptied(p))
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_function_that_writes_is_told_by_name(name):
    with pytest.raises(ValueError, match=rf": {name}.*writes into its argument: give a new array"):
        WRITERS[name]()


def test_a_callers_own_gradients_stay_writable():
    grads = tuple(Layer(np.ones_like(W), np.ones_like(b)) for W, b in params)
    for own in (Optimizer(none, descent), mapped(sgd(0.1), grads=lambda g: g)):
        step_of = layerwise(own, own)
        step_of.update(params, grads, step_of.init(params), 0)
        assert all(leaf.flags.writeable for leaf in leaves(grads))


# Functions in `mapped`: of the gradients, or of the params and the gradients.


def doubled(grads):
    return map_arrays(lambda g: 2 * g, grads)


def scaled(grads, factor=2.0):
    return map_arrays(lambda g: factor * g, grads)


def with_penalty(params, grads):
    return map_arrays(lambda a, g: g + 0.5 * a, params, grads)


def test_a_function_of_the_gradients_comes_before_the_update():
    for function in (doubled, scaled, partial(scaled, factor=2.0), partial(map_arrays, twice)):
        assert same_bytes(step(mapped(sgd(0.1), grads=function)).params, step(sgd(0.2)).params)


def twice(g):
    return 2 * g


def test_a_function_of_two_arguments_is_given_the_params_too():
    without = mapped(sgd(0.1), grads=lambda params, grads: with_penalty(zero_biases(params), grads))
    for one, other in zip(
        leaves(step(without).params), leaves(step(weight_decay(sgd(0.1), 0.5)).params), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_a_function_of_the_params_comes_after_the_update():
    plain = step(sgd(0.1)).params
    new = step(mapped(sgd(0.1), params=zero_biases)).params
    assert all(one.W.tobytes() == other.W.tobytes() for one, other in zip(new, plain, strict=True))
    assert not any(b.any() for _, b in new)


@pytest.mark.parametrize("argument", ["grads", "params"])
def test_what_such_a_function_gives_is_checked_and_cast(argument):
    def step_with(function):
        return step(mapped(sgd(0.1), **{argument: function}), small).params

    assert dtypes(step_with(lambda tree: map_arrays(np.float64, tree))) == {np.dtype(np.float32)}
    for wrong in (lambda tree: tree[:1], lambda tree: tuple(map(tuple, tree)), lambda tree: None):
        with pytest.raises(TypeError, match=f"^train_step: the function of the {argument} must be"):
            step_with(wrong)


# Any tree of arrays.

VECTORS = (np.array([1.0, 2.0]), (np.array([3.0]), np.array([[4.0, 3.0], [0.0, 1.0]])))
SLOPES = (np.array([0.5, -1.0]), (np.array([2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])))
MAKERS = {
    "sgd": lambda: sgd(0.1),
    "momentum": lambda: momentum(0.1),
    "nesterov": lambda: nesterov(0.1),
    "rmsprop": lambda: rmsprop(0.1),
    "adam": lambda: adam(0.1),
    "adamw": lambda: adamw(0.1),
    "clipped": lambda: clip_by_global_norm(sgd(0.1), 100.0),
    "decayed": lambda: weight_decay(sgd(0.1), 0.1),
    "averaged": lambda: moving_average(adam(0.1)),
    "mapped": lambda: mapped(adam(0.1), grads=doubled),
}


@pytest.mark.parametrize("name", MAKERS)
def test_of_a_tree_of_vectors_it_is_what_it_is_of_weights(name):
    optimizer = MAKERS[name]()
    new, old = VECTORS, VECTORS
    memory = optimizer.init(new)
    of_layers = [(Layer(a.reshape(len(a), -1), np.zeros((len(a), 1))),) for a in leaves(old)]
    slopes = [(Layer(g.reshape(len(g), -1), np.zeros((len(g), 1))),) for g in leaves(SLOPES)]
    memories = [optimizer.init(each) for each in of_layers]
    for iteration in range(3):
        new, memory = optimizer.update(new, SLOPES, memory, iteration)
        pairs = [
            optimizer.update(*each, iteration)
            for each in zip(of_layers, slopes, memories, strict=True)
        ]
        of_layers, memories = zip(*pairs, strict=True)
    assert isinstance(new[1], tuple)
    for a, ((W, _),) in zip(leaves(new), of_layers, strict=True):
        np.testing.assert_array_equal(a.reshape(W.shape), W)


def test_a_max_norm_bounds_the_rows_of_matrices_of_any_tree():
    optimizer = max_norm(frozen(), 1.0)
    (vector, (one, matrix)), _ = optimizer.update(VECTORS, SLOPES, (), 0)
    assert vector.tolist() == [1, 2]
    assert one.tolist() == [3]
    np.testing.assert_allclose(matrix, [[0.8, 0.6], [0, 1]])


def test_layerwise_is_of_the_branches_of_any_tree():
    optimizer = layerwise(frozen(), adam(0.1))
    new, _ = optimizer.update(VECTORS, SLOPES, optimizer.init(VECTORS), 0)
    assert new[0] is VECTORS[0]
    alone, _ = adam(0.1).update(VECTORS[1:], SLOPES[1:], adam(0.1).init(VECTORS[1:]), 0)
    np.testing.assert_array_equal(new[1][1], alone[0][1])


# One's own objective is inside the stream: with its records, checkpoints, stacks and resume.


def pulled(params, shards, network, *, map):
    evaluation, grads = value_and_grad(params, shards, network, map=map)
    return evaluation, map_arrays(lambda g, a: g + 0.1 * a, grads, params)


def states_of(start, optimizer, **options):
    return train(start, repeat(batch), optimizer=optimizer, value_and_grad=pulled, **options)


def test_an_objective_is_resumed_from_a_checkpoint(tmp_path):
    optimizer = adam(0.1)
    start = init_state(params, optimizer)
    half = last(take(3, states_of(start, optimizer)))
    checkpoints.save(tmp_path / "half.npz", half)
    whole = last(take(6, states_of(start, optimizer)))
    rest = last(take(3, states_of(checkpoints.load(tmp_path / "half.npz").state, optimizer)))
    assert same_bytes(rest.params, whole.params)


def test_an_objective_has_its_records():
    optimizer = adam(0.1)
    states = states_of(init_state(params, optimizer), optimizer)
    found = [*records(take(3, states), batch, every=1)]
    assert [record.iteration for record in found] == [1, 2, 3]


def test_an_objective_of_a_stack_is_that_of_each():
    others = problem(depth=2)._replace(params=init_params([3, 4, 3], seed=9, dtype=np.float64))
    both = stack([params, others.params])
    optimizer = adam(0.1)
    end = last(take(3, states_of(init_state(both, optimizer), optimizer))).params
    for one, start in zip(unstack(end), (params, others.params), strict=True):
        alone = last(take(3, states_of(init_state(start, optimizer), optimizer))).params
        for a, b in zip(leaves(one), leaves(alone), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)


GIVES = {
    "a number": lambda p, *_, **__: 0.5,
    "grads alone": lambda p, *_, **__: p,
    "grads first": lambda p, *_, **__: (p, Evaluation(0.0, 0.0)),
    "plain pairs": lambda p, *_, **__: (Evaluation(0.0, 0.0), tuple(map_to_tuples(p))),
    "a layer too few": lambda p, *_, **__: (Evaluation(0.0, 0.0), p[1:]),
    "a text for the loss": lambda p, *_, **__: (Evaluation("low", 0.0), p),
}


def map_to_tuples(tree):
    return [tuple(layer) for layer in tree]


@pytest.mark.parametrize("case", GIVES)
def test_what_an_objective_gives_is_checked(case):
    with pytest.raises((TypeError, ValueError), match=r"^train_step: .*value_and_grad "):
        step(sgd(0.1), value_and_grad=GIVES[case])


def test_an_objective_in_float64_promotes_nothing():
    def precise(at, shards, network, *, map):
        wide = map_arrays(np.float64, at)
        return value_and_grad(wide, shards, network, map=map)

    assert dtypes(step(sgd(0.1), small, value_and_grad=precise).params) == {np.dtype(np.float32)}
    assert evaluate(params, batch).loss == pytest.approx(step(sgd(0.1)).loss)

"""Stacks that do not fit are clear errors, and so is a stack where one network is expected."""

from itertools import repeat

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    adagrad,
    adam,
    adamw,
    backward,
    clip_by_global_norm,
    committee,
    cosine_decay,
    evaluate,
    forward,
    gradient_descent,
    hessian_trace,
    init_params,
    init_state,
    lion,
    lookahead,
    max_norm,
    momentum,
    moving_average,
    muon,
    nadam,
    newton_cg_step,
    one_cycle,
    plots,
    predict,
    regressor,
    schedule_free,
    sgd,
    stack,
    step,
    train,
    value_and_grad,
    weight_decay,
)
from scratchmlp.spectrum import hessian_eigenvalues

K, M = 3, 6
rng = np.random.default_rng(0)
EACH = [init_params([4, 5, 2], seed=seed) for seed in range(K)]
PARAMS = stack(EACH)
X, y = rng.normal(size=(4, M)), np.arange(M) % 2
OWN, OWN_Y = np.stack([X] * K), np.stack([y] * K)
TWO = np.array([0.1, 0.2])


def said(error: type[Exception], function, *arguments, **options) -> str:
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_layers_of_stacks_of_another_size():
    params = (PARAMS[0], stack(EACH[:2])[1])
    assert said(ValueError, forward, params, X) == (
        "forward: layer 2 of params is of a stack of 2 but the layer before it of a stack of 3"
    )
    assert said(ValueError, forward, (PARAMS[0], EACH[0][1]), X) == (
        "forward: layer 2 of params is of one network but the layer before it of a stack of 3"
    )


def test_examples_of_another_number_of_networks():
    assert said(ValueError, forward, PARAMS, OWN[:2]) == (
        "forward: X is of 2 networks but params of 3 (X is (2, 4, 6))"
    )
    assert "X must have shape (rows, examples)" in said(ValueError, forward, EACH[0], OWN)
    assert "X has 3 features but layer 1 takes 4" in said(ValueError, forward, PARAMS, OWN[:, 1:])


@pytest.mark.parametrize("function", [evaluate, value_and_grad])
def test_own_labels_for_shared_examples(function):
    name = function.__name__
    assert said(ValueError, function, PARAMS, Batch(X, OWN_Y)) == (
        f"{name}: y must be labels (6,) or targets (2, 6), not of shape (3, 6)"
    )
    assert said(ValueError, function, PARAMS, Batch(OWN, y)) == (
        f"{name}: y must be labels (3, 6) or targets (3, 2, 6), not of shape (6,)"
    )
    assert said(ValueError, function, PARAMS, Batch(OWN, OWN_Y[:2])) == (
        f"{name}: y must be labels (3, 6) or targets (3, 2, 6), not of shape (2, 6)"
    )
    cache = forward(PARAMS, X)
    assert "not of shape (3, 6)" in said(ValueError, backward, PARAMS, cache, OWN_Y)


@pytest.mark.parametrize("shape", [(2, 1, M), (K, 3, M), (K, 2, M - 1), (K, M)])
def test_weights_of_other_shapes(shape):
    message = said(ValueError, evaluate, PARAMS, Batch(X, y, np.ones(shape)))
    assert message == (
        "evaluate: weights must have shape (6,), or (2, 6) for each output its own, or (3, 1, 6) "
        f"or (3, 2, 6) of a stack, not {shape}"
    )


def test_totals_of_another_number_of_networks():
    message = "total has 2 numbers, but params is of a stack of 3 networks"
    assert said(ValueError, evaluate, PARAMS, Batch(X, y, total=TWO)) == f"evaluate: {message}"
    cache = forward(PARAMS, X)
    found = said(ValueError, backward, PARAMS, cache, y, total=TWO)
    assert found == f"backward: {message}"
    message = "backward: total has 2 numbers, but params is of one network"
    assert said(ValueError, backward, EACH[0], forward(EACH[0], X), y, total=TWO) == message


@pytest.mark.parametrize("total", [5.0, np.array([1.0, 2.0, 3.0])])
def test_a_total_of_each_network_divides_its_gradient(total):
    found = backward(PARAMS, forward(PARAMS, X), y, total=total)
    for place, params in enumerate(EACH):
        own = total if np.isscalar(total) else total[place]
        alone = backward(params, forward(params, X), y, total=float(own))
        np.testing.assert_allclose(found[0].W[place], alone[0].W, rtol=1e-5, atol=1e-7)


def test_a_stack_of_nothing():
    assert said(ValueError, stack, []) == "stack: trees must have at least one"
    empty = tuple(layer._replace(W=layer.W[:0], b=layer.b[:0]) for layer in PARAMS)
    assert "W is (0, 5, 4) and b is (0, 5, 1)" in said(ValueError, forward, empty, X)


OPTIMIZERS = {
    "sgd": sgd(TWO),
    "momentum": momentum(0.1, TWO),
    "adam": adam(TWO),
    "clipped": clip_by_global_norm(sgd(0.1), TWO),
    "max-norm": max_norm(sgd(0.1), TWO),
    "decayed": weight_decay(sgd(0.1), TWO),
    "averaged": moving_average(sgd(0.1), TWO),
    "adagrad": adagrad(TWO),
    "nadam": nadam(0.1, TWO),
    "lion": lion(0.1, weight_decay=TWO),
    "muon": muon(0.1, TWO),
    "schedule-free": schedule_free(sgd(0.1), TWO),
    "looking ahead": lookahead(sgd(0.1), 5, 0.5 * TWO),
    "scheduled": sgd(cosine_decay(TWO, iterations=3)),
}


@pytest.mark.parametrize("params", [PARAMS, EACH[0]], ids=["stack", "one network"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_numbers_of_an_optimizer_of_another_length(name, params):
    optimizer = OPTIMIZERS[name]
    states = train(init_state(params, optimizer), repeat(Batch(X, y)), optimizer=optimizer)
    message = said(ValueError, next, states)
    assert "is of 2 networks" in message or "has 2 numbers" in message
    assert "stack of 3" in message or "array of the parameters" in message or "one" in message


def test_numbers_that_are_of_different_lengths():
    three = np.array([0.1, 0.2, 0.3])
    optimizer = adamw(three, weight_decay=TWO)
    states = train(init_state(PARAMS, optimizer), repeat(Batch(X, y)), optimizer=optimizer)
    message = "must be of as many networks each, not of [2, 3]"
    assert message in said(ValueError, next, states)
    assert message in said(ValueError, cosine_decay, three, iterations=3, final=TWO)
    assert message in said(ValueError, one_cycle, three, iterations=3, final=TWO)
    assert "is of 2 networks" in said(ValueError, step, PARAMS, PARAMS, TWO)
    assert "is of 2 networks" in said(
        ValueError, gradient_descent, PARAMS, X, y, iterations=2, learning_rate=TWO
    )


@pytest.mark.parametrize("function", [hessian_trace, newton_cg_step, hessian_eigenvalues])
def test_what_takes_one_network_says_so(function):
    message = "params is a stack of 3 networks, but one is expected: loop over unstack(params)"
    assert said(ValueError, function, PARAMS, X, y) == f"{function.__name__}: {message}"


def test_pictures_of_weights_are_of_one_network():
    assert "loop over unstack(params)" in said(ValueError, plots.first_layer, PARAMS)


def test_a_committee_has_no_stacks_as_members():
    for function in (committee, predict):
        function(PARAMS, X, regressor)
    message = "members[0] is a stack of 3 networks, but one is expected"
    assert message in said(ValueError, committee, [PARAMS, PARAMS], X)

"""Networks, losses and optimizers are shown as they are written, and signatures by names."""

import inspect
import pickle

import numpy as np
import pytest

import scratchmlp
from scratchmlp import (
    Activation,
    Loss,
    Network,
    Optimizer,
    adam,
    adamw,
    clip_by_global_norm,
    constant,
    cosine_decay,
    exponential_decay,
    frozen,
    huber,
    identity,
    layerwise,
    leaky_relu,
    lion,
    lookahead,
    map_arrays,
    mapped,
    max_norm,
    momentum,
    moving_average,
    muon,
    nesterov,
    one_cycle,
    regressor,
    relu,
    rmsprop,
    schedule_free,
    sgd,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    step_decay,
    tanh,
    value_and_grad,
    warmup,
    weight_decay,
    zero_biases,
)


def my_value(Z, Y):
    return abs(Z - Y).sum(axis=0)


def my_delta(A, Y):
    return np.sign(A - Y)


def my_update(params, grads, state, iteration):
    return params, state


WRITTEN = {
    "Network(hidden=relu, loss=softmax_cross_entropy)": Network(),
    "Network(hidden=relu, loss=squared_error)": regressor,
    "Network(hidden=(relu, tanh), loss=huber(0.5))": Network((relu, tanh), huber(0.5)),
    "relu": relu,
    "leaky_relu(0.1)": leaky_relu(0.1),
    "Activation(function=tanh, derivative=my_delta)": Activation(np.tanh, my_delta),
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "Loss(activation=identity, value=my_value, delta=my_delta)": Loss(identity, my_value, my_delta),
    "sgd(0.1)": sgd(0.1),
    "momentum(0.1, beta=0.5)": momentum(0.1, beta=0.5),
    "nesterov(0.1)": nesterov(0.1),
    "rmsprop(0.1, 0.8)": rmsprop(0.1, 0.8),
    "adam()": adam(),
    "adam(0.001)": adam(0.001),
    "adamw(0.1)": adamw(0.1),
    "muon(0.1, last_layer=True)": muon(0.1, last_layer=True),
    "lookahead(lion(0.1), 3)": lookahead(lion(0.1), 3),
    "schedule_free(sgd(0.1), beta=0.8)": schedule_free(sgd(0.1), beta=0.8),
    "sgd(constant(0.1))": sgd(constant(0.1)),
    "sgd(step_decay(0.1, every=2))": sgd(step_decay(0.1, every=2)),
    "sgd(exponential_decay(0.1, every=2))": sgd(exponential_decay(0.1, every=2)),
    "sgd(one_cycle(0.1, iterations=9))": sgd(one_cycle(0.1, iterations=9)),
    "adam(warmup(cosine_decay(0.1, iterations=9), iterations=2))": adam(
        warmup(cosine_decay(0.1, iterations=9), iterations=2)
    ),
    "sgd(array([0.1, 0.2]))": sgd(np.array([0.1, 0.2])),
    "clip_by_global_norm(sgd(0.1), 0.5)": clip_by_global_norm(sgd(0.1), 0.5),
    "weight_decay(adam(), decay=0.1)": weight_decay(adam(), decay=0.1),
    "moving_average(max_norm(sgd(0.1), 2.0))": moving_average(max_norm(sgd(0.1), 2.0)),
    "layerwise(frozen(), sgd(0.1))": layerwise(frozen(), sgd(0.1)),
    "mapped(sgd(0.1), grads=zero_biases)": mapped(sgd(0.1), grads=zero_biases),
    "Optimizer(init=tuple, update=my_update)": Optimizer(tuple, my_update),
    "mapped(Optimizer(init=tuple, update=my_update), grads=my_delta)": mapped(
        Optimizer(tuple, my_update), grads=my_delta
    ),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_it_is_shown_as_it_is_written(text):
    assert repr(WRITTEN[text]) == text
    assert repr(pickle.loads(pickle.dumps(WRITTEN[text]))) == text


def test_a_long_array_is_shown_by_its_ends():
    text = repr(sgd(np.linspace(0.1, 0.2, 100)))
    assert "..." in text
    assert len(text) < 120


def test_signatures_show_names():
    signature = str(inspect.signature(value_and_grad))
    assert "params: 'Params', shards: 'Shards', network: 'Network'" in signature
    assert len(signature) < 200


@pytest.mark.parametrize("name", scratchmlp.__all__)
def test_no_signature_is_long(name):
    value = getattr(scratchmlp, name)
    if inspect.isfunction(value):
        assert len(str(inspect.signature(value))) < 320


def test_what_is_made_by_hand_shows_its_functions():
    own = softmax_cross_entropy._replace(value=my_value)
    assert repr(Network(tanh, own)).startswith("Network(hidden=tanh, loss=Loss(activation=softmax")
    doubled = mapped(sgd(0.1), params=lambda params: map_arrays(lambda a: 2 * a, params))
    assert repr(doubled) == "mapped(sgd(0.1), params=<lambda>)"

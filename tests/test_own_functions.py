"""Functions of one's own that give something else than they should are told, not broadcast."""

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Batch,
    Loss,
    Network,
    Optimizer,
    adam,
    adamw,
    backward,
    clip_by_global_norm,
    constant,
    evaluate,
    forward,
    identity,
    init_params,
    init_state,
    momentum,
    nesterov,
    predict,
    rmsprop,
    sgd,
    softmax_cross_entropy,
    tanh,
    train,
    train_step,
    value_and_grad,
    warmup,
)
from tests.helpers import problem

params, X, Y, _ = problem(depth=3)
batch = Batch(X, Y)

# What may come in the place of an array of the shape of A.
RESULTS = {
    "None": lambda A: None,
    "a number": lambda A: 1.0,
    "a NumPy number": lambda A: A.sum(),
    "a row": lambda A: A[:1],
    "a column": lambda A: A[..., :1],
    "transposed": lambda A: A[np.newaxis].T,
    "a list": lambda A: A.tolist(),
    "complex": lambda A: A + 0j,
    "texts": lambda A: A.astype(str),
    "objects": lambda A: A.astype(object),
}
CALLS = {
    "forward": lambda network: forward(params, X, network),
    "predict": lambda network: predict(params, X, network),
    "evaluate": lambda network: evaluate(params, batch, network),
    "backward": lambda network: backward(params, forward(params, X), Y, network),
    "value_and_grad": lambda network: value_and_grad(params, batch, network),
    "train_step": lambda network: train_step(
        init_state(params, sgd(0.1)), batch, network=network, optimizer=sgd(0.1)
    ),
    "train": lambda network: next(
        train(init_state(params, sgd(0.1)), [batch], network=network, optimizer=sgd(0.1))
    ),
}
FORWARD = ("forward", "predict", "evaluate", "value_and_grad", "train_step", "train")
WITH_LOSS = ("evaluate", "value_and_grad", "train_step", "train")
BACKWARD = ("backward", "value_and_grad", "train_step", "train")


@pytest.mark.parametrize("function", FORWARD)
@pytest.mark.parametrize("result", RESULTS)
def test_an_activation(function, result):
    own = Activation(lambda Z: RESULTS[result](np.tanh(Z)), tanh.derivative)
    message = rf"^{function}: the activation of layer 2 must give .* shape \(4, 6\), not"
    with pytest.raises(ValueError, match=message):
        CALLS[function](Network((tanh, own)))


@pytest.mark.parametrize("function", BACKWARD)
@pytest.mark.parametrize("result", RESULTS)
def test_a_derivative(function, result):
    own = Activation(np.tanh, lambda Z, A: RESULTS[result](1 - A * A))
    message = rf"^{function}: the derivative of the activation of layer 2 .* shape \(4, 6\), not"
    with pytest.raises(ValueError, match=message):
        CALLS[function](Network(own))


@pytest.mark.parametrize("function", WITH_LOSS)
@pytest.mark.parametrize("result", [name for name in RESULTS if name != "a row"])
def test_the_value_of_a_loss(function, result):
    known = softmax_cross_entropy
    own = known._replace(value=lambda Z, Y: RESULTS[result](known.value(Z, Y)))
    with pytest.raises(ValueError, match=rf"^{function}: the loss's value must give .* \(6,\)"):
        CALLS[function](Network(loss=own))


@pytest.mark.parametrize("function", BACKWARD)
@pytest.mark.parametrize("result", RESULTS)
def test_the_delta_of_a_loss(function, result):
    own = softmax_cross_entropy._replace(delta=lambda A, Y: RESULTS[result](A - Y))
    with pytest.raises(ValueError, match=rf"^{function}: the loss's delta must give .* \(3, 6\)"):
        CALLS[function](Network(loss=own))


def test_a_mean_for_a_value_is_told():
    own = Loss(identity, lambda Z, Y: np.square(Z - Y).mean(), lambda A, Y: A - Y)
    with pytest.raises(ValueError, match=r"the loss's value must .* \(6,\), not float64"):
        evaluate(params, batch, Network(loss=own))


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "clipped": lambda rate: clip_by_global_norm(adam(rate), 1.0),
    "warmed up": lambda rate: sgd(warmup(rate, iterations=2)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "rate", [np.nan, np.inf, -0.1, "fast", None, True, 1j, np.ones((1, 1))], ids=repr
)
def test_a_schedule(name, rate):
    optimizer = OPTIMIZERS[name](lambda iteration: rate)
    with pytest.raises((TypeError, ValueError), match=r"learning_rate\(0\) must be [^\n]*$"):
        train_step(init_state(params, optimizer), batch, optimizer=optimizer)


@pytest.mark.parametrize("name", ["sgd", "momentum", "rmsprop", "adam", "clipped"])
@pytest.mark.parametrize("other", ["sgd", "momentum", "rmsprop", "adam", "clipped"])
def test_a_state_of_another_optimizer(name, other):
    one, another = (OPTIMIZERS[each](constant(0.1)) for each in (name, other))
    state = init_state(params, another)
    if type(one.init(params)) is type(state.optimizer):
        assert train_step(state, batch, optimizer=one).iteration == 1
        return
    with pytest.raises(TypeError, match=r"^train_step: state.optimizer must be \w+, not \w+$"):
        train_step(state, batch, optimizer=one)


def test_an_optimizer_whose_state_is_no_tuple():
    own = Optimizer(lambda params: None, sgd(0.1).update)
    with pytest.raises(TypeError, match="init_state: init of optimizer must give a tuple, not"):
        init_state(params, own)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_predictions_are_of_finite_outputs(value):
    wild = tuple(layer._replace(W=np.full_like(layer.W, value)) for layer in init_params([3, 4, 3]))
    with pytest.raises(ValueError, match=r"^predict: the outputs of X must be finite"):
        predict(wild, np.ones((3, 1500)))


def test_nothing_is_taken_of_a_stream_before_the_arguments_are_right():
    batches = iter([batch])
    with pytest.raises(TypeError, match="^train: optimizer must be"):
        train(init_state(params, sgd(0.1)), batches, optimizer=0.1)
    assert next(batches) is batch

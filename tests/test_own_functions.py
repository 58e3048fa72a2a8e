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
    clipped_grad_sum,
    constant,
    evaluate,
    forward,
    gradient_descent,
    identity,
    init_params,
    init_state,
    momentum,
    nesterov,
    predict,
    regressor,
    rmsprop,
    sgd,
    sigmoid,
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


# A loss of one's own says what its targets may be, and what its outputs mean.


def signs(A):
    return np.where(A < 0, -1, 1)


def columns_or_nothing(y, n_out):
    """One-hot columns, and zeros for a label of -1: it is not known."""
    return (y == np.arange(n_out)[:, np.newaxis]).astype(float)


def test_labels_that_are_missing_may_be_marked():
    known = softmax_cross_entropy
    own = known._replace(
        value=lambda Z, Y: Y.sum(axis=0) * known.value(Z, Y),
        delta=lambda A, Y: Y.sum(axis=0) * (A - Y),
        targets=columns_or_nothing,
    )
    y = np.array([0, -1, 2, 1, -1, 0])
    grads = value_and_grad(params, Batch(X, y), Network(tanh, own))[1]
    left = y >= 0
    alone = value_and_grad(params, Batch(X[:, left], y[left]), Network(tanh))[1]
    for layer, other in zip(grads, alone, strict=True):
        np.testing.assert_allclose(layer.W, other.W * left.mean(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", [softmax_cross_entropy.activation, sigmoid, identity])
def test_no_activation_restricts_the_targets_of_ones_own_loss(activation):
    own = Loss(activation, lambda Z, Y: -(Z * Y).sum(axis=0), lambda A, Y: -Y)
    targets = np.array([[1.0, -5.0, 0.2, 3.0, 0.0, 1e6]] * 3)
    figures = evaluate(params, Batch(X, targets), Network(tanh, own))
    assert np.isfinite(figures.loss)
    assert np.isnan(figures.accuracy)
    assert predict(params, X, Network(tanh, own)).shape == (3, 6)


def test_what_outputs_mean_is_told_by_the_loss():
    hinge = Loss(
        identity,
        lambda Z, Y: np.maximum(1 - Y * Z, 0).sum(axis=0),
        lambda A, Y: -Y * (Y * A < 1),
        decode=signs,
        sum_over_outputs=True,
    )
    network, targets = Network(tanh, hinge), signs(Y - 0.3).astype(float)
    A = forward(params, X, network).A[-1]
    np.testing.assert_array_equal(predict(params, X, network), signs(A))
    accuracy = evaluate(params, Batch(X, targets), network).accuracy
    assert accuracy == pytest.approx((signs(A) == targets).mean())


def test_targets_of_ones_own_are_checked():
    own = softmax_cross_entropy._replace(targets=lambda y, n_out: y[:1])
    with pytest.raises(
        ValueError, match=r"^evaluate: the loss's targets must give .* \(3, 6\), not"
    ):
        evaluate(params, batch, Network(loss=own))


# What is handed to functions of one's own is read-only.


def written(array):
    array *= 2
    return array


WRITERS = {
    "the activation of layer 1": Network(Activation(written, tanh.derivative)),
    "the derivative of the activation of layer 2": Network(
        Activation(np.tanh, lambda Z, A: written(A))
    ),
    "the loss's value": Network(
        loss=softmax_cross_entropy._replace(value=lambda Z, Y: written(Z)[0])
    ),
    "the loss's delta": Network(loss=softmax_cross_entropy._replace(delta=lambda A, Y: written(A))),
    "the loss's targets": Network(
        loss=softmax_cross_entropy._replace(targets=lambda y, n_out: written(y))
    ),
    "the activation of the loss": Network(
        loss=Loss(Activation(written, tanh.derivative), *regressor.loss[1:3])
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_function_that_writes_into_its_argument_is_told_by_name(name):
    writable = Batch(X.copy(), Y.copy())
    with pytest.raises(ValueError, match=rf"^value_and_grad: {name} writes into its argument"):
        value_and_grad(params, writable, WRITERS[name])
    assert writable.y.tobytes() == Y.tobytes()


# Likely mistakes are told for what they are.


def test_a_plain_pair_is_told():
    with pytest.raises(TypeError, match=r"^forward: layer 1 .* not tuple: write Layer\(W, b\)$"):
        forward((tuple(params[0]),), X)


@pytest.mark.parametrize("n_out", [2, 4])
def test_a_row_of_targets_for_several_outputs_hears_of_their_shape(n_out):
    several, y = init_params([3, n_out], dtype=np.float64), np.linspace(0, 1, 6)
    for call in (
        lambda: evaluate(several, Batch(X, y), regressor),
        lambda: backward(several, forward(several, X, regressor), y, regressor),
        lambda: gradient_descent(
            several, Batch(X, y), iterations=1, learning_rate=0.1, network=regressor
        ),
    ):
        with pytest.raises(
            TypeError, match=rf"targets of {n_out} outputs have shape \({n_out}, 6\)"
        ):
            call()
    with pytest.raises(
        TypeError, match=r"targets of shape \(n_out, 6\), as y\[np.newaxis\] for one"
    ):
        gradient_descent(several, X, y, iterations=1, learning_rate=0.1, network=regressor)


@pytest.mark.parametrize("y", [np.zeros(0, int), np.zeros((3, 0))], ids=["labels", "targets"])
def test_of_no_examples_the_clipped_sum_is_zero(y):
    grads = clipped_grad_sum(params, X[:, :0], y, max_norm=1.0)
    for layer, like in zip(grads, params, strict=True):
        assert not layer.W.any()
        assert not layer.b.any()
        assert layer.W.shape == like.W.shape
        assert layer.W.dtype == like.W.dtype

"""The checks for users' own functions: the library's pass, and each planted mistake is told."""

import itertools
import pickle

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Layer,
    Loss,
    Optimizer,
    adam,
    elu,
    gabor,
    gelu,
    he_normal,
    huber,
    identity,
    leaky_relu,
    map_arrays,
    momentum,
    relu,
    sgd,
    sigmoid,
    softmax,
    softmax_cross_entropy,
    softplus,
    squared_error,
    tanh,
)
from scratchmlp._names import ACTIVATIONS, INITIALIZERS
from scratchmlp.testing import (
    check_activation,
    check_initializer,
    check_loss,
    check_optimizer,
)
from tests.helpers import HIDDEN, LOSSES, OPTIMIZERS, SCHEDULES


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", HIDDEN)
def test_the_activations(name, seed):
    check_activation(HIDDEN[name], seed=seed)


def test_every_activation_but_softmax_is_for_hidden_layers():
    assert set(ACTIVATIONS) - set(HIDDEN) == {"softmax"}
    with pytest.raises(ValueError, match=r"^check_activation: function must be elementwise, but"):
        check_activation(softmax)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", LOSSES)
def test_the_losses(name, seed):
    check_loss(LOSSES[name], seed=seed)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (squared_error, np.linspace(-3, 3, 8).reshape(1, 8)),
        (huber(0.1), np.linspace(-3, 3, 8).reshape(2, 4)),
        (LOSSES["sigmoid_cross_entropy"], np.array([[0, 1, 1, 0]])),
        (softmax_cross_entropy, np.eye(5, dtype=np.uint8)),
    ],
)
def test_the_losses_with_their_own_targets(loss, targets):
    check_loss(loss, targets)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_optimizers(name, schedule):
    check_optimizer(OPTIMIZERS[name](SCHEDULES[schedule]))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_initializers(name):
    check_initializer(INITIALIZERS[name])


def test_an_initializer_of_images():
    check_initializer(gabor(shape=(2, 3)), shapes=[(1, 6), (9, 6)])
    with pytest.raises(ValueError, match="check_initializer: initializer raised .* has 5 rows"):
        check_initializer(gabor())


def absolute_value(Z, Y):
    return np.abs(Z - Y).sum(axis=0)


def absolute_delta(A, Y):
    return np.sign(A - Y)


def absolute_curvature(A, Y, dZ):
    return np.zeros_like(dZ)


def clipped(Z):
    return np.clip(Z, -1, 1)


def clipped_derivative(Z, A):
    return np.abs(Z) < 1


def test_ones_own_with_corners():
    check_loss(Loss(identity, absolute_value, absolute_delta, absolute_curvature))
    check_activation(Activation(clipped, clipped_derivative, relu.second))


def test_what_grows_beyond_float32_can_be_bounded():
    own = Activation(np.exp, lambda Z, A: A, lambda Z, A: A)
    with pytest.raises(ValueError, match=r"function must be finite, but is inf at Z = 100 in fl"):
        check_activation(own, pickled=False)
    check_activation(own, largest=30, pickled=False)


calls = itertools.count()


def in_place(Z):
    return np.tanh(Z, out=Z)


def failing(*_):
    raise KeyError("lost")


# One mistake each, and what is said of it.
WRONG_ACTIVATIONS = {
    "a lambda": (
        tanh._replace(function=lambda Z: np.tanh(Z) + 0),
        "activation must pickle: define its functions at the top level",
    ),
    "a derivative": (
        Activation(np.tanh, sigmoid.derivative),
        r"derivative is \S+ at Z = \S+, but function's slope is \S+$",
    ),
    "a derivative of the wrong sign": (
        Activation(np.tanh, lambda Z, A: A * A - 1),
        "derivative is .* but function's slope is ",
    ),
    "a slightly wrong derivative": (
        Activation(np.tanh, lambda Z, A: 1.0001 - A * A),
        "derivative is .* but function's slope is ",
    ),
    "a derivative on one side": (
        leaky_relu(0.1)._replace(derivative=relu.derivative),
        r"derivative is 0 at Z = 0, but function's slope is from 0.1 to 1$",
    ),
    "a second derivative": (
        tanh._replace(second=lambda Z, A: 2 * A * (1 - A * A)),
        r"second is \S+ at Z = \S+, but derivative's slope is \S+$",
    ),
    "the second derivative of another": (
        softplus._replace(second=relu.second),
        "second is 0 at Z = .*, but derivative's slope is ",
    ),
    "a second derivative on one side": (
        elu._replace(second=lambda Z, A: A + 1),
        "second is .* at Z = .*, but derivative's slope is 0",
    ),
    "no number at zero": (
        gelu._replace(derivative=lambda Z, A: A / Z + (gelu.derivative(Z, A) - A / Z)),
        "derivative must be finite, but is nan at Z = 0 in float32$",
    ),
    "an overflow": (
        Activation(lambda Z: np.log1p(np.exp(Z)), softplus.derivative),
        r"function must be finite, but is inf at Z = 100 in float32$",
    ),
    "float64": (
        Activation(lambda Z: np.float64(2) * Z, lambda Z, A: np.full_like(Z, 2)),
        "function must be float32 where it is asked for, not float64",
    ),
    "float64 of a derivative": (
        identity._replace(derivative=lambda Z, A: np.ones(Z.shape)),
        "derivative must be float32 where it is asked for, not float64",
    ),
    "float32": (
        Activation(lambda Z: np.tanh(Z).astype(np.float32), tanh.derivative),
        "function must be float64 where it is asked for, not float32",
    ),
    "a sum": (
        Activation(lambda Z: Z.sum(axis=0), identity.derivative),
        r"function must give an array of shape \(5, 40\), not \(40,\)",
    ),
    "a number": (
        Activation(lambda Z: Z, lambda Z, A: 1.0),
        r"derivative must give an array of shape \(5, 40\), not float",
    ),
    "an average": (
        Activation(lambda Z: Z - Z.mean(), identity.derivative),
        "function must be elementwise, but for Z = .* alone it is 0, and among other numbers",
    ),
    "an average of the derivative": (
        Activation(lambda Z: Z, lambda Z, A: 1 + Z - Z.mean()),
        "derivative must be elementwise",
    ),
    "written in place": (
        Activation(in_place, tanh.derivative),
        "function must not write into its inputs, but changes number 1",
    ),
    "written in place by the derivative": (
        Activation(np.tanh, lambda Z, A: np.subtract(1, np.square(A, out=A), out=A)),
        "derivative must not write into its inputs, but changes number 2",
    ),
    "only writable arrays": (
        Activation(lambda Z: np.tanh(memoryview_of(Z)), tanh.derivative),
        "function, given read-only arrays, raised ValueError: it is read-only",
    ),
    "a memory of its own": (
        Activation(lambda Z: Z + next(calls), identity.derivative),
        "function must give the same result for the same inputs, but does not",
    ),
    "an error": (Activation(failing, failing), "function raised KeyError: 'lost'"),
}


def memoryview_of(Z):
    if not Z.flags.writeable:
        raise ValueError("it is read-only")
    return Z


@pytest.mark.parametrize("name", WRONG_ACTIVATIONS)
def test_a_wrong_activation(name):
    activation, message = WRONG_ACTIVATIONS[name]
    with pytest.raises(ValueError, match=f"^check_activation: {message}"):
        check_activation(activation, pickled=name == "a lambda")


def double(function):
    return lambda *arguments: np.float64(1) * function(*arguments).astype(np.float64)


def wrong_loss(**parts):
    return huber(1.0)._replace(**parts)


WRONG_LOSSES = {
    "a lambda": (
        squared_error._replace(value=lambda Z, Y: squared_error.value(Z, Y) + 0),
        "loss must pickle",
    ),
    "a delta": (
        squared_error._replace(delta=lambda A, Y: 2 * (A - Y)),
        r"delta is \S+ at Z = \[.*\], Y = \[.*\], dZ = \[.*\], but value's slope is \S+$",
    ),
    "a delta of one output": (
        squared_error._replace(delta=lambda A, Y: (A - Y) * np.array([[1], [1], [0]], A.dtype)),
        "delta is .* but value's slope is ",
    ),
    "a delta for columns that sum to 1": (
        softmax_cross_entropy._replace(activation=sigmoid),
        "delta is .* but value's slope is ",
    ),
    "the delta of another threshold": (
        wrong_loss(delta=huber(2.0).delta),
        "delta is .* but value's slope is ",
    ),
    "a curvature": (
        squared_error._replace(curvature=lambda A, Y, dZ: 2 * dZ),
        r"curvature is \S+ at Z = \[.*\], dZ = \[.*\], but delta's slope is \S+$",
    ),
    "the curvature's diagonal": (
        softmax_cross_entropy._replace(curvature=lambda A, Y, dZ: A * (1 - A) * dZ),
        "curvature is .* but delta's slope is ",
    ),
    "the curvature of another threshold": (
        wrong_loss(curvature=huber(2.0).curvature),
        "curvature is .* but delta's slope is 0$",
    ),
    "an overflow": (
        softmax_cross_entropy._replace(
            value=lambda Z, Y: np.log(np.exp(Z).sum(axis=0)) - (Z * Y).sum(axis=0)
        ),
        r"value must be finite, but is inf at Z = \[.*\], Y = \[.*\] in float32$",
    ),
    "float64": (
        wrong_loss(value=double(huber(1.0).value)),
        "value must be float32 where it is asked for, not float64",
    ),
    "float64 of delta": (
        wrong_loss(delta=double(huber(1.0).delta)),
        "delta must be float32 where it is asked for, not float64",
    ),
    "float64 of the curvature": (
        wrong_loss(curvature=double(huber(1.0).curvature)),
        "curvature must be float32 where it is asked for, not float64",
    ),
    "a mean": (
        wrong_loss(value=lambda Z, Y: np.square(Z - Y).mean()),
        r"value must give an array of shape \(20,\), not float32",
    ),
    "a value each output": (
        wrong_loss(value=lambda Z, Y: np.square(Z - Y)),
        r"value must give an array of shape \(20,\), not \(3, 20\)",
    ),
    "a share of other examples": (
        wrong_loss(value=lambda Z, Y: np.square(Z - Y).sum(axis=0) / Z.shape[1]),
        r"value must be each example's own, but for Z = \[.*\], Y = \[.*\] alone it is",
    ),
    "written in place": (
        wrong_loss(delta=lambda A, Y: np.subtract(A, Y, out=A)),
        "delta must not write into its inputs, but changes number 1",
    ),
    "written in place by the curvature": (
        wrong_loss(curvature=lambda A, Y, dZ: np.multiply(dZ, np.abs(A - Y) < 1, out=dZ)),
        "curvature must not write into its inputs, but changes number 3",
    ),
    "a memory of its own": (
        wrong_loss(value=lambda Z, Y: (Z - Y).sum(axis=0) + next(calls)),
        "value must give the same result for the same inputs",
    ),
    "an error": (wrong_loss(delta=failing), "delta raised KeyError: 'lost'"),
}


@pytest.mark.parametrize("name", WRONG_LOSSES)
def test_a_wrong_loss(name):
    loss, message = WRONG_LOSSES[name]
    with pytest.raises(ValueError, match=f"^check_loss: {message}"):
        check_loss(loss, pickled=name == "a lambda")


def updates(function):
    """The optimizer whose update gives the parameters that a function makes of two arrays."""
    return Optimizer(
        sgd(0.1).init, lambda params, grads, state, k: (function(params, grads), state)
    )


def written(params, grads, state, iteration):
    for layer, gradient in zip(params, grads, strict=True):
        np.subtract(layer.W, gradient.W, out=layer.W)
    return params, state


class Forgetful:
    """An update whose pickled copy has another rate."""

    rate = 0.1

    def __call__(self, params, grads, state, iteration):
        return map_arrays(lambda a, g: a - a.dtype.type(self.rate) * g, params, grads), state

    def __reduce__(self):
        return Forgetful, ()


forgetful = Forgetful()
forgetful.rate = 0.2


WRONG_OPTIMIZERS = {
    "a lambda": (
        updates(lambda params, grads: params),
        "optimizer must pickle",
    ),
    "uphill": (
        updates(lambda params, grads: map_arrays(np.add, params, grads)),
        "update must go downhill",
    ),
    "a state that is no tuple": (
        Optimizer(lambda params: params[0].W, sgd(0.1).update),
        r"init must give a tuple of arrays, not float32 \(3, 4\)$",
    ),
    "a state with a number": (
        Optimizer(lambda params: (0,), sgd(0.1).update),
        r"init must give a tuple of arrays, not tuple\(int\?\)$",
    ),
    "another form of state": (
        Optimizer(sgd(0.1).init, lambda params, grads, state, k: (params, (params[0].W,))),
        r"update must give state of the form tuple\(\), but gives tuple\(float32 \(3, 4\)\) in",
    ),
    "another form of params": (
        updates(lambda params, grads: params[:1]),
        "update must give parameters of the form .* in the first iteration$",
    ),
    "a list": (
        updates(lambda params, grads: list(params)),
        r"update must give parameters of the form .* but gives list\?",
    ),
    "params alone": (
        Optimizer(sgd(0.1).init, lambda params, grads, state, k: params[0].W),
        r"update must give \(new params, new state\), not float32 \(3, 4\)$",
    ),
    "float64": (
        updates(lambda params, grads: map_arrays(lambda a: a.astype(np.float64), params)),
        r"update must give parameters of the form .*float32.* but gives .*float64",
    ),
    "float64 of the state": (
        Optimizer(
            momentum(0.1).init,
            lambda params, grads, state, k: (
                params,
                map_arrays(lambda a: a * np.float64(1), state),
            ),
        ),
        r"update must give state of the form .*float32.* but gives .*float64",
    ),
    "a broadcast": (
        updates(lambda params, grads: tuple(Layer(W + b, b + W) for W, b in params)),
        r"update must give parameters of the form",
    ),
    "no number for a gradient of zero": (
        updates(
            lambda params, grads: map_arrays(
                lambda a, g: a - g / np.linalg.norm(g).astype(a.dtype), params, grads
            )
        ),
        "update must keep the parameters finite, but does not in iteration 1 for float32 gradients "
        "of the size 0$",
    ),
    "an overflow": (
        updates(lambda params, grads: map_arrays(lambda a, g: a - g**11, params, grads)),
        "update must keep the parameters finite, but does not in iteration 2 for float32 gradients "
        "of the size 10000$",
    ),
    "an overflow late": (
        Optimizer(
            sgd(0.1).init,
            lambda params, grads, state, k: (
                map_arrays(lambda a: a / a.dtype.type(0.9**k), params),
                state,
            ),
        ),
        "update must keep the parameters finite, but does not in iteration 1000000 for float32",
    ),
    "written in place": (
        Optimizer(sgd(0.1).init, written),
        "update must not write into its inputs, but changes number 1$",
    ),
    "a memory of its own": (
        updates(lambda params, grads: map_arrays(lambda a: a - next(calls), params)),
        "update must give the same result for the same inputs",
    ),
    "an error": (Optimizer(sgd(0.1).init, failing), "update raised KeyError: 'lost'"),
    "an error of init": (Optimizer(failing, sgd(0.1).update), "init raised KeyError: 'lost'"),
    "another once pickled": (
        Optimizer(sgd(0.1).init, forgetful),
        "update must be the same once pickled, but is not in iteration 0",
    ),
}


@pytest.mark.parametrize("name", WRONG_OPTIMIZERS)
def test_a_wrong_optimizer(name):
    optimizer, message = WRONG_OPTIMIZERS[name]
    with pytest.raises(ValueError, match=f"^check_optimizer: {message}"):
        check_optimizer(optimizer, pickled="pickled" in name or "lambda" in name)


def of_the_global_state(rng, shape, dtype):
    return np.random.normal(size=shape).astype(dtype)


def shuffles_the_global_state(rng, shape, dtype):
    np.random.random()
    return he_normal(rng, shape, dtype)


WRONG_INITIALIZERS = {
    "a lambda": (lambda rng, shape, dtype: np.ones(shape, dtype), "initializer must pickle"),
    "transposed": (
        lambda rng, shape, dtype: he_normal(rng, shape[::-1], dtype),
        r"W must give an array of shape \(2, 5\), not \(5, 2\)",
    ),
    "a row of biases": (
        lambda rng, shape, dtype: Layer(np.ones(shape, dtype), np.zeros(shape[0], dtype)),
        r"b must give an array of shape \(1, 1\), not \(1,\)",
    ),
    "float64": (
        lambda rng, shape, dtype: rng.normal(size=shape),
        "W must be float32 where it is asked for, not float64",
    ),
    "float64 of the biases": (
        lambda rng, shape, dtype: Layer(np.ones(shape, dtype), np.zeros((shape[0], 1))),
        "b must be float32 where it is asked for, not float64",
    ),
    "not finite": (
        lambda rng, shape, dtype: np.full(shape, 1 / (shape[0] - 1 or np.inf), dtype) * np.inf,
        r"W must be finite, but is (nan|inf) at index \(0, 0\)",
    ),
    "the global generator": (of_the_global_state, "initializer must give the same result"),
    "a use of the global generator": (
        shuffles_the_global_state,
        "initializer must draw from rng alone, but changes NumPy's global state",
    ),
    "an error": (failing, "initializer raised KeyError: 'lost'"),
}


@pytest.mark.parametrize("name", WRONG_INITIALIZERS)
def test_a_wrong_initializer(name):
    initializer, message = WRONG_INITIALIZERS[name]
    state = np.random.get_state()
    try:
        with pytest.raises(ValueError, match=f"^check_initializer: {message}"):
            check_initializer(initializer, pickled=name == "a lambda")
    finally:
        np.random.set_state(state)


def test_a_wrong_kind():
    for make, message in (
        (lambda: check_activation(np.tanh), "activation must be of type Activation, not ufunc"),
        (lambda: check_loss(softmax), "loss must be of type Loss, not Activation"),
        (lambda: check_optimizer(adam), "optimizer must be of type Optimizer, not function"),
        (lambda: check_initializer("he_normal"), "initializer must be a function, not str"),
        (lambda: check_loss(squared_error, np.ones(3)), "targets must be an array of numbers"),
        (lambda: check_loss(squared_error, [[1.0]]), "targets must be an array of numbers"),
    ):
        with pytest.raises(TypeError, match=message):
            make()


def test_the_cause_of_an_error_is_kept():
    with pytest.raises(ValueError, match="KeyError") as caught:
        check_activation(Activation(failing, failing))
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ValueError, match="must pickle") as caught:
        check_activation(tanh._replace(second=lambda Z, A: tanh.second(Z, A) + 0))
    assert isinstance(caught.value.__cause__, (pickle.PicklingError, AttributeError))

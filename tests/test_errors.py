"""Bad input gets one line that names the function and the argument, and what was expected."""

import re

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    Cache,
    Layer,
    Network,
    accuracy,
    backward,
    confusion_matrix,
    evaluate,
    flatten,
    forward,
    gradient_descent,
    init_params,
    init_state,
    map_arrays,
    normalize,
    one_hot,
    predict,
    regressor,
    relu,
    sgd,
    shards,
    shuffle,
    softmax,
    split,
    step,
    train,
    train_step,
    unflatten,
    value_and_grad,
)

params = init_params([784, 256, 10])
X = np.zeros((784, 32), np.float32)
y = np.arange(32) % 10
cache = forward(params, X)
state = init_state(params, sgd(0.1))


def changed(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


def with_b(b):
    return (params[0], Layer(params[1].W, b))


FORWARD = {
    "X (783, 32)": (
        ValueError,
        X[1:],
        "forward: X has 783 features but layer 1 takes 784 (X is (783, 32), W is (256, 784))",
    ),
    "one example": (ValueError, X[:, 0], "X must have shape (rows, examples)"),
    "no examples": (ValueError, X[:, :0], "X is empty: its shape is (784, 0)"),
    "NaN": (ValueError, changed(X, (5, 3), np.nan), "X must be finite, but X[5, 3] is nan"),
    "infinity": (ValueError, changed(X, (5, 3), -np.inf), "X must be finite, but X[5, 3] is -inf"),
    "beyond float32": (ValueError, changed(X.astype(float), (0, 1), 1e300), "X[0, 1] is inf"),
    "a list": (TypeError, X.tolist(), "X must be a NumPy array, not list"),
    "None": (TypeError, None, "X must be a NumPy array, not NoneType"),
    "objects": (TypeError, X.astype(object), "X must hold real numbers, not object"),
    "complex": (TypeError, X.astype(complex), "X must hold real numbers, not complex128"),
    "masked": (TypeError, np.ma.masked_equal(X, 0), "X must be a NumPy array, not MaskedArray"),
}


@pytest.mark.parametrize("function", [forward, predict])
@pytest.mark.parametrize("case", FORWARD)
def test_examples(function, case):
    error, value, message = FORWARD[case]
    with pytest.raises(error, match=re.escape(message.removeprefix("forward: "))) as caught:
        function(params, value)
    assert str(caught.value).startswith(f"{function.__name__}: ")


LABELS = {
    "a column": (ValueError, y[:, np.newaxis], "y must be labels (32,) or targets (10, 32)"),
    "a row": (ValueError, y[np.newaxis], "y must be labels (32,) or targets (10, 32)"),
    "transposed targets": (ValueError, np.eye(10)[y], "not of shape (32, 10)"),
    "one too few": (ValueError, y[1:], "not of shape (31,)"),
    "a label of -1": (ValueError, changed(y, 3, -1), "labels y must be in 0 ... 9, not -1"),
    "a label of 10": (ValueError, changed(y, 3, 10), "labels y must be in 0 ... 9, not 10"),
    "booleans": (TypeError, y == 3, "y must hold integers, not bool"),
    "floats": (TypeError, y.astype(float), "y must hold integers, not float64"),
    "a list": (TypeError, y.tolist(), "y must be a NumPy array, not list"),
    "words": (TypeError, y.astype(str), "y must hold integers, not <U"),
    "columns of 2": (ValueError, np.full((10, 32), 0.2), "each column of targets y must sum to 1"),
    "negative": (ValueError, np.full((10, 32), -0.1), "targets y must be probabilities"),
    "NaN": (ValueError, np.full((10, 32), np.nan), "y must be finite"),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels(case):
    error, value, message = LABELS[case]
    with pytest.raises(error, match=f"^backward: .*{re.escape(message)}"):
        backward(params, cache, value)
    with pytest.raises(error, match=f"^value_and_grad: .*{re.escape(message)}"):
        value_and_grad(params, Batch(X, value))


PARAMS = {
    "a b that would broadcast": (ValueError, with_b(np.zeros((1, 1), np.float32)), "b is (1, 1)"),
    "a flat b": (ValueError, with_b(np.zeros(10, np.float32)), "b is (10,)"),
    "a missing layer": (ValueError, params[1:], "X has 784 features but layer 1 takes 256"),
    "layers that do not fit": (ValueError, params[:1] * 2, "layer 2 of params takes 784 inputs"),
    "a list": (TypeError, list(params), "params must be a tuple of Layer, not list"),
    "one layer": (TypeError, params[0], "params must be a tuple of Layer"),
    "none": (ValueError, (), "params must have at least one layer"),
    "two dtypes": (TypeError, with_b(np.zeros((10, 1))), "b of layer 2 of params is float64"),
    "integers": (TypeError, map_arrays(lambda a: a.astype(int), params), "not int64"),
    "the examples": (TypeError, X, "params must be a tuple of Layer, not ndarray"),
}


@pytest.mark.parametrize("case", PARAMS)
def test_params(case):
    error, value, message = PARAMS[case]
    for function, arguments in (
        (forward, (value, X)),
        (predict, (value, X)),
        (evaluate, (value, Batch(X, y))),
        (value_and_grad, (value, Batch(X, y))),
    ):
        with pytest.raises(error, match=f"^{function.__name__}: .*{re.escape(message)}"):
            function(*arguments)


NETWORKS = {
    "an activation": (TypeError, relu, "network must be a Network with a Loss"),
    "a wrong number": (ValueError, Network((relu, relu)), "2 hidden activations"),
    "a list": (TypeError, Network([relu]), "hidden must be an Activation or a tuple"),
    "a function": (TypeError, Network(np.tanh), "hidden must be an Activation or a tuple"),
    "softmax": (ValueError, Network(softmax), "softmax is for outputs"),
    "no loss": (TypeError, Network(loss=relu), "network must be a Network with a Loss"),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_networks(case):
    error, value, message = NETWORKS[case]
    with pytest.raises(error, match=f"^forward: .*{message}"):
        forward(params, X, value)
    with pytest.raises(error, match=f"^train: .*{message}"):
        train(state, [], network=value, optimizer=sgd(0.1))


SIZES = {
    "none": (ValueError, [], "at least one layer, not []"),
    "inputs alone": (ValueError, [784], "at least one layer, not [784]"),
    "a zero": (ValueError, [784, 0], "sizes[1] must be at least 1, not 0"),
    "a fraction": (TypeError, [784, 2.5], "sizes[1] must be an integer, not float 2.5"),
    "a number": (TypeError, 784, "sizes must be a sequence of integers, not int 784"),
    "words": (TypeError, "784", "sizes must be a sequence of integers, not str"),
    "a truth": (TypeError, [784, True], "sizes[1] must be an integer, not bool True"),
}


@pytest.mark.parametrize("case", SIZES)
def test_sizes(case):
    error, value, message = SIZES[case]
    with pytest.raises(error, match=f"^init_params: .*{re.escape(message)}"):
        init_params(value)


def wrong_shape(rng, shape, dtype):
    return np.zeros(shape[::-1], dtype)


OTHERS = {
    "seed": (ValueError, lambda: init_params([2, 1], seed=-1), "seed must be at least 0"),
    "dtype": (TypeError, lambda: init_params([2, 1], dtype=int), "dtype must be float32 or"),
    "initializer": (ValueError, lambda: init_params([2, 1], initializer=wrong_shape), "W (1, 2)"),
    "weights": (ValueError, lambda: evaluate(params, Batch(X, y, -y)), "at least 0"),
    "weights of a column": (
        ValueError,
        lambda: backward(params, cache, y, weights=np.ones((32, 1))),
        "weights must have shape (32,), or (10, 32) for each output its own, not (32, 1)",
    ),
    "total": (ValueError, lambda: backward(params, cache, y, total=0), "total must be finite and"),
    "total of nan": (ValueError, lambda: backward(params, cache, y, total=np.nan), "not nan"),
    "cache": (TypeError, lambda: backward(params, X, y), "cache must be a Cache, not ndarray"),
    "another cache": (
        ValueError,
        lambda: backward(params[1:], cache, y),
        "cache must have A of shapes [(256, 32), (10, 32)]",
    ),
    "an empty cache": (ValueError, lambda: backward(params, Cache((), ()), y), "but A is []"),
    "rate": (ValueError, lambda: step(params, params, -0.1), "learning_rate must be finite"),
    "a word for a rate": (TypeError, lambda: sgd("fast"), "learning_rate must be a number"),
    "grads": (ValueError, lambda: step(params, params[1:], 0.1), "grads has layers [(10, 256)]"),
    "one output": (
        ValueError,
        lambda: evaluate(init_params([784, 1]), Batch(X, y), regressor),
        "y must have shape (1, 32) for one output, not (32,)",
    ),
    "map": (TypeError, lambda: evaluate(params, Batch(X, y), map=3), "map must be a function"),
    "iterations": (
        TypeError,
        lambda: gradient_descent(params, X, y, iterations=1.5, learning_rate=1),
        "iterations must be an integer, not float 1.5",
    ),
    "optimizer": (
        TypeError,
        lambda: train_step(state, Batch(X, y), optimizer=0.1),
        "optimizer must be an Optimizer such as sgd(0.1), not float",
    ),
    "no optimizer": (TypeError, lambda: init_state(params, sgd), "not function"),
    "state": (
        TypeError,
        lambda: train(params, [], optimizer=sgd(0.1)),
        "state must be a State, not tuple",
    ),
    "classes": (ValueError, lambda: one_hot(y, 9), "labels y must be in 0 ... 8, not 9"),
    "labels as floats": (TypeError, lambda: one_hot(y / 1, 10), "y must hold integers"),
    "pixels": (ValueError, lambda: normalize(np.array([[256]])), "from 0 to 255"),
    "pixels of nan": (ValueError, lambda: normalize(np.array([[np.nan]])), "from 0 to 255"),
    "pairs": (ValueError, lambda: shuffle(X, y[1:], seed=0), "of the m = 32 examples of X"),
    "size": (ValueError, lambda: shards(X, y, size=0), "size must be at least 1, not 0"),
    "fraction": (ValueError, lambda: split(X, y, 1.0), "fraction must be below 1"),
    "an empty side": (ValueError, lambda: split(X, y, 0.001), "leaves one side empty"),
    "predictions": (ValueError, lambda: accuracy(y[:, np.newaxis], y), "must have one shape"),
    "no predictions": (ValueError, lambda: accuracy(y[:0], y[:0]), "y is empty"),
    "classes of a matrix": (
        ValueError,
        lambda: confusion_matrix(y, y, 5),
        "labels predicted must be in 0 ... 4, not 9",
    ),
    "trees": (ValueError, lambda: map_arrays(np.add, params, params[1:]), "the trees differ"),
    "vector": (ValueError, lambda: unflatten(flatten(params)[1:], params), "takes (203530,)"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_others(case):
    error, call, message = OTHERS[case]
    with pytest.raises(error, match=re.escape(message)) as caught:
        call()
    assert re.match(r"\w+: ", str(caught.value))
    assert "\n" not in str(caught.value)

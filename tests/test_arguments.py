"""Every public function meets every kind of wrong argument, and says so before any work is done."""

import inspect
import itertools
import re
from collections.abc import Iterator

import numpy as np
import pytest

import scratchmlp
from scratchmlp import Evaluation, classifier, gaussian_noise, stack, zero_biases
from scratchmlp._names import INITIALIZERS
from tests.wrong_values import (
    ALL_WEIGHTS,
    ANYTHING,
    AS_MANY,
    BATCH,
    CACHE,
    CLASSES,
    COUNT,
    CURVED,
    DTYPE,
    EXAMPLES,
    FINITE,
    FITTING,
    FROM_ZERO,
    GOALS,
    GRADS,
    IMAGE,
    INITIALIZER,
    LABELS,
    LIKE_PARAMS,
    MASKS,
    MEMBERS,
    NETWORK,
    NO_CURVATURE,
    NO_SECOND,
    OPTIMIZER,
    OTHER_SHAPES,
    PARAMS,
    PIXELS,
    POSITIVE,
    RANGE,
    RATE,
    ROWS,
    SCALES,
    SHARE,
    SIZES,
    STATE,
    STATISTICS,
    STREAM,
    TARGETS,
    TREE,
    UNSEEN,
    WEIGHTS,
    X,
    Y,
    batch,
    cache,
    flat,
    gives,
    masks,
    one,
    optimizer,
    other,
    params,
    record,
    state,
    statistics,
    weights,
    y,
)

GRADUAL = {"iterations": (5, COUNT, "")}


def without(wrong, name):
    return {key: value for key, value in wrong.items() if key != name}


def each_number(value, wrong, right):
    """A number of an optimizer, which may be an array of one for each network of a stack."""
    arrays = {"matrix of numbers": np.ones((1, 1)), "array with NaN": np.array([np.nan])}
    return value, without(wrong, "array of one") | arrays, f"{right}, 0-dimensional"


LEARNING = each_number(0.1, RATE, "number, function, type, y")
SHARED = each_number(0.9, SHARE, "number")
ABOVE_ZERO = each_number(1e-8, POSITIVE, "number")
SIZE = each_number(0.1, RATE, "number, y")
DECAY = {
    "rate": SIZE,
    "every": (5, COUNT, ""),
    "factor": (0.5, POSITIVE, "number"),
}
ADAM = {"learning_rate": LEARNING, "beta1": SHARED, "beta2": SHARED, "epsilon": ABOVE_ZERO}


PLATEAU = {
    "rate": SIZE,
    "patience": (5, COUNT, ""),
    "factor": (0.5, SHARE | {"zero": 0}, "number"),
    "min_improvement": SIZE,
}
NUMBERS = "list of numbers, empty list, empty tuple, set, y"
LOSSES = {"texts": ["abc"], "None inside": [None], "number": 1.0, "booleans": [True]}
PAIRS = {
    "X": (X, ROWS | {"an example too few": X[:, 1:]}, "X"),
    "y": (y, LABELS | AS_MANY | TARGETS, "y, X"),
}
SHARDS = PAIRS | {
    "size": (4, COUNT, ""),
    "weights": (weights, without(WEIGHTS, "row"), "None, y"),
}
PARAMETERS = {"params": (params, PARAMS, "params")}
OF_A_NETWORK = {"network": (classifier, NETWORK, "network")}
MAP = {"map": (map, {"number of workers": 4}, "function, type")}
OVER_SHARDS = {
    "params": (params, FITTING, "params"),
    "shards": (batch, BATCH, "batch"),
    **OF_A_NETWORK,
    **MAP,
}
OF_EXAMPLES = {
    "params": (params, FITTING, "params"),
    "X": (X, EXAMPLES | {"an example too few": X[:, 1:]}, "X"),
    "y": (y, GOALS, "y"),
    **OF_A_NETWORK,
}
OF_ALL = OF_EXAMPLES | {
    "y": (y, GOALS | {"batch": batch}, "y"),
    "network": (classifier, NETWORK | CURVED, "network"),
    "weights": (weights, ALL_WEIGHTS, "None, y"),
    **MAP,
}
WITH_MASKS = {"masks": (masks, MASKS, "None")}
DROPOUT = {
    "sizes": ((3, 4, 3), SIZES | {"others": (3, 4)}, "y"),
    "rate": ([0.5], SHARE | {"too many": [0.5, 0.5]}, "number"),
    "input_rate": (0.1, SHARE, "number"),
    "seed": (0, FROM_ZERO, ""),
}
VECTOR = {"vector": (params, LIKE_PARAMS, "params")}
EVALUATION = Evaluation(0.5, 0.5)


def returns(result):
    return lambda *_, **__: result


OBJECTIVE = {
    "gives None": returns(None),
    "gives a number": returns(0.5),
    "gives a gradient alone": returns(params),
    "gives no gradient": returns((EVALUATION, ())),
    "gives pairs for layers": returns((EVALUATION, tuple(map(tuple, params)))),
    "gives text for a loss": returns((Evaluation("abc", 0.5), params)),
}
WITH_OBJECTIVE = {"value_and_grad": (scratchmlp.value_and_grad, OBJECTIVE, "function, type")}
TRAINING = {
    **OF_A_NETWORK,
    "optimizer": (optimizer, OPTIMIZER, "optimizer"),
    **MAP,
    **WITH_OBJECTIVE,
}
PREDICTIONS = {
    "predicted": (y, LABELS | AS_MANY, "y"),
    "y": (y, LABELS | AS_MANY, "y"),
}

# Of each argument: a right value, wrong ones, and what of ANYTHING is right as well.


def no_states(state, rate):
    return iter(())


def one_loss(state):
    return 1.0


ARGUMENTS = {
    "accuracy": PREDICTIONS,
    "adagrad": {"learning_rate": LEARNING, "initial": SIZE, "epsilon": ABOVE_ZERO},
    "adam": ADAM,
    "adamw": ADAM | {"weight_decay": SIZE},
    "adversarial": {"length": (0.1, RATE, "number")},
    "affine": {
        "rotation": (10.0, RANGE, "number"),
        "scale": (0.1, SCALES, "number"),
        "shear": (0.1, RANGE, "number"),
        "shift": ((-1.0, 2), RANGE, "number"),
        "shape": ((5, 6), IMAGE, "None"),
    },
    "averaged": {"state": (state, {"record": record, "list of states": [state]}, "state")},
    "backward": {
        "params": (params, GRADS, "params"),
        "cache": (cache, CACHE, "cache"),
        "y": (y, GOALS, "y"),
        **OF_A_NETWORK,
        "weights": (weights, WEIGHTS, "None, y"),
        "total": each_number(6.0, POSITIVE, "number, None"),
        **WITH_MASKS,
    },
    "balanced_weights": {"y": (y, LABELS | {"negative": one(y, -1)}, "y")},
    "best_record": {"records": ([record], UNSEEN, "")},
    "clip_by_global_norm": {
        "optimizer": (optimizer, OPTIMIZER, "optimizer"),
        "max_norm": ABOVE_ZERO,
    },
    "clipped_grad_sum": OF_EXAMPLES
    | {
        "X": (X, without(EXAMPLES, "no examples"), "X"),
        "max_norm": (1.0, POSITIVE, "number"),
    },
    "committee": {
        "members": ([params], MEMBERS, "params in a list"),
        "X": (X, EXAMPLES, "X"),
        **OF_A_NETWORK,
    },
    "compose": {
        "augmentations": (gaussian_noise(0.1), {"name of one": "affine"}, "function, type"),
    },
    "confusion_matrix": {
        "predicted": (y, CLASSES | AS_MANY, "y"),
        "y": (y, CLASSES | AS_MANY, "y"),
        "n_classes": (3, COUNT, ""),
    },
    "constant": {"rate": SIZE},
    "contrasts": {
        "X": (X, ROWS | {"NaN": one(X, np.nan)}, "X"),
        "neighbours": (3.0, POSITIVE, "number"),
    },
    "cosine_decay": {
        "rate": SIZE,
        **GRADUAL,
        "final": SIZE,
    },
    "deltas": {
        "params": (params, GRADS, "params"),
        "cache": (cache, CACHE, "cache"),
        "y": (y, GOALS, "y"),
        **OF_A_NETWORK,
    },
    "ensemble_outputs": {
        "members": ([params], MEMBERS, "params in a list"),
        "X": (X, EXAMPLES, "X"),
        **OF_A_NETWORK,
    },
    "dropout": {
        "batches": (
            [batch],
            {"number": 5, "numbers": [1], "None": [None], "X alone": [X]},
            "empty list, empty tuple",
        ),
        **DROPOUT,
        "start": (0, FROM_ZERO, ""),
        **MAP,
    },
    "dropout_masks": {"m": (5, COUNT, ""), **DROPOUT, "iteration": (0, FROM_ZERO, "")},
    "codes": {
        "values": (y, {"matrix": X, "texts": np.array(["a"])}, "y"),
        "names": (np.arange(3), {"matrix": X, "twice": np.array([1, 1])}, "y"),
    },
    "indicators": {
        "codes": (y, {"too high": y + 3, "too low": y - 2, "matrix": X.astype(int)}, "y"),
        "n": (3, COUNT, ""),
        "dtype": (np.float32, DTYPE, "None"),
    },
    "plateau_rate": PLATEAU | {"losses": ([0.5], LOSSES, NUMBERS)},
    "plateau": PLATEAU
    | {
        "run": (no_states, {}, "type, function"),
        "state": (state, {}, "state"),
        "loss": (one_loss, {}, "type, function"),
        "every": (1, COUNT, ""),
        "earlier": ([0.5], LOSSES, NUMBERS),
    },
    "stratified_split": PAIRS
    | {"fraction": (0.5, SHARE | {"zero": 0, "tiny": 1e-9}, "number"), "seed": (0, FROM_ZERO, "")},
    "early_stopping": {
        "records": ([record], UNSEEN, "empty list, empty tuple"),
        "patience": (1, COUNT, ""),
        "min_improvement": (0.0, RATE, "number"),
        "earlier": ([0.5], LOSSES, NUMBERS),
    },
    "elastic": {
        "sigma": (4.0, POSITIVE, "number"),
        "alpha": (20.0, RATE, "number"),
        "shape": ((5, 6), IMAGE, "None"),
    },
    "evaluate": OVER_SHARDS,
    "example_grad_norms": OF_EXAMPLES,
    "example_grad_tiles": OF_EXAMPLES | {"size": (4, COUNT, "")},
    "example_grads": OF_EXAMPLES,
    "exponential_decay": DECAY,
    "fisher_diagonal": OF_EXAMPLES,
    "flatten": {
        "tree": (
            params,
            TREE,
            "params, layer, tuples for layers, X, y, complex numbers, 0-dimensional, cache, batch",
        ),
    },
    "forward": {
        "params": (params, FITTING, "params"),
        "X": (X, EXAMPLES, "X"),
        **OF_A_NETWORK,
        **WITH_MASKS,
    },
    "gabor": {"sigma": (1.5, POSITIVE, "number"), "shape": ((5, 6), IMAGE, "None")},
    "gaussian_noise": {"deviation": (0.1, RATE, "number")},
    "gnvp": OF_ALL | VECTOR | {"network": (classifier, NETWORK | NO_CURVATURE, "network")},
    "gradient_descent": {
        "params": (params, FINITE, "params"),
        "X": (X, EXAMPLES | {"an example too few": X[:, 1:]}, "X"),
        "y": (y, GOALS | {"batch": batch}, "y"),
        "iterations": (2, FROM_ZERO, ""),
        "learning_rate": LEARNING,
        **OF_A_NETWORK,
        **MAP,
        **WITH_OBJECTIVE,
    },
    "hessian_trace": OF_ALL | {"samples": (2, COUNT, ""), "seed": (0, FROM_ZERO, "")},
    "history": {
        "stream": (
            [record],
            STREAM | {"a wrong validation": UNSEEN["validation that is a number"]},
            "empty list, empty tuple",
        )
    },
    "huber": {"threshold": (1.0, POSITIVE, "number")},
    "hvp": OF_ALL | VECTOR,
    "image_seeds": {
        "seed": (0, FROM_ZERO, ""),
        "epoch": (0, FROM_ZERO, ""),
        "places": (y, LABELS | {"negative": one(y, -1)}, "y"),
    },
    "init_params": {
        "sizes": ((3, 4), SIZES, "y"),
        "seed": (0, FROM_ZERO, ""),
        "initializer": (gives(np.zeros((4, 3))), INITIALIZER, "function, type"),
        "dtype": (np.float32, DTYPE, ""),
    },
    "init_state": {
        "params": (params, FINITE, "params"),
        "optimizer": (optimizer, OPTIMIZER, "optimizer"),
    },
    "input_grad": OF_EXAMPLES,
    "inverse_scaling": {
        "rate": SIZE,
        "power": (0.5, RATE, "number"),
        "every": (2, COUNT, ""),
    },
    "jvp": {
        "params": (params, GRADS, "params"),
        "tangent": (params, LIKE_PARAMS, "params"),
        "X": (X, EXAMPLES, "X"),
        **OF_A_NETWORK,
        "X_tangent": (X, EXAMPLES, "X, None"),
    },
    "jvp_grad": {
        "params": (params, FITTING, "params"),
        "cotangent": (Y, EXAMPLES, "X"),
        "X": (X, EXAMPLES, "X"),
        "network": (classifier, NETWORK | NO_SECOND, "network"),
        "X_tangent": (X, EXAMPLES, "X"),
    },
    "layerwise": {"optimizers": (optimizer, OPTIMIZER, "optimizer")},
    "leaky_relu": {"slope": (0.1, SHARE, "number")},
    "lion": {
        "learning_rate": LEARNING,
        "beta1": SHARED,
        "beta2": SHARED,
        "weight_decay": SIZE,
    },
    "live_shards": SHARDS,
    "lookahead": {
        "optimizer": (optimizer, OPTIMIZER, "optimizer"),
        "period": (5, COUNT, ""),
        "share": SHARED,
    },
    "map_arrays": {
        "function": (np.add, {"name of one": "add"}, "function, type"),
        "tree": (params, TREE | OTHER_SHAPES, "params, tuples for layers"),
        "trees": (params, TREE | OTHER_SHAPES, "params, tuples for layers"),
    },
    "mapped": {
        "optimizer": (optimizer, OPTIMIZER, "optimizer"),
        "grads": (zero_biases, {"name of one": "zero_biases"}, "function, type, None"),
        "params": (zero_biases, {"name of one": "zero_biases"}, "function, type, None"),
    },
    "max_norm": {
        "optimizer": (optimizer, OPTIMIZER, "optimizer"),
        "limit": ABOVE_ZERO,
    },
    "minibatches": SHARDS
    | {
        "seed": (0, FROM_ZERO, ""),
        "start": (0, FROM_ZERO, ""),
        "augment": (gaussian_noise(0.1), {"that spoils": lambda X, seeds: X[1:]}, "None, function"),
        **MAP,
    },
    "momentum": {"learning_rate": LEARNING, "beta": SHARED},
    "moving_average": {"optimizer": (optimizer, OPTIMIZER, "optimizer"), "decay": SHARED},
    "muon": {
        "learning_rate": LEARNING,
        "beta": SHARED,
        "weight_decay": SIZE,
        "adam_ratio": ABOVE_ZERO,
        "last_layer": (False, {"one": 1}, "True"),
    },
    "nadam": ADAM,
    "nesterov": {"learning_rate": LEARNING, "beta": SHARED},
    "newton_cg_step": OF_ALL
    | {
        "network": (classifier, NETWORK | NO_CURVATURE, "network"),
        "damping": (0.1, POSITIVE, "number"),
        "iterations": (2, COUNT, ""),
    },
    "normalize": {
        "pixels": (np.arange(12, dtype=np.uint8).reshape(3, 4), PIXELS, "y, 0-dimensional"),
        "dtype": (np.float32, DTYPE, ""),
    },
    "ntk": {
        "params": (params, FITTING, "params"),
        "X": (X, EXAMPLES, "X"),
        "X2": (X, EXAMPLES, "X, None"),
        **OF_A_NETWORK,
        "per_output": (True, {}, ", ".join(ANYTHING)),
    },
    "one_cycle": {
        "peak": SIZE,
        **GRADUAL,
        "rising": (0.3, SHARE | {"zero": 0}, "number"),
        "start": each_number(0.1, RATE, "number, None, y"),
        "final": each_number(0.1, RATE, "number, None, y"),
    },
    "one_hot": {
        "y": (y, CLASSES, "y"),
        "n_classes": (3, COUNT, ""),
        "dtype": (np.float32, DTYPE, ""),
    },
    "predict": {"params": (params, FITTING, "params"), "X": (X, EXAMPLES, "X"), **OF_A_NETWORK},
    "records": {
        "states": ([state], STREAM | {"records": [record]}, "empty list, empty tuple"),
        "validation": (batch, BATCH, "batch, None"),
        "every": (1, COUNT, ""),
        "network": (classifier, NETWORK, "network"),
        **MAP,
    },
    "rmsprop": {"learning_rate": LEARNING, "beta": SHARED, "epsilon": ABOVE_ZERO},
    "schedule_free": {"optimizer": (optimizer, OPTIMIZER, "optimizer"), "beta": SHARED},
    "sgd": {"learning_rate": LEARNING},
    "shards": SHARDS,
    "shuffle": PAIRS | {"seed": (0, FROM_ZERO, "")},
    "smooth_labels": {
        "Y": (Y, ROWS | {"NaN": one(Y, np.nan), "one row": Y[:1]}, "X"),
        "alpha": (0.1, SHARE, "number"),
    },
    "split": PAIRS | {"fraction": (0.5, SHARE | {"zero": 0, "tiny": 1e-9}, "number")},
    "stack": {
        "trees": (
            [params, params],
            {"none": [], "of two networks": [params, other], "numbers": [1, 2], "arrays": [X, X]},
            "params, list of layers, tuples for layers, layer, state in a list",
        )
    },
    "standardize": {
        "X": (X, ROWS | {"NaN": one(X, np.nan), "infinity": one(X, np.inf)}, "X"),
        "statistics": (statistics, STATISTICS, "None"),
        "missing": (False, {"one": 1}, "True"),
    },
    "step": {
        "params": (params, GRADS, "params"),
        "grads": (params, GRADS, "params"),
        "learning_rate": SIZE,
    },
    "step_decay": DECAY,
    "thinned": {
        "stream": ([record], STREAM, "empty list, empty tuple"),
        "every": (1, COUNT, ""),
    },
    "train": {
        "state": (state, STATE, "state"),
        "batches": (
            [batch],
            {name: [value] for name, value in BATCH.items()} | {"number": 5},
            "empty list, empty tuple",
        ),
        **TRAINING,
    },
    "train_step": {"state": (state, STATE, "state"), "batch": (batch, BATCH, "batch"), **TRAINING},
    "unflatten": {
        "vector": (
            flat,
            {"list": flat.tolist(), "column": flat[:, np.newaxis], "one too few": flat[1:]}
            | {"complex": flat + 0j, "booleans": flat > 0, "empty": flat[:0]},
            "",
        ),
        "like": (params, TREE, "params, tuples for layers"),
    },
    "unstack": {
        "tree": (
            stack([params, params]),
            {"of two sizes": params},
            "layer, y, tuples for layers",
        ),
    },
    "value_and_grad": OVER_SHARDS,
    "vjp": {
        "params": (params, FITTING, "params"),
        "cotangent": (Y, EXAMPLES, "X"),
        "X": (X, EXAMPLES, "X"),
        **OF_A_NETWORK,
    },
    "warmup": {"learning_rate": LEARNING, **GRADUAL},
    "weight_decay": {
        "optimizer": (optimizer, OPTIMIZER, "optimizer"),
        "decay": LEARNING,
    },
}

# What a message may name in the place of the argument: its parts.
IN_A_BATCH = ("shards", "shard", "batch", "X", "y", "weights", "rows", "masks", "total")
PARTS = dict.fromkeys(("shards", "batch", "batches", "validation"), IN_A_BATCH) | {
    "records": ("record",),
    "network": ("loss",),
    "params": ("X",),
    "state": ("params",),
    "statistics": ("mean", "deviation"),
    "optimizers": ("optimizer",),
}


def cases():
    for function, arguments in ARGUMENTS.items():
        for argument, (_, wrong, right) in arguments.items():
            others = {k: v for k, v in ANYTHING.items() if k not in right.split(", ")}
            yield pytest.param(function, argument, others | wrong, id=f"{function}-{argument}")


def call(function, arguments):
    if function in ("map_arrays", "compose", "layerwise"):  # what they take has no names
        return getattr(scratchmlp, function)(*arguments.values())
    result = getattr(scratchmlp, function)(**arguments)
    return list(itertools.islice(result, 3)) if isinstance(result, Iterator) else result


def right_arguments(function):
    return {argument: value for argument, (value, *_) in ARGUMENTS[function].items()}


def test_no_public_function_is_left_out():
    functions = {name for name in scratchmlp.__all__ if callable(getattr(scratchmlp, name))}
    unchecked = {"frozen", "zero_biases"}  # which take nothing, or any tree
    assert {name for name in functions if name.islower()} == {*ARGUMENTS, *INITIALIZERS, *unchecked}


@pytest.mark.parametrize("function", ARGUMENTS)
def test_no_argument_is_left_out(function):
    assert {*ARGUMENTS[function]} == {*inspect.signature(getattr(scratchmlp, function)).parameters}


@pytest.mark.parametrize("function", ARGUMENTS)
def test_the_right_arguments_are_taken(function):
    call(function, right_arguments(function))


@pytest.mark.parametrize(("function", "argument", "values"), [*cases()])
def test_wrong_arguments(function, argument, values):
    faults = {name: fault_with(function, argument, value) for name, value in values.items()}
    assert faults == dict.fromkeys(values, "")


def fault_with(function, argument, value):
    """What is wrong with the message about a value; nothing if it is as it should be."""
    try:
        call(function, right_arguments(function) | {argument: value})
    except (TypeError, ValueError) as error:
        message = str(error)
    else:
        return "there is no error"
    named = set(re.findall(r"\w+", message.removeprefix(f"{function}: ")))
    right = (
        message.startswith(f"{function}: ")
        and "\n" not in message
        and named & {*ARGUMENTS[function], *PARTS.get(argument, ())}
    )
    return "" if right else message

"""Right values for the arguments of public functions, and by names the wrong ones of each kind."""

import numpy as np

from scratchmlp import (
    Activation,
    Batch,
    Cache,
    Evaluation,
    Layer,
    Loss,
    Network,
    Optimizer,
    Record,
    Statistics,
    adam,
    classifier,
    dropout_masks,
    forward,
    identity,
    init_params,
    init_state,
    live_shards,
    relu,
    softmax,
    standardize,
)
from tests.helpers import problem

params, X, Y, weights = problem()
y = Y.argmax(axis=0)
masks = dropout_masks([3, 4, 3], 6, rate=0.5, input_rate=0.2)
cache, optimizer, (live,) = forward(params, X), adam(0.1), live_shards(X, y)
state, batch = init_state(params, optimizer), Batch(X, Y, weights)
other = init_params([3, 5, 3], dtype=np.float64)
narrow = (Layer(params[0].W[:1], params[0].b[:1]), Layer(params[1].W[:, :1], params[1].b))
flat = np.zeros(31)
record = Record(1, Evaluation(1.0, 0.5), Evaluation(1.0, 0.5), state)
statistics = standardize(X).statistics
HUGE = 10**400  # too large for a float


def one(array, value):
    """The array with one of its numbers changed."""
    copy = np.array(array, np.result_type(array, type(value)))
    copy[(0,) * copy.ndim] = value
    return copy


# What any argument may be mistaken for; an argument names those of them that are right for it.
ANYTHING = {
    "None": None,
    "text": "abc",
    "bytes": b"abc",
    "True": True,
    "NumPy's True": np.True_,
    "complex number": 1 + 2j,
    "object": object(),
    "set": {1, 2},
    "dictionary": {"a": 1},
    "list of numbers": [0.5, 1.5],
    "empty list": [],
    "empty tuple": (),
    "type": Network,
    "function": np.tanh,
    "number": 0.5,
    "params": params,
    "layer": params[0],
    "list of layers": list(params),
    "tuples for layers": tuple(map(tuple, params)),
    "X": X,
    "y": y,
    "objects": X.astype(object),
    "complex numbers": X.astype(complex),
    "texts": X.astype(str),
    "dates": y.astype("M8[s]"),
    "masked": np.ma.masked_less(X, 0),
    "0-dimensional": np.array(1.0),
    "cache": cache,
    "network": classifier,
    "optimizer": optimizer,
    "activation": relu,
    "state": state,
    "batch": batch,
    "record": record,
}

NUMBER = {"text of a number": "0.5", "array of one": np.array([0.5])}
NOT_FINITE = {"NaN": np.nan, "infinity": np.inf, "float32 infinity": np.float32(-np.inf)}
RATE = NUMBER | NOT_FINITE | {"negative": -0.1, "huge": HUGE}
POSITIVE = RATE | {"zero": 0, "zero of float32": np.float32(0)}
RANGE = {name: value for name, value in RATE.items() if name != "negative"} | {
    "negative number": -1.0,
    "pair the wrong way round": (2.0, 1.0),
    "three numbers": (0.0, 1.0, 2.0),
    "list of two": [0.0, 1.0],
    "pair of texts": ("0", "1"),
    "pair of NaN": (np.nan, np.nan),
    "infinite pair": (0.0, np.inf),
    "pair of booleans": (False, True),
}
SCALES = RANGE | {"one": 1.0, "pair from zero": (0, 1), "negative pair": (-2.0, -1.0)}
IMAGE = {
    "one size": (5,),
    "three": (5, 6, 1),
    "zero": (0, 6),
    "negative": (-5, 6),
    "floats": (5.0, 6.0),
    "list": [5, 6],
}
SHARE = RATE | {"one": 1, "above one": 1.5}
COUNT = (
    NUMBER | NOT_FINITE | {"zero": 0, "negative": -1, "whole float": 2.0, "float64": np.float64(2)}
)
FROM_ZERO = {name: value for name, value in COUNT.items() if name != "zero"}
SHAPES = {"vector": X[0], "3 dimensions": X[np.newaxis], "no examples": X[:, :0], "no rows": X[:0]}
KINDS = {"booleans": X > 0, "nested lists": X.tolist(), "matrix": X.view(np.matrix)}
ROWS = SHAPES | KINDS
EXAMPLES = ROWS | {
    "NaN": one(X, np.nan),
    "infinity": one(X, -np.inf),
    "transposed": X.T,
    "a row too few": X[1:],
}
LABELS = {
    "floats": y.astype(float),
    "booleans": y > 0,
    "objects": y.astype(object),
    "masked": np.ma.array(y),
    "column": y[:, np.newaxis],
    "list": y.tolist(),
    "empty": y[:0],
    "texts of numbers": y.astype(str),
}
CLASSES = LABELS | {"negative": one(y, -1), "too high": one(y, 3), "highest": one(y, 2**62)}
AS_MANY = {"one too few": y[1:], "one too many": np.append(y, 0)}
TARGETS = {
    "transposed": Y.T,
    "one example too few": Y[:, 1:],
    "no outputs": Y[:0],
    "booleans of targets": Y > 0,
    "nested lists": Y.tolist(),
}
GOALS = (
    CLASSES
    | AS_MANY
    | TARGETS
    | {
        "a row of labels": y[np.newaxis],
        "an output too few": Y[1:],
        "NaN": one(Y, np.nan),
        "infinity": one(Y, np.inf),
        "negative targets": one(Y, -1.0),
        "no probabilities": 3 * Y,
        "X": X,
    }
)
WEIGHTS = {
    "NaN": one(weights, np.nan),
    "infinity": one(weights, np.inf),
    "negative": one(weights, -1.0),
    "overflowing sum": np.full(6, 1e308),
    "row": weights[np.newaxis],
    "one too few": weights[1:],
    "one": weights[:1],
    "list": weights.tolist(),
    "booleans": weights > 0,
}
ALL_WEIGHTS = WEIGHTS | {"all zero": 0 * weights}
PARAMS = {
    "flat b": (params[0], Layer(params[1].W, params[1].b[:, 0])),
    "b of one": (params[0], Layer(params[1].W, params[1].b[:1])),
    "no outputs": (params[0], Layer(params[1].W[:0], params[1].b[:0])),
    "layers that do not fit": params[:1] * 2,
    "two dtypes": (params[0], Layer(params[1].W, params[1].b.astype(np.float32))),
    "integers": tuple(Layer(W.astype(int), b.astype(int)) for W, b in params),
    "complex": tuple(Layer(W + 0j, b + 0j) for W, b in params),
    "objects inside": tuple(Layer(W.astype(object), b.astype(object)) for W, b in params),
    "masked inside": tuple(Layer(np.ma.array(W), b) for W, b in params),
    "lists inside": tuple(Layer(W.tolist(), b.tolist()) for W, b in params),
    "None inside": (params[0], None),
    "b missing": (params[0], Layer(params[1].W, None)),
    "nested": (params,),
}
FITTING = PARAMS | {"of other inputs": init_params([4, 3])}
GRADS = PARAMS | {
    "of another network": other,
    "that would broadcast": narrow,
    "a layer missing": params[:1],
    "float32": init_params([3, 4, 3]),
}
OTHER_SHAPES = {name: GRADS[name] for name in GRADS if name.startswith(("of", "that", "a"))}
LIKE_PARAMS = GRADS | {"empty": ()}
FINITE = PARAMS | {
    "NaN": (params[0], Layer(params[1].W, one(params[1].b, np.nan))),
    "infinity": (Layer(one(params[0].W, np.inf), params[0].b), params[1]),
}
NETWORK = {
    "activations for another depth": Network((relu, relu)),
    "softmax hidden": Network(softmax),
    "list of activations": Network([relu]),
    "function for hidden": Network(np.tanh),
    "activation of None": Network(Activation(None, None)),
    "activation without derivative": Network(Activation(np.tanh, "tanh")),
    "activation for a loss": Network(loss=relu),
    "loss without activation": Network(loss=Loss(np.tanh, np.add, np.add)),
    "loss without value": Network(loss=Loss(identity, None, np.add)),
    "loss without delta": Network(loss=Loss(identity, np.add, 1)),
    "number for a second derivative": Network(relu._replace(second=0)),
    "number for a curvature": Network(loss=classifier.loss._replace(curvature=1.0)),
    "loss": classifier.loss,
}
NO_CURVATURE = {"loss without curvature": Network(loss=Loss(*classifier.loss[:3]))}
NO_SECOND = {"activation without second": Network(Activation(*relu[:2]))}
CURVED = NO_CURVATURE | NO_SECOND
ANY_DEPTH = {name: value for name, value in NETWORK.items() if "depth" not in name}
OPTIMIZER = {
    "no functions": Optimizer(None, None),
    "no update": Optimizer(optimizer.init, 0.1),
    "function that makes one": adam,
}
CACHE = {
    "of another network": forward(other, X),
    "of one layer": forward(params[:1], X),
    "of a batch of another size": Cache(cache.Z, (X[:, :2], *cache.A[1:])),
    "empty": Cache((), ()),
    "None inside": Cache(None, None),
    "lists inside": Cache(list(cache.Z), list(cache.A)),
    "no arrays": Cache((1, 2), (1, 2, 3)),
    "0-dimensional inside": Cache(cache.Z, (np.array(1.0), *cache.A[1:])),
    "objects inside": Cache(cache.Z, (X.astype(object), *cache.A[1:])),
    "integers inside": Cache(cache.Z, (X.astype(int), *cache.A[1:])),
    "Z and A swapped": Cache(cache.A, cache.Z),
}
BATCH = {
    "number alone": 5,
    "X and y alone": (X, y),
    "dictionary": {"X": X, "y": y},
    "function that gives one": lambda: batch,
    "numbers": [1],
    "None": [None],
    "nested shards": [[batch]],
    "function that gives none": [lambda: None],
    "shard of other rows": [batch, Batch(X[1:], y)],
    "swapped": Batch(y, X),
    "only X": Batch(X, None),
    "only y": Batch(None, y),
    "nothing in it": Batch(None, None),
    "masks that are text": batch._replace(masks="abc"),
    "masks for other layers": batch._replace(masks=masks[:1]),
    "masks for a batch": batch._replace(masks=batch),
    "rows of text": live._replace(rows="abc"),
    "rows of another network": live._replace(rows=live.rows + 1),
    "too few rows": live._replace(rows=live.rows[1:]),
    "rows in no order": live._replace(rows=live.rows[::-1]),
    "rows that are no places": live._replace(rows=live.rows + 0.5),
    "total of zero": batch._replace(total=0.0),
    "negative total": batch._replace(total=-1.0),
    "total of text": batch._replace(total="abc"),
} | {
    f"{name} of {field}": batch._replace(**{field: value})
    for field, values in {"X": EXAMPLES, "y": GOALS, "weights": ALL_WEIGHTS}.items()
    for name, value in values.items()
}
MASKS = {
    "list of masks": list(masks),
    "too few": masks[:1],
    "too many": (*masks, masks[0]),
    "of other shapes": masks[::-1],
    "that would broadcast": (masks[0][:, :1], None),
    "booleans": (masks[0] > 0, None),
    "objects": (masks[0].astype(object), None),
    "lists inside": (masks[0].tolist(), None),
}
MEMBERS = {
    "none": [],
    "one of other outputs": [params, init_params([3, 4], dtype=np.float64)],
    "one of other inputs": [params, init_params([4, 3], dtype=np.float64)],
    "state": [state],
    "NaN in one": [params, FINITE["NaN"]],
    "generator": (each for each in [params]),
}
STATE = {
    f"{name} for {field}": state._replace(**{field: value})
    for field, values in {
        "params": FITTING | {"another network": other, "None": None, "X": X},
        "optimizer": {"None": None, "list": list(state.optimizer), "text": "abc"}
        | {
            f"moments {name}": state.optimizer._replace(second_moment=value)
            for name, value in (LIKE_PARAMS | {"None": None, "X": X}).items()
        },
        "iteration": FROM_ZERO | {"None": None, "True": True},
    }.items()
    for name, value in values.items()
}
STREAM = {"numbers": [1, 2], "None": [None], "arrays": [X], "pairs": [(1, 2)]}
UNSEEN = STREAM | {
    "states": [state],
    "no validation": [record._replace(validation=None)],
    "validation that is a number": [record._replace(validation=0.5)],
}
TREE = {
    "numbers inside": (1.0, 2.0),
    "lists inside": ([1.0], [2.0]),
    "None inside": (X, None),
    "objects inside": (X, X.astype(object)),
    "texts inside": (X, X.astype(str)),
    "masked inside": (X, np.ma.array(X)),
}
DTYPE = {
    "integers": int,
    "float16": np.float16,
    "complex": complex,
    "nonsense": "nonsense",
    "array": X,
    "big-endian": ">f4",
}
STATISTICS = {
    "plain pair": tuple(statistics),
    "swapped": Statistics(X, X),
    "NaN": Statistics(one(statistics.mean, np.nan), statistics.deviation),
    "infinite deviation": Statistics(statistics.mean, one(statistics.deviation, np.inf)),
    "zero deviation": Statistics(statistics.mean, 0 * statistics.deviation),
    "negative deviation": Statistics(statistics.mean, -statistics.deviation),
    "of other features": Statistics(statistics.mean[1:], statistics.deviation[1:]),
    "flat": Statistics(statistics.mean[:, 0], statistics.deviation[:, 0]),
    "None inside": Statistics(None, None),
    "numbers inside": Statistics(0.0, 1.0),
}
SIZES = {
    "number": 3,
    "one size": [3],
    "zero": [3, 0],
    "negative": [3, -1],
    "floats": [3.0, 4.0],
    "array of floats": np.array([3.0, 4.0]),
    "matrix": np.array([[3, 4]]),
    "text among them": [3, "4"],
    "nested": [3, [4]],
    "booleans": [True, True],
    "generator": (n for n in (3, 4)),
}


def gives(made):
    return lambda rng, shape, dtype: made


INITIALIZER = {
    "gives None": gives(None),
    "gives a number": gives(1.0),
    "gives another shape": gives(np.zeros((1, 1))),
    "gives lists": gives([[1.0] * 3] * 4),
    "gives text": gives("abc"),
    "gives complex numbers": gives(np.zeros((4, 3), complex)),
    "gives NaN": gives(np.full((4, 3), np.nan)),
    "gives a b of another shape": gives(Layer(np.zeros((4, 3)), np.zeros(4))),
}
PIXELS = KINDS | {
    "negative": -np.ones((2, 2)),
    "too high": 256 * np.ones((2, 2)),
    "NaN": one(X, np.nan),
}

"""A functional, pure-array core for multilayer perceptrons: everything is a fold."""

from scratchmlp.core.activations import Activation, identity, relu, sigmoid, softmax, tanh
from scratchmlp.core.arrays import Array, Grads, Layer, Params, flatten, map_arrays, unflatten
from scratchmlp.core.batches import (
    Batch,
    Data,
    minibatches,
    normalize,
    one_hot,
    shards,
    shuffle,
    split,
)
from scratchmlp.core.initializers import article_normal, he_normal, init_params
from scratchmlp.core.live_rows import LiveBatch, live_shards
from scratchmlp.core.losses import Loss, softmax_cross_entropy, squared_error
from scratchmlp.core.metrics import accuracy, confusion_matrix
from scratchmlp.core.network import (
    Cache,
    Network,
    backward,
    classifier,
    forward,
    predict,
    regressor,
)
from scratchmlp.core.objective import Evaluation, evaluate, value_and_grad
from scratchmlp.core.optimizers import (
    Optimizer,
    clip_by_global_norm,
    momentum,
    nesterov,
    sgd,
    step,
)
from scratchmlp.core.training import (
    DivergenceError,
    State,
    Trained,
    gradient_descent,
    init_state,
    train,
    train_step,
)

__all__ = [
    "Activation",
    "Array",
    "Batch",
    "Cache",
    "Data",
    "DivergenceError",
    "Evaluation",
    "Grads",
    "Layer",
    "LiveBatch",
    "Loss",
    "Network",
    "Optimizer",
    "Params",
    "State",
    "Trained",
    "accuracy",
    "article_normal",
    "backward",
    "classifier",
    "clip_by_global_norm",
    "confusion_matrix",
    "evaluate",
    "flatten",
    "forward",
    "gradient_descent",
    "he_normal",
    "identity",
    "init_params",
    "init_state",
    "live_shards",
    "map_arrays",
    "minibatches",
    "momentum",
    "nesterov",
    "normalize",
    "one_hot",
    "predict",
    "regressor",
    "relu",
    "sgd",
    "shards",
    "shuffle",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "split",
    "squared_error",
    "step",
    "tanh",
    "train",
    "train_step",
    "unflatten",
    "value_and_grad",
]

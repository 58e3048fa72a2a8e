"""A functional, pure-array core for multilayer perceptrons: everything is a fold."""

__version__ = "0.2.0"

from scratchmlp.core.arrays import Array, Grads, Layer, Numbers, Params
from scratchmlp.core.data.augment import (
    affine,
    compose,
    elastic,
    gaussian_noise,
)
from scratchmlp.core.data.batches import (
    Batch,
    minibatches,
    shards,
)
from scratchmlp.core.data.contrasts import contrasts
from scratchmlp.core.data.dropout import (
    dropout,
    dropout_masks,
)
from scratchmlp.core.data.image_seeds import image_seeds
from scratchmlp.core.data.live_rows import (
    live_shards,
)
from scratchmlp.core.data.preprocessing import (
    Data,
    Standardized,
    Statistics,
    codes,
    indicators,
    normalize,
    standardize,
)
from scratchmlp.core.data.splitting import (
    shuffle,
    split,
    stratified_split,
)
from scratchmlp.core.derivatives.adversarial import adversarial
from scratchmlp.core.derivatives.curvature import (
    gnvp,
    hvp,
)
from scratchmlp.core.derivatives.directional import (
    jvp,
    vjp,
)
from scratchmlp.core.derivatives.example_deltas import deltas, input_grad
from scratchmlp.core.derivatives.newton import (
    hessian_trace,
    newton_cg_step,
)
from scratchmlp.core.derivatives.per_example import (
    clipped_grad_sum,
    example_grad_norms,
    example_grad_tiles,
    example_grads,
    fisher_diagonal,
)
from scratchmlp.core.derivatives.slope_grad import jvp_grad
from scratchmlp.core.derivatives.tangent_kernel import (
    ntk,
)
from scratchmlp.core.model.activations import Activation, identity, relu, sigmoid, softmax, tanh
from scratchmlp.core.model.filters import gabor
from scratchmlp.core.model.initializers import (
    article_normal,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    init_params,
    lecun_normal,
    orthogonal,
    zeros,
)
from scratchmlp.core.model.losses import (
    Loss,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from scratchmlp.core.model.network import (
    Cache,
    Network,
    backward,
    classifier,
    forward,
    regressor,
)
from scratchmlp.core.model.prediction import (
    accuracy,
    committee,
    confusion_matrix,
    ensemble_outputs,
    predict,
)
from scratchmlp.core.model.regression_losses import huber, poisson
from scratchmlp.core.model.relu_relatives import elu, gelu, leaky_relu, silu, softplus
from scratchmlp.core.model.targets import (
    balanced_weights,
    one_hot,
    smooth_labels,
)
from scratchmlp.core.stacks import (
    stack,
    unstack,
)
from scratchmlp.core.training.adaptive_optimizers import (
    AdamState,
    RmspropState,
    adam,
    adamw,
    rmsprop,
)
from scratchmlp.core.training.averages import AverageState, averaged, moving_average
from scratchmlp.core.training.further_optimizers import (
    AdagradState,
    LionState,
    adagrad,
    lion,
    nadam,
)
from scratchmlp.core.training.lookahead import LookaheadState, lookahead
from scratchmlp.core.training.muon import MuonState, muon
from scratchmlp.core.training.norms import clip_by_global_norm, max_norm, weight_decay
from scratchmlp.core.training.objective import (
    Evaluation,
    evaluate,
    value_and_grad,
)
from scratchmlp.core.training.optimizers import (
    MomentumState,
    Optimizer,
    momentum,
    nesterov,
    sgd,
    step,
)
from scratchmlp.core.training.plateau import (
    plateau,
    plateau_rate,
)
from scratchmlp.core.training.schedule_free import ScheduleFreeState, schedule_free
from scratchmlp.core.training.schedules import (
    constant,
    cosine_decay,
    exponential_decay,
    inverse_scaling,
    one_cycle,
    step_decay,
    warmup,
)
from scratchmlp.core.training.state import (
    DivergenceError,
    State,
    Trained,
)
from scratchmlp.core.training.stopping import (
    best_record,
    early_stopping,
)
from scratchmlp.core.training.streams import (
    History,
    Record,
    history,
    records,
    thinned,
)
from scratchmlp.core.training.training import (
    gradient_descent,
    init_state,
    train,
    train_step,
)
from scratchmlp.core.training.wrappers import frozen, layerwise, mapped, zero_biases
from scratchmlp.core.trees import flatten, map_arrays, unflatten

__all__ = [
    "Activation",
    "AdagradState",
    "AdamState",
    "Array",
    "AverageState",
    "Batch",
    "Cache",
    "Data",
    "DivergenceError",
    "Evaluation",
    "Grads",
    "History",
    "Layer",
    "LionState",
    "LookaheadState",
    "Loss",
    "MomentumState",
    "MuonState",
    "Network",
    "Numbers",
    "Optimizer",
    "Params",
    "Record",
    "RmspropState",
    "ScheduleFreeState",
    "Standardized",
    "State",
    "Statistics",
    "Trained",
    "accuracy",
    "adagrad",
    "adam",
    "adamw",
    "adversarial",
    "affine",
    "article_normal",
    "averaged",
    "backward",
    "balanced_weights",
    "best_record",
    "classifier",
    "clip_by_global_norm",
    "clipped_grad_sum",
    "codes",
    "committee",
    "compose",
    "confusion_matrix",
    "constant",
    "contrasts",
    "cosine_decay",
    "deltas",
    "dropout",
    "dropout_masks",
    "early_stopping",
    "elastic",
    "elu",
    "ensemble_outputs",
    "evaluate",
    "example_grad_norms",
    "example_grad_tiles",
    "example_grads",
    "exponential_decay",
    "fisher_diagonal",
    "flatten",
    "forward",
    "frozen",
    "gabor",
    "gaussian_noise",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "gnvp",
    "gradient_descent",
    "he_normal",
    "he_uniform",
    "hessian_trace",
    "history",
    "huber",
    "hvp",
    "identity",
    "image_seeds",
    "indicators",
    "init_params",
    "init_state",
    "input_grad",
    "inverse_scaling",
    "jvp",
    "jvp_grad",
    "layerwise",
    "leaky_relu",
    "lecun_normal",
    "lion",
    "live_shards",
    "lookahead",
    "map_arrays",
    "mapped",
    "max_norm",
    "minibatches",
    "momentum",
    "moving_average",
    "muon",
    "nadam",
    "nesterov",
    "newton_cg_step",
    "normalize",
    "ntk",
    "one_cycle",
    "one_hot",
    "orthogonal",
    "plateau",
    "plateau_rate",
    "poisson",
    "predict",
    "records",
    "regressor",
    "relu",
    "rmsprop",
    "schedule_free",
    "sgd",
    "shards",
    "shuffle",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "smooth_labels",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "split",
    "squared_error",
    "stack",
    "standardize",
    "step",
    "step_decay",
    "stratified_split",
    "tanh",
    "thinned",
    "train",
    "train_step",
    "unflatten",
    "unstack",
    "value_and_grad",
    "vjp",
    "warmup",
    "weight_decay",
    "zero_biases",
    "zeros",
]

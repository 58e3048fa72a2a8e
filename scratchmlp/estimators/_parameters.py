"""The parameters that both estimators have, and what values they may take."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils._param_validation import Interval

from scratchmlp import Activation, Optimizer, Record

FRACTION = Interval(Real, 0, 1, closed="left")
ABOVE_ZERO = Interval(Real, 0, None, closed="neither")
COUNT = Interval(Integral, 1, None, closed="left")


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters(BaseMultilayerPerceptron):
    """scikit-learn's parameters, and from `optimizer` on this library's own."""

    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: Any = "auto"
    learning_rate: str = "constant"
    learning_rate_init: Any = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    optimizer: Optimizer | None = None
    n_networks: int = 1
    dropout: Any = 0.0
    input_dropout: float = 0.0
    max_norm: float | None = None
    averaging: float | None = None
    workers: int = 1
    callback: Callable[[Record], Any] | None = None
    resume: bool = False

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMultilayerPerceptron._parameter_constraints,
        "activation": [str, tuple, list, Activation],
        "learning_rate_init": [ABOVE_ZERO, callable],
        "optimizer": [Optimizer, None],
        "n_networks": [COUNT],
        "dropout": [FRACTION, "array-like"],
        "input_dropout": [FRACTION],
        "max_norm": [ABOVE_ZERO, None],
        "averaging": [FRACTION, None],
        "workers": [COUNT],
        "callback": [callable, None],
        "resume": ["boolean"],
    }

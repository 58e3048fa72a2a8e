"""The protocol of fitting: scikit-learn's checks, and the weights as it shows them."""

from contextlib import nullcontext
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from scratchmlp import (
    Activation,
    Array,
    Layer,
    Network,
    Params,
    flatten,
    init_params,
    input_grad,
    map_arrays,
    sigmoid,
)
from scratchmlp._names import activation_named
from scratchmlp.estimators import _fitting as fitting
from scratchmlp.estimators._fitting import Examples
from scratchmlp.estimators._solvers import Solvers
from scratchmlp.workers import threads

FLOATS = (np.float64, np.float32)


class BaseNetwork(Solvers):
    """What `MLPClassifier` and `MLPRegressor` share; what they do not is in `_classes`."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None) -> Any:
        """The estimator itself, fitted to rows X (m, n_features), dense or sparse, and their y.

        `validation`, other rows and their y as a pair, is scored after each iteration, into
        `validation_scores_` and `validation_loss_curve_`. With `early_stopping` it stands in the
        place of the share of X that is otherwise set aside.
        """
        return self._fit(X, y, sample_weight, validation)

    def input_gradient(self, X: Any, y: Any) -> Array:
        """The gradient of each example's loss in its own features, (m, n_features)."""
        check_is_fitted(self)
        X, y, _ = self._examples(X, y, None)
        return input_grad(self._params(), fitting.columns(X), y.T, self.network_).T

    def _fit(
        self, X: Any, y: Any, weights: Any, validation: Any = None, partly: bool = False
    ) -> Any:
        self._validate_params()
        if partly and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        fresh = not hasattr(self, "coefs_")
        fresh = fresh or not (self.warm_start or self.resume or partly)
        examples = self._examples(X, y, weights, reset=fresh, learns=not partly)
        watched = None if validation is None else self._examples(validation[0], validation[1], None)
        sizes = self._sizes(examples)
        self.network_ = Network(self._hidden(), self._loss())
        random = check_random_state(self.random_state)
        if fresh:
            gain = 2 if self.network_.hidden == sigmoid else 6
            make = partial(fitting.uniform_layer, random, gain)
            self._publish(init_params(sizes, initializer=make, dtype=examples.X.dtype))
        if fresh or not hasattr(self, "validation_scores_"):
            self._forget()
        params = self._current(sizes, examples.X.dtype)
        with threads(self.workers) if self.workers > 1 else nullcontext(map) as mapped:
            if self.solver == "lbfgs" and self.optimizer is None:
                self._minimize(examples, params, mapped)
            else:
                self._descend(examples, watched, params, random, partly, mapped)
        if not all(np.isfinite(each).all() for each in (*self.coefs_, *self.intercepts_)):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _examples(
        self, X: Any, y: Any, weights: Any, *, reset: bool = False, learns: bool = False
    ) -> Examples:
        kinds = {"multi_output": True, "y_numeric": self._y_numeric, "reset": reset}
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=FLOATS, order="C", **kinds)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if weights is not None:
            weights = _check_sample_weight(weights, X)
        encoded = self._encoded(y, X.dtype, reset, learns)
        return Examples(X, encoded, self._by_class(y, weights))

    def _sizes(self, examples: Examples) -> list[int]:
        hidden = list(np.atleast_1d(self.hidden_layer_sizes))
        if not all(isinstance(size, Integral) and int(size) > 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, and integers, got {hidden}.")
        self.n_layers_ = len(hidden) + 2
        self.n_outputs_ = self._n_outputs(examples.y)
        return [examples.X.shape[1], *map(int, hidden), self.n_outputs_]

    def _hidden(self) -> Any:
        def one(value: Any) -> Activation:
            if isinstance(value, Activation):
                return value
            return sigmoid if value == "logistic" else activation_named(value)

        several = isinstance(self.activation, (list, tuple))
        if isinstance(self.activation, Activation) or not several:
            return one(self.activation)
        return tuple(map(one, self.activation))

    def _forget(self) -> None:
        """What a first fit starts from."""
        self.n_iter_, self.t_, self._no_improvement_count = 0, 0, 0
        self._best = self._params()
        self.loss_curve_ = []
        self.validation_loss_curve_ = []
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None
        if hasattr(self, "state_"):
            del self.state_

    def _publish(self, params: Params) -> None:
        """The weights as scikit-learn shows them, in writable memory of their own."""
        self._shown = params
        self.coefs_ = [layer.W.T.copy("K") for layer in params]
        self.intercepts_ = [layer.b[:, 0].copy() for layer in params]

    def _params(self) -> Params:
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(Layer(np.asarray(coef).T, np.reshape(b, (-1, 1))) for coef, b in pairs)

    def _current(self, sizes: list[int], dtype: Any) -> Params:
        """What training goes on from: the last state, unless the weights were set since."""
        params = self._params()
        came = [params[0].W.shape[1], *(len(b) for _, b in params)]
        if came != sizes:
            raise ValueError(f"coefs_ are of layers of {came} units, but these are now {sizes}")
        if hasattr(self, "state_") and np.array_equal(flatten(params), flatten(self._shown)):
            params = self.state_.params
        return map_arrays(partial(np.ascontiguousarray, dtype=dtype), params)

    def _outputs(self, X: Any) -> Array:
        """The outputs (m, n_outputs) for rows X."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        return fitting.outputs(self._params(), X, self.network_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

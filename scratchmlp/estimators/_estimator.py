"""What both estimators put in the place of scikit-learn's `fit` and of its forward pass."""

import sys
from contextlib import nullcontext
from copy import copy, deepcopy
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

import scratchmlp as mlp
from scratchmlp._names import activation_named
from scratchmlp.estimators import _fitting as fitting
from scratchmlp.estimators._fitting import Examples
from scratchmlp.estimators._solvers import NOT_FINITE, Solvers
from scratchmlp.workers import threads

FLOATS = (np.float64, np.float32)


class Estimator(Solvers):
    """The bases of our classes are this and scikit-learn's class, of which it replaces the rest."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation: Any = None,
        state: Any = None,
    ) -> Any:
        """The estimator itself, fitted to rows X (m, n_features), dense or sparse, and their y.

        `validation`, other rows and their y as a pair, is scored after each iteration, into
        `validation_scores_` and `validation_loss_curve_`. With `early_stopping` it stands in the
        place of the share of X that is otherwise set aside.

        `state`, as a callback's record or a checkpoint of this fit has it, is what the fit goes on
        from, to max_iter iterations in all. With an integer random_state the weights are then, to
        the bit, those of the fit that was not interrupted. A `State` does not know the losses
        before it, so early_stopping and an adaptive learning rate go on from a pickled estimator.
        """
        return self._fit(X, y, sample_weight, False, validation, state)

    def input_gradient(self, X: Any, y: Any) -> mlp.Array:
        """The gradient of each example's loss in its own features, (m, n_features).

        Of several networks it is the mean of their gradients.
        """
        check_is_fitted(self)
        X, y, _ = self._further(X, y)
        grads = mlp.input_grad(self._params(), fitting.columns(X), y.T, self.network_)
        return (grads if grads.ndim == 2 else grads.mean(axis=0)).T

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        incremental: bool = False,
        validation: Any = None,
        state: mlp.State | None = None,
    ) -> Any:
        self._check_together(incremental, state is not None)
        kept = state is None and hasattr(self, "coefs_")
        kept = kept and (self.warm_start or self.resume or incremental)
        X, y = self._validate_input(X, y, incremental or kept, reset=not kept)
        examples = self._examples(X, y, sample_weight)
        watched = None if validation is None else self._further(*validation)
        self.network_ = mlp.Network(self._hidden(), self._loss())
        self._random_state = check_random_state(self.random_state)
        sizes = self._sizes(X.shape[1], y.reshape(len(y), -1).shape[1])
        if not kept:
            self._begin(sizes, X.dtype)
        if state is not None:
            self._restore(state, len(y))
        elif kept and (incremental or self.resume):
            state = getattr(self, "state_", None)  # a first call of partial_fit may have failed
        params = self._current(state, sizes, X)
        with threads(self.workers) if self.workers > 1 else nullcontext(map) as mapped:
            if self.solver == "lbfgs":
                self._minimize(examples, params, mapped)
            else:
                self._descend(examples, watched, params, state, incremental, mapped)
        if self.verbose and sys.stdout.isatty():
            print()  # below the bar
        if not np.isfinite(mlp.flatten(self._shown)).all():
            raise ValueError(NOT_FINITE)
        return self

    def _check_together(self, incremental: bool, state: bool) -> None:
        """Arguments that are right one by one, but not together."""
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if callable(self.learning_rate_init) and self.learning_rate != "constant":
            raise ValueError(
                "learning_rate must be 'constant' where learning_rate_init is a schedule"
            )
        if self.solver == "lbfgs" and (self.optimizer or self.n_networks > 1 or state):
            raise ValueError("optimizer, n_networks and state need solver='sgd' or 'adam'")
        if state and (self.early_stopping or self.learning_rate == "adaptive"):
            raise ValueError(
                "a state does not know the losses before it, which early_stopping and "
                "learning_rate='adaptive' need: fit a pickled estimator with resume=True"
            )

    def _examples(self, X: Any, y: Any, weights: Any) -> Examples:
        if weights is not None:
            weights = _check_sample_weight(weights, X)
        X = X.tocsr() if issparse(X) else np.ascontiguousarray(X)
        return Examples(X, self._targets(y, X.dtype), weights)

    def _further(self, X: Any, y: Any) -> Examples:
        """Other examples than those of a fit; a classifier has to know their classes already."""
        X, y = copy(self).set_params(warm_start=False)._validate_input(X, y, True, False)
        return self._examples(X, y, None)

    def _sizes(self, n_features: int, n_outputs: int) -> list[int]:
        hidden = list(np.atleast_1d(self.hidden_layer_sizes))
        if not all(isinstance(size, Integral) and int(size) > 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, and integers, got {hidden}.")
        return [n_features, *map(int, hidden), n_outputs]

    def _hidden(self) -> Any:
        def one(value: Any) -> mlp.Activation:
            if isinstance(value, mlp.Activation):
                return value
            return mlp.sigmoid if value == "logistic" else activation_named(value)

        single = isinstance(self.activation, (str, mlp.Activation))
        return one(self.activation) if single else tuple(map(one, self.activation))

    def _begin(self, sizes: list[int], dtype: Any) -> None:
        """What a first fit starts from: scikit-learn's attributes and random weights."""
        drawn = []
        for _ in range(self.n_networks):
            self._initialize(np.empty((0, sizes[-1])), sizes, dtype)
            drawn.append(self._params())
        if isinstance(self.loss, mlp.Loss):
            self.out_activation_ = repr(self.loss.activation)
        self._publish(mlp.stack(drawn) if self.n_networks > 1 else drawn[0])
        self._best, self.validation_loss_curve_ = self._shown, []

    def _restore(self, state: mlp.State, m: int) -> None:
        """Where the fit was whose state this is, if it was a fit of m examples."""
        batches = -(-m // self._batch_size(m))
        self.n_iter_, rest = divmod(state.iteration, batches)
        if rest:
            raise ValueError(
                f"state is of update {state.iteration}, but an iteration over {m} samples has "
                f"{batches} updates"
            )
        self.t_, self._first_random = self.n_iter_ * m, deepcopy(self._random_state)
        self.learning_rate_ = self._scheduled_rate(self.learning_rate_init)
        self._publish(state.params)

    def _publish(self, params: mlp.Params) -> None:
        """The weights as scikit-learn shows them, in writable memory of their own."""
        self._shown = params
        self.coefs_ = [layer.W.mT.copy("K") for layer in params]
        self.intercepts_ = [layer.b[..., 0].copy() for layer in params]

    def _params(self) -> mlp.Params:
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(mlp.Layer(np.asarray(coef).mT, np.expand_dims(b, -1)) for coef, b in pairs)

    def _current(self, state: mlp.State | None, sizes: list[int], X: Any) -> mlp.Params:
        """What training goes on from: the state, unless the weights were set since."""
        params = self._params()
        came = [params[0].W.shape[-1], *(b.shape[-2] for _, b in params)]
        if came != sizes:
            raise ValueError(f"coefs_ are of layers of {came} units, but these are now {sizes}")
        if (len(params[0].W) if params[0].W.ndim == 3 else 1) != self.n_networks:
            raise ValueError(f"coefs_ are not of n_networks={self.n_networks} networks")
        if state is not None and np.array_equal(mlp.flatten(params), mlp.flatten(self._shown)):
            params = state.params
        order = "F" if issparse(X) else "C"  # as the products by SciPy and by BLAS are fast
        return mlp.map_arrays(partial(np.asarray, dtype=X.dtype, order=order), params)

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> mlp.Array:
        """The outputs (m, n_outputs) for rows X, which scikit-learn's `predict` is made of."""
        if check_input:
            X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=FLOATS, reset=False)
        X = X.tocsr() if issparse(X) else X
        return fitting.outputs(self._params(), X, self.network_)

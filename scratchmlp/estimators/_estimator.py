"""What both estimators put in the place of scikit-learn's arithmetic: how they fit and compute."""

import math
import sys
import warnings
from contextlib import nullcontext
from copy import copy, deepcopy
from functools import partial
from itertools import islice
from numbers import Integral
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import issparse
from sklearn.base import _fit_context, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

import scratchmlp as mlp
from scratchmlp._names import activation_named
from scratchmlp.estimators import _fitting as fitting
from scratchmlp.estimators._fitting import Examples, Plan
from scratchmlp.estimators._parameters import Parameters
from scratchmlp.workers import threads

FLOATS = (np.float64, np.float32)
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


class Estimator(Parameters):
    """The bases of our classes are this and scikit-learn's class, of which it replaces the rest."""

    network_: mlp.Network
    state_: mlp.State
    _shown: mlp.Params  # what coefs_ and intercepts_ were made of
    _best: mlp.Params  # of the best score
    _first_random: Any  # the random state at the beginning of the epochs
    _no_improvement_count: int
    best_loss_: Any
    validation_scores_: Any
    validation_loss_curve_: list[float]

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
        params = self._current(state, sizes, X.dtype)
        with threads(self.workers) if self.workers > 1 else nullcontext(map) as mapped:
            if self.solver == "lbfgs":
                self._minimize(examples, params, mapped)
            else:
                self._descend(examples, watched, params, state, incremental, mapped)
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

    def _current(self, state: mlp.State | None, sizes: list[int], dtype: Any) -> mlp.Params:
        """What training goes on from: the state, unless the weights were set since."""
        params = self._params()
        came = [params[0].W.shape[-1], *(b.shape[-2] for _, b in params)]
        if came != sizes:
            raise ValueError(f"coefs_ are of layers of {came} units, but these are now {sizes}")
        if (len(params[0].W) if params[0].W.ndim == 3 else 1) != self.n_networks:
            raise ValueError(f"coefs_ are not of n_networks={self.n_networks} networks")
        if state is not None and np.array_equal(mlp.flatten(params), mlp.flatten(self._shown)):
            params = state.params
        return mlp.map_arrays(partial(np.asarray, dtype=dtype, order="C"), params)

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> mlp.Array:
        """The outputs (m, n_outputs) for rows X, which scikit-learn's `predict` is made of."""
        if check_input:
            X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=FLOATS, reset=False)
        X = X.tocsr() if issparse(X) else X
        return fitting.outputs(self._params(), X, self.network_)

    def _minimize(self, examples: Examples, params: mlp.Params, mapped: Any) -> None:
        def report(intermediate_result: Any) -> None:
            self.n_iter_, loss = self.n_iter_ + 1, float(intermediate_result.fun)
            now = mlp.unflatten(intermediate_result.x, params)
            state = mlp.State(now, (), self.n_iter_, loss, math.nan)
            if self._tell(mlp.Record(self.n_iter_, mlp.Evaluation(loss, math.nan), None, state)):
                raise StopIteration

        self.n_iter_ = 0
        # In float64, whatever the params are: line searches need more than float32 has.
        start = mlp.map_arrays(partial(np.asarray, dtype=np.float64), params)
        result = minimize(
            fitting.objective(examples, self.network_, self.alpha, mapped),
            mlp.flatten(start),
            args=(start,),
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol},
            callback=report,
        )
        self.loss_ = float(result.fun)
        self.state_ = mlp.init_state(mlp.unflatten(result.x, params), mlp.sgd(0))
        self._publish(self.state_.params)
        if result.status not in (0, 99):  # neither converged nor stopped by the callback
            self._warn(f"lbfgs stopped after {self.n_iter_} iterations: {result.message}")

    def _descend(
        self,
        examples: Examples,
        watched: Examples | None,
        params: mlp.Params,
        before: mlp.State | None,
        once: bool,
        mapped: Any,
    ) -> None:
        goes_on = before is not None and not once
        if goes_on and self._no_improvement_count > self.n_iter_no_change:
            return
        if goes_on:  # The numbers of the iterations before are drawn again.
            self._random_state = deepcopy(self._first_random)
        self._first_random = deepcopy(self._random_state)
        if before is None:
            self.learning_rate_ = self.learning_rate_init
        if self.early_stopping and watched is None:
            examples, watched = self._set_aside(examples)
        if watched is not None and self.validation_scores_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -np.inf
        plan = self._plan(len(examples.y), params, mapped)
        state = mlp.init_state(params, plan.optimizer)
        if before is not None:
            state = before._replace(params=params)
        self.n_iter_ = self.n_iter_ if goes_on else 0
        orders = fitting.orders(len(examples.y), self._random_state, self.shuffle)
        try:
            for order in islice(orders, self.n_iter_, self.max_iter):
                state, training = fitting.epoch(plan, state, examples, order)
                validation = self._after_epoch(state, training, watched, len(order))
                plan, state, waited = self._turn(plan, state)
                told = self._tell(mlp.Record(self.n_iter_, training, validation, state))
                if told or waited or once:
                    break
            else:
                self._warn(
                    f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                    "optimization hasn't converged yet."
                )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        except mlp.DivergenceError as error:
            if not self.early_stopping:
                raise ValueError(NOT_FINITE) from error
            self.validation_scores_ = [*self.validation_scores_, math.nan]
        self.state_ = state
        self._publish(self._best if self.early_stopping else mlp.averaged(state).params)

    def _set_aside(self, examples: Examples) -> tuple[Examples, Examples]:
        binary = is_classifier(self) and self.n_outputs_ == 1
        parts = train_test_split(
            np.arange(len(examples.y)),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=examples.y.astype(bool) if binary else None,
        )
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        return fitting.chosen(examples, parts[0]), fitting.chosen(examples, parts[1])

    def _plan(self, m: int, params: mlp.Params, mapped: Any) -> Plan:
        network, drops = self.network_, None
        if network.loss == mlp.squared_error:
            network = network._replace(loss=network.loss._replace(value=fitting.mean_over_outputs))
        if np.any(self.dropout) or self.input_dropout:
            rates = self.dropout if np.ndim(self.dropout) == 0 else [*map(float, self.dropout)]
            sizes = [params[0].W.shape[-1], *(b.shape[-2] for _, b in params)]
            drops = {"sizes": sizes, "rate": rates, "input_rate": self.input_dropout}
            drops["seed"] = int(self._random_state.randint(2**31 - 1))
        optimizer, size = self._made_optimizer(), self._batch_size(m)
        return Plan(network, optimizer, self.alpha, size, drops, self.workers, mapped)

    def _batch_size(self, m: int) -> int:
        size = 200 if self.batch_size == "auto" else self.batch_size
        if size > m and self.batch_size != "auto":
            warnings.warn(f"batch_size={size} is clipped to the {m} samples", stacklevel=6)
        return min(size, m)

    def _made_optimizer(self) -> mlp.Optimizer:
        below_one = 1 - 2**-53  # which decays of 1 are taken for
        if self.optimizer is not None:
            made = self.optimizer
        elif self.solver == "adam":
            betas = min(self.beta_1, below_one), min(self.beta_2, below_one)
            made = fitting.adam_of_scikit_learn(self.learning_rate_init, *betas, self.epsilon)
        elif self.momentum == 0:
            made = mlp.sgd(self.learning_rate_)
        else:
            make = mlp.nesterov if self.nesterovs_momentum else mlp.momentum
            made = make(self.learning_rate_, min(self.momentum, below_one))
        made = made if self.max_norm is None else mlp.max_norm(made, self.max_norm)
        return made if self.averaging is None else mlp.moving_average(made, self.averaging)

    def _after_epoch(
        self, state: mlp.State, training: mlp.Evaluation, watched: Examples | None, m: int
    ) -> mlp.Evaluation | None:
        """The figures of other examples, once all figures are noted for scikit-learn's rules."""
        self.n_iter_, self.t_ = self.n_iter_ + 1, self.t_ + m
        self.loss_, validation = float(np.mean(training.loss)), None
        self.loss_curve_.append(self.loss_)
        if watched is not None:
            best = self.best_validation_score_
            validation = self._validated(mlp.averaged(state).params, watched)
        if self.early_stopping:
            little = self.validation_scores_[-1] < best + self.tol
        else:
            little = self.loss_ > self.best_loss_ - self.tol
            self.best_loss_ = min(self.best_loss_, self.loss_)
        self._no_improvement_count = self._no_improvement_count + 1 if little else 0
        return validation

    def _validated(self, params: mlp.Params, watched: Examples) -> mlp.Evaluation:
        """The figures of other examples, whose score is kept with its params if it is the best."""
        validation = mlp.evaluate(params, fitting.in_shards(watched), self.network_)
        self.validation_loss_curve_.append(float(np.mean(validation.loss)))
        self._publish(params)
        predicted, labels = self._predict(watched.X, check_input=False), self._labels(watched.y)
        score, measure = math.nan, accuracy_score if is_classifier(self) else r2_score
        if predicted.dtype.kind != "f" or np.isfinite(predicted).all():
            score = measure(labels, predicted, sample_weight=watched.weights)
        self.validation_scores_.append(score)
        if score > self.best_validation_score_:
            self.best_validation_score_, self._best = score, params
        return validation

    def _scheduled_rate(self, rate: Any) -> Any:
        """The learning rate of scikit-learn's schedule, which depends on the samples seen."""
        if self.solver != "sgd" or self.learning_rate != "invscaling" or self.optimizer is not None:
            return rate
        return mlp.inverse_scaling(self.learning_rate_init, power=self.power_t)(self.t_)

    def _turn(self, plan: Plan, state: mlp.State) -> tuple[Plan, mlp.State, bool]:
        """Both at the next epoch's learning rate, and whether there was too little improvement."""
        before, waited = self.learning_rate_, self._no_improvement_count > self.n_iter_no_change
        adaptive = self.solver == "sgd" and self.optimizer is None
        adaptive = adaptive and self.learning_rate == "adaptive"
        self.learning_rate_ = self._scheduled_rate(before)
        if adaptive and waited and self.learning_rate_ > 1e-6:
            self.learning_rate_ /= 5
            self._no_improvement_count, waited = 0, False
        if self.learning_rate_ != before:
            memory = fitting.rescaled(state.optimizer, before / self.learning_rate_)
            state = state._replace(optimizer=memory)
            plan = plan._replace(optimizer=self._made_optimizer())
        return plan, state, waited

    def _tell(self, record: mlp.Record) -> bool:
        """Prints and calls as the user wants; whether the callback ends the fit."""
        if self.verbose:
            line = f"Iteration {record.iteration}, loss = {np.mean(record.training.loss):.8f}"
            if record.validation is not None:
                line += f", validation score = {self.validation_scores_[-1]:.6f}"
            share = record.iteration / self.max_iter
            bar, end = f"\r[{'#' * int(20 * share):<20}] ", "\n" if share >= 1 else ""
            terminal = sys.stdout.isatty()
            print(bar * terminal + line, end=end if terminal else "\n", flush=True)
        return self.callback is not None and self.callback(record) is True

    def _warn(self, message: str) -> None:
        warnings.warn(message, ConvergenceWarning, stacklevel=5)

"""The two ways to the weights: SciPy's L-BFGS over all examples, and epochs of minibatches."""

import math
import sys
import warnings
from copy import deepcopy
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split

import scratchmlp as mlp
from scratchmlp.estimators import _fitting as fitting
from scratchmlp.estimators._fitting import Examples, Plan
from scratchmlp.estimators._parameters import Parameters

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


class Solvers(Parameters):
    """How the weights are found, and scikit-learn's rules of when to stop."""

    network_: mlp.Network
    state_: mlp.State
    _shown: mlp.Params  # what coefs_ and intercepts_ were made of
    _best: mlp.Params  # of the best score
    _first_random: Any  # the random state at the beginning of the epochs
    _no_improvement_count: int
    n_iter_: int
    t_: int
    best_loss_: Any
    validation_scores_: Any
    validation_loss_curve_: list[float]

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
            done = "#" * int(20 * record.iteration / self.max_iter)
            terminal = sys.stdout.isatty()
            print(f"\r[{done:<20}] {line}" if terminal else line, end="" if terminal else "\n")
        return self.callback is not None and self.callback(record) is True

    def _warn(self, message: str) -> None:
        warnings.warn(message, ConvergenceWarning, stacklevel=5)

"""How the estimators run their solvers: scikit-learn's epochs and stops around `_fitting`."""

import sys
import warnings
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import shuffle

from scratchmlp import (
    Array,
    Evaluation,
    Network,
    Optimizer,
    Params,
    Record,
    State,
    averaged,
    evaluate,
    flatten,
    init_state,
    inverse_scaling,
    max_norm,
    momentum,
    moving_average,
    nesterov,
    sgd,
    squared_error,
    unflatten,
)
from scratchmlp.estimators import _fitting as fitting
from scratchmlp.estimators._fitting import Examples, Plan
from scratchmlp.estimators._parameters import Parameters


class Solvers(Parameters):
    """The two ways to the weights: SciPy's L-BFGS over all examples, and epochs of minibatches."""

    network_: Network
    state_: State
    coefs_: list[Array]
    intercepts_: list[Array]
    n_outputs_: int
    n_layers_: int
    n_iter_: int
    t_: int
    loss_: float
    learning_rate_: Any
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float]
    best_validation_score_: float | None
    _no_improvement_count: int
    _best: Params  # of the best score
    _random: Any  # the random state at the beginning of the epochs

    def _minimize(self, examples: Examples, params: Params, mapped: Any) -> None:
        def report(intermediate_result: Any) -> None:
            self.n_iter_, loss = self.n_iter_ + 1, float(intermediate_result.fun)
            now = unflatten(intermediate_result.x, params)
            state = State(now, (), self.n_iter_, loss, np.nan)
            if self._tell(Record(self.n_iter_, Evaluation(loss, np.nan), None, state)):
                raise StopIteration

        self.n_iter_ = 0
        options = {"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol}
        objective = fitting.objective(examples, self.network_, self.alpha, mapped)
        result = fitting.lbfgs(params, objective, options, report)
        self.loss_, ended = float(result.fun), result.status in (0, 99)
        self.state_ = init_state(unflatten(result.x, params), sgd(0))
        self._publish(self.state_.params)
        if not ended:  # neither converged nor stopped by the callback
            self._warn(f"lbfgs stopped after {self.n_iter_} iterations: {result.message}")

    def _descend(
        self,
        examples: Examples,
        watched: Examples | None,
        params: Params,
        random: Any,
        partly: bool,
        mapped: Any,
    ) -> None:
        goes_on = hasattr(self, "state_") and (partly or self.resume)
        if callable(self.learning_rate_init) and self.learning_rate != "constant":
            raise ValueError(
                "learning_rate must be 'constant' where learning_rate_init is a schedule"
            )
        done = self.n_iter_ if goes_on and not partly else 0
        if done and self._no_improvement_count > self.n_iter_no_change:
            return
        if done:  # The numbers of the iterations before are drawn again.
            random = deepcopy(self._random)
        self._random = deepcopy(random)
        if not goes_on:
            self.learning_rate_ = self.learning_rate_init
        if self.early_stopping and watched is None:
            examples, watched = self._set_aside(examples, random)
        if watched is not None and self.validation_scores_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -np.inf
        plan = self._plan(len(examples.y), params, random, mapped)
        state = init_state(params, plan.optimizer)
        if goes_on and type(self.state_.optimizer) is type(state.optimizer):
            state = self.state_._replace(params=params)
        order = np.arange(len(examples.y))
        for _ in range(done if self.shuffle else 0):
            order = shuffle(order, random_state=random)
        self.n_iter_ = done
        try:
            while self.n_iter_ < self.max_iter:
                order = shuffle(order, random_state=random) if self.shuffle else order
                state, training = fitting.epoch(plan, state, examples, order)
                ended = self._after_epoch(state, training, watched, len(order))
                plan, state, waited = self._turn(plan, state)
                if ended or waited or partly:
                    break
                if self.n_iter_ == self.max_iter:
                    self._warn(
                        f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
                        "the optimization hasn't converged yet."
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self.state_ = state
        self._publish(self._best if self.early_stopping else averaged(state).params)

    def _set_aside(self, examples: Examples, random: Any) -> tuple[Examples, Examples]:
        parts = train_test_split(
            np.arange(len(examples.y)),
            random_state=random,
            test_size=self.validation_fraction,
            stratify=self._strata(examples.y),
        )
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        X, y, weights = examples
        one, other = (
            Examples(X[rows], y[rows], None if weights is None else weights[rows]) for rows in parts
        )
        return one, other

    def _plan(self, m: int, params: Params, random: Any, mapped: Any) -> Plan:
        network, size = self.network_, min(200, m) if self.batch_size == "auto" else self.batch_size
        if network.loss == squared_error:
            network = network._replace(loss=network.loss._replace(value=fitting.mean_over_outputs))
        if size > m:
            warnings.warn(f"batch_size={size} is clipped to the {m} samples", stacklevel=5)
        drops = None
        if np.any(self.dropout) or self.input_dropout:
            sizes = [params[0].W.shape[1], *(len(b) for _, b in params)]
            rates = self.dropout if np.ndim(self.dropout) == 0 else [*map(float, self.dropout)]
            drops = {"sizes": sizes, "rate": rates, "input_rate": self.input_dropout}
            drops["seed"] = int(random.randint(2**31 - 1))
        optimizer = self._made_optimizer()
        return Plan(network, optimizer, self.alpha, min(size, m), drops, self.workers, mapped)

    def _made_optimizer(self) -> Optimizer:
        if self.optimizer is not None:
            made = self.optimizer
        elif self.solver == "adam":
            constants = self.beta_1, self.beta_2, self.epsilon
            made = fitting.adam_of_scikit_learn(self.learning_rate_init, *constants)
        elif self.momentum == 0:
            made = sgd(self.learning_rate_)
        else:  # A momentum of 1 is taken for the largest number below it.
            make = nesterov if self.nesterovs_momentum else momentum
            made = make(self.learning_rate_, min(self.momentum, 1 - 2**-53))
        made = made if self.max_norm is None else max_norm(made, self.max_norm)
        return made if self.averaging is None else moving_average(made, self.averaging)

    def _after_epoch(
        self, state: State, training: Evaluation, watched: Examples | None, m: int
    ) -> bool:
        """Whether the callback, or weights that are no longer finite, end the fit."""
        self.n_iter_, self.t_, self.loss_ = self.n_iter_ + 1, self.t_ + m, float(training.loss)
        self.loss_curve_.append(self.loss_)
        params, validation = averaged(state).params, None
        waits = self.best_loss_ is not None and self.loss_ > self.best_loss_ - self.tol
        if self.best_loss_ is not None:
            self.best_loss_ = min(self.best_loss_, self.loss_)
        if watched is not None:
            validation = evaluate(params, fitting.in_shards(watched), self.network_)
            score = self._score(fitting.outputs(params, watched.X, self.network_), watched)
            self.validation_loss_curve_.append(float(validation.loss))
            little = self._adds_little(score, params)
            waits = little if self.early_stopping else waits
        self._no_improvement_count = self._no_improvement_count + 1 if waits else 0
        told = self._tell(Record(self.n_iter_, training, validation, state))
        return told or not np.isfinite(flatten(state.params)).all()

    def _adds_little(self, score: float, params: Params) -> bool:
        """Whether a validation score, kept with its params if it is the best, is hardly better."""
        scores, best = self.validation_scores_ or [], self.best_validation_score_
        self.validation_scores_ = [*scores, score]
        if best is None or score > best:
            self.best_validation_score_, self._best = score, params
        return best is not None and score < best + self.tol

    def _turn(self, plan: Plan, state: State) -> tuple[Plan, State, bool]:
        """Both at the next epoch's learning rate, and whether there was too little improvement."""
        before, waited = self.learning_rate_, self._no_improvement_count > self.n_iter_no_change
        rule = self.learning_rate if self.solver == "sgd" and self.optimizer is None else "constant"
        if rule == "invscaling":
            schedule = inverse_scaling(self.learning_rate_init, power=self.power_t)
            self.learning_rate_ = schedule(self.t_)
        if rule == "adaptive" and waited and self.learning_rate_ > 1e-6:
            self.learning_rate_ /= 5
            self._no_improvement_count, waited = 0, False
        if self.learning_rate_ != before:
            memory = fitting.rescaled(state.optimizer, before / self.learning_rate_)
            state = state._replace(optimizer=memory)
            plan = plan._replace(optimizer=self._made_optimizer())
        return plan, state, waited

    def _tell(self, record: Record) -> bool:
        """Prints and calls as the user wants; whether the callback ends the fit."""
        if self.verbose:
            share = record.iteration / self.max_iter
            line = f"Iteration {record.iteration}, loss = {record.training.loss:.8f}"
            if record.validation is not None and self.validation_scores_:
                line += f", validation score = {self.validation_scores_[-1]:.6f}"
            if sys.stdout.isatty():
                ends = share >= 1
                print(
                    f"\r[{'#' * int(20 * share):<20}] {line}", end="\n" if ends else "", flush=True
                )
            else:
                print(line)
        return self.callback is not None and self.callback(record) is True

    def _warn(self, message: str) -> None:
        warnings.warn(message, ConvergenceWarning, stacklevel=5)

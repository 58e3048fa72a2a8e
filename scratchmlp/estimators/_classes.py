"""The two estimators: what a classifier and a regressor make of y, and of outputs."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from scratchmlp import (
    Array,
    Loss,
    poisson,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from scratchmlp.estimators._base import BaseNetwork
from scratchmlp.estimators._fitting import Examples

LOSSES = {"squared_error": squared_error, "poisson": poisson}
NAMES = {
    softmax_cross_entropy.activation: "softmax",
    sigmoid_cross_entropy.activation: "logistic",
    squared_error.activation: "identity",
    poisson.activation: "exp",
}


def _has_epochs(estimator: BaseNetwork) -> bool:
    """Whether it learns from minibatches, and so from parts of the data one by one."""
    return estimator.solver != "lbfgs" or estimator.optimizer is not None


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, BaseNetwork):
    """A multilayer perceptron that predicts classes, or several labels of 0 and 1.

    Every parameter, attribute and method of scikit-learn's `MLPClassifier` is here with its name,
    meaning and default. Beyond these:

    - activation may be an `Activation` or the name of any of this library's, or a list with one
      for each hidden layer; loss is a `Loss` of one's own in the place of the cross-entropy.
    - learning_rate_init may be a schedule, a function from the number of the update to a rate;
      optimizer, an `Optimizer`, stands in the place of the solver and its learning rate.
    - class_weight is a dict or "balanced", as in scikit-learn's other classifiers.
    - dropout is the probability to drop a hidden unit, or a list with one for each hidden layer,
      input_dropout that of a feature; max_norm bounds the norm of every unit's incoming
      weights; averaging is the decay of a moving average of the weights over the updates, and
      this average is what is scored and kept.
    - workers threads share the work of each gradient (the `parallel` extra).
    - callback is called with a `Record` after each iteration; it ends the fit by returning True.
    - With resume, a fit goes on exactly where the last one stopped, to max_iter iterations in
      all: sgd and adam give the bits of one long fit, also if the estimator was pickled between.

    network_ and state_ are the `Network` and the `State` for the functions of this library.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> MLPClassifier(4, solver="lbfgs", random_state=0).fit(X, y).predict([[0.2], [2.8]]).tolist()
    ['low', 'high']
    """

    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    loss: Loss | None = field(default=None, kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseNetwork._parameter_constraints,
        "loss": [Loss, None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    _y_numeric: ClassVar[bool] = False

    @available_if(_has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """The estimator itself, after one iteration; `classes` are needed at the first call."""
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        return self._fit(X, y, sample_weight, partly=True)

    def predict(self, X: Any) -> Array:
        """The class of each row, (m,), or 0 and 1 for each label, (m, n_labels)."""
        outputs = self._outputs(X)
        return self._label_binarizer.inverse_transform(
            outputs.ravel() if self.n_outputs_ == 1 else outputs
        )

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class in the order of the attribute classes_, (m, n_classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> Array:
        """The natural logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _loss(self) -> Loss:
        several = self._label_binarizer.y_type_ == "multiclass"
        loss = self.loss or (softmax_cross_entropy if several else sigmoid_cross_entropy)
        self.out_activation_ = NAMES.get(loss.activation, "own")
        return loss

    def _encoded(self, y: Array, dtype: Any, reset: bool, learns: bool) -> Array:
        """Numbers of classes (m,), or 0 and 1 for each output, (m, n_outputs)."""
        if learns and (reset or not hasattr(self, "classes_")):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        classes = unique_labels(y)
        if learns and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        if len(unknown := np.setdiff1d(classes, self.classes_)):
            raise ValueError(f"`y` has the classes {unknown}, which are not in `classes_`")
        if self._label_binarizer.y_type_ == "multiclass" and y.ndim == 1:
            return np.searchsorted(self.classes_, y)
        return self._label_binarizer.transform(y).astype(dtype)

    def _n_outputs(self, encoded: Array) -> int:
        return len(self.classes_) if encoded.ndim == 1 else encoded.shape[1]

    def _by_class(self, y: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        own = compute_sample_weight(self.class_weight, y)
        return own if weights is None else own * weights

    def _strata(self, encoded: Array) -> Array | None:
        return encoded.astype(bool) if encoded.shape[1:] == (1,) else None

    def _score(self, outputs: Array, examples: Examples) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        several = examples.y.ndim == 1
        guesses = outputs.argmax(axis=1) if several else outputs > 0.5
        return accuracy_score(examples.y.astype(int), guesses, sample_weight=examples.weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, BaseNetwork):
    """A multilayer perceptron that predicts one number or several.

    Every parameter, attribute and method of scikit-learn's `MLPRegressor` is here with its name,
    meaning and default. loss may also be a `Loss` of one's own; the other parameters beyond
    scikit-learn's are those of `MLPClassifier`, without class_weight.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> model = MLPRegressor(hidden_layer_sizes=5, activation="identity", solver="lbfgs", alpha=0)
    >>> model.fit(X, y).predict([[10.0]]).round(2)
    array([21.])
    """

    loss: Any = "squared_error"
    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseNetwork._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), Loss],
    }
    _y_numeric: ClassVar[bool] = True

    @available_if(_has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """The estimator itself, after one iteration over the given rows."""
        return self._fit(X, y, sample_weight, partly=True)

    def predict(self, X: Any) -> Array:
        """The number of each row, (m,), or its several numbers, (m, n_outputs)."""
        outputs = self._outputs(X)
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    def _loss(self) -> Loss:
        loss = self.loss if isinstance(self.loss, Loss) else LOSSES[self.loss]
        self.out_activation_ = NAMES.get(loss.activation, "own")
        return loss

    def _encoded(self, y: Array, dtype: Any, reset: bool, learns: bool) -> Array:
        if self.loss in ("poisson", poisson) and y.min() < 0:
            raise ValueError(f"the poisson loss needs y >= 0, but y has {y.min()}")
        return y.reshape(len(y), -1).astype(dtype)

    def _n_outputs(self, encoded: Array) -> int:
        return encoded.shape[1]

    def _by_class(self, y: Array, weights: Array | None) -> Array | None:
        return weights

    def _strata(self, encoded: Array) -> None:
        return None

    def _score(self, outputs: Array, examples: Examples) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        return r2_score(examples.y, outputs, sample_weight=examples.weights)

"""The two estimators: what a classifier and a regressor make of y, and of outputs."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight

import scratchmlp as mlp
from scratchmlp.estimators._estimator import Estimator

LOSSES = {"squared_error": mlp.squared_error, "poisson": mlp.poisson}


@dataclass(eq=False, repr=False)
class MLPClassifier(Estimator, neural_network.MLPClassifier):
    """scikit-learn's `MLPClassifier`, fitted by this library: for classes, or several labels.

    Every parameter, attribute and method keeps its name, meaning and default. Beyond these:

    - activation may be an `Activation` or the name of any of this library's, or a list with one
      for each hidden layer; loss is a `Loss` of one's own in the place of the cross-entropy.
    - learning_rate_init may be a schedule, a function from the number of the update to a rate;
      optimizer, an `Optimizer`, stands in the place of sgd or adam and their learning rate.
    - n_networks networks are trained at once, from different random weights, on the same
      minibatches. Every prediction is by the mean of their outputs, and losses are their mean.
      Of several, coefs_[i] is (n_networks, n_in, n_out) and intercepts_[i] (n_networks, n_out);
      `unstack(model.state_.params)` are the networks one by one.
    - class_weight is a dict or "balanced", as in scikit-learn's other classifiers.
    - dropout is the probability to drop a hidden unit, or a list with one for each hidden layer,
      input_dropout that of a feature; max_norm bounds the norm of every unit's incoming
      weights; averaging is the decay of a moving average of the weights over the updates, and
      this average is what is scored and kept.
    - workers threads share the work of each gradient (the `parallel` extra).
    - callback is called with a `Record` after each iteration; it ends the fit by returning True.
    - With resume, a fit goes on exactly where the last one stopped, to max_iter iterations in
      all: sgd and adam give the bits of one long fit, also if the estimator was pickled between.
    - The method fit also takes validation, a pair of other rows and their y, whose score and loss
      after each iteration are in validation_scores_ and validation_loss_curve_; and state, that of
      a record or of a checkpoint, from which the fit goes on to the same bits.
    - The method input_gradient gives the gradient of each row's loss in its own features.

    network_ and state_ are the `Network` and the `State` for the functions of this library.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> MLPClassifier(4, solver="lbfgs", random_state=0).fit(X, y).predict([[0.2], [2.8]]).tolist()
    ['low', 'high']
    """

    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    loss: mlp.Loss | None = field(default=None, kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Estimator._parameter_constraints,
        "loss": [mlp.Loss, None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, *more: Any, **options: Any) -> Any:
        if self.class_weight is not None:
            own = compute_sample_weight(self.class_weight, y)
            sample_weight = own if sample_weight is None else own * np.asarray(sample_weight)
        return super()._fit(X, y, sample_weight, *more, **options)

    def _loss(self) -> mlp.Loss:
        several = self._label_binarizer.y_type_ == "multiclass"
        return self.loss or (mlp.softmax_cross_entropy if several else mlp.sigmoid_cross_entropy)

    def _targets(self, y: mlp.Array, dtype: Any) -> mlp.Array:
        """Of scikit-learn's columns of classes the number of each class, or 0 and 1 as numbers."""
        if self._label_binarizer.y_type_ == "multiclass":
            return y.argmax(axis=1)
        return y.astype(dtype)

    def _labels(self, targets: mlp.Array) -> mlp.Array:
        """The inverse of `_targets`: labels as the user has them."""
        if targets.ndim == 1:
            return self.classes_[targets]
        return self._label_binarizer.inverse_transform(targets)


@dataclass(eq=False, repr=False)
class MLPRegressor(Estimator, neural_network.MLPRegressor):
    """scikit-learn's `MLPRegressor`, fitted by this library: for one number or several.

    Every parameter, attribute and method keeps its name, meaning and default. loss may also be a
    `Loss` of one's own; the other parameters beyond scikit-learn's are those of `MLPClassifier`,
    without class_weight.

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> model = MLPRegressor(hidden_layer_sizes=5, activation="identity", solver="lbfgs", alpha=0)
    >>> model.fit(X, y).predict([[10.0]]).round(2)
    array([21.])
    """

    loss: Any = "squared_error"
    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Estimator._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), mlp.Loss],
    }

    def _loss(self) -> mlp.Loss:
        return self.loss if isinstance(self.loss, mlp.Loss) else LOSSES[self.loss]

    def _targets(self, y: mlp.Array, dtype: Any) -> mlp.Array:
        return y.reshape(len(y), -1).astype(dtype)

    def _labels(self, targets: mlp.Array) -> mlp.Array:
        return targets

"""scikit-learn's interface: its two networks, with the pure core inside. Examples are rows here.

A program that imports `MLPClassifier` or `MLPRegressor` from here in the place of
`sklearn.neural_network` goes on as it is: parameters, attributes and methods have the same names,
meanings and defaults, and one `random_state` gives the same initial weights and order of examples.

Raises ImportError without the `sklearn` extra.

>>> import numpy as np
>>> from sklearn.model_selection import GridSearchCV
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> X = np.random.default_rng(0).normal(size=(200, 2))
>>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "opposite")
>>> model = make_pipeline(
...     StandardScaler(),
...     MLPClassifier(20, learning_rate_init=0.03, max_iter=500, random_state=0),
... )
>>> search = GridSearchCV(model, {"mlpclassifier__alpha": [1e-4, 1e-2]}).fit(X, y)
>>> bool(search.best_score_ > 0.9), str(search.predict([[1.0, 1.0]])[0])
(True, 'same')
"""

from scratchmlp._extras import require

require("sklearn", "sklearn")

from scratchmlp.estimators._classes import MLPClassifier, MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor"]

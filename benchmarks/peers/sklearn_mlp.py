"""scikit-learn's MLPClassifier, with plain SGD: no momentum, no penalty."""

from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.harness import Case, plain
from benchmarks.peers import Peer, layers
from scratchmlp import Data, Params, map_arrays


def gradients(params: Params, data: Data, quick: bool) -> dict[str, Case]:
    """The whole batch as one minibatch: a gradient and its update, from which it is read back."""
    X, y = np.ascontiguousarray(data.X.T), data.y
    model = _model(params, X, y, len(X), rate=1.0)

    def gradient() -> Params:
        _reset(model, params)
        model.partial_fit(X, y)
        after = layers(model.coefs_, model.intercepts_, transposed=True)
        return map_arrays(np.subtract, layers(*zip(*params, strict=True), False), after)

    return {"scikit-learn": plain(gradient)}


def epochs(params: Params, data: Data, batch: int, rate: float) -> dict[str, Callable[[], Params]]:
    """partial_fit is one epoch."""
    X, y = np.ascontiguousarray(data.X.T), data.y
    model = _model(params, X, y, batch, rate)
    _reset(model, params)

    def epoch() -> Params:
        model.partial_fit(X, y)
        return layers(
            [W.copy() for W in model.coefs_],
            [b.copy() for b in model.intercepts_],
            transposed=True,
        )

    return {"scikit-learn": epoch}


def _model(params: Params, X: np.ndarray, y: np.ndarray, batch: int, rate: float) -> MLPClassifier:
    model = MLPClassifier(
        hidden_layer_sizes=tuple(len(b) for _, b in params[:-1]),
        solver="sgd",
        alpha=0,
        momentum=0,
        nesterovs_momentum=False,
        learning_rate_init=rate,
        batch_size=batch,
        random_state=0,
    )
    few = np.unique(y, return_index=True)[1]
    model.set_params(batch_size=len(few)).partial_fit(X[few], y[few], classes=np.unique(y))
    return model.set_params(batch_size=batch)


def _reset(model: MLPClassifier, params: Params) -> None:
    """Its parameters are written in place, where its optimizer holds them too."""
    for (W, b), coefficients, intercepts in zip(
        params, model.coefs_, model.intercepts_, strict=True
    ):
        coefficients[:] = W.T
        intercepts[:] = b[:, 0]


PEER = Peer(gradients, epochs)

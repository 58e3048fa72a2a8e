"""scikit-learn's MLPClassifier, without penalty: with plain SGD, no momentum either."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.harness import Case, plain
from benchmarks.peers import RATES, Peer, layers, prepared, rows
from scratchmlp import Batch, Data, Layer, Params, init_params, map_arrays


def step(
    variant: str, params: Params, batches: Sequence[Batch], rule: str, rate: float
) -> Callable[[], Any]:
    """One epoch over the batches, in their order."""
    X, y = rows(batches)
    whole, labels = X.reshape(-1, X.shape[2]), y.ravel()
    model = _model(params, whole, labels, X.shape[1], rate, rule).set_params(shuffle=False)

    def run() -> None:
        _reset(model, params)
        model.partial_fit(whole, labels)

    return run


def gradient(variant: str, params: Params, data: Data) -> Case:
    """The whole batch as one minibatch: a gradient and its update, from which it is read back."""
    X, y = np.ascontiguousarray(data.X.T), data.y
    model = _model(params, X, y, len(X), rate=1.0)

    def run() -> Params:
        _reset(model, params)
        model.partial_fit(X, y)
        after = layers(model.coefs_, model.intercepts_, transposed=True)
        return map_arrays(np.subtract, layers(*zip(*params, strict=True), False), after)

    return plain(run)


def epoch(
    variant: str, params: Params, data: Data, batch: int, rate: float
) -> Callable[[], Params]:
    """partial_fit is one epoch."""
    X, y = np.ascontiguousarray(data.X.T), data.y
    model = _model(params, X, y, batch, rate)
    _reset(model, params)

    def run() -> Params:
        model.partial_fit(X, y)
        return layers(
            [W.copy() for W in model.coefs_],
            [b.copy() for b in model.intercepts_],
            transposed=True,
        )

    return run


def many(
    variant: str, sizes: list[int], batches: Sequence[Batch], k: int
) -> tuple[Case, int] | None:
    """One network alone: k of them one after the other take k times as long."""
    run = step("", init_params(sizes), batches, "sgd", RATES["sgd"])
    return (plain(run), 1) if k == 1 else None


def _model(
    params: Params, X: np.ndarray, y: np.ndarray, batch: int, rate: float, rule: str = "sgd"
) -> MLPClassifier:
    model = MLPClassifier(
        hidden_layer_sizes=tuple(len(b) for _, b in params[:-1]),
        solver="adam" if rule == "adam" else "sgd",
        alpha=0,
        momentum=0.9 if rule == "nesterov" else 0,
        nesterovs_momentum=rule == "nesterov",
        learning_rate_init=rate,
        batch_size=batch,
        random_state=0,
    )
    few = np.unique(y, return_index=True)[1]
    model.set_params(batch_size=len(few)).partial_fit(X[few], y[few], classes=np.unique(y))
    return model.set_params(batch_size=batch)


def _reset(model: MLPClassifier, params: Params) -> None:
    """Its parameters are written in place, where its optimizer holds them too.

    Of two classes it has a single output, the logistic function of their difference.
    """
    *hidden, (W, b) = params
    last = Layer(W[1:] - W[:1], b[1:] - b[:1]) if len(model.intercepts_[-1]) == 1 else (W, b)
    for (V, c), coefficients, intercepts in zip(
        (*hidden, last), model.coefs_, model.intercepts_, strict=True
    ):
        coefficients[:] = V.T
        intercepts[:] = c[:, 0]


PEER = Peer(step, gradient, epoch, many=many)
prepare = partial(prepared, PEER)

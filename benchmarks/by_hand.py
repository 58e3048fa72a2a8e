"""The article's equations by hand, for speed alone: what the library's abstraction is measured by.

Nothing is checked, all batches have one size and integer labels, hidden layers are ReLUs, and the
rate is a constant. Buffers are made once and written over; the parameters are views of one flat
array and the gradients of another, so that an update is a pass over all layers. The deltas carry
the rate (for SGD and Nesterov's momentum) and 1 / m with them, so that it is one subtraction.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from scratchmlp import Batch, Layer, Params, Trained

BLOCK = 1 << 16  # numbers of an array that an update takes at once: they stay in the L2 cache
RULES = ("sgd", "nesterov", "adam")


def train(
    params: Params, batches: Sequence[Batch], rule: str = "sgd", rate: float = 0.1
) -> Trained:
    """The parameters after a step on each batch, and each batch's loss and accuracy before it."""
    sizes = [params[0].W.shape[1], *(len(b) for _, b in params)]
    theta = np.concatenate([a.ravel() for layer in params for a in layer])
    grad, m, last = np.empty_like(theta), batches[0].X.shape[1], len(params) - 1
    (W, b), (dW, db) = _views(theta, sizes), _views(grad, sizes)
    A = [np.empty((n, m), theta.dtype) for n in sizes[1:]]
    zeros, dA = [np.zeros_like(a) for a in A], [np.empty_like(a) for a in A]
    positive = [np.empty(a.shape, bool) for a in A]
    S, flat, lowest = A[-1], A[-1].ravel(), np.full_like(A[-1], -60)
    columns, ones = np.arange(m), np.ones((m, 1), theta.dtype)
    scale = theta.dtype.type((1 if rule == "adam" else rate) / m)
    update = _update(rule, rate, theta, grad)
    losses, accuracies = np.empty(len(batches)), np.empty(len(batches))
    for k, (X, y, *_) in enumerate(batches):
        np.dot(W[0], X, out=A[0])
        A[0] += b[0]
        for n in range(last):
            np.maximum(A[n], zeros[n], out=A[n])
            np.dot(W[n + 1], A[n], out=A[n + 1])
            A[n + 1] += b[n + 1]
        S -= np.maximum.reduce(S, axis=0)
        places = np.multiply(y, m, dtype=np.intp) + columns
        of_label = flat.take(places)
        np.maximum(S, lowest, out=S)
        np.exp(S, out=S)
        total = np.add.reduce(S, axis=0)
        losses[k] = np.add.reduce(np.log(total) - of_label, dtype=np.float64) / m
        accuracies[k] = np.count_nonzero(of_label == 0) / m  # the label's logit is the largest
        S *= scale / total
        flat[places] -= scale
        dZ = S
        for n in range(last, 0, -1):
            np.dot(dZ, A[n - 1].T, out=dW[n])
            np.dot(dZ, ones, out=db[n])
            np.dot(W[n].T, dZ, out=dA[n - 1])
            np.greater(A[n - 1], 0, out=positive[n - 1])
            dZ = np.multiply(dA[n - 1], positive[n - 1], out=dA[n - 1])
        np.dot(dZ, X.T, out=dW[0])
        np.dot(dZ, ones, out=db[0])
        update(k)
    return Trained(tuple(map(Layer, W, b)), losses, accuracies)


def _views(flat: np.ndarray, sizes: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The weights (n_out, n_in) and biases (n_out, 1) that lie in a flat array."""
    shapes = [shape for n_in, n_out in pairwise(sizes) for shape in ((n_out, n_in), (n_out, 1))]
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    views = [a.reshape(s) for a, s in zip(np.split(flat, ends[:-1]), shapes, strict=True)]
    return views[::2], views[1::2]


def _update(rule: str, rate: float, theta: np.ndarray, grad: np.ndarray) -> Callable[[int], Any]:
    """What one step does to the parameters, in place; the gradient's memory is free for it."""
    if rule == "sgd":
        return lambda k: np.subtract(theta, grad, out=theta)
    arrays = (theta, grad, np.zeros_like(theta), np.zeros_like(theta))
    parts = range(0, len(theta), BLOCK)
    blocks = [tuple(a[start : start + BLOCK] for a in arrays) for start in parts]
    of_block = {"nesterov": _nesterov, "adam": _adam}[rule]

    def update(k: int) -> None:
        for block in blocks:
            of_block(rate, k, *block)

    return update


def _nesterov(_: float, __: int, W: Any, g: Any, v: Any, ___: Any, beta: float = 0.9) -> None:
    v += g  # v is kept as beta times the velocity
    v *= beta
    g += v
    W -= g


def _adam(
    rate: float, k: int, W: Any, g: Any, v: Any, s: Any, beta1: float = 0.9, beta2: float = 0.999
) -> None:
    # Both moments are kept without the factors 1 - beta, which are in these numbers.
    root = ((1 - beta2 ** (k + 1)) / (1 - beta2)) ** 0.5
    v *= beta1
    v += g
    s *= beta2
    g *= g
    s += g
    np.sqrt(s, out=g)
    g += 1e-8 * root
    np.divide(v, g, out=g)
    g *= rate * root * (1 - beta1) / (1 - beta1 ** (k + 1))
    W -= g

"""The network: forward is a fold over the layers, backward the fold the other way."""

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from toolz import accumulate

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, Grads, Layer, Params, freeze, frozen_tree
from scratchmlp.core.model.activations import Activation, relu, softmax
from scratchmlp.core.model.losses import Loss, decide, softmax_cross_entropy, squared_error
from scratchmlp.core.model.masks import Masks, check_masks, masked, masked_examples
from scratchmlp.core.model.products import product, product_transposed
from scratchmlp.core.model.targets import check_targets, targets


class Network(NamedTuple):
    """The functions of a network: `hidden` after each layer but the last, and the loss.

    `hidden` is one Activation for all hidden layers, or a tuple with one for each.
    """

    hidden: Activation | tuple[Activation, ...] = relu
    loss: Loss = softmax_cross_entropy


class Cache(NamedTuple):
    """Every layer's Z and A, each (n, m): Z[l-1] = W[l] A[l-1] + b[l]; A[0] is X."""

    Z: tuple[Array, ...]
    A: tuple[Array, ...]


classifier = Network()
regressor = Network(loss=squared_error)


def forward(
    params: Params, X: Array, network: Network = classifier, *, masks: Masks | None = None
) -> Cache:
    """Every layer's Z (n, m) and A (n, m) for the examples X (n_in, m), each a column.

    Z = W A + b and A = g(Z), layer after layer; X in another dtype is taken in that of the params.
    With masks, as of `dropout_masks`, X and the A of each hidden layer are multiplied by theirs.

    Raises ValueError where X does not fit layer 1, is empty or not finite, or the layers do not
    fit each other, or masks them; TypeError for anything but arrays of numbers.

    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> forward(params, np.array([[3.0], [4.0]]), regressor).Z
    (array([[11.5]]),)
    """
    checks.params("forward", params)
    check_network("forward", network, len(params))
    if masks is not None:
        checks.examples("forward", X, params)
        check_masks("forward", masks, params, X)
        X, network = masked_examples("forward", X, masks), masked_network(network, masks)
    with quiet():
        return frozen_tree(checked_propagate("forward", params, X, network))


def backward(
    params: Params,
    cache: Cache,
    y: Array,
    network: Network = classifier,
    *,
    weights: Array | None = None,
    total: float | None = None,
    masks: Masks | None = None,
) -> Grads:
    """The gradient of the weighted mean loss over the batch, a Layer of dW and db for each layer.

    From the last layer dZ = A - Y (the loss's delta) back to the first: dZ[l] = W[l+1].T dZ[l+1] *
    g'(Z[l]), dW = dZ A.T / total, db = the row sums of dZ / total. `y` is labels (m,) or targets
    (n_out, m); weights are (m,). `total` is m or the sum of the weights, unless it is given: the
    gradients of shards, each with the total of all, add up to the gradient of the whole. `masks`
    are those of the forward pass.

    Raises ValueError where shapes do not fit, a label is no class, or a weight is negative;
    TypeError for labels that are no integers.

    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> cache = forward(params, np.array([[3.0], [4.0]]), regressor)
    >>> backward(params, cache, np.array([[10.0]]), regressor)
    (Layer(W=array([[4.5, 6. ]]), b=array([[1.5]])),)
    """
    checks.params("backward", params)
    check_network("backward", network, len(params))
    _check_cache(params, cache)
    m = cache.A[0].shape[1]
    check_targets("backward", y, m, len(params[-1].b), network.loss)
    if weights is not None:
        checks.weights("backward", weights, m)
    if total is not None:
        checks.positive("backward", "total", total)
    elif weights is not None:
        checks.some_weight("backward", weights.sum())
    if masks is not None:
        check_masks("backward", masks, params, cache.A[0])
        network = masked_network(network, masks)
    Y = targets(y, len(params[-1].b), network.loss, params[0].W.dtype)
    with quiet():
        grads = backpropagate(params, cache, Y, network, weights, total)
    return frozen_tree(grads)


def predict(params: Params, X: Array, network: Network = classifier) -> Array:
    """What the network says of the examples X (n_in, m).

    The class with the highest score, labels (m,), under a softmax; the 0 or 1 of each output,
    (n_out, m), under a sigmoid; the outputs themselves, (n_out, m), of a regressor. X is taken
    in tiles of columns, so the memory beyond the result does not grow with m.

    Raises as `forward`, and ValueError where an output is not finite.

    >>> params = (Layer(np.array([[1.0], [2.0]]), np.zeros((2, 1))),)
    >>> predict(params, np.array([[1.0, -1.0]]))
    array([1, 0])
    """
    checks.params("predict", params)
    check_network("predict", network, len(params))
    checks.examples("predict", X, params)
    with quiet():
        caches = (checked_propagate("predict", params, tile, network) for tile in in_tiles(X))
        decisions = [_decision(network.loss, cache.Z[-1]) for cache in caches]
    return freeze(np.concatenate(decisions, axis=-1))


def _decision(loss: Loss, Z: Array) -> Array:
    if not np.isfinite(Z).all():
        raise ValueError("predict: params must give finite outputs, but some are NaN or infinite")
    return decide(loss, Z)


TILE = 1000  # columns that are computed at once: few enough for their activations to stay in cache


def in_tiles(X: Array) -> Iterator[Array]:
    """The examples, so many at once.

    >>> [tile.shape for tile in in_tiles(np.zeros((3, 2500)))]
    [(3, 1000), (3, 1000), (3, 500)]
    """
    return (X[:, start : start + TILE] for start in range(0, X.shape[1], TILE))


def checked_propagate(where: str, params: Params, X: Array, network: Network) -> Cache:
    """`forward` of checked params: it checks X, and takes it in the dtype of the parameters."""
    checks.examples(where, X, params)
    # Bytes off a network may lie anywhere, and NumPy's own copy of them would lose X's memory order,
    # which decides how sums are rounded.
    examples = X.astype(params[0].W.dtype, copy=not X.flags.aligned)
    cache = propagate(params, examples, network, where)
    # The product of anything with NaN or infinity is not finite: one row of Z tells of all X.
    first = cache.Z[0][0]
    if not math.isfinite(first.dot(first)):
        checks.finite(where, "X", cache.A[0])
    return cache


def propagate(params: Params, X: Array, network: Network, where: str = "forward") -> Cache:
    """`forward` without its checks of arguments; the arrays are writable."""

    def advance(
        before: tuple[Any, Array], here: tuple[int, Layer, Activation]
    ) -> tuple[Array, Array]:
        number, (W, b), activation = here
        Z = product(W, before[1])
        Z += b
        A = activation.function(Z)
        checks.result(where, "the activation", A, Z.shape, number)
        return Z, A.astype(Z.dtype, copy=False)

    layers = zip(count(1), params, activations(network, len(params)), strict=False)
    (_, *Z), A = zip(*accumulate(advance, layers, (None, X)), strict=True)
    return Cache(tuple(Z), A)


def backpropagate(
    params: Params,
    cache: Cache,
    Y: Array,
    network: Network,
    weights: Array | None,
    total: float | None,
    where: str = "backward",
) -> Grads:
    """`backward` of checked arguments, with targets Y (n_out, m); the gradients are writable."""
    delta = network.loss.delta(cache.A[-1], Y)
    checks.result(where, "the loss's delta", delta, Y.shape)
    dZ = (delta * scale(Y, weights, total)).astype(Y.dtype, copy=False)
    return gathered(pulled_back(params, cache, dZ, network, where), cache)


def scale(Y: Array, weights: Array | None, total: float | None) -> Any:
    """What each example counts in the mean, (m,), or the number that all of them do.

    >>> scale(np.zeros((1, 2)), None, None), scale(np.zeros((1, 2)), np.array([1, 3]), None)
    (0.5, array([0.25, 0.75]))
    """
    if weights is None:
        return 1 / float(Y.shape[1] if total is None else total)
    divisor = float(weights.sum(dtype=np.float64) if total is None else total)
    return (weights / divisor).astype(Y.dtype)


def pulled_back(
    params: Params, cache: Cache, dZ: Array, network: Network, where: str
) -> Iterator[Array]:
    """The dZ (n, m) of every layer, from the last, which is given, to the first."""

    def before(dZ: tuple[Array], above: tuple[Layer, Activation, Array, Array]) -> tuple[Array]:
        layer, activation, Z, A = above
        dA = layer.W.T @ dZ[0]
        slope = activation.derivative(Z, A)
        checks.result(where, "an activation's derivative", slope, Z.shape)
        dA *= slope
        return (dA,)

    hidden = activations(network, len(params))[:-1]
    layers = zip(params[1:], hidden, cache.Z[:-1], cache.A[1:-1], strict=True)
    return (dZ for (dZ,) in accumulate(before, reversed([*layers]), (dZ,)))


def gathered(dZs: Iterable[Array], cache: Cache) -> Grads:
    """The sums over the examples of their gradients, by each layer's dZ from the last on."""
    column = np.ones((cache.A[0].shape[1], 1), cache.A[0].dtype)  # much faster than np.sum
    grads = [
        Layer(product_transposed(dZ, A), dZ @ column)
        for dZ, A in zip(dZs, cache.A[-2::-1], strict=True)
    ]
    return tuple(reversed(grads))


def quiet() -> AbstractContextManager[Any]:
    """Overflow is no warning here: an infinite loss tells of it, once."""
    return np.errstate(over="ignore", invalid="ignore")


def activations(network: Network, depth: int) -> tuple[Activation, ...]:
    """The activation of each of `depth` layers.

    >>> activations(regressor, 3) == (relu, relu, squared_error.activation)
    True
    """
    hidden = network.hidden
    each = (hidden,) * (depth - 1) if isinstance(hidden, Activation) else hidden
    return (*each, network.loss.activation)


def masked_network(network: Network, masks: Masks) -> Network:
    """The network whose hidden activations are multiplied by their masks."""
    hidden = activations(network, len(masks))[:-1]
    return network._replace(hidden=tuple(map(masked, hidden, masks[1:])))


def check_network(where: str, value: Any, depth: int | None = None) -> None:
    """A Network whose hidden activations fit so many layers, if it is known how many."""
    if not (isinstance(value, Network) and isinstance(value.loss, Loss)):
        raise TypeError(f"{where}: network must be a Network with a Loss, not {checks.kind(value)}")
    hidden = value.hidden
    each = (hidden,) if isinstance(hidden, Activation) else hidden
    if not isinstance(each, tuple) or not all(isinstance(g, Activation) for g in each):
        raise TypeError(f"{where}: network.hidden must be an Activation or a tuple of them")
    activation, *others = value.loss
    if not isinstance(activation, Activation):
        raise TypeError(f"{where}: the loss of network must have an Activation")
    for functions in (*each, activation, others):
        required = functions if functions[-1] is not None else functions[:-1]
        checks.functions(where, "network", required)
    if depth and each is hidden and len(hidden) != depth - 1:
        raise ValueError(
            f"{where}: network has {len(hidden)} hidden activations "
            f"but params has {depth - 1} hidden layers"
        )
    if softmax in each:
        raise ValueError(
            f"{where}: softmax is for outputs: it is not elementwise, so network cannot hide it"
        )


def _check_cache(params: Params, cache: Cache) -> None:
    if not isinstance(cache, Cache):
        raise TypeError(f"backward: cache must be a Cache, not {type(cache).__name__}")
    for name, arrays in zip(cache._fields, cache, strict=True):
        if not isinstance(arrays, tuple):
            raise TypeError(f"backward: cache.{name} must be a tuple, not {checks.kind(arrays)}")
        for number, array in enumerate(arrays):
            checks.array("backward", f"cache.{name}[{number}]", array, "f")
    m = cache.A[0].shape[-1] if cache.A and cache.A[0].ndim else 0
    heights = [params[0].W.shape[1], *(len(b) for _, b in params)]
    came = ([Z.shape for Z in cache.Z], [A.shape for A in cache.A])
    expected = [(n, m) for n in heights]
    dtypes = {str(array.dtype) for array in (*cache.Z, *cache.A, params[0].W)}
    if len(dtypes) > 1:
        raise TypeError(f"backward: cache and params must have one dtype, not {sorted(dtypes)}")
    if came != (expected[1:], expected):
        raise ValueError(
            f"backward: cache must have A of shapes {expected}, and Z of all but the first, "
            f"but A is {came[1]} and Z is {came[0]}"
        )

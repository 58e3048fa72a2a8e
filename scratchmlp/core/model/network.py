"""The network: forward is a fold over the layers, backward the fold the other way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import Any, NamedTuple

import numpy as np
from toolz import accumulate, pluck

from scratchmlp.core import checks
from scratchmlp.core.arrays import (
    Array,
    Grads,
    Layer,
    Numbers,
    Params,
    frozen_tree,
    frozen_view,
    map_layers,
    writable_or_none,
)
from scratchmlp.core.border import public, type_error
from scratchmlp.core.flat import Flat, room_like
from scratchmlp.core.model import fitting
from scratchmlp.core.model import weights as weighing
from scratchmlp.core.model.activations import Activation, relu
from scratchmlp.core.model.losses import Loss, softmax_cross_entropy, squared_error
from scratchmlp.core.model.masks import Masks, check_masks, masked, masked_examples
from scratchmlp.core.model.own_functions import check_functions, checked_activation, checked_loss
from scratchmlp.core.model.products import product, product_transposed
from scratchmlp.core.model.targets import check_shape, encoded
from scratchmlp.core.stacks import networks


class Network(NamedTuple):
    """The functions of a network: `hidden` after each layer but the last, and the loss.

    `hidden` is one Activation for all hidden layers, or a tuple with one for each.
    """

    hidden: Activation | tuple[Activation, ...] = relu
    loss: Loss = softmax_cross_entropy


class Cache(NamedTuple):
    """Every layer's Z and A, each (n, m): Z[i] = W[i] A[i] + b[i], A[i+1] = g(Z[i]); A[0] is X."""

    Z: tuple[Array, ...]
    A: tuple[Array, ...]


classifier = Network()
"""The Network of relu and softmax_cross_entropy: for classes."""

regressor = Network(loss=squared_error)
"""The Network of relu and squared_error: for numbers."""


@public
def forward(
    params: Params, X: Array, network: Network = classifier, *, masks: Masks | None = None
) -> Cache:
    """Every layer's Z (n, m) and A (n, m) for the examples X (n_in, m), each a column.

    Z = W A + b and A = g(Z), layer after layer. X in another dtype is taken in that of the params.
    With masks, see `dropout_masks`, X and the A of each hidden layer are multiplied by them.
    A stack of params gives (k, n, m), of X shared by the networks or of each one's own (k, n_in,
    m). `params[j:]` is a network too: it takes the A of layer j.

    Raises ValueError where X does not fit layer 1, is empty or not finite, or the layers do not
    fit each other, or masks them; TypeError for anything but arrays of numbers.

    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> forward(params, np.array([[3.0], [4.0]]), regressor).Z
    (array([[11.5]]),)
    """
    network = resolved(network, params)
    fitting.examples(X, params)
    if masks is not None:
        check_masks(masks, params, X)
        X, network = masked_examples(X, masks), masked_network(network, masks)
    with quiet():
        return frozen_tree(propagate(params, taken(X, params), network))


@public
def backward(
    params: Params,
    cache: Cache,
    y: Array,
    network: Network = classifier,
    *,
    weights: Array | None = None,
    total: Numbers | None = None,
    masks: Masks | None = None,
) -> Grads:
    """The gradient of the weighted mean loss over the batch, a Layer of dW and db for each layer.

    It starts from the loss's delta in the last layer, A - Y, and goes back to the first: dZ[i] =
    W[i+1].T dZ[i+1] * g'(Z[i]), dW[i] = dZ[i] A[i].T / total, db[i] = the row sums of dZ[i] /
    total. `y` is labels (m,) or targets (n_out, m). Weights are (m,), or (n_out, m) where the loss
    is a sum over the outputs. `total` is m or the sum of the weights, unless it is given: the
    gradients of shards, each with the total of all, add up to the gradient of the whole. `masks`
    are those of the forward pass.

    Raises ValueError where shapes do not fit, a label is no class, or a weight is negative;
    TypeError for labels that are no integers.

    >>> params = (Layer(np.array([[1.0, 2.0]]), np.array([[0.5]])),)
    >>> cache = forward(params, np.array([[3.0], [4.0]]), regressor)
    >>> backward(params, cache, np.array([[10.0]]), regressor)
    (Layer(W=array([[4.5, 6. ]]), b=array([[1.5]])),)
    """
    network = resolved(network, params)
    fitting.cache(cache, params)
    n_out, m = cache.Z[-1].shape[-2:]
    weighing.check(weights, cache.A[0], params, network.loss)
    if total is not None:
        total = weighing.checked_total(total, networks(params))
    if masks is not None:
        check_masks(masks, params, cache.A[0])
    check_shape(y, cache.A[0], n_out)
    weights, y, *arrays = weighing.without_left_out(weights, y, *cache.Z, *cache.A, *(masks or ()))
    divisor = weighing.total_weight(weights, m) if total is None else total
    fitting.some_weight(divisor)
    depth = len(params)
    kept = Cache(tuple(arrays[:depth]), tuple(arrays[depth : 2 * depth + 1]))
    if masks is not None:
        network = masked_network(network, tuple(arrays[2 * depth + 1 :]))
    y = weighing.known_targets(y, weights, network.loss, own := cache.A[0].ndim == 3)
    Y = encoded(y, network.loss.targets, n_out, params[0].W.dtype, own or y.ndim == 3)
    with quiet():
        factors = weighing.factors(weights, divisor, Y.dtype)
        return frozen_tree(backpropagate(params, kept, Y, network, factors))


def propagate(params: Params, X: Array, network: Network) -> Cache:
    """`forward` of checked arguments and a resolved network; the arrays are writable but X."""

    def advance(before: tuple[Any, Array], here: tuple[Layer, Activation]) -> tuple[Array, Array]:
        (W, b), activation = here
        Z = product(W, before[1])
        Z += b
        return Z, activation.function(Z)

    layers = zip(params, activations(network), strict=True)
    (_, *Z), A = zip(*accumulate(advance, layers, (None, X)), strict=True)
    if not (math.isfinite(np.vdot(row := Z[0][..., 0, :], row)) or np.isfinite(X).all()):
        checks.finite("X", X)
    return Cache(tuple(Z), A)


def backpropagate(
    params: Params, cache: Cache, Y: Array, network: Network, factors: Any, first: int = 0
) -> Grads:
    """The gradient of the sum of the losses, each times its factor; the arrays are writable.

    That of the layers before the `first` is not computed, and zero.
    """
    dZ = weighted_delta(network.loss, cache, Y, factors)
    dZs = backpropagated(params, cache, dZ, network)
    if not first:
        return parameter_grads(dZs, cache, room_like(params))
    grads = parameter_grads(islice(dZs, len(params) - first), Cache((), cache.A[first:]))
    return (*map_layers(np.zeros_like, params[:first]), *grads)


def weighted_delta(loss: Loss, cache: Cache, Y: Array, factors: Any) -> Array:
    """The dZ of the last layer: the loss's delta times what each example counts in the mean."""
    delta = loss.delta(cache.A[-1], Y)
    return np.multiply(delta, factors, out=writable_or_none(delta))


def backpropagated(params: Params, cache: Cache, dZ: Array, network: Network) -> Iterator[Array]:
    """The dZ (n, m) of every layer, from the last, which is given, to the first."""

    def before(dZ: tuple[Array], above: tuple[Layer, Activation, Array, Array]) -> tuple[Array]:
        (W, _), activation, Z, A = above
        dA = W.mT @ dZ[0]
        dA *= activation.derivative(Z, A)
        return (dA,)

    layers = zip(params[1:], activations(network)[:-1], cache.Z[:-1], cache.A[1:-1], strict=True)
    return iter(pluck(0, accumulate(before, reversed([*layers]), (dZ,))))


def parameter_grads(dZs: Iterable[Array], cache: Cache, room: Flat | None = None) -> Grads:
    """The sums over the examples of their gradients, by the dZs from the last layer on; in room."""
    column = np.empty((cache.A[0].shape[-1], 1), cache.A[0].dtype)
    column.fill(1)  # a product with it is much faster than np.sum
    memory: Iterable[Any] = repeat((None, None)) if room is None else reversed(room)
    grads = [
        Layer(product_transposed(dZ, A, W), np.matmul(dZ, column, out=b))
        for dZ, A, (W, b) in zip(dZs, cache.A[-2::-1], memory, strict=False)
    ]
    return room or tuple(grads[::-1])


def taken(X: Array, params: Params) -> Array:
    """The examples as a read-only array of the params' dtype, in their own memory order."""
    # Bytes from another process may be unaligned; NumPy's own copy of them would lose the
    # memory order, and with it the last bits of sums.
    return frozen_view(X.astype(params[0].W.dtype, copy=not X.flags.aligned))


def quiet() -> np.errstate:
    """Overflow gives no warning here: it shows as an infinite loss."""
    return np.errstate(over="ignore", invalid="ignore")


def resolved(network: Network, params: Params) -> Network:
    """The network for checked params: an activation for each hidden layer, own functions wrapped.

    >>> params = (Layer(np.ones((2, 2)), np.ones((2, 1))),) * 3
    >>> resolved(classifier, params).hidden
    (relu, relu)
    """
    fitting.params(params)
    check_network(network, params)
    hidden = network.hidden
    each = (hidden,) * (len(params) - 1) if isinstance(hidden, Activation) else hidden
    layers = range(1, len(params))
    return Network(tuple(map(checked_activation, each, layers)), checked_loss(network.loss))


def check_network(value: Any, params: Params | None = None) -> None:
    """A Network of functions, that fits checked params if these are given."""
    if not (isinstance(value, Network) and isinstance(value.loss, Loss)):
        raise type_error(f"network must be a Network with a Loss, not {checks.kind(value)}")
    check_functions(value.hidden, value.loss, params)


def activations(network: Network) -> tuple[Activation, ...]:
    """The activation of each layer of a resolved network."""
    return (*network.hidden, network.loss.activation)


def masked_network(network: Network, masks: Masks) -> Network:
    """The resolved network whose hidden activations are multiplied by their masks."""
    return network._replace(hidden=tuple(map(masked, activations(network)[:-1], masks[1:])))

"""Law 9: what a function gives for a stack is the stack of what it gives for each network.

To the bit where each number is made by the same operations in the same order: activations, losses,
and the updates of optimizers. Otherwise to rounding: a product of a stack is another call of BLAS
than the products of its networks (one of all rows where X is shared, a batched one where it is
not), and BLAS adds up in an order that depends on shapes; NumPy adds up a whole array in another
order than each of its parts. In float64 a sum of n terms is right to n eps = 2e-16 n of its terms'
size; here the terms are near 1, n is below 100 and there are few layers and steps: 1e-11 leaves
room for that, and is far below any real mistake.
"""

from functools import partial
from itertools import islice, repeat

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Batch,
    Evaluation,
    Layer,
    Loss,
    Network,
    Optimizer,
    adagrad,
    adam,
    adamw,
    backward,
    clip_by_global_norm,
    clipped_grad_sum,
    committee,
    cosine_decay,
    deltas,
    dropout_masks,
    ensemble_outputs,
    evaluate,
    example_grad_norms,
    example_grads,
    fisher_diagonal,
    forward,
    frozen,
    gnvp,
    gradient_descent,
    huber,
    hvp,
    identity,
    init_params,
    init_state,
    input_grad,
    jvp,
    jvp_grad,
    layerwise,
    lion,
    live_shards,
    lookahead,
    map_arrays,
    mapped,
    max_norm,
    minibatches,
    momentum,
    moving_average,
    muon,
    nadam,
    nesterov,
    ntk,
    one_cycle,
    predict,
    rmsprop,
    schedule_free,
    sgd,
    shards,
    squared_error,
    stack,
    step,
    tanh,
    train,
    train_step,
    unstack,
    value_and_grad,
    vjp,
    warmup,
    weight_decay,
    zero_biases,
)
from scratchmlp.workers import threads
from tests.helpers import HIDDEN, LOSSES, OPTIMIZERS, SCHEDULES, same_bytes

K, SIZES, M = 3, [3, 5, 4, 4], 40
rng = np.random.default_rng(0)


def drawn(seed: int):
    """Params of one network in float64, with biases that are not zero."""
    params = init_params(SIZES, seed=seed, dtype=np.float64)
    own = np.random.default_rng(seed)
    return tuple(Layer(W, own.normal(0, 0.5, b.shape)) for W, b in params)


EACH = [drawn(seed) for seed in range(K)]
PARAMS = stack(EACH)
VECTORS = stack([drawn(seed) for seed in range(10, 10 + K)])
X = {"shared": rng.normal(size=(3, M)), "own": rng.normal(size=(K, 3, M))}
LABELS = {"shared": rng.integers(4, size=M), "own": rng.integers(4, size=(K, M))}
DRAWN = {"shared": rng.random((4, M)), "own": rng.random((K, 4, M))}
TARGETS = {data: Y / Y.sum(axis=-2, keepdims=True) for data, Y in DRAWN.items()}
some = rng.random((K, 4, M)) * (rng.random((K, 4, M)) < 0.7)
WEIGHTS = {
    "none": None,
    "of examples": some[0, 0],
    "of outputs": some[0],
    "own, of examples": some[:, :1],
    "own, of outputs": some,
}


def normal(*shape: int):
    """The same numbers whenever they are asked for."""
    return np.random.default_rng(1).normal(size=shape)


def of_one(value, place: int, axes: int):
    """A network's part of what has so many axes if it is shared, and else one more."""
    return value[place] if np.ndim(value) > axes else value


def weights_of_one(weights, place: int):
    if weights is None or weights.ndim < 3:
        return weights
    return weights[place, 0] if weights.shape[1] == 1 else weights[place]


def batch_of_one(batch: Batch, place: int) -> Batch:
    y = batch.y[place] if batch.X.ndim == 3 else batch.y
    return Batch(of_one(batch.X, place, 2), y, weights_of_one(batch.weights, place))


def close(one, other, tolerance: float = 1e-11) -> None:
    """Two trees of one structure, shapes and dtypes, to rounding."""
    if isinstance(other, tuple):
        assert type(one) is type(other)
        assert len(one) == len(other)
        for branch in zip(one, other, strict=True):
            close(*branch, tolerance)
        return
    assert np.shape(one) == np.shape(other)
    assert np.asarray(one).dtype == np.asarray(other).dtype
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def each_close(of_stack, of_each, tolerance: float = 1e-11) -> None:
    """What a stack gave, apart, is what each network gave."""
    for place, expected in enumerate(of_each):
        close(part(of_stack, place), expected, tolerance)


def part(tree, place: int):
    return unstack(tree)[place] if isinstance(tree, tuple) else tree[place]


@pytest.mark.parametrize("data", X)
@pytest.mark.parametrize("name", HIDDEN)
def test_forward_and_backward(name, data):
    network = Network(HIDDEN[name])
    cache = forward(PARAMS, X[data], network)
    grads = backward(PARAMS, cache, LABELS[data], network)
    for place, params in enumerate(EACH):
        x, y = of_one(X[data], place, 2), of_one(LABELS[data], place, 1)
        alone = forward(params, x, network)
        for parts, whole in zip(cache, alone, strict=True):
            for one, other in zip(parts, whole, strict=True):
                close(of_one(one, place, 2), other)
        close(part(grads, place), backward(params, alone, y, network))
        close(predict(PARAMS, X[data], network)[place], predict(params, x, network))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("data", X)
@pytest.mark.parametrize("targets", [LABELS, TARGETS], ids=["labels", "targets"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_weights_and_data(name, targets, data, weights):
    network = Network(tanh, LOSSES[name])
    batch = Batch(X[data], targets[data], WEIGHTS[weights])
    if weights.endswith("of outputs") and not network.loss.sum_over_outputs:
        with pytest.raises(ValueError, match="sum over the outputs"):
            value_and_grad(PARAMS, batch, network)
        return
    alone = [batch_of_one(batch, place) for place in range(K)]
    both = value_and_grad(PARAMS, batch, network)
    of_each = [value_and_grad(*pair, network) for pair in zip(EACH, alone, strict=True)]
    each_close(both, of_each)
    close(evaluate(PARAMS, batch, network), both[0])
    cache = forward(PARAMS, batch.X, network)
    grads = backward(PARAMS, cache, batch.y, network, weights=batch.weights)
    each_close(grads, [own for _, own in of_each])
    parts = shards(batch.X, batch.y, size=7, weights=batch.weights)
    with threads(2) as in_threads:
        shared_out = value_and_grad(PARAMS, parts, network, map=in_threads)
    close(shared_out, both)
    assert same_bytes(shared_out[1], value_and_grad(PARAMS, parts, network)[1])


@pytest.mark.parametrize("weights", ["none", "of examples", "own, of examples"])
@pytest.mark.parametrize("data", X)
def test_minibatches(data, weights):
    batches = partial(minibatches, size=16, seed=3, weights=WEIGHTS[weights])
    whole = islice(batches(X[data], LABELS[data]), 5)
    each = [
        minibatches(
            *batch_of_one(Batch(X[data], LABELS[data], WEIGHTS[weights]), place)[:2],
            size=16,
            seed=3,
            weights=weights_of_one(WEIGHTS[weights], place),
        )
        for place in range(K)
    ]
    for batch in whole:
        each_close(
            value_and_grad(PARAMS, batch),
            [value_and_grad(params, next(b)) for params, b in zip(EACH, each, strict=True)],
        )


@pytest.mark.parametrize("weights", ["none", "of examples", "own, of examples"])
def test_live_shards(weights):
    sparse = X["shared"] * (normal(3, M) < -0.5)
    parts = live_shards(sparse, LABELS["shared"], size=9, weights=WEIGHTS[weights])
    batch = Batch(sparse, LABELS["shared"], WEIGHTS[weights])
    each_close(
        value_and_grad(PARAMS, parts),
        [value_and_grad(params, batch_of_one(batch, k)) for k, params in enumerate(EACH)],
    )


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("data", X)
def test_dropout_masks(data, own):
    each = [dropout_masks(SIZES, M, rate=0.3, input_rate=0.2, seed=seed * own) for seed in range(K)]
    masks = tuple(map(np.stack, zip(*each, strict=True))) if own else each[0]
    if own and data == "shared":  # an X of each network's own is what it would make
        with pytest.raises(ValueError, match=r"masks\[0\] must be \(3, 40\), not \(3, 3, 40\)"):
            forward(PARAMS, X[data], masks=masks)
        each = [(None, *rest) for _, *rest in each]
        masks = (None, *masks[1:])
    batch = Batch(X[data], LABELS[data], masks=masks)
    cache = forward(PARAMS, X[data], masks=masks)
    grads = backward(PARAMS, cache, LABELS[data], masks=masks)
    alone = [
        value_and_grad(params, batch_of_one(batch, k)._replace(masks=each[k]))
        for k, params in enumerate(EACH)
    ]
    each_close(value_and_grad(PARAMS, batch), alone)
    each_close(grads, [grad for _, grad in alone])


@pytest.mark.parametrize("name", HIDDEN)
def test_activations_to_the_bit(name):
    Z = normal(K, 5, 7)
    A = HIDDEN[name].function(Z)
    for place in range(K):
        assert (A[place] == HIDDEN[name].function(Z[place])).all()
        for derivative in HIDDEN[name][1:]:
            one = derivative(Z[place], A[place])
            assert (derivative(Z, A)[place] == one).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_to_the_bit(name, dtype):
    loss = LOSSES[name]
    Z, Y, dZ = (array.astype(dtype) for array in (normal(K, 4, 40), TARGETS["own"], some))
    A = loss.activation.function(Z)
    for k in range(K):
        assert (A[k] == loss.activation.function(Z[k])).all()
        assert (loss.value(Z, Y)[k] == loss.value(Z[k], Y[k])).all()
        assert (loss.delta(A, Y)[k] == loss.delta(A[k], Y[k])).all()
        assert (loss.curvature(A, Y, dZ)[k] == loss.curvature(A[k], Y[k], dZ[k])).all()


def double_biases(grads):
    return tuple(Layer(W, 2 * b) for W, b in grads)


def pull(params, grads):
    return map_arrays(lambda a, g: g + 0.1 * a, params, grads)


def own_update(params, grads, state, iteration):
    return map_arrays(lambda a, g: a - 0.05 * np.sign(g), params, grads), state


# Optimizers, by a rate.
ELEMENTWISE = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "adagrad": adagrad,
    "nadam": nadam,
    "lion": lion,
    "schedule-free": lambda rate: schedule_free(sgd(rate), 0.8),
    "lookahead": lambda rate: lookahead(momentum(rate), 3, 0.5),
    "weight decay": lambda rate: weight_decay(nesterov(rate), 0.1),
    "mapped": lambda rate: mapped(adam(rate), grads=double_biases, params=zero_biases),
    "mapped with params": lambda rate: mapped(sgd(rate), grads=pull),
    "layerwise": lambda rate: layerwise(frozen(), adam(rate), momentum(rate)),
    "moving average": lambda rate: moving_average(adam(rate), 0.9),
    "own": lambda rate: Optimizer(lambda params: (), own_update, rate),
}
RATES = np.array([0.01, 0.05, 0.2])


def updates(optimizer, params, count: int = 4):
    """What so many updates make of params, by gradients that no product has a part in."""
    state = optimizer.init(params)
    for iteration in range(count):
        grads = map_arrays(lambda a, t=iteration: np.sin(3 * a + t), params)
        params, state = optimizer.update(params, grads, state, iteration)
    return params, state


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_optimizers_to_the_bit(name, own, dtype):
    make = ELEMENTWISE[name]
    params = map_arrays(lambda a: a.astype(dtype), PARAMS)
    found = updates(make(RATES if own else 0.05), params)
    for place, one in enumerate(unstack(params)):
        expected = updates(make(RATES[place] if own else 0.05), one)
        assert same_bytes(part_of_arrays(found, place), expected)


def part_of_arrays(tree, place: int):
    return map_arrays(lambda a: a[place], tree)


@pytest.mark.parametrize("own", [False, True])
def test_step(own):
    rates = RATES if own else 0.05
    new = step(PARAMS, VECTORS, rates)
    for place, pair in enumerate(zip(EACH, unstack(VECTORS), strict=True)):
        assert same_bytes(part_of_arrays(new, place), step(*pair, RATES[place] if own else 0.05))


# To rounding: some of these have sums in them, and powers of arrays are not those of numbers.
OWN_NUMBERS = {
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": lambda a, b: adam(a, b, 1 - (1 - b) / 100, a / 100),
    "adamw": lambda a, b: adamw(a, weight_decay=b),
    "adagrad": lambda a, b: adagrad(a, b, a / 100),
    "nadam": lambda a, b: nadam(a, b, 1 - (1 - b) / 100, a / 100),
    "lion": lambda a, b: lion(a, b, 1 - (1 - b) / 10, b),
    "muon": lambda a, b: muon(a, b, weight_decay=b, adam_ratio=b),
    "schedule-free": lambda a, b: schedule_free(sgd(warmup(a, iterations=3)), b),
    "lookahead": lambda a, b: lookahead(adam(a), 2, b),
    "weight decay": lambda a, b: weight_decay(sgd(a), b),
    "clipped": lambda a, b: clip_by_global_norm(sgd(a), 2 * b),
    "max-norm": lambda a, b: max_norm(sgd(a), b),
    "averaged": lambda a, b: moving_average(sgd(a), b),
    "cosine": lambda a, b: sgd(cosine_decay(a, iterations=4, final=a * b)),
    "one cycle": lambda a, b: sgd(one_cycle(a, iterations=4)),
    "warm-up": lambda a, b: sgd(warmup(a, iterations=3)),
    "own schedule": lambda a, b: momentum(partial(hyperbolic, a), b),
    "all together": lambda a, b: moving_average(
        max_norm(clip_by_global_norm(weight_decay(adam(a, b), b), b), 1 + b), b
    ),
}
OTHERS = np.array([0.5, 0.9, 0.3])


def hyperbolic(rate, iteration: int):
    return rate / (1 + iteration)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 2e-6)])
@pytest.mark.parametrize("name", OWN_NUMBERS)
def test_numbers_of_optimizers_one_a_network(name, dtype, tolerance):
    # In float32 a number is rounded once, by 6e-8 of its size, in each of the few operations.
    make = OWN_NUMBERS[name]
    params = map_arrays(lambda a: a.astype(dtype), PARAMS)
    found = updates(make(RATES, OTHERS), params)
    for place, one in enumerate(unstack(params)):
        expected = updates(make(float(RATES[place]), float(OTHERS[place])), one)
        close(part_of_arrays(found, place), map_arrays(np.asarray, expected), tolerance)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training(name, schedule):
    optimizer = OPTIMIZERS[name](SCHEDULES[schedule])
    batch = Batch(X["own"], LABELS["own"])
    alone = [batch_of_one(batch, place) for place in range(K)]

    def last(params, batch):
        states = train(init_state(params, optimizer), repeat(batch), optimizer=optimizer)
        return [*islice(states, 4)][-1]

    found = last(PARAMS, batch)
    # Adam divides by roots of small numbers, and so magnifies rounding.
    each_close(found, [last(*pair) for pair in zip(EACH, alone, strict=True)], 1e-8)
    first = train_step(init_state(PARAMS, optimizer), batch, optimizer=optimizer)
    assert first.iteration == 1
    assert first.loss.shape == first.accuracy.shape == (K,)


@pytest.mark.parametrize("rate", [0.1, RATES], ids=["one rate", "own rates"])
@pytest.mark.parametrize("data", X)
def test_gradient_descent(data, rate):
    trained = gradient_descent(PARAMS, X[data], LABELS[data], iterations=6, learning_rate=rate)
    assert trained.losses.shape == trained.accuracies.shape == (6, K)
    for place, params in enumerate(EACH):
        alone = gradient_descent(
            params,
            of_one(X[data], place, 2),
            of_one(LABELS[data], place, 1),
            iterations=6,
            learning_rate=of_one(rate, place, 0),
        )
        close(part(trained.params, place), alone.params)
        np.testing.assert_allclose(trained.losses[:, place], alone.losses, rtol=1e-11)
        np.testing.assert_array_equal(trained.accuracies[:, place], alone.accuracies)


def test_a_bootstrap_has_own_weights_of_shared_examples():
    places = np.random.default_rng(1).integers(M, size=(K, M))
    weights = np.stack([np.bincount(each, minlength=M) for each in places])[:, np.newaxis]
    assert (weights == 0).any()
    found = value_and_grad(PARAMS, Batch(X["shared"], LABELS["shared"], weights))
    each_close(
        found,
        [
            value_and_grad(params, Batch(X["shared"][:, each], LABELS["shared"][each]))
            for params, each in zip(EACH, places, strict=True)
        ],
    )


def test_committee():
    found = ensemble_outputs(PARAMS, X["shared"])
    np.testing.assert_array_equal(found, ensemble_outputs(EACH, X["shared"]))
    np.testing.assert_array_equal(committee(PARAMS, X["shared"]), committee(EACH, X["shared"]))
    close(found, forward(PARAMS, X["shared"]).A[-1])


def cube(Z):
    return Z**3


def cube_slope(Z, A):
    return 3 * Z**2


def absolute(Z, Y):
    assert Z.shape == Y.shape
    assert Z.ndim == 2
    return abs(Z - Y).sum(axis=0)


def absolute_delta(A, Y):
    return np.sign(A - Y)


def largest(A):
    return A.argmax(axis=0)


def signs(A):
    return (A > 0).astype(int)


@pytest.mark.parametrize("data", X)
@pytest.mark.parametrize("decode", [None, largest, signs])
def test_functions_of_ones_own_are_handed_columns(decode, data):
    loss = Loss(identity, absolute, absolute_delta, decode=decode)
    network = Network(Activation(cube, cube_slope), loss)
    batch = Batch(X[data], TARGETS[data], WEIGHTS["own, of examples"])
    found = value_and_grad(PARAMS, batch, network)
    alone = [batch_of_one(batch, place) for place in range(K)]
    each_close(found, [value_and_grad(*p, network) for p in zip(EACH, alone, strict=True)])
    predicted = predict(PARAMS, X[data], network)
    for place, params in enumerate(EACH):
        close(predicted[place], predict(params, alone[place].X, network))


DERIVATIVES = {
    "input_grad": input_grad,
    "example_grads": example_grads,
    "example_grad_norms": example_grad_norms,
    "fisher_diagonal": fisher_diagonal,
    "clipped_grad_sum": partial(clipped_grad_sum, max_norm=0.3),
    "deltas": lambda params, X, y, network: deltas(params, forward(params, X, network), y, network),
}


@pytest.mark.parametrize("data", X)
@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_of_examples(name, data):
    function, network = DERIVATIVES[name], Network(tanh)
    found = function(PARAMS, X[data], LABELS[data], network)
    each_close(
        found,
        [
            function(params, of_one(X[data], k, 2), of_one(LABELS[data], k, 1), network)
            for k, params in enumerate(EACH)
        ],
    )


@pytest.mark.parametrize("loss", [LOSSES["softmax_cross_entropy"], squared_error, huber(0.5)])
@pytest.mark.parametrize("data", X)
@pytest.mark.parametrize("product", [hvp, gnvp])
def test_hessian_products(product, data, loss):
    network = Network(tanh, loss)
    weights = WEIGHTS["own, of examples"]
    batch = Batch(X[data], TARGETS[data], weights)
    found = product(PARAMS, VECTORS, batch, network=network)
    assert same_bytes(found, product(PARAMS, VECTORS, *batch[:2], network, weights=weights))
    of_each = zip(EACH, unstack(VECTORS), range(K), strict=True)
    each_close(
        found, [product(p, v, batch_of_one(batch, k), network=network) for p, v, k in of_each]
    )


@pytest.mark.parametrize("data", X)
def test_directional_derivatives(data):
    network, dA = Network(tanh), normal(K, 4, M)
    RX = normal(*X[data].shape)
    found = [
        jvp(PARAMS, VECTORS, X[data], network),
        jvp(PARAMS, VECTORS, X[data], network, X_tangent=RX),
        vjp(PARAMS, dA, X[data], network),
        jvp_grad(PARAMS, dA, X[data], network, X_tangent=RX),
    ]
    for k, (params, vector) in enumerate(zip(EACH, unstack(VECTORS), strict=True)):
        x, rx = of_one(X[data], k, 2), of_one(RX, k, 2)
        expected = [
            jvp(params, vector, x, network),
            jvp(params, vector, x, network, X_tangent=rx),
            vjp(params, dA[k], x, network),
            jvp_grad(params, dA[k], x, network, X_tangent=rx),
        ]
        close(part(tuple(found), k), tuple(expected))


@pytest.mark.parametrize("per_output", [False, True])
@pytest.mark.parametrize("data", X)
def test_neural_tangent_kernels(data, per_output):
    other = X["own"][..., :7]
    found = ntk(PARAMS, X[data], other, per_output=per_output)
    for k, params in enumerate(EACH):
        x = of_one(X[data], k, 2)
        close(found[k], ntk(params, x, other[k], per_output=per_output))
    assert ntk(PARAMS, X[data]).shape == (K, M, M)


def penalized(params, batch, network, *, map):
    """An objective of one's own, for one network and for a stack."""
    (loss, right), grads = value_and_grad(params, batch, network, map=map)
    squares = sum((W**2).sum(axis=(-2, -1)) for W, _ in params)
    pairs = zip(params, grads, strict=True)
    grads = tuple(Layer(dW + 0.1 * W, db) for (W, _), (dW, db) in pairs)
    return Evaluation(loss + 0.05 * squares, right), grads


@pytest.mark.parametrize("data", X)
def test_an_objective_of_ones_own(data):
    run = partial(train_step, optimizer=sgd(0.1), value_and_grad=penalized)
    batch = Batch(X[data], LABELS[data])
    found = run(init_state(PARAMS, sgd(0.1)), batch)
    each_close(
        found,
        [run(init_state(p, sgd(0.1)), batch_of_one(batch, k)) for k, p in enumerate(EACH)],
    )


@pytest.mark.parametrize("n_out", [2, 10, 300])
def test_the_most_likely_classes_of_many_columns(n_out):
    A = rng.integers(0, 5, size=(100, n_out, 30)).astype(np.float32)  # so there are many ties
    found = LOSSES["softmax_cross_entropy"].decode(A)
    assert found.dtype == np.intp
    np.testing.assert_array_equal(
        found, [LOSSES["softmax_cross_entropy"].decode(each) for each in A]
    )

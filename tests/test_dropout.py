"""Dropout: masks as values, the gradient with them, and streams that resume."""

import pickle
from itertools import islice

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Activation,
    Batch,
    Layer,
    Network,
    adam,
    backward,
    classifier,
    dropout,
    dropout_masks,
    evaluate,
    flatten,
    forward,
    gnvp,
    hvp,
    init_params,
    init_state,
    live_shards,
    map_arrays,
    minibatches,
    relu,
    sgd,
    shards,
    tanh,
    train,
    value_and_grad,
)
from scratchmlp.core.arrays import leaves
from scratchmlp.workers import threads
from tests.helpers import HIDDEN, gradients_agree, numerical_gradient, problem, same_bytes

SIZES = [3, 4, 4, 4, 2]
params, X, Y, weights = problem(depth=4, n_out=2, m=12)
y = Y.argmax(axis=0)
masks = dropout_masks(SIZES, 12, rate=0.4, input_rate=0.3, seed=1)


def mean_loss(network, given):
    def value(params):
        Z = forward(params, X, network, masks=given).Z[-1]
        return network.loss.value(Z, Y).mean()

    return value


SOME = {
    "all": masks,
    "of X alone": (masks[0], None, None, None),
    "of one hidden layer": (None, None, masks[2], None),
    "none": (None, None, None, None),
    "numbers of any kind": tuple(
        np.linspace(-1, 2, mask.size).reshape(mask.shape) for mask in masks
    ),
}


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_backward_with_masks_agrees_with_central_differences(hidden, name):
    network = Network(HIDDEN[hidden])
    cache = forward(params, X, network, masks=SOME[name])
    grads = backward(params, cache, Y, network, masks=SOME[name])
    assert gradients_agree(grads, numerical_gradient(mean_loss(network, SOME[name]), params))


def test_a_gradient_with_other_masks_is_another():
    """The check above can fail."""
    network = Network(tanh)
    numerical = numerical_gradient(mean_loss(network, masks), params)
    for wrong in (None, masks[:1] + (None,) * 3, dropout_masks(SIZES, 12, rate=0.4, seed=2)):
        cache = forward(params, X, network, masks=wrong)
        assert not gradients_agree(backward(params, cache, Y, network, masks=wrong), numerical)


def test_a_mask_multiplies_what_the_next_layer_takes():
    (W1, b1), (W2, b2), *_ = params
    cache = forward(params, X, classifier, masks=masks)
    np.testing.assert_allclose(cache.A[0], X * masks[0])
    np.testing.assert_allclose(cache.Z[0], W1 @ (X * masks[0]) + b1)
    np.testing.assert_allclose(cache.A[1], np.maximum(cache.Z[0], 0) * masks[1])
    np.testing.assert_allclose(cache.Z[1], W2 @ cache.A[1] + b2)


def test_masks_of_ones_are_no_masks():
    ones = tuple(np.ones_like(mask) for mask in masks)
    assert same_bytes(forward(params, X, masks=ones), forward(params, X))


def test_a_hessian_product_takes_a_masked_batch():
    network = Network(tanh)
    vector = init_params(SIZES, seed=5, dtype=np.float64)
    h, batch = 1e-5, Batch(X, Y, masks=masks)
    found = hvp(params, vector, batch, network=network)

    def gradient(step):
        moved = map_arrays(lambda a, v: a + step * v, params, vector)
        return flatten(value_and_grad(moved, batch, network)[1])

    # As in the gradient law: the third derivative times h^2, and eps / h.
    np.testing.assert_allclose(flatten(found), (gradient(h) - gradient(-h)) / (2 * h), atol=1e-7)


def test_a_gauss_newton_product_takes_a_masked_batch():
    """Masks that are the same for all examples are factors of the weights' columns."""
    factors = [np.array([[0.0, 1.5, 2.0]]), *(np.array([[1.0, 0.0, 2.0, 0.5]]) for _ in range(3))]
    same = tuple(np.tile(row.T, 12) for row in factors)

    def folded(tree):
        return tuple(Layer(W * row, b) for (W, b), row in zip(tree, factors, strict=True))

    network, vector = Network(tanh), init_params(SIZES, seed=5, dtype=np.float64)
    found = gnvp(params, vector, Batch(X, Y, masks=same), network=network)
    expected = folded(gnvp(folded(params), folded(vector), Batch(X, Y), network=network))
    np.testing.assert_allclose(flatten(found), flatten(expected), atol=1e-14)
    assert not np.allclose(flatten(found), flatten(gnvp(params, vector, X, Y, network)))


def test_a_masked_batch_has_the_gradient_and_loss_of_forward_and_backward():
    batch = Batch(X, Y, weights)
    evaluation, grads = value_and_grad(params, batch._replace(masks=masks))
    cache = forward(params, X, masks=masks)
    expected = backward(params, cache, Y, weights=weights, masks=masks)
    np.testing.assert_allclose(flatten(grads), flatten(expected), rtol=1e-12)
    losses = classifier.loss.value(cache.Z[-1], Y)
    assert evaluation.loss == pytest.approx(np.average(losses, weights=weights))
    assert evaluate(params, batch._replace(masks=masks)) == evaluation


def test_a_mask_is_zero_as_often_as_its_rate_says_and_its_mean_is_one():
    sizes, m = [300, 200, 200, 10], 500
    of_X, first, second = dropout_masks(sizes, m, rate=[0.5, 0.2], input_rate=0.1)
    for mask, rate in ((of_X, 0.1), (first, 0.5), (second, 0.2)):
        assert {*np.unique(mask)} == {np.float32(0), np.float32(1 / (1 - rate))}
        # 100,000 units or more: four standard errors of their share, and of their mean.
        error = 4 * np.sqrt(rate * (1 - rate) / mask.size)
        assert abs((mask == 0).mean() - rate) < error
        assert abs(mask.mean(dtype=float) - 1) < error / (1 - rate)
        assert mask.dtype == np.float32
        assert not mask.flags.writeable


def test_a_network_without_masks_predicts_at_the_mean_of_those_with():
    """Of the Z of the second layer, which is linear in the mask."""
    sizes = [3, 50, 4]
    small = init_params(sizes, dtype=np.float64)
    drawn = [
        forward(small, X, masks=dropout_masks(sizes, 12, rate=0.5, iteration=k)).Z[-1]
        for k in range(2000)
    ]
    error = np.std(drawn, axis=0) / np.sqrt(2000)
    assert (abs(np.mean(drawn, axis=0) - forward(small, X).Z[-1]) < 5 * error).all()


def test_masks_are_a_function_of_seed_iteration_and_layer():
    def one(**options):
        return dropout_masks([4, 9, 9, 2], 30, **options)

    assert one(rate=0, input_rate=0) == (None, None, None)
    assert same_bytes(one()[1:], one(seed=0, iteration=0)[1:])
    several = [one(seed=s, iteration=k) for s in range(3) for k in range(3)]
    assert len({leaf.tobytes() for each in several for leaf in each[1:]}) == 18


def distinct(batches):
    return {leaf.tobytes() for batch in batches for leaf in leaves(batch.masks)}


def stream(start=0, **options):
    batches = minibatches(X, y, size=5, start=start)
    return dropout(batches, SIZES, rate=0.5, input_rate=0.2, seed=4, start=start, **options)


def test_every_batch_of_a_stream_has_masks_of_its_own_iteration():
    batches = [*islice(stream(), 6)]
    assert len(distinct(batches)) == 6 * 4
    for number, batch in enumerate(batches):
        m = len(batch.y)
        options = {"rate": 0.5, "input_rate": 0.2, "seed": 4, "iteration": number}
        assert same_bytes(batch.masks, dropout_masks(SIZES, m, **options))


def test_training_with_dropout_resumes_and_does_not_depend_on_the_map():
    optimizer = adam(0.01)
    begin = init_state(params, optimizer)

    def trained(state, count, **options):
        batches = stream(state.iteration, **options)
        return last(take(count, train(state, batches, optimizer=optimizer)))

    whole = trained(begin, 13)
    rest = trained(trained(begin, 7), 6)
    with threads(2) as map:
        mapped = trained(begin, 13, map=map)
    assert same_bytes(whole[:2], rest[:2])
    assert same_bytes(whole[:2], mapped[:2])
    assert not same_bytes(whole.params, begin.params)


@pytest.mark.parametrize("live", [False, True])
def test_each_shard_has_masks_of_its_own(live):
    sparse = X * (abs(X) > 0.8)
    parts = (live_shards if live else shards)(sparse, y, size=4)
    (batch,) = dropout([parts], SIZES, rate=0.5, input_rate=0.5)
    masked = [shard() for shard in batch]
    assert len(distinct(masked)) == 4 * len(parts)
    with threads(2) as map:
        for each in (map, __builtins__["map"]):
            found = value_and_grad(params, batch, map=each)
            assert same_bytes(found[1], value_and_grad(params, masked)[1])
    shard, (first, *rest) = masked[0], masked[0].masks
    whole = np.zeros((3, 4))
    whole[shard.rows if live else slice(None)] = first
    given = (whole, *rest)
    x = sparse[:, [*map_places(shard, sparse)]]
    cache = forward(params, x, masks=given)
    expected = backward(params, cache, shard.y, masks=given)
    found = value_and_grad(params, masked[0])[1]
    np.testing.assert_allclose(flatten(found), flatten(expected), atol=1e-15)


def map_places(shard, examples):
    """Where the examples of a shard were."""
    rows = slice(None) if shard.rows is None else shard.rows
    for column in shard.X.T:
        yield next(k for k in range(12) if (examples[rows, k] == column).all())


def test_a_masked_batch_pickles():
    batch = Batch(X, y, masks=masks)
    again = pickle.loads(pickle.dumps(batch))
    assert same_bytes(value_and_grad(params, again)[1], value_and_grad(params, batch)[1])


def test_float32_stays_float32():
    small = init_params(SIZES)
    batch = Batch(X, y, masks=tuple(mask.astype(float) for mask in masks))
    state = last(train(init_state(small, sgd(0.1)), [batch] * 2, optimizer=sgd(0.1)))
    assert {leaf.dtype for leaf in leaves(state.params)} == {np.dtype(np.float32)}


WRONG = {
    "a list": (list(masks), TypeError, "masks must be a tuple, not list"),
    "too few": (masks[1:], ValueError, "masks has 3 but params has 4 layers"),
    "another shape": ((masks[1], *masks[1:]), ValueError, r"masks\[0\] must be \(3, 12\)"),
    "one that would broadcast": (
        (None, masks[1][:, :1], None, None),
        ValueError,
        r"masks\[1\] must be \(4, 12\), not \(4, 1\)",
    ),
    "booleans": ((masks[0] > 0, *masks[1:]), TypeError, r"masks\[0\] must hold real numbers"),
}


@pytest.mark.parametrize("case", WRONG)
def test_masks_that_do_not_fit(case):
    wrong, error, message = WRONG[case]
    cache = forward(params, X)
    with pytest.raises(error, match=f"^forward: {message}"):
        forward(params, X, masks=wrong)
    with pytest.raises(error, match=f"^backward: {message}"):
        backward(params, cache, Y, masks=wrong)
    with pytest.raises(error, match=f"^evaluate: {message}"):
        evaluate(params, Batch(X, Y, masks=wrong))


def test_examples_that_are_not_finite_are_found_behind_a_mask():
    """No warning, and the number that is there: infinity times 0 would be NaN."""
    wrong = np.array(X)
    wrong[0, 5] = np.inf
    zero = (np.zeros_like(X), *masks[1:])
    message = r"X must be finite, but X\[0, 5\] is inf"
    with pytest.raises(ValueError, match=f"forward: {message}"):
        forward(params, wrong, masks=zero)
    with pytest.raises(ValueError, match=f"evaluate: {message}"):
        evaluate(params, Batch(wrong, Y, masks=zero))
    bad = (masks[0], np.full_like(masks[1], np.nan), *masks[2:])
    with pytest.raises(ValueError, match=r"forward: masks\[1\] must be finite"):
        forward(params, X, masks=bad)


def test_rates_are_checked_where_there_is_no_hidden_layer():
    assert dropout_masks([3, 2], 4, rate=0.5) == (None,)
    for wrong, error in ((7.0, ValueError), ("x", TypeError), ([0.5], ValueError)):
        with pytest.raises(error, match="dropout_masks: rate"):
            dropout_masks([3, 2], 4, rate=wrong)


def test_what_is_no_batch():
    with pytest.raises(TypeError, match="evaluate: masks must be a tuple, not ndarray"):
        evaluate(params, Batch(X, Y, masks=X))
    with pytest.raises(TypeError, match="dropout: a shard must be a Batch or a function"):
        next(dropout([[X]], SIZES))
    with pytest.raises(TypeError, match="dropout: a shard must be a Batch or a function"):
        next(dropout([[lambda: X]], SIZES))[0]()


@pytest.mark.parametrize("value", [lambda Z: Z[:, :1], lambda Z: None])
def test_an_activation_of_another_shape_is_an_error_with_masks_too(value):
    network = Network(Activation(value, relu.derivative))
    with pytest.raises(ValueError, match="the activation of layer 1 must give an array of shape"):
        forward(params, X, network, masks=masks)

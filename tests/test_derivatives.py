"""Derivatives in the inputs, of each example, and in directions: differences, and their laws."""

import pickle

import numpy as np
import pytest

from scratchmlp import (
    Network,
    backward,
    clipped_grad_sum,
    example_grad_norms,
    example_grad_tiles,
    example_grads,
    fisher_diagonal,
    flatten,
    forward,
    init_params,
    input_grad,
    jvp,
    map_arrays,
    softmax,
    tanh,
    unflatten,
    vjp,
)
from scratchmlp.core.arrays import leaves
from tests.helpers import DEPTHS, HIDDEN, LOSSES, OUTPUTS, problem

every_network = [
    pytest.param(Network(g, loss), depth, id=f"{hidden}-{name}-{depth}")
    for hidden, g in HIDDEN.items()
    for name, loss in LOSSES.items()
    for depth in DEPTHS
]
# As in tests.helpers: h = 1e-5 is wrong by 2e-11 for rounding, and by 2e-11 times a third
# derivative.
H, TOLERANCE = 1e-5, 1e-7


def near(one, other, tolerance=TOLERANCE):
    return bool((np.abs(one - other) <= tolerance * np.maximum(1, np.abs(other))).all())


def direction(params, number=0):
    rng = np.random.default_rng([7, number])
    return map_arrays(lambda a: rng.normal(size=a.shape), params)


def moved(params, tangent, h):
    return map_arrays(lambda a, d: a + h * d, params, tangent)


def input_differences(params, X, Y, network):
    """Each row of the inputs moves for all examples at once: their losses do not meet."""

    def values(X):
        return network.loss.value(forward(params, X, network).Z[-1], Y)

    steps = [H * np.eye(len(X))[:, [row]] for row in range(len(X))]
    return np.array([(values(X + step) - values(X - step)) / (2 * H) for step in steps])


@pytest.mark.parametrize("n_out", OUTPUTS)
@pytest.mark.parametrize(("network", "depth"), every_network)
def test_input_grad_agrees_with_central_differences(network, depth, n_out):
    if network.loss == LOSSES["softmax_cross_entropy"] and n_out == 1:
        return  # which is an error, by a test of its own
    params, X, Y, _ = problem(depth, n_out, network.loss)
    numerical = input_differences(params, X, Y, network)
    dX = input_grad(params, X, Y, network)
    assert near(dX, numerical)
    planted = dX + 1e-5 * np.eye(*dX.shape)
    assert not near(planted, numerical)


@pytest.mark.parametrize(("network", "depth"), every_network)
def test_jvp_agrees_with_central_differences(network, depth):
    params, X, _, _ = problem(depth, 3, network.loss)
    tangent = direction(params)
    above, below = (forward(moved(params, tangent, h), X, network).A[-1] for h in (H, -H))
    numerical = (above - below) / (2 * H)
    # The tangent is about 6 long, and third derivatives grow with its cube: 2e-11 * 200 * 10.
    assert near(jvp(params, tangent, X, network), numerical)


@pytest.mark.parametrize(("network", "depth"), every_network)
def test_vjp_is_the_transpose_of_jvp(network, depth):
    params, X, _, _ = problem(depth, 3, network.loss)
    v, u = direction(params), np.random.default_rng(1).normal(size=(3, 6))
    there = np.vdot(u, jvp(params, v, X, network))
    back = flatten(vjp(params, u, X, network)) @ flatten(v)
    assert abs(there - back) <= 1e-12 * max(1, abs(there))


@pytest.mark.parametrize("loss", LOSSES)
def test_both_agree_with_the_dense_jacobian(loss):
    network = Network(tanh, LOSSES[loss])
    params, X, _, _ = problem(loss=network.loss)
    vector = flatten(params)

    def outputs(vector):
        return forward(unflatten(vector, params), X, network).A[-1].ravel()

    steps = H * np.eye(len(vector))
    dense = np.array([(outputs(vector + s) - outputs(vector - s)) / (2 * H) for s in steps]).T
    columns = [jvp(params, unflatten(e, params), X, network).ravel() for e in np.eye(len(vector))]
    rows = [flatten(vjp(params, u.reshape(3, 6), X, network)) for u in np.eye(18)]
    assert near(np.array(columns).T, dense)
    np.testing.assert_allclose(np.array(rows), np.array(columns).T, atol=1e-14)


@pytest.mark.parametrize(("network", "depth"), every_network)
def test_the_mean_of_the_example_grads_is_the_gradient(network, depth):
    params, X, Y, _ = problem(depth, 3, network.loss)
    each = example_grads(params, X, Y, network)
    mean = map_arrays(lambda a: a.mean(axis=0), each)
    grads = backward(params, forward(params, X, network), Y, network)
    np.testing.assert_allclose(flatten(mean), flatten(grads), atol=1e-13)


@pytest.mark.parametrize(("network", "depth"), every_network)
def test_what_is_had_without_forming_them_is_what_is_had_of_them(network, depth):
    params, X, Y, _ = problem(depth, 3, network.loss)
    each = example_grads(params, X, Y, network)
    rows = np.concatenate([a.reshape(6, -1) for a in leaves(each)], axis=1)
    norms = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(example_grad_norms(params, X, Y, network), norms, rtol=1e-13)
    limit = float(np.median(norms))
    clipped = (rows * np.minimum(1, limit / norms)[:, np.newaxis]).sum(axis=0)
    summed = clipped_grad_sum(params, X, Y, network, max_norm=limit)
    np.testing.assert_allclose(flatten(summed), clipped, atol=1e-13)
    fisher = fisher_diagonal(params, X, Y, network)
    np.testing.assert_allclose(flatten(fisher), np.square(rows).mean(axis=0), atol=1e-13)


def test_each_example_grad_is_the_gradient_of_that_example():
    params, X, Y, _ = problem(depth=3)
    each = example_grads(params, X, Y)
    for place in range(X.shape[1]):
        x, y = X[:, [place]], Y[:, [place]]
        alone = backward(params, forward(params, x), y)
        one = map_arrays(lambda a, place=place: a[place], each)
        np.testing.assert_allclose(flatten(one), flatten(alone), atol=1e-14)


@pytest.mark.parametrize("size", [1, 4, 6, 100])
def test_tiles_are_the_example_grads_in_order(size):
    params, X, Y, _ = problem(depth=3)
    parts = list(example_grad_tiles(params, X, Y, size=size))
    assert len(parts) == -(-6 // size)
    whole = example_grads(params, X, Y)
    for number, array in enumerate(leaves(whole)):
        together = np.concatenate([leaves(part)[number] for part in parts])
        np.testing.assert_allclose(together, array, atol=1e-14)


def test_a_tile_is_computed_when_it_is_asked_for():
    params, X, Y, _ = problem()
    broken = X.copy()
    broken[0, 5] = np.nan
    stream = example_grad_tiles(params, broken, Y, size=2)
    next(stream)
    next(stream)
    with pytest.raises(ValueError, match="example_grad_tiles: X must be finite"):
        next(stream)
    with pytest.raises(ValueError, match="example_grad_tiles: X has 2 features"):
        example_grad_tiles(params, X[1:], Y)


def test_many_examples_go_in_tiles_to_the_same_figures():
    params, X, Y, _ = problem(depth=3, m=2500)
    y = Y.argmax(axis=0)
    order = np.random.default_rng(0).permutation(2500)
    for function in (input_grad, example_grad_norms):
        whole, shuffled = function(params, X, y), function(params, X[:, order], y[order])
        np.testing.assert_allclose(whole[..., order], shuffled, atol=1e-14)
    grads = backward(params, forward(params, X), y)
    loose = clipped_grad_sum(params, X, y, max_norm=1e6)
    np.testing.assert_allclose(flatten(loose) / 2500, flatten(grads), atol=1e-12)


def test_clipping_holds_every_example_to_the_norm():
    params, X, Y, _ = problem()
    for place in range(6):
        x, y = X[:, [place]], Y[:, [place]]
        clipped = clipped_grad_sum(params, x, y, max_norm=0.01)
        assert np.linalg.norm(flatten(clipped)) == pytest.approx(0.01, rel=1e-12)


def test_an_example_without_a_gradient_is_clipped_to_none():
    network = Network(tanh, LOSSES["squared_error"])
    params, X, _, _ = problem()
    Y = forward(params, X, network).A[-1]
    assert (example_grad_norms(params, X, Y, network) == 0).all()
    assert not flatten(clipped_grad_sum(params, X, Y, network, max_norm=1.0)).any()


def test_norms_that_float32_holds_do_not_overflow_in_their_squares():
    network = Network(tanh, LOSSES["squared_error"])
    params = init_params([3, 2])
    X = np.zeros((3, 2), np.float32)
    for size in (1e-30, 1e30):
        Y = np.full((2, 2), size, np.float32)
        norms = example_grad_norms(params, X, Y, network)
        np.testing.assert_allclose(norms, np.sqrt(2) * size, rtol=1e-6)
        clipped = clipped_grad_sum(params, X, Y, network, max_norm=size)
        assert np.isfinite(flatten(clipped)).all()
        assert np.linalg.norm(flatten(clipped).astype(float)) == pytest.approx(2 * size, rel=1e-6)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("loss", LOSSES)
def test_float32_stays(hidden, loss):
    network = Network(HIDDEN[hidden], LOSSES[loss])
    params, X = init_params([3, 4, 4, 2]), np.ones((3, 5))
    Y = np.full((2, 5), 0.5)
    results = (
        input_grad(params, X, Y, network),
        example_grads(params, X, Y, network),
        example_grad_norms(params, X, Y, network),
        clipped_grad_sum(params, X, Y, network, max_norm=np.float64(0.1)),
        fisher_diagonal(params, X, Y, network),
        jvp(params, params, X, network),
        vjp(params, Y, X, network),
    )
    assert {leaf.dtype for leaf in leaves(results)} == {np.dtype(np.float32)}
    assert not any(leaf.flags.writeable for leaf in leaves(results))


def test_labels_and_activations_of_each_layer_are_taken():
    network = Network((HIDDEN["gelu"], HIDDEN["relu"]))
    params, X, Y, _ = problem(depth=3)
    y = Y.argmax(axis=0)
    columns = np.eye(3)[:, y]
    for function in (input_grad, example_grad_norms):
        np.testing.assert_array_equal(
            function(params, X, y, network), function(params, X, columns, network)
        )
    assert near(input_grad(params, X, y, network), input_differences(params, X, columns, network))


def test_the_softmax_of_outputs_is_coupled():
    """A planted error: the diagonal of its Jacobian alone is not the derivative."""
    params, X, _, _ = problem(1)
    tangent = direction(params)
    A = forward(params, X).A[-1]
    RZ = tangent[0].W @ X + tangent[0].b
    exact = jvp(params, tangent, X)
    assert not near(softmax.derivative(A, A) * RZ, exact)
    np.testing.assert_allclose(exact.sum(axis=0), 0, atol=1e-15)


def test_networks_with_second_derivatives_pickle():
    for g in HIDDEN.values():
        for loss in LOSSES.values():
            again = pickle.loads(pickle.dumps(Network(g, loss)))
            assert again.hidden.second is not None
            assert again.loss.curvature is not None

"""Products with the Hessian and the Gauss-Newton matrix, and what stands on them."""

import pickle
import sys

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Batch,
    Loss,
    Network,
    flatten,
    forward,
    gnvp,
    hessian_trace,
    hvp,
    identity,
    init_params,
    live_shards,
    map_arrays,
    newton_cg_step,
    shards,
    squared_error,
    tanh,
    unflatten,
    value_and_grad,
)
from scratchmlp.core.arrays import leaves
from scratchmlp.core.derivatives.curvature import hessian_operator
from scratchmlp.core.model.network import quiet
from scratchmlp.spectrum import hessian_eigenvalues
from scratchmlp.workers import threads
from tests.helpers import HIDDEN, LOSSES, problem, same_bytes
from tests.test_derivatives import H, direction, every_network, moved, near

SMOOTH = {name: g for name, g in HIDDEN.items() if name not in ("relu", "leaky_relu")}


def gradient(params, network, *batch):
    return value_and_grad(params, Batch(*batch), network)[1]


def difference(params, vector, network, *batch, h=H):
    """The Hessian's product by a central difference of gradients."""
    above, below = (flatten(gradient(moved(params, vector, s), network, *batch)) for s in (h, -h))
    return unflatten((above - below) / (2 * h), params)


def dense(times, params):
    """The matrix of a product."""
    n = len(flatten(params))
    return np.array([flatten(times(unflatten(e, params))) for e in np.eye(n)])


def of(product, params, network, *data, **options):
    return lambda vector: product(params, vector, *data, network, **options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("network", "depth"), every_network)
def test_hvp_agrees_with_differences_of_gradients(network, depth, weighted):
    params, X, Y, weights = problem(depth, 3, network.loss)
    weights = weights if weighted else None
    # Of length 1, so that third derivatives count as they do for a gradient.
    vector = map_arrays(lambda a: a / np.linalg.norm(flatten(direction(params))), direction(params))
    product = hvp(params, vector, X, Y, network, weights=weights)
    numerical = difference(params, vector, network, X, Y, weights)
    assert near(flatten(product), flatten(numerical))
    planted = flatten(product) + 1e-5 * (np.arange(len(flatten(params))) == 2)
    assert not near(planted, flatten(numerical))


@pytest.mark.parametrize(("network", "depth"), every_network)
def test_the_hessian_is_symmetric(network, depth):
    params, X, Y, _ = problem(depth, 3, network.loss)
    matrix = dense(of(hvp, params, network, X, Y), params)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13 * max(1, np.abs(matrix).max()))


@pytest.mark.parametrize(("network", "depth"), every_network)
def test_the_gauss_newton_matrix_is_symmetric_and_positive(network, depth):
    params, X, Y, _ = problem(depth, 3, network.loss)
    matrix = dense(of(gnvp, params, network, X, Y), params)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13 * max(1, np.abs(matrix).max()))
    assert np.linalg.eigvalsh(matrix).min() >= -1e-12 * max(1, np.abs(matrix).max())


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gauss_newton_matrix_is_that_of_the_dense_jacobian(loss):
    network = Network(tanh, LOSSES[loss])
    params, X, Y, weights = problem(loss=network.loss)
    vector, n = flatten(params), len(flatten(params))

    def outputs(vector):
        return forward(unflatten(vector, params), X, network).Z[-1]

    J = np.array([(outputs(vector + s) - outputs(vector - s)) / (2 * H) for s in H * np.eye(n)])
    A, shares = forward(params, X, network).A[-1], weights / weights.sum()
    HJ = np.array([network.loss.curvature(A, Y, each) * shares for each in J])
    expected = np.einsum("ioj,koj->ik", J, HJ)
    matrix = dense(of(gnvp, params, network, X, Y, weights=weights), params)
    assert near(matrix, expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_of_a_network_without_bends_it_is_the_hessian(loss):
    params, X, Y, _ = problem(1, loss=LOSSES[loss])
    network, vector = Network(identity, LOSSES[loss]), direction(params)
    one, other = (flatten(each(params, vector, X, Y, network)) for each in (hvp, gnvp))
    np.testing.assert_allclose(one, other, atol=1e-14)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_second_derivative_of_each_activation(hidden, dtype):
    g = HIDDEN[hidden]
    Z = np.linspace(-6, 6, 200)[np.newaxis]  # no corner is among them
    slopes = [g.derivative(Z + h, g.function(Z + h)).astype(float) for h in (H, -H)]
    exact = g.second(Z.astype(dtype), g.function(Z.astype(dtype)))
    assert exact.dtype == dtype
    # The derivatives that are made of A lose eps / |Z| to the quotient A / Z.
    assert near(exact, (slopes[0] - slopes[1]) / (2 * H), 1e-7 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_second_derivatives_are_finite_far_out_and_at_the_corner(hidden, dtype):
    g = HIDDEN[hidden]
    Z = np.array([[-1e30, -1e4, -100, -1e-30, 0, 1e-30, 100, 1e4, 1e30]], dtype)
    with quiet():
        second = g.second(Z, g.function(Z))
    assert np.isfinite(second).all()
    assert (np.abs(second) <= 1.01).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_curvature_of_each_loss(loss):
    loss = LOSSES[loss]
    rng = np.random.default_rng(0)
    Z, dZ, Y = rng.normal(size=(3, 4, 50))
    Y = np.abs(Y) / np.abs(Y).sum(axis=0)
    A = loss.activation.function
    deltas = [loss.delta(A(Z + h * dZ), Y) for h in (H, -H)]
    assert near(loss.curvature(A(Z), Y, dZ), (deltas[0] - deltas[1]) / (2 * H))


@pytest.mark.parametrize("product", [hvp, gnvp])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_sum_over_shards_is_the_whole(product, size, weighted):
    params, X, Y, weights = problem(depth=3, m=60)
    y, vector, network = Y.argmax(axis=0), direction(params), Network(tanh)
    weights = weights if weighted else None
    whole = product(params, vector, X, y, network, weights=weights)
    parts = shards(X, y, size=size, weights=weights)
    live = live_shards(X * (np.abs(X) > 1), y, size=size, weights=weights)
    dead = product(params, vector, X * (np.abs(X) > 1), y, network, weights=weights)
    for data, expected in ((parts, whole), (list(parts), whole), (live, dead)):
        summed = product(params, vector, data, network=network)
        np.testing.assert_allclose(flatten(summed), flatten(expected), atol=1e-12)


@pytest.mark.parametrize("product", [hvp, gnvp])
def test_the_bits_do_not_depend_on_the_map(product):
    params, X, Y, weights = problem(depth=3, m=60)
    parts, vector = shards(X, Y, size=7, weights=weights), direction(params)
    with threads(1), threads(3) as pool:
        one, other = (product(params, vector, parts, map=each) for each in (map, pool))
        assert same_bytes(one, other)


def test_more_examples_than_a_shard_holds():
    params, X, Y, _ = problem(m=2600)
    vector = direction(params)
    one = hvp(params, vector, X, Y)
    np.testing.assert_allclose(flatten(one), flatten(hvp(params, vector, Batch(X, Y))), atol=1e-12)


@pytest.mark.parametrize("product", [hvp, gnvp])
def test_weight_two_is_the_example_twice(product):
    params, X, Y, _ = problem()
    vector, twice = direction(params), np.array([0, 0, 2, 3, 4, 5])
    weights = np.array([2, 0, 1, 1, 1, 1])
    weighted = product(params, vector, X, Y, weights=weights)
    repeated = product(params, vector, X[:, twice], Y[:, twice])
    np.testing.assert_allclose(flatten(weighted), flatten(repeated), atol=1e-13)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("loss", LOSSES)
def test_float32_stays(hidden, loss):
    network = Network(HIDDEN[hidden], LOSSES[loss])
    params, X, Y = init_params([3, 4, 4, 2]), np.ones((3, 5)), np.full((2, 5), 0.5)
    results = [
        hvp(params, params, X, Y, network, weights=np.ones(5)),
        gnvp(params, params, X, Y, network),
        newton_cg_step(params, X, Y, network, damping=np.float64(0.1), iterations=2),
    ]
    assert {leaf.dtype for leaf in leaves(tuple(results))} == {np.dtype(np.float32)}
    assert not any(leaf.flags.writeable for leaf in leaves(tuple(results)))


def test_a_missing_second_derivative_is_told():
    own = Network((tanh, Activation(np.tanh, tanh.derivative)))
    params, X, Y, _ = problem(depth=3)
    forward(params, X, own)
    gnvp(params, params, X, Y, own)
    message = "^hvp: network needs the second derivative .* that of layer 2 has none$"
    with pytest.raises(ValueError, match=message):
        hvp(params, params, X, Y, own)
    with pytest.raises(ValueError, match="^hessian_trace: network needs the second derivative"):
        hessian_trace(params, X, Y, own)


@pytest.mark.parametrize("product", [hvp, gnvp])
def test_a_missing_curvature_is_told(product):
    own = Network(tanh, Loss(*squared_error[:3]))
    params, X, Y, _ = problem()
    value_and_grad(params, Batch(X, Y), own)
    message = f"^{product.__name__}: network needs the curvature of its loss, which has none$"
    with pytest.raises(ValueError, match=message):
        product(params, params, X, Y, own)


def test_functions_of_ones_own_that_give_another_shape_are_told():
    params, X, Y, _ = problem()
    bent = Network(tanh._replace(second=lambda Z, A: A[:1]))
    with pytest.raises(ValueError, match="hvp: the second derivative of the activation of layer 1"):
        hvp(params, params, X, Y, bent)
    curved = Network(loss=squared_error._replace(curvature=lambda A, Y, dZ: dZ.sum()))
    for product in (hvp, gnvp):
        with pytest.raises(ValueError, match=f"{product.__name__}: the loss's curvature must give"):
            product(params, params, X, Y, curved)


def test_weights_beside_shards_are_an_error():
    params, X, Y, weights = problem()
    with pytest.raises(ValueError, match="hvp: weights are for X with y"):
        hvp(params, params, Batch(X, Y), weights=weights)


def test_a_wrong_sign_of_the_second_derivative_is_caught():
    network = Network(tanh._replace(second=lambda Z, A: 2 * A * (1 - A * A)))
    params, X, Y, _ = problem(depth=3)
    vector = direction(params)
    product = hvp(params, vector, X, Y, network)
    assert not near(flatten(product), flatten(difference(params, vector, network, X, Y)), 1e-5)


def test_the_trace_is_that_of_the_dense_hessian():
    network = Network(tanh)
    params, X, Y, _ = problem()
    matrix = dense(of(hvp, params, network, X, Y), params)
    estimate = hessian_trace(params, X, Y, network, samples=400)
    # The variance of one sample is twice the sum of the squares off the diagonal.
    deviation = np.sqrt(2 * (np.square(matrix).sum() - np.square(np.diag(matrix)).sum()) / 400)
    assert abs(estimate - np.trace(matrix)) < 4 * deviation
    assert estimate == hessian_trace(params, shards(X, Y), network=network, samples=400)
    assert estimate != hessian_trace(params, X, Y, network, samples=400, seed=1)


def test_the_eigenvalues_are_those_of_the_dense_hessian():
    network = Network(tanh)
    params, X, Y, weights = problem()
    matrix = dense(of(hvp, params, network, X, Y, weights=weights), params)
    found = hessian_eigenvalues(params, X, Y, network, k=3, weights=weights)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrix)[:-4:-1], atol=1e-10)
    assert not found.flags.writeable
    again = hessian_eigenvalues(params, Batch(X, Y, weights), network=network, k=3)
    assert found.tobytes() == again.tobytes()


def test_eigenvalues_of_wrong_arguments():
    params, X, Y, _ = problem()
    for k in (0, 31, 32):
        with pytest.raises(ValueError, match="^hessian_eigenvalues: k must be"):
            hessian_eigenvalues(params, X, Y, k=k)
    with pytest.raises(TypeError, match="^hessian_eigenvalues: X without y must be"):
        hessian_eigenvalues(params, X)


def test_eigenvalues_without_scipy(monkeypatch):
    params, X, Y, _ = problem()
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"^scipy .* 'scratchmlp\[spectrum\]'$"):
        hessian_eigenvalues(params, X, Y)


def test_a_newton_step_solves_the_damped_equations():
    network = Network(tanh)
    params, X, Y, weights = problem()
    matrix = dense(of(gnvp, params, network, X, Y, weights=weights), params)
    grads = flatten(gradient(params, network, X, Y, weights))
    expected = flatten(params) - np.linalg.solve(matrix + 0.1 * np.eye(31), grads)
    found = newton_cg_step(params, X, Y, network, damping=0.1, iterations=40, weights=weights)
    np.testing.assert_allclose(flatten(found), expected, atol=1e-9)


def test_newton_steps_go_down_faster_than_the_gradient():
    network = Network(tanh)
    params, X, Y, _ = problem(m=40)
    batch, losses = Batch(X, Y), []
    for _ in range(8):
        losses.append(value_and_grad(params, batch, network)[0].loss)
        params = newton_cg_step(params, batch, network=network, damping=0.1)
    assert (np.diff(losses) < 0).all()


def test_a_newton_step_at_the_bottom_stays():
    params, X, _, _ = problem()
    network = Network(tanh, squared_error)
    Y = forward(params, X, network).Z[-1]
    assert same_bytes(newton_cg_step(params, X, Y, network), params)


def test_the_function_that_multiplies_pickles():
    params, X, Y, _ = problem()
    times = hessian_operator(params, Batch(X, Y), Network(tanh), map)
    assert same_bytes(pickle.loads(pickle.dumps(times))(params), times(params))

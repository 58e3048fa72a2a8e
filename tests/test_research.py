"""Programs of research in at most twenty lines each, checked against independent answers."""

import inspect
from functools import partial
from itertools import repeat

import numpy as np
import pytest
from toolz import last, take

from scratchmlp import (
    Activation,
    Batch,
    Evaluation,
    Layer,
    Loss,
    Network,
    adam,
    deltas,
    evaluate,
    example_grads,
    exponential_decay,
    fisher_diagonal,
    flatten,
    forward,
    frozen,
    gradient_descent,
    identity,
    init_params,
    init_state,
    jvp,
    jvp_grad,
    layerwise,
    map_arrays,
    mapped,
    ntk,
    predict,
    regressor,
    sgd,
    softmax,
    softmax_cross_entropy,
    tanh,
    train,
    train_step,
    value_and_grad,
    zero_biases,
)
from tests.helpers import OPTIMIZERS, gradients_agree, numerical_gradient, problem, same_bytes

LINEAR = Network(hidden=identity, loss=regressor.loss)
SMOOTH = Network(hidden=tanh, loss=regressor.loss)


def linear_problem(n_in=5, n_out=1, m=60):
    """A linear regressor, and noisy outputs of a linear function."""
    rng = np.random.default_rng(n_out)
    X = rng.normal(size=(n_in, m))
    Y = rng.normal(size=(n_out, n_in)) @ X + 0.5 + 0.1 * rng.normal(size=(n_out, m))
    return init_params([n_in, n_out], dtype=np.float64), X, Y


def least_squares(X, y):
    """The weights, and the bias, that fit y (m,) best."""
    solution = np.linalg.lstsq(np.vstack([X, np.ones(X.shape[1])]).T, y, rcond=None)[0]
    return solution[:-1], solution[-1]


def trained(params, batch, optimizer, network, iterations, **options):
    """The params after so many updates by all the data."""
    states = train(
        init_state(params, optimizer),
        repeat(batch),
        optimizer=optimizer,
        network=network,
        **options,
    )
    return last(take(iterations, states)).params


# Sharpness-aware minimization: Foret et al. 2021.


def sam(radius, params, batch, network, *, map):
    evaluation, grads = value_and_grad(params, batch, network, map=map)
    factor = radius / np.linalg.norm(flatten(grads))
    worst = map_arrays(lambda a, g: a + factor * g, params, grads)
    return evaluation, value_and_grad(worst, batch, network, map=map)[1]


def test_sharpness_aware_minimization_descends_the_worst_gradient_nearby():
    params, X, Y, _ = problem(depth=2)
    batch, optimizer = Batch(X, Y), sgd(0.5)
    network = Network(hidden=tanh)

    def loss(at):
        return evaluate(at, batch, network).loss

    state = init_state(params, optimizer)
    for _ in range(3):
        uphill = numerical_gradient(loss, state.params)
        factor = 0.05 / np.linalg.norm(flatten(uphill))
        worst = map_arrays(lambda a, g, factor=factor: a + factor * g, state.params, uphill)
        steepest = numerical_gradient(loss, worst)
        expected = map_arrays(lambda a, g: a - 0.5 * g, state.params, steepest)
        state = train_step(
            state, batch, network=network, optimizer=optimizer, value_and_grad=partial(sam, 0.05)
        )
        assert gradients_agree(state.params, expected)


# Pruning by magnitude, the rest trained on: Han et al. 2015.


def pruned(params, share, batch, network, iterations):
    kept = map_arrays(lambda a: (abs(a) >= np.quantile(abs(a), share)).astype(a.dtype), params)
    start = map_arrays(np.multiply, params, kept)
    masked = partial(map_arrays, np.multiply, kept)
    return trained(start, batch, mapped(adam(0.02), grads=masked), network, iterations)


def test_what_is_pruned_stays_so_and_the_rest_is_the_least_squares_fit():
    params, X, Y = linear_problem(n_in=8)
    ((W, b),) = pruned(params, 0.5, Batch(X, Y), regressor, 2000)
    left = np.flatnonzero(W[0])
    assert left.size == 4
    weights, bias = least_squares(X[left], Y[0])
    # Adam comes to the minimum of a quadratic function within a small part of its last steps.
    np.testing.assert_allclose(W[0, left], weights, atol=1e-6)
    np.testing.assert_allclose(b.item(), bias, atol=1e-6)


# Elastic weight consolidation: Kirkpatrick et al. 2017.


def consolidated(old, fisher, strength, params, batch, network, *, map):
    (loss, accuracy), grads = value_and_grad(params, batch, network, map=map)
    pull = map_arrays(lambda a, o, f: strength * f * (a - o), params, old, fisher)
    gap = map_arrays(np.subtract, params, old)
    loss += 0.5 * float(flatten(pull) @ flatten(gap))
    return Evaluation(loss, accuracy), map_arrays(np.add, grads, pull)


def test_consolidation_is_the_minimum_of_the_loss_and_the_pull():
    old, X, Y = linear_problem()
    _, X2, Y2 = linear_problem(n_out=1, m=40)
    X2 = X2[::-1]
    fisher = fisher_diagonal(old, X, Y, regressor)
    own = partial(consolidated, old, fisher, 3.0)
    ones, ones2 = np.vstack([X, np.ones(60)]), np.vstack([X2, np.ones(40)])
    start = np.append(old[0].W, old[0].b)
    F = np.square((start @ ones - Y) * ones).mean(axis=1)
    np.testing.assert_allclose(flatten(fisher), F, rtol=1e-12)
    A = ones2 @ ones2.T / 40 + 3 * np.diag(F)
    expected = np.linalg.solve(A, ones2 @ Y2[0] / 40 + 3 * F * start)
    rate = 1 / np.linalg.eigvalsh(A)[-1]
    params = trained(old, Batch(X2, Y2), sgd(rate), regressor, 3000, value_and_grad=own)
    np.testing.assert_allclose(flatten(params), expected, atol=1e-9)


# Missing labels: some outputs of some examples are not known.


def fit_of_what_is_known(params, X, Y, network, iterations):
    known = (~np.isnan(Y)).astype(X.dtype)
    batch = Batch(X, Y, known)
    return gradient_descent(
        params, batch, iterations=iterations, learning_rate=0.5, network=network
    ).params


def test_missing_labels_leave_each_output_the_least_squares_fit_of_its_own():
    params, X, Y = linear_problem(n_out=3)
    Y = np.where(np.random.default_rng(0).random(Y.shape) < 0.3, np.nan, Y)
    ((W, b),) = fit_of_what_is_known(params, X, Y, regressor, 1000)
    for output, y in enumerate(Y):
        known = ~np.isnan(y)
        weights, bias = least_squares(X[:, known], y[known])
        np.testing.assert_allclose(W[output], weights, atol=1e-9)
        np.testing.assert_allclose(b[output], bias, atol=1e-9)


# The factors of K-FAC: Martens and Grosse 2015.


def kronecker_factors(params, X, y, network):
    cache = forward(params, X, network)
    m = X.shape[1]
    inputs = [np.vstack([A, np.ones((1, m))]) for A in cache.A[:-1]]
    each = deltas(params, cache, y, network)
    return [(A @ A.T / m, dZ @ dZ.T / m) for A, dZ in zip(inputs, each, strict=True)]


def test_the_factors_of_kfac_are_means_of_outer_products():
    params, X, Y, _ = problem(depth=3)
    network = Network(hidden=tanh)
    A, expected_A = X, []
    for W, b in params:
        expected_A.append(np.vstack([A, np.ones(6)]))
        A = np.tanh(W @ A + b)
    # The gradient of an example in b is its dZ.
    of_examples = [
        numerical_gradient(lambda at, one=one: evaluate(at, one, network).loss, params)
        for one in (Batch(X[:, [j]], Y[:, [j]]) for j in range(6))
    ]
    factors = kronecker_factors(params, X, Y, network)
    for layer, (of_inputs, of_deltas) in enumerate(factors):
        dZ = np.hstack([grads[layer].b for grads in of_examples])
        np.testing.assert_allclose(of_inputs, expected_A[layer] @ expected_A[layer].T / 6)
        np.testing.assert_allclose(of_deltas, dZ @ dZ.T / 6, atol=1e-8)


# The neural tangent kernel: Jacot et al. 2018.


def jacobians(params, X, network):
    """The rows of the Jacobian of each output, (n_out, m, all parameters), by a linear loss."""
    n_out, m = len(params[-1].b), X.shape[1]
    linear = Loss(identity, lambda Z, C: (C * Z).sum(axis=0), lambda A, C: C)
    rows = []
    for output in range(n_out):
        C = np.zeros((n_out, m))
        C[output] = 1
        grads = example_grads(params, X, C, network._replace(loss=linear))
        rows.append(np.hstack([array.reshape(m, -1) for layer in grads for array in layer]))
    return np.stack(rows)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_tangent_kernel_is_that_of_the_jacobians(depth):
    params, X, *_ = problem(depth=depth)
    X2 = X[:, :2] + 1
    J, J2 = jacobians(params, X, SMOOTH), jacobians(params, X2, SMOOTH)
    each = J @ J2.transpose(0, 2, 1)
    np.testing.assert_allclose(ntk(params, X, X2, SMOOTH, per_output=True), each, rtol=1e-12)
    np.testing.assert_allclose(ntk(params, X, X2, SMOOTH), each.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(ntk(params, X, network=SMOOTH), ntk(params, X, X, SMOOTH))


def arc_cosine_kernel(X):
    """The limit of a hidden layer of relu, divided by its width: Cho and Saul 2009."""
    n_in = len(X)
    norms = np.linalg.norm(X, axis=0)
    cosines = np.clip(X.T @ X / np.outer(norms, norms), -1, 1)
    angles = np.arccos(cosines)
    outputs = np.outer(norms, norms) / (np.pi * n_in)
    outputs = outputs * (np.sin(angles) + (np.pi - angles) * cosines)
    slopes = (np.pi - angles) / np.pi
    return outputs + slopes * (X.T @ X + 1)


def test_a_wide_network_has_the_arc_cosine_kernel():
    n = 40_000
    X = np.random.default_rng(0).normal(size=(3, 5))
    first, (W, b) = init_params([3, n, 1], dtype=np.float64)
    params = first, Layer(W * np.sqrt(n), b)
    # A mean of n terms, whose standard deviation is about three times their mean.
    np.testing.assert_allclose(
        ntk(params, X, network=regressor) / n, arc_cosine_kernel(X), rtol=5 * 3 / np.sqrt(n)
    )


# A gradient penalty, on the slopes of the outputs in the inputs: Drucker and Le Cun 1992.


def with_penalty(strength, params, batch, network, *, map):
    (loss, accuracy), grads = value_and_grad(params, batch, network, map=map)
    still, m = map_arrays(np.zeros_like, params), batch.X.shape[1]
    for row in np.eye(len(batch.X)):
        along = np.repeat(row[:, np.newaxis], m, axis=1)
        slopes = jvp(params, still, batch.X, network, X_tangent=along)
        loss += strength / 2 * float(np.square(slopes).sum()) / m
        more = jvp_grad(params, strength / m * slopes, batch.X, network, X_tangent=along)
        grads = map_arrays(np.add, grads, more)
    return Evaluation(loss, accuracy), grads


def penalized_loss(params, X, Y, strength):
    """The same in plain NumPy, for one hidden layer of tanh."""
    (W, b), (W2, b2) = params
    A = np.tanh(W @ X + b)
    slopes = np.einsum("oh,hm,hi->oim", W2, 1 - A * A, W)
    errors = W2 @ A + b2 - Y
    return (np.square(errors).sum() + strength * np.square(slopes).sum()) / (2 * X.shape[1])


def test_the_gradient_of_a_gradient_penalty_agrees_with_central_differences():
    params, X, Y, _ = problem(depth=2)
    (loss, _), grads = with_penalty(0.7, params, Batch(X, Y), SMOOTH, map=map)
    np.testing.assert_allclose(loss, penalized_loss(params, X, Y, 0.7), rtol=1e-12)
    expected = numerical_gradient(lambda at: penalized_loss(at, X, Y, 0.7), params)
    assert gradients_agree(grads, expected)
    optimizer, own = adam(0.01), partial(with_penalty, 0.7)
    end = trained(params, Batch(X, Y), optimizer, SMOOTH, 50, value_and_grad=own)
    assert penalized_loss(end, X, Y, 0.7) < loss


# Weight tying: an autoencoder whose decoder is the transpose of its encoder.


def tied(params, batch, network, *, map):
    evaluation, (encoder, decoder) = value_and_grad(params, batch, network, map=map)
    W = encoder.W + decoder.W.T
    return evaluation, (Layer(W, encoder.b), Layer(W.T, decoder.b))


def test_a_tied_linear_autoencoder_finds_the_principal_components():
    rng = np.random.default_rng(0)
    X = np.diag([2.0, 1.5, 1.0, 0.3, 0.2]) @ rng.normal(size=(5, 100))
    X -= X.mean(axis=1, keepdims=True)
    W = 0.3 * rng.normal(size=(2, 5))
    start = Layer(W, np.zeros((2, 1))), Layer(W.T, np.zeros((5, 1)))
    params = trained(start, Batch(X, X), sgd(0.05), LINEAR, 2000, value_and_grad=tied)
    assert params[0].W.T.tobytes() == np.asarray(params[1].W).tobytes()
    left = np.linalg.eigvalsh(X @ X.T / 100)[:3].sum() / 2
    assert evaluate(params, Batch(X, X), LINEAR).loss == pytest.approx(left, rel=1e-9)


# Fine-tuning: the first layers stay, the last is trained.


def fine_tuned(params, batch, optimizer, network, iterations):
    each = layerwise(*[frozen()] * (len(params) - 1), optimizer)
    return trained(params, batch, each, network, iterations)


def test_fine_tuning_leaves_the_first_layers_and_trains_the_last_on_their_outputs():
    params, X, Y, _ = problem(depth=3)
    network = Network(hidden=tanh)
    end = fine_tuned(params, Batch(X, Y), adam(0.05), network, 20)
    assert same_bytes(end[:2], params[:2])
    features = forward(params[:2], X, Network(tanh, Loss(tanh, *network.loss[1:3]))).A[-1]
    head = trained(params[2:], Batch(features, Y), adam(0.05), network, 20)
    assert same_bytes(end[2:], head)


def test_no_gradient_is_computed_below_the_lowest_layer_that_is_trained():
    params, X, Y, _ = problem(depth=4)
    asked = []

    def derivative(layer, Z, A):
        asked.append(layer)
        return 1 - A * A

    hidden = tuple(Activation(np.tanh, partial(derivative, layer)) for layer in (1, 2, 3))
    for optimizers, expected in (
        ([frozen(), frozen(), sgd(0.1), sgd(0.1)], [3]),
        ([frozen(), sgd(0.1), frozen(), sgd(0.1)], [3, 2]),
        ([frozen()] * 4, []),
        ([sgd(0.1), frozen(), frozen(), frozen()], [3, 2, 1]),
    ):
        optimizer, asked[:] = layerwise(*optimizers), []
        end = trained(params, Batch(X, Y), optimizer, Network(hidden), 1)
        assert asked == expected
        plain = trained(params, Batch(X, Y), sgd(0.1), Network(hidden), 1)
        for layer, optimizer in enumerate(optimizers):
            moved = params if repr(optimizer) == "frozen()" else plain
            assert same_bytes(end[layer : layer + 1], moved[layer : layer + 1])


# Losses of one's own: counts, and quantiles.


poisson = Loss(
    Activation(np.exp, lambda Z, A: A, lambda Z, A: A),
    value=lambda Z, Y: (np.exp(Z) - Y * Z).sum(axis=0),
    delta=lambda A, Y: A - Y,
    curvature=lambda A, Y, dZ: A * dZ,
    sum_over_outputs=True,
)


def test_a_poisson_regression_on_two_groups_gives_their_means():
    group = np.repeat([0.0, 1.0], [30, 50])[np.newaxis]
    counts = np.random.default_rng(0).poisson(2 + 3 * group)
    network = Network(loss=poisson)
    params = init_params([1, 1], dtype=np.float64)
    end = gradient_descent(
        params, group, counts, iterations=2000, learning_rate=0.1, network=network
    ).params
    means = [counts[group == number].mean() for number in (0, 1)]
    rates = predict(end, np.array([[0.0, 1.0]]), network)
    np.testing.assert_allclose(rates[0], means, rtol=1e-9)
    expected = numerical_gradient(lambda at: evaluate(at, Batch(group, counts), network).loss, end)
    assert gradients_agree(
        value_and_grad(end, Batch(group, counts), network)[1], expected, tolerance=1e-6
    )


def quantile_loss(levels):
    """One output for each level: its error counts `level` above and 1 - level below."""
    q = np.array(levels)[:, np.newaxis]
    return Loss(
        identity,
        value=lambda Z, Y: np.maximum(q * (Y - Z), (q - 1) * (Y - Z)).sum(axis=0),
        delta=lambda A, Y: (A > Y) - q,
    )


def test_a_quantile_regression_on_nothing_gives_the_quantiles():
    y = np.random.default_rng(0).gamma(2.0, size=101)
    levels = [0.1, 0.5, 0.9]
    network = Network(loss=quantile_loss(levels))
    params = init_params([1, 3], dtype=np.float64)
    batch = Batch(np.zeros((1, 101)), np.tile(y, (3, 1)))
    optimizer = sgd(exponential_decay(0.5, every=10, factor=0.95))
    ((_, b),) = trained(params, batch, optimizer, network, 2000)
    # The steps end at 0.5 * 0.95^200 = 2e-5; at 101 examples each quantile is one of them.
    np.testing.assert_allclose(b[:, 0], np.quantile(y, levels), atol=1e-4)


# Distillation: Hinton et al. 2015. The outputs stay those of a classifier.


def distillation(temperature):
    return softmax_cross_entropy._replace(
        value=lambda Z, Y: softmax_cross_entropy.value(Z / temperature, Y),
        delta=lambda A, Y: (softmax.function(np.log(A) / temperature) - Y) / temperature,
        curvature=None,
    )


def test_distillation_has_its_gradient_and_brings_the_student_to_its_teacher():
    teacher, X, *_ = problem(depth=1, m=40)
    soft = softmax.function(forward(teacher, X, Network(tanh)).Z[-1] / 3)
    student = init_params([3, 3], seed=2, dtype=np.float64)
    network = Network(tanh, distillation(3.0))
    batch = Batch(X, soft)
    grads = value_and_grad(student, batch, network)[1]
    assert gradients_agree(
        grads, numerical_gradient(lambda at: evaluate(at, batch, network).loss, student)
    )
    end = trained(student, batch, adam(0.1), network, 500)
    assert evaluate(end, batch, network).accuracy == 1.0
    # A softmax knows its Z but for a constant of each column. Adam's last steps are far below 1e-3.
    for one, other in zip(end[0], teacher[0], strict=True):
        np.testing.assert_allclose(one - one.mean(axis=0), other - other.mean(axis=0), atol=1e-3)


# REINFORCE: Williams 1992, for one state and some actions. Targets may be of either sign.


reinforce = softmax_cross_entropy._replace(
    value=lambda Z, R: -(R * np.log(softmax.function(Z))).sum(axis=0),
    delta=lambda A, R: A * R.sum(axis=0) - R,
    targets=lambda y, n_out: y,
)


def test_the_gradient_of_expected_rewards_is_that_of_the_closed_form():
    rewards, logits = np.array([1.0, -2.0, 0.5]), np.array([0.3, -0.1, 0.4])
    params = (Layer(np.zeros((3, 1)), logits[:, np.newaxis]),)
    p = softmax.function(logits[:, np.newaxis])[:, 0]
    # Each action once, weighted by its probability: the expectation itself.
    batch = Batch(np.zeros((1, 3)), np.diag(rewards), p)
    grads = value_and_grad(params, batch, Network(loss=reinforce))[1]
    np.testing.assert_allclose(grads[0].b[:, 0], -p * (rewards - p @ rewards), rtol=1e-12)


# Networks without biases.


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_network_without_biases_stays_so_with_every_optimizer(name):
    params, X, Y, _ = problem(depth=3)
    start = zero_biases(params)
    optimizer = mapped(OPTIMIZERS[name](0.1), grads=zero_biases)
    end = trained(start, Batch(X, Y), optimizer, SMOOTH, 20)
    assert not any(b.any() for _, b in end)
    assert not same_bytes(end, start)


PROGRAMS = {
    "sharpness-aware minimization": [sam],
    "masked pruning": [pruned],
    "elastic weight consolidation": [consolidated],
    "missing labels": [fit_of_what_is_known],
    "K-FAC's factors": [kronecker_factors],
    "the neural tangent kernel": [jacobians],
    "gradient penalty": [with_penalty],
    "weight tying": [tied],
    "fine-tuning": [fine_tuned],
    "quantile loss": [quantile_loss],
    "distillation": [distillation],
}


def lines(program):
    return sum(len(inspect.getsource(function).splitlines()) for function in program)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_takes_at_most_twenty_lines(name):
    assert lines(PROGRAMS[name]) <= 20

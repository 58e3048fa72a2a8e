"""Without its dead rows a shard gives the same sums, and most rows are dead."""

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    Network,
    evaluate,
    flatten,
    gradient_descent,
    init_params,
    live_shards,
    shards,
    value_and_grad,
)
from scratchmlp.core.data.live_rows import expand, restrict
from scratchmlp.datasets import mnist

rng = np.random.default_rng(0)
# Some rows are often live, some seldom, and one never.
X = rng.random((12, 60)) * (rng.random((12, 60)) < np.linspace(0, 0.6, 12)[:, np.newaxis])
y = rng.integers(4, size=60)
weights = rng.random(60)
params = init_params([12, 8, 4], dtype=np.float64)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_gradient_agrees_with_the_plain_one(size, weighted):
    options = {"size": size, "weights": weights if weighted else None}
    evaluation, grads = value_and_grad(params, shards(X, y, **options))
    live = live_shards(X, y, **options)
    agreed, agreeing = value_and_grad(params, live)
    # Sums of 60 numbers of order 1 in another order: 60 times eps is 1e-14.
    np.testing.assert_allclose(flatten(agreeing), flatten(grads), atol=1e-13)
    np.testing.assert_allclose(agreed, evaluation, atol=1e-13)
    np.testing.assert_allclose(evaluate(params, live), evaluation, atol=1e-13)


def test_one_live_batch_alone_is_a_mean():
    (alone,) = live_shards(X, y, size=60)
    assert isinstance(alone, Batch)
    expected = value_and_grad(params, Batch(X, y))[1]
    np.testing.assert_allclose(
        flatten(value_and_grad(params, alone)[1]), flatten(expected), atol=1e-13
    )


def test_targets_follow_their_examples():
    Y = np.eye(4)[:, y]
    by_targets, by_labels = (value_and_grad(params, live_shards(X, t, size=9)) for t in (Y, y))
    np.testing.assert_array_equal(flatten(by_targets[1]), flatten(by_labels[1]))


def test_dead_rows_have_no_gradient_and_are_left_out():
    (alone,) = live_shards(X, y, size=60)
    assert 0 not in alone.rows
    assert (value_and_grad(params, alone)[1][0].W[:, 0] == 0).all()


def test_restrict_and_expand_are_inverse_on_the_rows():
    rows = np.array([1, 4, 5])
    whole = expand(restrict(params, rows), rows, 12)
    np.testing.assert_array_equal(whole[0].W[:, rows], params[0].W[:, rows])
    assert np.count_nonzero(whole[0].W) == np.count_nonzero(params[0].W[:, rows])
    assert whole[1] is params[1]


def test_examples_that_are_zero_altogether():
    blank = np.zeros((12, 5))
    (batch,) = live_shards(blank, y[:5])
    np.testing.assert_allclose(
        flatten(value_and_grad(params, batch)[1]),
        flatten(value_and_grad(params, Batch(blank, y[:5]))[1]),
        atol=1e-15,
    )


def test_nan_is_no_dead_row():
    bad = X.copy()
    bad[3, 3] = np.nan
    with pytest.raises(ValueError, match="X must be finite"):
        value_and_grad(params, live_shards(bad, y))


def test_more_than_a_third_of_mnist_is_dead():
    train = mnist().train
    few, labels = train.X[:, :20_000], train.y[:20_000]
    live = np.mean([len(batch.rows) for batch in live_shards(few, labels, size=1000)])
    plain = np.mean([batch.X.any(axis=1).sum() for batch in shards(few, labels, size=1000)])
    assert live < 500
    assert plain > 580


def test_training_takes_live_shards():
    options = {"iterations": 10, "learning_rate": 0.1}
    live = gradient_descent(params, live_shards(X, y, size=20), **options)
    plain = gradient_descent(params, X, y, **options)
    np.testing.assert_allclose(live.losses, plain.losses, atol=1e-12)


WRONG = {
    "a row too many": (lambda batch: batch._replace(rows=batch.rows[1:]), "features but layer 1"),
    "a row twice": (
        lambda batch: batch._replace(rows=np.append(batch.rows[:-1], batch.rows[-2])),
        "rows must be in ascending order, each once",
    ),
    "a row that is none": (lambda batch: batch._replace(rows=batch.rows + 5), "rows must be in 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_live_batches_that_do_not_fit(case):
    alter, message = WRONG[case]
    (batch,) = live_shards(X, y)
    with pytest.raises(ValueError, match=f"^value_and_grad: .*{message}"):
        value_and_grad(params, alter(batch), Network())

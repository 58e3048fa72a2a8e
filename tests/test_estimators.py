"""The estimators beside scikit-learn's own: its checks, its tests, its numbers; and what is new."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network.tests import test_mlp
from sklearn.utils.estimator_checks import parametrize_with_checks

from scratchmlp import (
    Batch,
    Evaluation,
    Loss,
    Network,
    adam,
    cosine_decay,
    evaluate,
    flatten,
    gelu,
    huber,
    identity,
    init_params,
    poisson,
    sigmoid,
    softmax_cross_entropy,
    squared_error,
    tanh,
    unstack,
    value_and_grad,
)
from scratchmlp.checkpoints import load, save
from scratchmlp.estimators import MLPClassifier, MLPRegressor
from scratchmlp.estimators._fitting import Examples, sparse_value_and_grad

PAIRS = [
    (MLPClassifier, neural_network.MLPClassifier),
    (MLPRegressor, neural_network.MLPRegressor),
]
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X, y = X[:450] / 16, y[:450]
LETTERS = np.array(list("abcdefghij"))[y]
SEVERAL = np.array([y % 2, y > 4, y == 0]).T.astype(int)
NUMBERS = np.array([y / 3.0, np.sin(y)]).T

# What reaches into private attributes of scikit-learn's: everything else of its tests passes.
PRIVATE = {
    "test_gradient": "calls _loss_grad_lbfgs",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate",
}
SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.05},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.05},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "tol": 0.1,
        "n_iter_no_change": 2,
    },
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-3},
    "lbfgs": {"solver": "lbfgs"},
}
TARGETS = {
    "ten classes": (0, LETTERS),
    "two classes": (0, y > 4),
    "three labels": (0, SEVERAL),
    "numbers": (1, NUMBERS[:, 0]),
}


def weights_of(model):
    return [*model.coefs_, *model.intercepts_]


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_scikit_learns_own_tests(tmp_path):
    """Its test module, as installed, with the two names replaced."""
    theirs = Path(test_mlp.__file__).read_text()
    line = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
    assert theirs.count(line) == 1
    ours = theirs.replace(line, "from scratchmlp.estimators import MLPClassifier, MLPRegressor\n")
    (tmp_path / "test_theirs.py").write_text(ours)
    seed = "import pytest\n\n@pytest.fixture\ndef global_random_seed():\n    return 42\n"
    (tmp_path / "conftest.py").write_text(seed)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rf", "--tb=no"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    summary = [line.split() for line in done.stdout.splitlines() if line.startswith("FAILED")]
    failed = {words[1].rpartition("::")[2] for words in summary}
    assert failed == set(PRIVATE), done.stdout
    assert "error" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
@unconverged
def test_the_same_numbers_as_scikit_learn(solver, target):
    """From weights that are set, in float64: what rounding makes of 20 epochs is far below 1e-6."""
    number, labels = TARGETS[target]
    options = SOLVERS[solver] | {"hidden_layer_sizes": (20, 10), "activation": "tanh"}
    options |= {"shuffle": False, "warm_start": True, "alpha": 0.1, "batch_size": 64}
    ours, theirs = (
        make(**options, max_iter=1, random_state=seed).fit(X, labels)
        for seed, make in enumerate(PAIRS[number])
    )
    ours.coefs_ = [coef.copy() for coef in theirs.coefs_]
    ours.intercepts_ = [intercept.copy() for intercept in theirs.intercepts_]
    # What a warm start keeps of the epoch before.
    for name in ("best_loss_", "loss_curve_"):
        if hasattr(theirs, name):
            setattr(ours, name, getattr(theirs, name))
    for model in (ours, theirs):
        model.set_params(max_iter=20).fit(X, labels)
    for one, other in zip(weights_of(ours), weights_of(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, abs=1e-6)
    assert getattr(ours, "loss_curve_", []) == pytest.approx(
        getattr(theirs, "loss_curve_", []), abs=1e-6
    )


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("number", "labels"), [(0, LETTERS), (1, NUMBERS)])
@unconverged
def test_one_random_state_gives_the_model_of_scikit_learn(number, labels, early):
    """The same initial weights, the same examples set aside, the same order of the others."""
    options = {"early_stopping": early, "max_iter": 8, "random_state": 3, "batch_size": 50}
    weights = np.random.default_rng(0).random(len(X))
    ours, theirs = (make(**options).fit(X, labels, sample_weight=weights) for make in PAIRS[number])
    for one, other in zip(weights_of(ours), weights_of(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-9)
    for name in ("t_", "n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_scikit_learns_parameters_have_its_defaults(ours, theirs):
    expected = theirs().get_params()
    assert {name: ours().get_params()[name] for name in expected} == expected
    model = ours((5,)) if ours is MLPClassifier else ours("squared_error", (5,))
    assert model.hidden_layer_sizes == (5,)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@unconverged
def test_sparse_rows_are_the_same_as_dense_ones(solver, workers):
    """To rounding: features that are zero in a whole minibatch are left out of its products."""
    wide = np.zeros((100, 300))
    wide[np.arange(100), np.random.default_rng(0).integers(300, size=100)] = 1
    for rows, labels in ((X, y), (wide, y[:100])):
        options = {"solver": solver, "max_iter": 3, "random_state": 0, "batch_size": 20}
        dense = MLPClassifier(**options).fit(rows, labels)
        sparse = MLPClassifier(**options, workers=workers).fit(csr_array(rows), labels)
        np.testing.assert_allclose(dense.coefs_[0], sparse.coefs_[0], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(
            dense.predict_proba(rows), dense.predict_proba(csc_array(rows))
        )
    dropped = MLPClassifier(**options, input_dropout=0.2).fit(csr_array(wide), labels)
    assert np.isfinite(dropped.loss_)


@pytest.mark.parametrize("rows", [np.asarray, csr_array])
def test_sparse_rows_diverge_as_dense_ones_do(rows):
    options = {"activation": "relu", "solver": "sgd", "learning_rate_init": 1e30}
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        MLPRegressor(**options, random_state=0).fit(rows(X.astype(np.float32)), X[:, 0])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden", [tanh, (gelu, sigmoid)])
@pytest.mark.parametrize("loss", [squared_error, poisson, softmax_cross_entropy])
def test_the_gradient_of_sparse_rows_is_that_of_dense_ones(loss, hidden, weighted):
    """The sums are taken in another order: 1e-12 is some thousand roundings of numbers near 1."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 40)) * (rng.random((30, 40)) < 0.2)
    targets = rng.dirichlet(np.ones(3), size=30)
    weights = rng.random(30) if weighted else None
    params = init_params([40, 6, 5, 3], dtype=np.float64)
    network = Network(hidden, loss)
    examples = Examples(csr_array(rows), targets, weights)
    figures, grads = sparse_value_and_grad(params, examples, network, map=map)
    expected = value_and_grad(params, Batch(rows.T, targets.T, weights), network)
    np.testing.assert_allclose(figures, expected[0], rtol=1e-12)
    np.testing.assert_allclose(flatten(grads), flatten(expected[1]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {},
        SOLVERS["invscaling"],
        SOLVERS["adaptive"],
        {"early_stopping": True, "averaging": 0.9, "dropout": 0.2, "max_norm": 2.0},
        {"optimizer": adam(cosine_decay(0.01, iterations=30)), "input_dropout": 0.1},
    ],
)
@unconverged
def test_a_fit_is_resumed_to_the_bit(options):
    whole = MLPClassifier(max_iter=7, random_state=0, resume=True, **options).fit(X, y)
    part = MLPClassifier(max_iter=4, random_state=0, resume=True, **options).fit(X, y)
    part = pickle.loads(pickle.dumps(part)).set_params(max_iter=7).fit(X, y)
    for one, other in zip(weights_of(whole), weights_of(part), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.loss_curve_ == part.loss_curve_
    assert whole.validation_scores_ == part.validation_scores_
    assert part.n_iter_ == whole.n_iter_


def test_a_fit_that_has_converged_is_not_resumed():
    model = MLPClassifier(5, tol=1.0, n_iter_no_change=2, random_state=0, resume=True).fit(X, y)
    before, n_iter = model.coefs_[0].copy(), model.n_iter_
    np.testing.assert_array_equal(model.fit(X, y).coefs_[0], before)
    assert model.n_iter_ == n_iter


@unconverged
def test_own_functions_and_one_activation_for_each_layer():
    options = {"hidden_layer_sizes": (8, 8), "activation": ["logistic", gelu], "max_iter": 2}
    model = MLPClassifier(**options, loss=squared_error, random_state=0).fit(X, y)
    assert model.network_.hidden[1] == gelu
    assert model.out_activation_ == "identity"
    assert set(model.predict(X)) <= set(y)
    absolute = Loss(identity, _absolute, _sign)
    model = MLPRegressor(absolute, max_iter=30, random_state=0).fit(X, NUMBERS)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert MLPRegressor(huber(0.5), solver="lbfgs", max_iter=50).fit(X, y).score(X, y) > 0.9


def _absolute(Z, Y):
    return np.abs(Z - Y).sum(axis=-2)


def _sign(A, Y):
    return np.sign(A - Y)


@unconverged
def test_class_weight_is_a_weight_of_the_samples():
    weights = {0: 3.0, 1: 0.5}
    options = {"max_iter": 3, "random_state": 0}
    by_class = MLPClassifier(class_weight=weights, **options).fit(X, y > 6)
    by_sample = MLPClassifier(**options).fit(X, y > 6, np.where(y > 6, 0.5, 3.0))
    np.testing.assert_array_equal(by_class.coefs_[0], by_sample.coefs_[0])


@unconverged
def test_own_examples_for_validation():
    model = MLPClassifier(max_iter=5, random_state=0)
    model.fit(X[:300], LETTERS[:300], validation=(X[300:], LETTERS[300:]))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 5
    assert model.validation_scores_[-1] == model.score(X[300:], LETTERS[300:])
    batch = Batch(X[300:].T, y[300:])
    expected = evaluate(model.state_.params, batch, model.network_)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected.loss)
    apart = clone(model).fit(X[:300], LETTERS[:300])
    np.testing.assert_array_equal(apart.coefs_[0], model.coefs_[0])
    model.set_params(early_stopping=True, max_iter=200, tol=0.01)
    model.fit(X[:300], LETTERS[:300], validation=(X[300:], LETTERS[300:]))
    assert model.score(X[300:], LETTERS[300:]) == max(model.validation_scores_)
    assert model.n_iter_ < 200


@unconverged
def test_a_callback_gets_records_and_ends_the_fit():
    records = []

    def stop_at_three(record):
        records.append(record)
        return record.iteration == 3

    for solver in ("sgd", "lbfgs"):
        records.clear()
        model = MLPClassifier(8, solver=solver, callback=stop_at_three, random_state=0).fit(X, y)
        assert [record.iteration for record in records] == [1, 2, 3]
        assert model.n_iter_ == 3
        assert isinstance(records[0].training, Evaluation)


@unconverged
def test_gradients_of_the_input():
    model = MLPRegressor(hidden_layer_sizes=6, activation="tanh", max_iter=3, random_state=0)
    model.fit(X, NUMBERS)
    step = np.zeros_like(X[:5])
    step[:, 20] = 1e-6

    def losses(rows):
        return 0.5 * np.square(model.predict(rows) - NUMBERS[:5]).sum(axis=1)

    slopes = (losses(X[:5] + step) - losses(X[:5] - step)) / 2e-6
    np.testing.assert_allclose(model.input_gradient(X[:5], NUMBERS[:5])[:, 20], slopes, atol=1e-8)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@unconverged
def test_workers_share_a_gradient(solver):
    """Sums of parts differ from the whole in their rounding alone."""
    options = {"solver": solver, "max_iter": 3, "random_state": 0, "hidden_layer_sizes": 5}
    alone, shared = (MLPClassifier(**options, workers=n).fit(X, y) for n in (1, 2))
    np.testing.assert_allclose(alone.coefs_[0], shared.coefs_[0], atol=1e-9)


@unconverged
def test_max_norm_and_averages():
    model = MLPClassifier(max_norm=0.5, averaging=0.9, max_iter=3, random_state=0).fit(X, y)
    norms = np.linalg.norm(model.coefs_[0], axis=0)
    assert norms.max() <= 0.5 + 1e-12
    assert not np.array_equal(model.coefs_[0].T, model.state_.params[0].W)
    onward = pickle.loads(pickle.dumps(model))
    onward.partial_fit(X, y)  # goes on from the last weights, not from their average
    other = MLPClassifier(max_norm=0.5, averaging=0.9, max_iter=3, random_state=0).fit(X, y)
    other.coefs_ = [layer.W.T.copy() for layer in model.state_.params]
    other.intercepts_ = [layer.b[:, 0].copy() for layer in model.state_.params]
    np.testing.assert_array_equal(other.partial_fit(X, y).coefs_[0], onward.coefs_[0])


def test_counts_and_wrong_arguments():
    counts = np.random.default_rng(0).poisson(np.exp(X[:, 20]))
    model = MLPRegressor("poisson", hidden_layer_sizes=5, solver="lbfgs", max_iter=2000, tol=1e-2)
    assert model.fit(X, counts).predict(X).min() > 0
    assert model.network_.loss == poisson
    for model, labels, message in (
        (MLPRegressor("poisson"), counts - 1, r"y must be at least 0, not -1"),
        (MLPClassifier(activation="sine"), y, "'sine' is no activation"),
        (MLPClassifier((5, 0)), y, "hidden_layer_sizes must be > 0"),
        (MLPClassifier(dropout=1.0), y, "The 'dropout' parameter of MLPClassifier must be"),
        (
            MLPClassifier(solver="sgd", learning_rate="adaptive", learning_rate_init=_rate),
            y,
            "learning_rate must be 'constant' where learning_rate_init is a schedule",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, labels)
    model = MLPClassifier(5, max_iter=1, warm_start=True)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(1\) reached"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"coefs_ are of layers of \[64, 5, 10\] units, but"):
        model.set_params(hidden_layer_sizes=6).fit(X, y)


def _rate(iteration):
    return 0.1 / (1 + iteration)


def test_ctrl_c_keeps_what_there_is():
    def interrupt(record):
        if record.iteration == 2:
            raise KeyboardInterrupt

    model = MLPClassifier(5, random_state=0, callback=interrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.n_iter_ == 2
    assert model.predict(X).shape == y.shape


def test_progress_is_printed(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        MLPClassifier(5, max_iter=2, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12] for line in lines] == ["Iteration 1,", "Iteration 2,"]
    assert "validation score = " in lines[-1]


@unconverged
def test_a_bar_is_drawn_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    MLPClassifier(5, max_iter=4, verbose=True).fit(X, y)
    drawn = capsys.readouterr().out
    assert [each[:22] for each in drawn.split("\r")[1:]] == [
        f"[{'#' * 5 * number:<20}]" for number in (1, 2, 3, 4)
    ]
    assert drawn.endswith("\n")


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "scratchmlp.estimators")
    with pytest.raises(ImportError, match=r"^sklearn .* 'scratchmlp\[sklearn\]'$"):
        __import__("scratchmlp.estimators")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("number", [0, 1])
@unconverged
def test_a_committee_is_networks_trained_alone(solver, number):
    """Each of them has the weights that it has alone, to rounding, after four epochs."""
    make, labels = (MLPClassifier, MLPRegressor)[number], (LETTERS, NUMBERS)[number]
    options = {"solver": solver, "hidden_layer_sizes": (12,), "batch_size": 50, "tol": 0}
    options |= {"random_state": 0, "shuffle": False, "warm_start": True}
    committee = make(n_networks=3, max_iter=1, **options).fit(X, labels)
    alone = [make(max_iter=1, **options).fit(X, labels) for _ in range(3)]
    for place, model in enumerate(alone):
        model.coefs_ = [coef[place].copy() for coef in committee.coefs_]
        model.intercepts_ = [intercept[place].copy() for intercept in committee.intercepts_]
    for model in (committee, *alone):
        model.set_params(max_iter=3).fit(X, labels)
    for place, model in enumerate(alone):
        for one, other in zip(weights_of(committee), weights_of(model), strict=True):
            np.testing.assert_allclose(one[place], other, rtol=0, atol=1e-9)
    curves = [model.loss_curve_[-3:] for model in alone]
    np.testing.assert_allclose(committee.loss_curve_[-3:], np.mean(curves, axis=0), atol=1e-9)
    assert len(unstack(committee.state_.params)) == 3
    give = "predict" if number else "predict_proba"
    mean = np.mean([getattr(model, give)(X) for model in alone], axis=0)
    np.testing.assert_allclose(getattr(committee, give)(X), mean, atol=1e-9)
    slopes = np.mean([model.input_gradient(X[:3], labels[:3]) for model in alone], axis=0)
    np.testing.assert_allclose(committee.input_gradient(X[:3], labels[:3]), slopes, atol=1e-9)


@pytest.mark.parametrize("labels", [LETTERS, y > 4, SEVERAL])
@unconverged
def test_a_committee_with_everything(labels):
    options = {"n_networks": 3, "hidden_layer_sizes": (16,), "max_iter": 40, "random_state": 0}
    extras = {"dropout": 0.1, "max_norm": 3.0, "averaging": 0.9, "early_stopping": True}
    model = MLPClassifier(**options, **extras, learning_rate_init=0.01)
    model.fit(csr_array(X), labels, sample_weight=np.linspace(0.5, 1, len(X)))
    assert model.score(X, labels) > 0.8
    assert model.coefs_[0].shape == (3, 64, 16)
    assert model.intercepts_[0].shape == (3, 16)
    assert len({*model.coefs_[0][:, 30, 0]}) == 3
    assert clone(model).fit(X, labels).predict_proba(X).shape == model.predict_proba(X).shape


@pytest.mark.parametrize(
    "options",
    [{}, SOLVERS["invscaling"], {"dropout": 0.2, "averaging": 0.9}, {"n_networks": 2}],
)
@unconverged
def test_a_fit_goes_on_from_a_checkpoint_to_the_bit(options, tmp_path):
    """A callback saves the state, as before a crash; another process fits on from the file."""

    def write(record):
        if record.iteration == 3:
            save(tmp_path / "fit.npz", record.state)

    settings = {"random_state": 0, "batch_size": 64, "max_iter": 6, **options}
    whole = MLPClassifier(callback=write, **settings).fit(X, y)
    checkpoint = load(tmp_path / "fit.npz")
    part = MLPClassifier(**settings).fit(X, y, state=checkpoint.state)
    for one, other in zip(weights_of(whole), weights_of(part), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.loss_curve_[3:] == part.loss_curve_
    assert (whole.n_iter_, whole.t_) == (part.n_iter_, part.t_)


def test_wrong_states_and_committees():
    state = MLPClassifier(5, max_iter=300, random_state=0, tol=0.1).fit(X, y).state_
    for model, given, message in (
        (MLPClassifier(5, early_stopping=True), state, "a state does not know the losses before"),
        (MLPClassifier(5, batch_size=7), state, "state is of update .* has 65 updates"),
        (MLPClassifier(6), state, r"coefs_ are of layers of \[64, 5, 10\] units"),
        (MLPClassifier(5, n_networks=2), state, "coefs_ are not of n_networks=2 networks"),
        (MLPClassifier(5, solver="lbfgs"), state, "optimizer, n_networks and state need"),
        (MLPClassifier(5, solver="lbfgs", n_networks=2), None, "optimizer, n_networks and state"),
        (MLPClassifier(5, n_networks=0), None, "The 'n_networks' parameter of MLPClassifier must"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, state=given)
    with pytest.raises(TypeError, match="state.optimizer must be MomentumState, not AdamState"):
        MLPClassifier(5, solver="sgd").fit(X, y, state=state)

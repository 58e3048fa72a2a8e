"""The command line, on digits small enough to learn in a second."""

import csv
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import numpy as np
import pytest

from scratchmlp import (
    Batch,
    accuracy,
    affine,
    committee,
    evaluate,
    predict,
    shuffle,
    stratified_split,
    unstack,
)
from scratchmlp.__main__ import main
from scratchmlp.checkpoints import load
from scratchmlp.cli.recipes import RECIPES
from scratchmlp.datasets import mnist
from tests.helpers import same_bytes
from tests.small_runs import read_iterations
from tests.test_datasets import idx

SMALL = ["--layers", "784", "16", "10", "--iterations", "30", "--examples", "600"]
SHORT = ["--layers", "784", "16", "10", "--examples", "600", "--epochs", "2", "--batch-size", "60"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_csv(path, X, y=None):
    """The article's form of file."""
    names = ([] if y is None else ["label"]) + [f"pixel{k}" for k in range(len(X))]
    rows = X.T if y is None else np.column_stack([y, X.T])
    np.savetxt(path, rows, "%d", ",", header=",".join(names), comments="")


def bytes_of(data, m):
    return (255 * data.X[:, :m]).round().astype(np.uint8), data.y[:m]


def test_train_writes_the_model_the_history_and_the_curves(tmp_path, capsys):
    assert main(["train", *SMALL, "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "iteration    15  loss" in printed
    for name in ("training", "validation", "test"):
        assert f"\n{name:10}  loss" in printed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "checkpoint.npz",
        "history.csv",
        "learning_curves.png",
        "model.npz",
        "settings.json",
    ]
    with open("out/history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(1, 31))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert 0 < float(rows[0]["validation_accuracy"]) < 1
    state = load("out/model.npz").state
    assert state.iteration == 30
    assert [W.shape for W, _ in state.params] == [(16, 784), (10, 16)]


def test_train_is_what_is_done_without_a_command(tmp_path):
    assert main([*SMALL, "--out", "one"]) == main(["train", *SMALL, "--out", "other"]) == 0
    one, other = (tmp_path / name / "model.npz" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_neither_workers_nor_repetition_change_the_bits(tmp_path):
    for workers in ("1", "3"):
        assert main([*SMALL, "--out", workers, "--workers", workers]) == 0
    for name in ("model.npz", "history.csv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_the_articles_settings():
    options = ["--layers", "784", "8", "10", "--iterations", "1", "--article"]
    assert main([*options, "--examples", "500", "--out", "a"]) == 0
    biases = load("a/model.npz").state.params[0].b
    assert (biases != 0).all()  # normal, not zero


DISTORTED = ["--augment", "affine(rotation=10,shift=-1:2)", "elastic", "gaussian_noise(0.1)"]
MASKED = ["--dropout", "0.5", "--input-dropout", "0.1", "--max-norm", "1", "--average", "0.9"]
CHOICES = {
    "hidden activations": ["--hidden", "tanh"],
    "one for each layer": [
        "--layers",
        "784",
        "9",
        "8",
        "10",
        "--hidden",
        "gelu",
        "leaky_relu(0.1)",
    ],
    "several yes or no": ["--loss", "sigmoid_cross_entropy"],
    "numbers": ["--loss", "huber(0.5)"],
    "dropout": ["--dropout", "0.5", "--input-dropout", "0.2"],
    "dropout of each layer": ["--layers", "784", "9", "8", "10", "--dropout", "0.5", "0.2"],
    "a max-norm": ["--max-norm", "1"],
    "adversarial examples": [
        "--adversarial",
        "0.5",
        "--batch-size",
        "60",
        "--input-dropout",
        "0.1",
    ],
    "adversarial examples, all at once": ["--adversarial", "0.5"],
    "an average": ["--average", "0.9"],
    "an initializer": ["--initializer", "orthogonal"],
    "edges at first": ["--first-initializer", "gabor(sigma=2)", "--image-shape", "14", "56"],
    "contrasts at first": ["--first-initializer", "contrasts(5)"],
    "another first layer": ["--first-initializer", "zeros"],
    "double precision": ["--dtype", "float64"],
    "adam": ["--optimizer", "adam", "--weight-decay", "0.01", "--schedule", "one_cycle"],
    "adamw": ["--optimizer", "adamw", "--weight-decay", "0.1", "--schedule", "exponential"],
    "lion": ["--optimizer", "lion", "--weight-decay", "0.1"],
    "schedule-free": ["--optimizer", "sgd", "--schedule-free", "0.9", "--warmup", "5"],
    "lookahead": ["--optimizer", "nadam", "--lookahead", "3"],
    "muon": ["--optimizer", "muon", "--weight-decay", "0.1", "--schedule", "cosine"],
    "rmsprop": ["--optimizer", "rmsprop", "--schedule", "step", "--warmup", "5"],
    "momentum": ["--optimizer", "momentum", "--schedule", "cosine", "--clip-norm", "0"],
    "targets": ["--label-smoothing", "0.1", "--balanced"],
    "minibatches": ["--batch-size", "60", "--balanced", "--label-smoothing", "0.1"],
    "distortions": ["--batch-size", "300", *DISTORTED],
    "a patient course": ["--patience", "1", "--min-improvement", "10", "--validate-every", "2"],
}


@pytest.mark.parametrize("case", CHOICES)
def test_every_choice_makes_another_network_and_can_be_evaluated(case, capsys):
    short = ["--layers", "784", "16", "10", "--iterations", "5", "--examples", "300"]
    assert main([*short, "--out", "plain"]) == 0
    assert main([*short, *CHOICES[case], "--out", "chosen"]) == 0
    one, other = (load(f"{name}/model.npz") for name in ("plain", "chosen"))
    assert not np.array_equal(one.state.params[-1].W, other.state.params[-1].W)
    assert main(["evaluate", "chosen"]) == 0
    assert "10000 examples: loss" in capsys.readouterr().out


def test_patience_ends_the_run_and_keeps_the_best():
    options = ["--patience", "1", "--min-improvement", "10", "--validate-every", "2"]
    assert main([*SMALL, *options]) == 0
    assert load("run/checkpoint.npz").state.iteration == 4
    assert load("run/model.npz").state.iteration == 4  # better by less than 10, but better


COURSES = {
    "all the data": [*SMALL, "--validate-every", "4"],
    "minibatches": [*SHORT, "--optimizer", "adam", "--schedule", "cosine", "--validate-every", "3"],
    "patience": [*SHORT, "--learning-rate", "0.3", "--patience", "2", "--validate-every", "3"],
    "all at random": [*SHORT, *DISTORTED, *MASKED, "--validate-every", "3"],
    "a plateau": [
        *SHORT,
        "--schedule",
        "plateau",
        "--learning-rate",
        "0.4",
        "--validate-every",
        "1",
    ],
    "several networks": [*SHORT, "--networks", "3", "--validate-every", "3"],
    "dropout of shards": [*SMALL, "--dropout", "0.5", "--average", "0.9", "--validate-every", "4"],
}


def run_until(lines, arguments):
    """Start the command, and kill it dead when it has printed so many lines, or let it end."""
    command = [sys.executable, "-u", "-m", "scratchmlp", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        read_iterations(process, lines)
        process.kill()


@pytest.mark.parametrize("course", COURSES)
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_bytes(course, tmp_path):
    assert main([*COURSES[course], "--out", "whole"]) == 0
    run_until(1, [*COURSES[course], "--out", "killed"])
    run_until(2, ["--resume", "killed"])
    assert main(["evaluate", "killed"]) == 0  # as far as it came
    assert main(["--resume", "killed"]) == 0
    for name in ("model.npz", "checkpoint.npz", "history.csv", "settings.json"):
        one, other = ((tmp_path / run / name).read_bytes() for run in ("whole", "killed"))
        assert one == other, name


def test_the_average_is_the_model_and_what_is_validated():
    assert main([*SHORT, "--average", "0.9", "--validate-every", "5"]) == 0
    last, model = (load(f"run/{name}.npz").state for name in ("checkpoint", "model"))
    assert last.iteration == model.iteration == 16
    assert same_bytes(model.params, last.optimizer.average)
    assert not same_bytes(model.params, last.params)
    X, y = shuffle(*mnist().train, seed=0)
    _, validation = stratified_split(X[:, :600], y[:600], 0.8, seed=0)
    with open("run/history.csv") as file:
        *_, row = csv.DictReader(file)
    found = evaluate(model.params, Batch(*validation))
    assert float(row["validation_loss"]) == pytest.approx(found.loss, rel=1e-5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_options_go_over_a_recipe(recipe):
    options = ["--layers", "784", "8", "10", "--iterations", "1", "--examples", "400"]
    assert main(["--recipe", recipe, *options]) == 0
    state = load("run/model.npz").state
    assert [W.shape for W, _ in state.params] == [(8, 784), (10, 8)]
    assert state.iteration == 1


def test_several_models_are_a_committee(capsys):
    for seed in ("1", "2", "3"):
        assert main([*SMALL, "--seed", seed, "--out", seed]) == 0
    capsys.readouterr()
    assert main(["evaluate", "1", "2", "3/model.npz"]) == 0
    printed = capsys.readouterr().out
    test = mnist().test
    members = [load(f"{seed}/model.npz").state.params for seed in "123"]
    said = committee(members, test.X).argmax(axis=0)
    right = accuracy(said, test.y)
    assert f"10000 examples: a committee of 3, accuracy {right:.2%}" in printed
    assert right > max(accuracy(predict(each, test.X), test.y) for each in members)
    assert main(["predict", "1", "2", "3", "--out", "said.csv"]) == 0
    assert np.array_equal(np.loadtxt("said.csv", int, delimiter=",", skiprows=1)[:, 1], said)
    assert main(["evaluate", "1", "2", "--plot", "pictures"]) == 2
    assert main([*SMALL, "--hidden", "tanh", "--out", "other"]) == 0
    assert main(["evaluate", "1", "other"]) == 2
    assert "other: its network has other functions than that of 1" in capsys.readouterr().err


def test_predictions_are_averaged_over_distorted_copies(capsys):
    for seed in ("1", "2"):
        assert main([*SMALL, "--seed", seed, "--out", seed]) == 0
    test, distort = mnist().test, affine(shift=1)
    members = [load(f"{seed}/model.npz").state.params for seed in "12"]
    each = [committee(members, distort(test.X, copy)) for copy in range(3)]
    said = np.mean(each, axis=0).argmax(axis=0)
    copies = ["--augment", "affine(shift=1)", "--copies", "3"]
    capsys.readouterr()
    assert main(["evaluate", "1", "2", *copies]) == 0
    right = f"accuracy {accuracy(said, test.y):.2%}"
    who = "the mean over 3 distorted copies and 2 networks"
    assert f"10000 examples: {who}, {right}" in capsys.readouterr().out
    assert main(["evaluate", "1", *copies]) == 0
    assert "examples: the mean over 3 distorted copies, accuracy" in capsys.readouterr().out
    assert main(["predict", "1", "2", *copies, "--out", "said.csv"]) == 0
    assert np.array_equal(np.loadtxt("said.csv", int, delimiter=",", skiprows=1)[:, 1], said)
    assert main(["evaluate", "1", "--augment", "affine", "--image-shape", "5", "5"]) == 2
    assert "X has 784 rows, so its images are not of shape (5, 5)" in capsys.readouterr().err


def test_several_networks_are_trained_at_once(capsys):
    assert main([*SMALL, "--seed", "4", "--networks", "3"]) == 0
    printed = capsys.readouterr().out
    params = load("run/model.npz").state.params
    losses, rights = evaluate(params, Batch(*mnist().test))
    assert losses.shape == (3,)
    assert (
        f"test        loss mean {losses.mean():.4f}, standard deviation {losses.std(ddof=1):.4f}, "
        f"{losses.min():.4f} to {losses.max():.4f}\n"
    ) in printed
    assert f"test        accuracy mean {rights.mean():.2%}, standard deviation" in printed
    # The first is the network of its seed, but for the rounding of other products.
    assert main([*SMALL, "--seed", "4", "--out", "one"]) == 0
    first = unstack(params)[0]
    for layer, alone in zip(first, load("one/model.npz").state.params, strict=True):
        np.testing.assert_allclose(layer.W, alone.W, rtol=1e-3, atol=1e-5)
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    printed = capsys.readouterr().out
    for number, right in enumerate(rights, start=1):
        assert f"network   {number}: accuracy {right:.2%}\n" in printed
    right = accuracy(committee(params, mnist().test.X).argmax(axis=0), mnist().test.y)
    assert f"10000 examples: a committee of 3, accuracy {right:.2%}\n" in printed
    assert main(["predict", "run", "--out", "said.csv"]) == 0
    assert main(["--resume", "run", "--networks", "4"]) == 2
    assert "float32 (3, 16, 784)" in capsys.readouterr().err
    assert main(["--resume", "run", "--iterations", "31"]) == 0


def test_distorted_images_that_are_no_square(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "train-images").write_bytes(idx(rng.integers(256, size=(40, 5, 4))))
    (folder / "train-labels").write_bytes(idx(np.arange(40) % 3))
    course = ["--data", "letters", "--batch-size", "8", "--epochs", "1", *DISTORTED]
    assert main(course) == 2
    assert main([*course, "--image-shape", "5", "4"]) == 0


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(tmp_path):
    assert main([*SHORT, "--out", "whole"]) == 0
    assert main([*SHORT, "--out", "killed"]) == 0
    for name in ("checkpoint.npz", "model.npz"):
        (tmp_path / "killed" / name).unlink()
    with open("killed/history.csv", "a") as file:
        file.write("17,0.2")  # cut short
    assert main(["--resume", "killed"]) == 0
    for name in ("model.npz", "history.csv"):
        one, other = ((tmp_path / run / name).read_bytes() for run in ("whole", "killed"))
        assert one == other, name


def test_a_run_that_is_done_can_go_on(capsys):
    assert main(SHORT) == 0
    assert main(["--resume", "run", "--epochs", "3"]) == 0
    assert load("run/model.npz").state.iteration == 24
    assert main(["--resume", "run"]) == 0  # nothing is left to do
    assert load("run/model.npz").state.iteration == 24
    assert main(["--resume", "run", "--optimizer", "sgd"]) == 2
    assert "but the options are for" in capsys.readouterr().err
    assert main(["--resume", "nonesuch"]) == 2
    assert "settings.json: is not there, so there is no run to resume" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["{", "[]", "\xff"])
def test_damaged_settings(damage, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_bytes(damage.encode("latin-1"))
    assert main(["--resume", "run"]) == 2
    assert "settings.json: is damaged" in capsys.readouterr().err


def test_options_that_do_not_fit_leave_the_run_before_alone(tmp_path):
    assert main(SMALL) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    for wrong in (
        ["--layers", "783", "10"],
        ["--layers", "784", "5"],
        ["--patience", "0"],
        ["--dropout", "0.1", "0.2"],
        ["--batch-size", "9", "--augment", "affine", "--image-shape", "7", "7"],
    ):
        assert main(wrong) == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_pictures_of_a_network(tmp_path, capsys):
    assert main(SMALL) == 0
    assert main(["evaluate", "run", "--plot", "pictures"]) == 0
    names = ["confusion_matrix.png", "first_layer.png", "magnitudes.png", "most_wrong.png"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == names
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)
    for path in (tmp_path / "pictures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_csv_file_goes_all_the_way_to_a_submission(capsys):
    data = mnist().train
    X, y = bytes_of(data, 400)
    write_csv("train.csv", X, y)
    write_csv("test.csv", X[:, :50])
    assert (
        main([*SMALL[:4], "--data", "train.csv", "--validation-fraction", "0", "--epochs", "20"])
        == 0
    )
    printed = capsys.readouterr().out
    assert "validation" not in printed
    assert "test " not in printed
    assert main(["predict", "run/model.npz", "--data", "test.csv", "--out", "sub.csv"]) == 0
    with open("sub.csv") as file:
        header, *rows = csv.reader(file)
    assert header == ["ImageId", "Label"]
    assert [int(row[0]) for row in rows] == list(range(1, 51))
    right = np.array([int(row[1]) for row in rows]) == y[:50]
    assert right.mean() > 0.5  # chance is 0.1
    assert main(["evaluate", "run", "--data", "train.csv"]) == 0
    printed = capsys.readouterr().out
    assert "400 examples: loss" in printed
    table = printed.partition("confusion matrix")[2].splitlines()[2:12]
    counts = np.array([line.split()[1:] for line in table], int)
    assert counts.sum(axis=1).tolist() == np.bincount(y).tolist()
    assert main(["evaluate", "run/model.npz", "--data", "test.csv"]) == 2
    assert "test.csv: has no labels to evaluate with" in capsys.readouterr().err
    assert main(["train", "--data", "test.csv"]) == 2
    assert "test.csv: tell which column is the target" in capsys.readouterr().err


def test_a_folder_of_other_peoples_digits(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "letters"
    folder.mkdir()
    for part in ("train", "t10k"):
        (folder / f"{part}-images").write_bytes(idx(rng.integers(256, size=(40, 5, 4))))
        (folder / f"{part}-labels").write_bytes(idx(np.arange(40) % 26))
    assert main(["--data", "letters", "--iterations", "2"]) == 0
    assert load("run/model.npz").state.params[-1].W.shape == (26, 64)
    assert main(["evaluate", "run/model.npz", "--data", "letters"]) == 0


ERRORS = {
    "an unknown option": ["--colour", "red"],
    "an unknown initializer": ["--initializer", "magic"],
    "an unknown activation": ["--hidden", "magic"],
    "an unknown loss": ["--loss", "magic"],
    "an unknown optimizer": ["--optimizer", "magic"],
    "an unknown schedule": ["--schedule", "magic"],
    "too many activations": ["--hidden", "relu", "tanh"],
    "a softmax inside": ["--hidden", "softmax"],
    "no patience": ["--patience", "0"],
    "patience for nothing": ["--patience", "1", "--validation-fraction", "0"],
    "a negative improvement": ["--patience", "1", "--min-improvement", "-1"],
    "no batch": ["--batch-size", "0"],
    "no epochs": ["--epochs", "0"],
    "epochs and iterations": ["--epochs", "1", "--iterations", "1"],
    "never a validation": ["--validate-every", "0"],
    "a negative decay": ["--weight-decay", "-1"],
    "a negative warm-up": ["--warmup", "-1"],
    "too much smoothing": ["--label-smoothing", "1"],
    "an unknown augmentation": ["--augment", "magic"],
    "an unknown range": ["--augment", "affine(colour=1)", "--batch-size", "10"],
    "a range that is no number": ["--augment", "affine(shift=far)", "--batch-size", "10"],
    "distortions of all images at once": ["--augment", "affine(shift=1)"],
    "other images": ["--augment", "affine", "--batch-size", "10", "--image-shape", "28", "27"],
    "a range of two": ["--augment", "elastic(sigma=1:2)", "--batch-size", "10"],
    "a shape in the wrong place": ["--augment", "affine(shape=3)", "--batch-size", "10"],
    "an argument twice": ["--augment", "elastic(sigma=1,sigma=2)", "--batch-size", "10"],
    "no number at all": ["--augment", "elastic(sigma=)", "--batch-size", "10"],
    "a shape for nothing": ["--image-shape", "28", "28"],
    "dropout of a cluster's shards": ["--dropout", "0.5", "--cluster", "tcp://127.0.0.1:1"],
    "too much dropout": ["--dropout", "1"],
    "dropout of layers that there are not": ["--dropout", "0.5", "0.5"],
    "dropout of less than nothing": ["--input-dropout", "-0.5"],
    "a negative norm": ["--max-norm", "-1"],
    "edges of no width": ["--first-initializer", "gabor(0)"],
    "contrasts of nothing": ["--first-initializer", "contrasts(0)"],
    "edges of other images": ["--first-initializer", "gabor", "--image-shape", "28", "27"],
    "a negative length": ["--adversarial", "-1"],
    "an average of the future": ["--average", "1"],
    "an unknown recipe": ["--recipe", "magic"],
    "nothing to resume": ["--resume", "nonesuch"],
    "no such data": ["--data", "nonesuch.csv"],
    "no such model": ["evaluate", "nonesuch.npz"],
    "no copies": ["evaluate", "nonesuch.npz", "--augment", "affine", "--copies", "0"],
    "copies by magic": ["predict", "nonesuch.npz", "--augment", "magic"],
    "layers that do not fit": ["--layers", "100", "10", "--iterations", "1"],
    "too few classes": ["--layers", "784", "5", "--iterations", "1"],
    "a fraction": ["--validation-fraction", "1.5"],
    "too many examples": ["--examples", "100000"],
    "no iterations": ["--iterations", "0"],
    "no networks": ["--networks", "0"],
    "patience of several networks": ["--networks", "2", "--patience", "3"],
    "a plateau of several networks": ["--networks", "2", "--schedule", "plateau"],
    "a negative rate": ["--learning-rate", "-1"],
    "no workers": ["--workers", "0"],
    "a negative seed": ["--seed", "-1"],
    "a file for a folder": ["--out", "file/run"],
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_users_error_is_one_line_and_status_2(case, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    try:
        status = main(ERRORS[case])
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    line = capsys.readouterr().err
    assert line.startswith("scratchmlp")
    assert line.count("\n") == 1


RIGHT = {
    "--hidden": "elu, gelu, silu, leaky_relu",
    "--loss": "squared_error, poisson, huber",
    "--augment": "affine, elastic, gaussian_noise",
    "--recipe": "'article', 'table', 'minibatches', 'best', 'images'",
    "--optimizer": "'sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam', 'adamw'",
    "--schedule": "'constant', 'step', 'exponential', 'cosine', 'one_cycle', 'plateau'",
    "--initializer": "'he_normal', 'he_uniform', 'glorot_normal'",
    "--dtype": "'float32', 'float64'",
}


@pytest.mark.parametrize("option", RIGHT)
def test_a_wrong_value_lists_the_right_ones(option, capsys):
    assert main([option, "magic"]) == 2
    # Python before 3.12 quotes the choices, and later ones do not.
    assert RIGHT[option].replace("'", "") in capsys.readouterr().err.replace("'", "")


def test_a_diverging_run_keeps_its_last_good_state(capsys):
    options = ["--layers", "784", "16", "10", "--iterations", "50", "--examples", "600"]
    assert main([*options, "--learning-rate", "1e30"]) == 2
    assert "the loss is not finite at iteration" in capsys.readouterr().err
    state = load("run/model.npz").state
    assert all(np.isfinite(W).all() and np.isfinite(b).all() for W, b in state.params)


def test_a_terminal_gets_a_progress_bar():
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 25, 100, 0, 0))
    command = [sys.executable, "-m", "scratchmlp", *SMALL]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    parts = []
    with suppress(OSError):  # which is how a terminal ends that nobody writes to
        while part := os.read(ours, 100_000):
            parts.append(part)
    shown = b"".join(parts).decode()
    os.close(ours)
    assert "30/30" in shown
    assert "validation loss" in shown
    assert b"iteration " not in done.stdout


def test_help_says_what_each_option_does(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert "--validation-fraction" in printed
    assert "%(default)s" not in printed

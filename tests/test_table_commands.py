"""The command line on tables, arrays and folders as people have them, small enough for seconds."""

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchmlp.__main__ import main
from scratchmlp.checkpoints import load
from tests.small_runs import read_iterations
from tests.test_datasets import idx

pandas = pytest.importorskip("pandas")

FAST = ["--epochs", "40", "--learning-rate", "0.03", "--workers", "1"]
SHORT = ["--units", "8", "--epochs", "3", "--workers", "1"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pets(m=120, seed=0):
    """A table of two kinds of animals that are easily told apart, with all kinds of columns."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, m)
    return pandas.DataFrame(
        {
            "id": np.arange(1, m + 1),
            "weight": (3 + 7 * kind + rng.normal(0, 1, m)).round(3),
            "colour": np.array(["black", "grey", "white"])[rng.integers(0, 3, m)],
            "indoors": rng.random(m) < 0.8 - 0.6 * kind,
            "species": np.array(["cat", "dog"])[kind],
        }
    )


def run(*arguments):
    """The command ends well."""
    assert main([str(each) for each in arguments]) == 0


def fails(capsys, *arguments):
    """The one line by which the command fails."""
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_from_a_table_to_a_file_of_predictions(capsys):
    pets().to_csv("pets.csv", index=False)
    new = pets(30, seed=1)
    shuffled = new[["indoors", "colour", "weight"]].assign(more="x")
    shuffled.to_csv("new.csv", sep=";", decimal=",", index=False)
    run("--data", "pets.csv", "--target", "species", "--units", "8", *FAST)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("pets.csv: 120 examples; 5 features: 1 numbers, standardized, ")
    assert (
        "1 of categories, as 3 columns, 1 of true and false; 2 classes of 'species' (cat "
        in printed[0]
    )
    assert "left out, as it counts the rows: id" in printed[1]
    run("predict", "run", "--data", "new.csv", "--out", "said.csv", "--probabilities")
    assert "new.csv: 30 predictions, written to said.csv" in capsys.readouterr().out
    header, *rows = rows_of("said.csv")
    assert header == ["species", "probability of cat", "probability of dog"]
    assert np.mean([row[0] == kind for row, kind in zip(rows, new["species"], strict=True)]) > 0.9
    assert all(abs(float(row[1]) + float(row[2]) - 1) < 1e-5 for row in rows)
    run("evaluate", "run")
    printed = capsys.readouterr().out
    assert "pets.csv, its validation part" in printed
    assert "precision" in printed
    assert "\ncat" in printed


def test_what_a_new_table_cannot_have(capsys):
    pets().to_csv("pets.csv", index=False)
    run("--data", "pets.csv", "--target", "species", *SHORT)
    pets(5).drop(columns="colour").to_csv("new.csv")
    assert "new.csv: has no column 'colour'; there are" in fails(
        capsys, "predict", "run", "--data", "new.csv"
    )
    pets(5).assign(colour="pink").to_csv("new.csv")
    line = fails(capsys, "predict", "run", "--data", "new.csv")
    assert "new.csv: 'colour' has categories that the network does not know: 'pink'" in line
    run("predict", "run", "--data", "new.csv", "--unknown", "ignore")
    assert len(rows_of("submission.csv")) == 6
    pets(5).assign(species="bird").to_csv("new.csv")
    line = fails(capsys, "evaluate", "run", "--data", "new.csv")
    assert "'species' has classes that the network does not know: 'bird'" in line
    pets(5).assign(weight=[1, 2, None, 4, 5]).to_csv("new.csv")
    assert "'weight' is missing in 1 rows" in fails(capsys, "predict", "run", "--data", "new.csv")


def test_numbers_are_predicted_in_their_own_unit(capsys):
    x = np.linspace(-1, 1, 200)
    frame = pandas.DataFrame({"x": x, "price": 1e6 * (3 + x), "size": 0.1 * x})
    frame.to_csv("houses.csv", index=False)
    options = ["--units", "16", "--data", "houses.csv", *FAST]
    run(*options, "--target", "price", "--drop", "size")
    assert "numbers to predict, 'price'" in capsys.readouterr().out
    run("predict", "run", "--data", "houses.csv")
    header, *rows = rows_of("submission.csv")
    assert header == ["price"]
    assert np.abs(np.array(rows, float)[:, 0] - frame["price"]).max() < 2e5
    run("evaluate", "run", "--data", "houses.csv", "--plot", "pictures")
    printed = capsys.readouterr().out
    assert "RMSE" in printed
    assert float(printed.partition("R² ")[2].split()[0]) > 0.99
    assert Path("pictures/predicted.png").exists()
    run(*options, "--target", "price", "size", "--out", "both")
    run("predict", "both", "--data", "houses.csv")
    assert rows_of("submission.csv")[0] == ["price", "size"]
    assert "is for classes" in fails(capsys, "predict", "run", "--probabilities")


def test_several_labels(capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)).round(3)
    frame = pandas.DataFrame(X, columns=list("abc")).assign(
        p=X[:, 0] > 0, q=(X[:, 1] > 0).astype(int)
    )
    frame.to_csv("both.csv", index=False)
    run("--data", "both.csv", "--target", "p", "q", "--units", "16", *FAST)
    assert "exact match" in capsys.readouterr().out
    run("evaluate", "run")
    assert "labels right" in capsys.readouterr().out
    run("predict", "run", "--data", "both.csv", "--probabilities")
    header, *rows = rows_of("submission.csv")
    assert header == ["p", "q", "probability of p", "probability of q"]
    right = np.array(rows)[:, :2].astype(int) == frame[["p", "q"]].to_numpy(int)
    assert right.mean() > 0.9


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "squared_error"])
def test_classes_are_scored_by_the_largest_output_whatever_the_loss(loss, capsys):
    pets().to_csv("pets.csv", index=False)
    run("--data", "pets.csv", "--target", "species", "--loss", loss, "--units", "8", *FAST)
    printed = capsys.readouterr().out
    assert "nan" not in printed
    run("evaluate", "run")
    lines = capsys.readouterr().out.splitlines()
    counts = np.array([line.split()[1:] for line in lines[5:7]], int)
    assert f"accuracy {counts.trace() / counts.sum():.2%}" in lines[1]
    run("predict", "run", "--data", "pets.csv")
    assert {row[0] for row in rows_of("submission.csv")[1:]} == {"cat", "dog"}


def test_classes_that_one_part_alone_has_are_counted(capsys):
    frame = pets(60)
    frame.to_csv("train.csv", index=False)
    pets(20, seed=1).assign(species="bird").to_csv("test.csv", index=False)
    run("--data", "train.csv", "--test", "test.csv", "--target", "species", *SHORT)
    assert "3 classes of 'species' (bird 20, cat" in capsys.readouterr().out
    assert load("run/model.npz").description.target.classes == ("bird", "cat", "dog")
    run("evaluate", "run")
    assert "train.csv, its test part" in capsys.readouterr().out


def test_nothing_is_touched_where_something_does_not_fit(capsys):
    pets().to_csv("pets.csv", index=False)
    run("--data", "pets.csv", "--target", "species", *SHORT)
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    pets(9).drop(columns="weight").to_csv("test.csv", index=False)
    for wrong, message in (
        (["--target", "species", "--test", "test.csv"], "test.csv: has no column 'weight'"),
        (["--target", "age"], "pets.csv: there is no column 'age'; there are 'id', 'weight'"),
        ([], "pets.csv: tell which column is the target"),
        (["--target", "species", "--task", "numbers"], "is no column of numbers"),
        (["--target", "species", "--transpose"], "--transpose is for images"),
        (["--target", "weight", "--balanced"], "are for classes"),
        (["--target", "weight", "--loss", "softmax_cross_entropy"], "one output"),
    ):
        assert message in fails(capsys, "--data", "pets.csv", *wrong), message
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before


def test_missing_values(capsys):
    frame = pets().assign(weight=lambda f: f["weight"].where(f.index % 5 > 0))
    frame.to_csv("pets.csv", index=False)
    line = fails(capsys, "--data", "pets.csv", "--target", "species")
    assert "values are missing: 'weight' in 24 rows" in line
    assert "--missing mean" in line
    run("--data", "pets.csv", "--target", "species", "--missing", "mean", *SHORT)
    assert "missing values of 'weight' as the mean" in capsys.readouterr().out
    run("predict", "run", "--data", "pets.csv")
    assert len(rows_of("submission.csv")) == 121


def test_a_committee_of_several_splits(capsys):
    pets().to_csv("pets.csv", index=False)
    for seed in "12":
        run("--data", "pets.csv", "--target", "species", *SHORT, "--seed", seed, "--out", seed)
    run("evaluate", "1", "2", "--data", "pets.csv")
    assert "a committee of 2, accuracy" in capsys.readouterr().out
    run("predict", "1", "2", "--data", "pets.csv")
    run("--data", "pets.csv", "--target", "species", "--drop", "colour", *SHORT, "--out", "3")
    assert "is of data with other columns" in fails(capsys, "evaluate", "1", "3")


def test_data_that_has_changed_is_not_evaluated_as_the_runs_own(capsys):
    pets().to_csv("pets.csv", index=False)
    run("--data", "pets.csv", "--target", "species", *SHORT)
    pets(seed=3).to_csv("pets.csv", index=False)
    assert "is no longer the data that run was trained with" in fails(capsys, "evaluate", "run")
    assert "a run goes on with the data that it had" in fails(capsys, "--resume", "run")
    Path("alone.npz").write_bytes(Path("run/model.npz").read_bytes())
    assert "is alone, without the settings of its run" in fails(capsys, "evaluate", "alone.npz")


COURSES = {
    "early stopping": ["--patience", "2", "--learning-rate", "0.05"],
    "a plateau": ["--patience", "none", "--schedule", "plateau", "--learning-rate", "0.5"],
    "an average": ["--average", "0.9", "--schedule", "plateau", "--learning-rate", "0.5"],
}


@pytest.mark.parametrize("course", COURSES)
def test_a_run_on_a_table_that_is_killed_and_resumed_ends_with_the_same_bytes(course):
    pets().to_csv("pets.csv", index=False)
    options = ["--data", "pets.csv", "--target", "species", "--units", "8", "--epochs", "30"]
    run(*options, *COURSES[course], "--out", "whole")
    command = [
        sys.executable,
        "-u",
        "-m",
        "scratchmlp",
        *options,
        *COURSES[course],
        "--out",
        "killed",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        read_iterations(process, 4)
        process.kill()
    run("--resume", "killed")
    for name in ("model.npz", "history.csv", "checkpoint.npz"):
        assert Path("whole", name).read_bytes() == Path("killed", name).read_bytes(), name


def letters(folder, upright, m=60):
    """Images of a bar, down or across, in EMNIST's names; labels count from 1."""
    rng = np.random.default_rng(0)
    labels = np.tile([1, 2], m // 2).astype(np.uint8)
    images = rng.integers(0, 60, (m, 6, 6)).astype(np.uint8)
    images[labels == 1, :, 2] = 250
    images[labels == 2, 2, :] = 250
    if not upright:
        images = images.transpose(0, 2, 1)
    Path(folder).mkdir()
    for part in ("train", "test"):
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            path = Path(folder, f"emnist-letters-{part}-{kind}-ubyte.gz")
            path.write_bytes(gzip.compress(idx(np.ascontiguousarray(values))))
    return images, labels


def test_images_that_lie_on_their_side_are_put_upright(capsys):
    images, labels = letters("upright", upright=True)
    letters("lying", upright=False)
    for folder, options in (("upright", []), ("lying", ["--transpose"])):
        run(
            "--data",
            folder,
            "--iterations",
            "20",
            "--units",
            "8",
            "--out",
            f"{folder}-run",
            *options,
        )
        assert (
            "36 pixels (6x6), divided by 255; 2 classes of 'label' (1 " in capsys.readouterr().out
        )
    one, other = (load(f"{folder}-run/model.npz").state for folder in ("upright", "lying"))
    assert np.array_equal(one.params[0].W, other.params[0].W)
    run("predict", "lying-run", "--data", "lying")
    header, *rows = rows_of("submission.csv")
    assert header == ["ImageId", "Label"]
    assert np.mean([int(row[1]) == label for row, label in zip(rows, labels, strict=True)]) > 0.9
    pixels = pandas.DataFrame(images.transpose(0, 2, 1).reshape(60, -1))
    pixels.columns = [f"pixel{k}" for k in range(36)]
    pixels.to_csv("lying.csv", index=False)
    run("predict", "lying-run", "--data", "lying.csv", "--out", "again.csv")
    assert rows_of("again.csv")[1:] == rows


def test_arrays_of_keras_and_of_rows(capsys):
    images, labels = letters("folder", upright=True)
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez_compressed("bytes.npz", **arrays)
    np.savez("floats.npz", **{name: array.astype(np.float64) for name, array in arrays.items()})
    for name in ("folder", "bytes.npz", "floats.npz"):
        run("--data", name, "--iterations", "5", "--units", "8", "--out", f"run-{name}")
        assert "divided by 255" in capsys.readouterr().out
    weights = [
        load(f"run-{name}/model.npz").state.params[0].W
        for name in ("folder", "bytes.npz", "floats.npz")
    ]
    assert all(np.array_equal(weights[0], each) for each in weights)
    np.save("rows.npy", images.reshape(60, -1))
    run("predict", "run-folder", "--data", "rows.npy")
    assert len(rows_of("submission.csv")) == 61
    np.save("rows.npy", images.reshape(60, -1)[:, 1:])
    assert "rows.npy: has 35 features, but the model takes 36" in fails(
        capsys, "predict", "run-folder", "--data", "rows.npy"
    )
    assert "rows.npy: has no labels to train with" in fails(capsys, "--data", "rows.npy")


def test_an_unknown_command_lists_those_that_there_are(capsys):
    assert "'foo' is no command: there are train, evaluate, predict" in fails(capsys, "foo")

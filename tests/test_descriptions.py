"""Descriptions of data in a model's file."""

import io
import json
import zipfile

import numpy as np
import pytest

from scratchmlp import init_params, init_state, sgd
from scratchmlp.checkpoints import load, save
from scratchmlp.core.data.preprocessing import Statistics
from scratchmlp.descriptions import (
    CATEGORY,
    CLASSES,
    LABELS,
    NUMBERS,
    Column,
    Description,
    Target,
    feature_names,
    output_names,
    pixels,
    unscaled,
)

COLUMNS = (Column("size", missing=True), Column("colour", CATEGORY, ("blue", "réd")), Column("on"))
STATISTICS = Statistics(np.arange(5.0)[:, np.newaxis], np.arange(1.0, 6)[:, np.newaxis])
TARGETS = {
    "classes": Target(CLASSES, ("kind",), ("cat", "dog")),
    "labels": Target(LABELS, ("a", "b")),
    "numbers": Target(NUMBERS, ("a", "b"), (), unscaled(2)),
    "none": None,
}


def described(target=TARGETS["classes"]):
    return Description(COLUMNS, target, STATISTICS, missing=True)


def same(one, other):
    if isinstance(one, tuple):
        return type(one) is type(other) and all(map(same, one, other))
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def state_of(*sizes):
    return init_state(init_params(sizes), sgd(0.1))


@pytest.mark.parametrize("case", TARGETS)
def test_a_description_comes_back_as_it_was(case, tmp_path):
    description = described(TARGETS[case])
    save(tmp_path / "model.npz", state_of(5, 2), description=description)
    found = load(tmp_path / "model.npz").description
    assert same(found, description)
    assert not found.statistics.mean.flags.writeable


def test_a_file_without_a_description_is_of_the_first_format(tmp_path):
    save(tmp_path / "model.npz", state_of(5, 2))
    assert load(tmp_path / "model.npz").description is None
    with np.load(tmp_path / "model.npz") as arrays:
        assert json.loads(str(arrays["about"]))["format"] == 1


def test_names_of_features_and_outputs():
    assert feature_names(described()) == (
        *("size", "size is missing"),
        *("colour=blue", "colour=réd", "on"),
    )
    assert output_names(TARGETS["classes"]) == ("cat", "dog")
    assert output_names(TARGETS["labels"]) == ("a", "b")


def test_a_description_of_another_network_is_not_saved(tmp_path):
    for sizes in ((4, 2), (5, 1, 3)):
        with pytest.raises(ValueError, match="but the network"):
            save(tmp_path / "model.npz", state_of(*sizes), description=described(TARGETS["labels"]))
    assert list(tmp_path.iterdir()) == []


def content_of(description):
    with np.load(io.BytesIO(saved(description))) as arrays:
        return {name: arrays[name] for name in arrays}


def saved(description):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        save(f"{folder}/model.npz", state_of(5, 2), description=description)
        return Path(f"{folder}/model.npz").read_bytes()


def told(**changes):
    """The JSON of the description with something else in it."""
    content = json.loads(str(content_of(described())["description"]))
    return {"description": np.array(json.dumps(content | changes))}


TWICE, NOTHING = ["a", CATEGORY, ["x", "x"], False], ["a", CATEGORY, [], False]
MEAN = STATISTICS.mean
BAD = {
    "no JSON": ({"description": np.array("{")}, "is no checkpoint"),
    "a list": ({"description": np.array("[]")}, "the description is not of columns, target"),
    "numbers for text": ({"description": np.array(1)}, "description is int64"),
    "no columns": (told(columns=[]), "has no columns"),
    "two columns of one name": (told(columns=["a", "a", "b", "c", "d"]), "two of one name"),
    "a column of nothing": (told(columns=[3]), "a int in the place of a list"),
    "a column of a strange kind": (told(columns=[["a", "magic", [], False]]), "has a column"),
    "a category twice": (told(columns=[TWICE]), "each once"),
    "no categories": (told(columns=[NOTHING]), "has a column"),
    "a column too few": (told(columns=["a"]), r"feature_mean must be finite float64 \(1, 1\)"),
    "a strange task": (told(target=["magic", ["a"], []]), "has a target"),
    "no target's name": (told(target=[CLASSES, [], ["x", "y"]]), "has a target"),
    "no classes": (told(target=[CLASSES, ["a"], []]), "must have classes"),
    "classes too many": (told(target=[CLASSES, ["a"], ["x", "y", "z"]]), "has 3 outputs"),
    "no statistics": (told(target=[NUMBERS, ["a"], []]), "it has no 'target_mean'"),
    "missing of a number": (told(missing=1), "must be true or false"),
    "a shape of text": (told(shape=["2"]), "must be of whole numbers"),
    "a shape of others": (told(shape=[2, 3]), r"shape \(2, 3\) of the description"),
    "another key": (told(more=1), "the description is not of columns, target"),
    "a mean that is no number": ({"feature_mean": MEAN * np.nan}, "must be finite float64"),
    "a mean of single precision": ({"feature_mean": MEAN.astype("f")}, "must be finite float64"),
    "a deviation of zero": ({"feature_deviation": MEAN * 0}, "must be above 0"),
    "an array too many": ({"feature_more": MEAN}, "the description has the arrays"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_descriptions(case, tmp_path):
    changes, message = BAD[case]
    path = tmp_path / "model.npz"
    np.savez(path, **(content_of(described()) | changes))
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: is no checkpoint: ")


def test_pixels_take_little_room(tmp_path):
    save(tmp_path / "model.npz", state_of(784, 2), description=pixels(784, (28, 28)))
    with zipfile.ZipFile(tmp_path / "model.npz") as archive:
        assert archive.getinfo("description.npy").file_size < 50_000

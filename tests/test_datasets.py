"""Files of digits, good and bad."""

import gzip
import hashlib
import struct
import time

import numpy as np
import pytest

from scratchmlp.datasets import load_arrays, load_folder, load_idx, mnist

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([3, 1, 4, 1], np.uint8)
TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def idx(values, kind=8):
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, kind, values.ndim, *values.shape)
    return header + values.astype(TYPES[kind]).tobytes()


def written(folder, content, name="file"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_mnist_is_mnist():
    start = time.perf_counter()
    train, test = mnist()
    assert time.perf_counter() - start < 5  # a quarter of a second, on a machine that is not busy
    assert train.X.shape == (784, 60_000)
    assert test.X.shape == (784, 10_000)
    for data in (train, test):
        assert data.X.dtype == np.float32
        assert data.X.flags.f_contiguous
        assert data.y.dtype.kind == "u"
        assert not data.X.flags.writeable
        assert not data.y.flags.writeable
    assert (train.X.min(), train.X.max()) == (0, 1)
    # The published sum is of the whole file: the header, and then the pixels.
    pixels = (255 * train.X).round().astype(np.uint8).tobytes(order="F")
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, 60_000, 28, 28)
    assert hashlib.sha256(header + pixels).hexdigest().startswith("ba891046e6505d7aadcbbe25")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_plain_or_gzipped_whatever_the_name(tmp_path, pack):
    images = written(tmp_path, pack(idx(IMAGES)), "images.txt")
    X, y = load_idx(images, written(tmp_path, pack(idx(LABELS)), "labels.gz"))
    np.testing.assert_array_equal(X.T, IMAGES.reshape(4, 6))
    np.testing.assert_array_equal(y, LABELS)
    assert X.flags.f_contiguous
    assert load_idx(images).y is None


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2, 1, 2), (2, *[1] * 100, 3)])
def test_idx_of_any_type_and_number_of_dimensions(tmp_path, kind, shape):
    values = np.arange(np.prod(shape)).reshape(shape[0], -1)
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)
    X, _ = load_idx(written(tmp_path, header + values.astype(TYPES[kind]).tobytes()))
    np.testing.assert_array_equal(X, values.T)
    assert X.dtype.isnative


WHOLE = idx(IMAGES)
BAD_IDX = {
    "nothing": (b"", "is no IDX file"),
    "half a magic number": (WHOLE[:3], "is no IDX file"),
    "a wrong magic number": (b"\1" + WHOLE[1:], "is no IDX file: it starts with 01000803"),
    "an unknown type": (WHOLE[:2] + b"\7" + WHOLE[3:], "is no IDX file"),
    "no dimensions": (WHOLE[:3] + b"\0" + WHOLE[4:], "is no IDX file"),
    "an end in the header": (WHOLE[:9], "ends within its header"),
    "no examples": (idx(IMAGES[:0]), "holds no examples"),
    "too short": (WHOLE[:-1], "tells of 40 bytes but the file has 39"),
    "too long": (WHOLE + b"x", "tells of 40 bytes but the file has 41"),
    "a huge claim": (WHOLE[:4] + b"\xff" * 12 + WHOLE[16:], "the header tells of"),
    "too short, gzipped": (gzip.compress(WHOLE[:-1]), "only 23"),
    "too long, gzipped": (gzip.compress(WHOLE + b"x"), "there are more"),
    "a huge claim, gzipped": (gzip.compress(WHOLE[:4] + b"\xff" * 12), "the header tells of"),
    "half a gzip": (gzip.compress(WHOLE)[:-9], "is corrupt"),
    "a wrong check sum": (gzip.compress(WHOLE)[:-8] + b"\0" * 8, "is corrupt"),
    "a corrupt gzip": (b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 20, "is corrupt"),
    "a gzip of nothing": (b"\x1f\x8b", "is corrupt"),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_bad_idx_files(tmp_path, case):
    content, message = BAD_IDX[case]
    path = written(tmp_path, content, "bad.idx")
    with pytest.raises(ValueError, match=message) as caught:
        load_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_labels_that_do_not_fit(tmp_path):
    images = written(tmp_path, idx(IMAGES), "images")
    for labels, message in (
        (LABELS[:3], "holds 3 labels for the 4 of"),
        (IMAGES, "labels must be one integer each"),
    ):
        with pytest.raises(ValueError, match=message):
            load_idx(images, written(tmp_path, idx(labels), "labels"))
    with pytest.raises(ValueError, match="labels must be one integer each"):
        load_idx(images, written(tmp_path, idx(LABELS, 13), "labels"))


MNISTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte.gz")
NAMES = {
    "MNIST": (*MNISTS, "t10k-labels-idx1-ubyte.gz"),
    "MNIST with points": (
        "train-images.idx3-ubyte",
        "train-labels.idx1-ubyte",
        "t10k-images",
        "t10k-labels",
    ),
    "EMNIST": tuple(
        f"emnist-letters-{part}-{kind}-ubyte.gz"
        for part in ("train", "test")
        for kind in ("images-idx3", "labels-idx1")
    ),
    "QMNIST": tuple(
        f"qmnist-{part}-{kind}.gz"
        for part in ("train", "test")
        for kind in ("images-idx3-ubyte", "labels-idx2-int")
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_folder_of_idx_files(case, tmp_path):
    for name in NAMES[case]:
        turned = IMAGES if "train" in name else IMAGES[::-1]
        content = idx(LABELS if "label" in name else turned)
        if "idx2-int" in name:
            content = idx(np.column_stack([LABELS, *[np.full(4, 9)] * 7]).astype(">i4"), 12)
        written(tmp_path, gzip.compress(content) if name.endswith(".gz") else content, name)
    written(tmp_path, "about the data", "README.txt")
    train, test = load_folder(tmp_path)
    np.testing.assert_array_equal(train.X.T, IMAGES.reshape(4, 6))
    np.testing.assert_array_equal(test.X.T, IMAGES.reshape(4, 6)[::-1])
    np.testing.assert_array_equal(train.y, LABELS)
    assert train.X.flags.f_contiguous
    assert load_arrays(tmp_path).shape == (2, 3)


def test_a_file_and_the_same_zipped_are_one(tmp_path):
    for name, values in (("train-images", IMAGES), ("train-labels", LABELS)):
        written(tmp_path, idx(values), name)
        written(tmp_path, gzip.compress(idx(values)), f"{name}.gz")
    train, test = load_folder(tmp_path)
    assert train.y.tolist() == LABELS.tolist()
    assert test is None


def test_a_folder_of_several_data_sets_needs_the_name_of_one(tmp_path):
    for name, turn in (("letters", 1), ("digits", -1)):
        written(tmp_path, idx(IMAGES[::turn]), f"emnist-{name}-train-images")
        written(tmp_path, idx(LABELS[::turn]), f"emnist-{name}-train-labels")
    with pytest.raises(
        ValueError, match=r"several data sets: give one of .*emnist-digits, .*letters"
    ):
        load_folder(tmp_path)
    written(tmp_path, idx(IMAGES), "train-images")
    with pytest.raises(ValueError, match="several data sets"):
        load_folder(tmp_path)
    assert load_folder(tmp_path / "emnist-letters").train.y.tolist() == LABELS.tolist()
    with pytest.raises(ValueError, match="no files emnist-balanced"):
        load_folder(tmp_path / "emnist-balanced")


BAD_FOLDERS = {
    "nothing": ({}, "has no IDX files"),
    "two of a kind": (
        {"train-images": IMAGES, "images-train": IMAGES},
        "could both be the examples to train with",
    ),
    "no labels": ({"train-images": IMAGES}, "no labels for them"),
    "labels alone": ({"train-labels": LABELS}, "has labels of no examples"),
    "too few labels": (
        {"train-images": IMAGES, "train-labels": LABELS[:3]},
        "holds 3 labels for the 4 of 'train-images'",
    ),
    "other images": (
        {"train-images": IMAGES, "train-labels": LABELS, "test-images": IMAGES[:, :1]},
        "examples of different shapes",
    ),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folders(case, tmp_path):
    files, message = BAD_FOLDERS[case]
    for name, values in files.items():
        written(tmp_path, idx(values), name)
    with pytest.raises(ValueError, match=message) as caught:
        load_folder(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")


ROWS = IMAGES.reshape(4, 6)
ARCHIVES = {
    "Keras": {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS},
    "rows": {"X": ROWS, "y": LABELS},
    "columns": {"X": ROWS.T, "y": LABELS},
    "labels in a column": {"images": IMAGES, "labels": LABELS[:, np.newaxis]},
    "MedMNIST": {"train_images": IMAGES, "train_labels": LABELS[:, np.newaxis]},
    "no names": {"arr_0": IMAGES, "arr_1": LABELS},
    "a channel": {"x": IMAGES[..., np.newaxis], "y": LABELS},
    "one-hot": {"x": IMAGES, "y": np.eye(5)[LABELS]},
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("case", ARCHIVES)
def test_archives_of_arrays(case, save, tmp_path):
    save(tmp_path / "data.npz", **ARCHIVES[case])
    parts = load_arrays(tmp_path / "data.npz")
    np.testing.assert_array_equal(parts.train.X.T, ROWS)
    np.testing.assert_array_equal(parts.train.y, LABELS)
    assert parts.train.X.flags.f_contiguous
    assert not parts.train.X.flags.writeable
    assert (parts.test is None) == (case != "Keras")


def test_an_array_alone_has_no_labels(tmp_path):
    np.save(tmp_path / "X.npy", np.asfortranarray(ROWS))
    parts = load_arrays(tmp_path / "X.npy")
    np.testing.assert_array_equal(parts.train.X.T, ROWS)
    assert parts.train.y is None
    assert parts.shape == ()


def test_a_folder_of_arrays(tmp_path):
    np.savez_compressed(tmp_path / "kmnist-train-imgs.npz", IMAGES)
    np.savez_compressed(tmp_path / "kmnist-train-labels.npz", LABELS)
    np.testing.assert_array_equal(load_folder(tmp_path).train.y, LABELS)


def test_several_targets_are_rows(tmp_path):
    Y = np.arange(8.0).reshape(4, 2)
    np.savez(tmp_path / "data.npz", X=ROWS, y=Y)
    np.testing.assert_array_equal(load_arrays(tmp_path / "data.npz").train.y, Y.T)


BAD_ARCHIVES = {
    "objects": ({"X": np.array([1, "a"], object)}, "no pickle is read"),
    "another number of labels": ({"X": ROWS, "y": LABELS[:2]}, "holds 2 labels for the 4 of 'X'"),
    "no examples": ({"X": ROWS[:0]}, "must be a matrix of examples"),
    "a text": ({"X": np.array(["a", "b"])}, "must be a matrix of examples"),
    "two of a kind": ({"X": ROWS, "data": ROWS}, "'X' and 'data' could both be the examples"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_archives(case, tmp_path):
    arrays, message = BAD_ARCHIVES[case]
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        load_arrays(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_idx(tmp_path / "nonesuch")
    with pytest.raises(ValueError, match="nonesuch"):
        load_arrays(tmp_path / "nonesuch")

"""Shards read from files are those of memory, to the bit, and take no more of it than they use."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.larger_than_memory import MB, write_digits
from scratchmlp import flatten, init_params, normalize, shards, value_and_grad
from scratchmlp.datasets import load_idx
from scratchmlp.file_shards import file_shards
from tests.test_datasets import idx

rng = np.random.default_rng(0)
pixels = rng.integers(256, size=(103, 6, 5), dtype=np.uint8)
labels = rng.integers(4, size=103, dtype=np.uint8)
params = init_params([30, 7, 4])


def gradient(parts):
    evaluation, grads = value_and_grad(params, parts)
    return flatten(grads).tobytes(), evaluation


def test_idx_files(tmp_path):
    (tmp_path / "X").write_bytes(idx(pixels))
    (tmp_path / "y").write_bytes(idx(labels))
    X, y = load_idx(tmp_path / "X", tmp_path / "y")
    parts = file_shards(tmp_path / "X", tmp_path / "y", size=25)
    assert len(parts) == 5
    assert parts[-1]().X.shape == (30, 3)
    assert gradient(parts) == gradient(shards(normalize(X), y, size=25))


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
def test_npy_files(tmp_path, dtype):
    X = np.asfortranarray(rng.normal(0, 50, (30, 103)).astype(dtype))
    Y = np.asfortranarray(np.eye(4)[:, labels])
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", labels.astype(np.int64))
    np.save(tmp_path / "Y.npy", Y)
    for name, y in (("y.npy", labels), ("Y.npy", Y)):
        parts = file_shards(tmp_path / "X.npy", tmp_path / name, size=40)
        assert gradient(parts) == gradient(shards(X, y, size=40))


def test_they_are_small_and_pickle(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((30, 103), order="F"))
    np.save(tmp_path / "y.npy", labels)
    (part, *_) = file_shards(tmp_path / "X.npy", tmp_path / "y.npy")
    pickled = pickle.dumps(part)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(pickle.loads(pickled)().y, labels)


BAD = {
    "gzipped": (b"\x1f\x8b" + bytes(20), "is gzipped"),
    "text": (b"hello", "is no IDX file"),
    "nothing": (b"", "is no IDX file"),
    "cut short": (idx(pixels)[:-1], "the header tells of"),
    "too long": (idx(pixels) + b"0", "the header tells of"),
    "as many as none": (idx(pixels[:50]), "holds 103 labels for the 50 of"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path, case):
    content, message = BAD[case]
    (tmp_path / "X").write_bytes(content)
    (tmp_path / "y").write_bytes(idx(labels))
    with pytest.raises(ValueError, match=message) as caught:
        file_shards(tmp_path / "X", tmp_path / "y")
    assert str(tmp_path) in str(caught.value)


def npy(array, **changes):
    """The bytes of an array, saved so."""
    import io

    file = io.BytesIO()
    np.save(file, array)
    content = file.getvalue()
    for old, new in changes.values():
        content = content.replace(old, new)
    return content


BAD_NPY = {
    "C order": (npy(np.zeros((30, 103))), "is in C order"),
    "words": (npy(np.array(["a"])), "must hold real numbers, not <U1"),
    "no axes": (npy(np.array(3.0)), "must be labels"),
    "three axes": (npy(np.zeros((2, 3, 4))), "must be labels"),
    "empty": (npy(np.zeros((3, 0))), "must be labels"),
    "no header": (b"\x93NUMPY\x01\x00", "is no array of numbers"),
    "a broken header": (npy(np.zeros(3), a=(b"descr", b"descx")), "is no array of numbers"),
    "half a header": (npy(np.zeros(3), a=(b"{", b"(")), "is no array of numbers"),
    "a later version": (npy(np.zeros(3), a=(b"NUMPY\x01", b"NUMPY\x09")), "is no array of numbers"),
}


@pytest.mark.parametrize("case", BAD_NPY)
def test_bad_npy_files(tmp_path, case):
    content, message = BAD_NPY[case]
    (tmp_path / "X.npy").write_bytes(content)
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(ValueError, match=message) as caught:
        file_shards(tmp_path / "X.npy", tmp_path / "y.npy")
    assert str(caught.value).startswith(f"{tmp_path / 'X.npy'}: ")


def test_a_file_that_shrinks_is_an_error(tmp_path):
    (tmp_path / "X").write_bytes(idx(pixels))
    (tmp_path / "y").write_bytes(idx(labels))
    parts = file_shards(tmp_path / "X", tmp_path / "y", size=50)
    (tmp_path / "X").write_bytes(idx(pixels)[:-1])
    parts[0]()
    with pytest.raises(ValueError, match="X: has become shorter"):
        parts[2]()


def test_training_on_a_file_several_times_larger_than_the_memory_allowed(tmp_path):
    m = 120_000  # 94 MB of pixels, and as float32 376 MB
    write_digits(tmp_path, m)
    command = [sys.executable, "-m", "benchmarks.larger_than_memory", "--folder", str(tmp_path)]
    limited, free = (
        subprocess.run(
            [*command, "--iterations", "2", "--limit", str(limit)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for limit in (30, 0)
    )
    assert (tmp_path / "images").stat().st_size > 3 * 30 * MB
    assert limited == free
    assert "iteration 2" in limited
    too_much = subprocess.run(
        [*command, "--limit", "30", "--in-memory"], check=False, capture_output=True, text=True
    )
    assert "MemoryError" in too_much.stderr  # the limit is one

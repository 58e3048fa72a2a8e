"""Files of digits, good and bad."""

import gzip
import hashlib
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from scratchmlp.datasets import has_labels, load_csv, load_folder, load_idx, mnist

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


def test_a_folder_of_idx_files(tmp_path):
    for name in ("emnist-train-images-idx3.gz", "t10k-images"):
        written(tmp_path, idx(IMAGES), name)
    for name in ("emnist-train-labels-idx1.gz", "t10k-labels"):
        written(tmp_path, idx(LABELS), name)
    train, test = load_folder(tmp_path)
    np.testing.assert_array_equal(train.X, test.X)
    (tmp_path / "t10k-images").unlink()
    assert load_folder(tmp_path).test is None
    written(tmp_path, idx(IMAGES), "train-images-2")
    with pytest.raises(ValueError, match="needs one IDX file named \\*train-images\\*, but has "):
        load_folder(tmp_path)


CSV = "label,pixel0,pixel1\n5,0,255\n0,7,8\n"


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
@pytest.mark.parametrize(
    "text",
    [
        CSV,
        CSV.replace("\n", "\r\n"),
        CSV.rstrip(),
        CSV + "\n\n",
        "\ufeff" + CSV,
        CSV.replace("label", '"label"'),
    ],
)
def test_csv_with_labels(tmp_path, text, pack):
    path = written(tmp_path, pack(text))
    X, y = load_csv(path)
    assert X.tolist() == [[0, 7], [255, 8]]
    assert y.tolist() == [5, 0]
    assert X.dtype == np.uint8
    assert X.flags.f_contiguous
    assert has_labels(path)


def test_csv_without_labels(tmp_path):
    path = written(tmp_path, "pixel0,pixel1\n1,2\n3,4\n")
    X, y = load_csv(path, labelled=False)
    assert X.tolist() == [[1, 3], [2, 4]]
    assert y is None
    assert not has_labels(path)


BAD_CSV = {
    "nothing": ("", "line 0: there are no examples"),
    "a header alone": ("label,a\n", "line 1: there are no examples"),
    "a short line": (CSV + "1,2\n", "line 4: the line has 2 columns but the header 3"),
    "a long line": (CSV + "1,2,3,4\n", "line 4: the line has 4 columns but the header 3"),
    "a word": (CSV + "1,two,3\n" + CSV[20:], "line 4: could not convert string 'two'"),
    "256": (CSV + "1,256,3\n", "line 4: could not convert string '256'"),
    "-1": (CSV + "1,-1,3\n", "line 4: could not convert string '-1'"),
    "half a grey": (CSV + "1,2.5,3\n", "line 4: could not convert string '2.5'"),
    "a gap": (CSV + "1,,3\n", "line 4: could not convert string ''"),
    "no header": ("5,0,255\n0,7,8\n", "line 1: the first line must be a header"),
    "no labels": ("pixel0,pixel1\n1,2\n", "line 1: the first column must be labels, not 'pixel0'"),
    "no text": (b"label,a\n\xff\xfe,3\n", "line 2: .*can't decode"),
    "half a gzip": (gzip.compress(CSV.encode())[:-9], "is corrupt"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_csv_files(tmp_path, case):
    content, message = BAD_CSV[case]
    path = written(tmp_path, content, "bad.csv")
    with pytest.raises(ValueError, match=message) as caught:
        load_csv(path)
    assert str(caught.value).startswith(str(path))


def test_labels_where_none_are_expected(tmp_path):
    with pytest.raises(ValueError, match="line 1: the file has labels"):
        load_csv(written(tmp_path, CSV), labelled=False)


def test_a_missing_file_says_so(tmp_path):
    for load in (load_idx, load_csv):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "nonesuch")


def test_reading_csv_takes_little_memory(tmp_path):
    """At most 4 times the result, beyond what the process had: in a process of its own."""
    row = ",".join(["7", *["123"] * 784])
    text = ",".join(["label", *[f"pixel{k}" for k in range(784)]]) + f"\n{row}" * 20_000
    path = written(tmp_path, text)
    program = (
        "import resource, sys; from scratchmlp.datasets import load_csv\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "X = load_csv(sys.argv[1]).X\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print((peak - before) * 1024 / X.nbytes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], check=True, capture_output=True, text=True
    )
    assert float(done.stdout) < 4

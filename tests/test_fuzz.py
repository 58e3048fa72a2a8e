"""Whatever a file holds, a reader gives a result or a ValueError that names the file."""

import gzip
import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from scratchmlp.checkpoints import load
from scratchmlp.datasets import load_arrays, load_idx
from scratchmlp.tables import read_table
from tests.fuzz import READERS, fault, idx, members, mutant, saved, seeds, zipped

SEEDS = seeds()
COUNTS = {"idx": 80, "table": 60, "parquet": 60, "arrays": 100, "npy": 200, "checkpoint": 120}
COUNTS["safetensors"] = 400
GOOD = saved(2, 3)


@pytest.fixture(autouse=True)
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


def faults(reader, path, target, number, count):
    """What is wrong with so many mutants of a seed, the same ones every time."""
    own = SEEDS[target]
    for trial in range(count):
        rng = np.random.default_rng([trial, number])
        content = mutant(rng, own[number], own[rng.integers(len(own))])
        if found := fault(reader, path, content):
            yield f"mutant {trial} of {target} {number}: {found}: {content[:300]!r}"


@pytest.mark.parametrize("target", SEEDS)
def test_the_seeds_are_good(target, tmp_path):
    for seed in SEEDS[target]:
        (tmp_path / "file").write_bytes(seed.pack(seed.parts))
        READERS[target][0](tmp_path / "file")


def test_thousands_are_tried():
    assert sum(len(SEEDS[target]) * COUNTS[target] for target in SEEDS) > 4000


@pytest.mark.parametrize(
    ("target", "number"), [(target, k) for target, own in SEEDS.items() for k in range(len(own))]
)
def test_mutants(target, number, tmp_path):
    for reader in READERS[target]:
        assert list(faults(reader, tmp_path / "file", target, number, COUNTS[target])) == []


def breaks(path):
    """A reader with one of three faults, by the file's first digit of a line."""
    content = path.read_bytes()
    if content[30:31] == b"0":
        raise KeyError("planted")
    if content[30:31] == b",":
        raise ValueError("no name")
    if content[30:31] == b"7":
        return bytearray(1 << 22)
    return read_table(path)


def test_a_planted_fault_is_found(tmp_path):
    found = "".join(faults(breaks, tmp_path / "file", "table", 0, 200))
    assert "KeyError: 'planted'" in found
    assert "the message does not start with the file: no name" in found
    assert "bytes of memory for a file of" in found


def npy(descr="<f8", shape="(3, 2)", data=bytes(48)):
    """An array's member, whatever it says of itself."""
    with io.BytesIO() as made:
        np.save(made, np.zeros(1))
        length = len(made.getvalue()) - 8
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    return made_of(header.ljust(length - 11).encode() + b"\n", data)


def made_of(header, data):
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + data


def altered(**changes):
    """The good file with members replaced, left out where None is given, or added."""
    content = members(GOOD) | {f"{name}.npy": change for name, change in changes.items()}
    content = {name: change for name, change in content.items() if change is not None}
    return zipped([*content])([*content.values()])


def telling(about):
    """The good file that tells something else about itself."""
    with io.BytesIO() as made:
        np.save(made, np.array(about))
        return altered(about=made.getvalue())


def about(**changes):
    with np.load(io.BytesIO(GOOD)) as archive:
        return telling(json.dumps(json.loads(str(archive["about"])) | changes))


def listed(change):
    """The good file whose directory was changed before it was written."""
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w") as archive:
            for name, content in members(GOOD).items():
                archive.writestr(zipfile.ZipInfo(name), content)
            change(archive.filelist)
        return made.getvalue()


def same_place(infos):
    for info in infos:
        info.header_offset = 0


def bomb():
    """A compressed member of 100 MB of zeros."""
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("W1.npy", npy(shape="(12200000,)", data=bytes(100_000_000)))
        return made.getvalue()


def many():
    return zipped([f"W{k}.npy" for k in range(2000)])([npy(shape="()", data=bytes(8))] * 2000)


def patched(at, byte):
    return GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]


PICKLE = b"cos\nmkdir\n(Vpickled\ntR."
CHECKPOINTS = {
    "a pickle": (altered(W1=npy("|O", "()", PICKLE)), "no pickle is read"),
    "a pickle alone": (PICKLE, "there is no member of an archive at byte 0"),
    "a structure": (altered(W1=npy("V8")), "W1 is no array of numbers"),
    "a time": (altered(W1=npy("<M8")), "W1 is no array of numbers"),
    "text for numbers": (altered(W1=npy("<U2")), "W1 is <U2, not numbers"),
    "a type that is none": (altered(W1=npy("<f3")), "W1 is no array of numbers: "),
    "a path up": (altered(**{"../W1": npy()}), "it has b'../W1.npy', which is no array"),
    "a path from the root": (altered(**{"/W1": npy()}), "it has b'/W1.npy', which is no array"),
    "two files": (GOOD + GOOD, "its directory is cut short, or not the end of the file"),
    "two of a name": (altered(W9=npy()).replace(b"W9.npy", b"W1.npy"), "no array or there twice"),
    "a shape too large": (altered(W1=npy(shape=f"({2**60}, 2)")), "W1 is no array|W1 has"),
    "a shape beyond 64 bits": (altered(W1=npy(shape=f"({2**64}, 0)")), "W1 is no array"),
    "a shape below 0": (altered(W1=npy(shape="(-3, 2)")), "W1 is no array"),
    "an empty shape": (altered(W1=npy(shape=f"(0, {2**55})", data=b"")), "W1 is float64"),
    "65 dimensions": (altered(W1=npy(shape=f"({'1, ' * 65})", data=bytes(8))), "W1 is no array|64"),
    "too few numbers": (altered(W1=npy(data=bytes(40))), "W1 has 168 bytes, but its shape"),
    "too many numbers": (altered(W1=npy(data=bytes(49))), "W1 has 177 bytes, but its shape"),
    "a long header": (altered(W1=made_of(b" " * 65_535, b"")), "W1 is no array"),
    "code in a header": (altered(W1=made_of(b"__import__('os')\n", b"")), "W1 is no array"),
    "a zip bomb": (bomb, "b'W1.npy' is compressed or encrypted"),
    "an encrypted member": (patched(6, 1), "b'about.npy' is compressed or encrypted"),
    "members in one place": (listed(same_place), "its directory tells of"),
    "a member that is not listed": (listed(lambda infos: infos.pop()), "its directory"),
    "a member listed twice": (listed(lambda infos: infos.append(infos[0])), "its directory"),
    "something after the end": (GOOD + b"x", "not the end of the file"),
    "no directory": (GOOD[: GOOD.index(b"PK\1\2")], "there is no member of an archive"),
    "a later format": (about(format=3), "its format is 3, but this version reads 1 and 2"),
    "a format with a description": (about(format=2), "it has no 'description'"),
    "a format that is true": (about(format=True), "its format is True"),
    "an iteration below 0": (about(iteration=-1), "iteration must be at least 0, not -1"),
    "half an iteration": (about(iteration=0.5), "iteration must be an integer, not float 0.5"),
    "an iteration that is true": (about(iteration=True), "must be an integer, not bool True"),
    "a loss of text": (about(loss="1"), "loss and accuracy must be numbers"),
    "a huge loss": (about(loss=10**400), "too large"),
    "no layers": (about(params={"type": "tuple", "items": []}), "it has the arrays"),
    "an optimizer of one array": (about(optimizer=["float64", [3, 2]]), "is no checkpoint"),
    "a type that is no state": (about(optimizer={"type": "exec", "items": []}), "is no checkpoint"),
    "a network of numbers": (about(network=3), "is no checkpoint"),
    "deep JSON": (telling("[" * 100_000), "recursion"),
    "wide JSON": (telling(f"[{'[],' * 50_000}[]]"), "about is no object of JSON"),
    "a number without an end": (telling("9" * 100_000), "is no checkpoint"),
    "a list": (telling("[]"), "about is no object of JSON"),
    "several texts": (telling(["{}", "{}"]), r"about is <U2 \[2\], but should be text"),
    "NaN": (
        altered(W1=npy(data=np.full(6, np.nan).tobytes())),
        "W of layer 1 of params must be finite",
    ),
    "infinity": (altered(b1=npy(shape="(3, 1)", data=np.full(3, np.inf).tobytes())), "is inf"),
    "many members": (many, "it has no 'about'"),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_hostile_checkpoints(case, tmp_path, monkeypatch):
    content, message = CHECKPOINTS[case]
    content = content() if callable(content) else content
    path = tmp_path / "model.npz"
    monkeypatch.chdir(tmp_path)
    assert fault(load, path, content) is None
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: is no checkpoint: ")
    assert [each.name for each in tmp_path.iterdir()] == ["model.npz"]  # and nothing was run


def test_a_checkpoint_takes_its_own_size_of_memory(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(saved(1000, 1000, optimizer=()))
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    load(path)
    peak = tracemalloc.get_traced_memory()[1] - before
    assert peak < 1.3 * path.stat().st_size  # beyond the arrays, which of their numbers are finite


def test_order_and_type_are_those_that_were_saved(tmp_path):
    rng = np.random.default_rng(0)
    memory = (
        *(rng.normal(size=(2, 3, 4)), np.asfortranarray(rng.normal(size=(2, 3, 4)))),
        *(rng.normal(size=8)[::2], np.float32(3), np.array(7), np.zeros((0, 3)), np.zeros((3, 0))),
        *(np.arange(3, dtype=">i4"), np.array([True, False]), np.ones((1,) * 40, np.float16)),
    )
    path = tmp_path / "model.npz"
    path.write_bytes(saved(2, 3, optimizer=memory))
    for came, expected in zip(load(path).state.optimizer, memory, strict=True):
        assert (came.dtype, came.shape) == (expected.dtype, expected.shape)
        assert came.tobytes("A") == expected.tobytes("A")
        assert not came.flags.writeable


HEADER, _ = idx(8, "u1", 4, 2)
BOMBS = {
    "an IDX file that goes on": (load_idx, HEADER, 10**8, "there are more"),
    "an IDX file that claims all": (load_idx, HEADER[:4] + b"\x0f" * 8, 0, "the header tells of"),
    "an IDX file of one dimension more": (
        load_idx,
        HEADER[:3] + b"\3",
        0,
        "ends within its header",
    ),
    "a line without an end": (
        read_table,
        b"label,a\n" + b"1" * (1 << 22),
        0,
        "has a line of 4194304",
    ),
    "zeros without an end": (read_table, b"label,a\n", 10**8, "is neither text in columns nor"),
    "a header of commas": (
        read_table,
        b"label" + b",ab" * 1_300_000,
        0,
        "more than 100000 columns",
    ),
}


@pytest.mark.parametrize("case", BOMBS)
def test_gzip_bombs(case, tmp_path):
    reader, start, zeros, message = BOMBS[case]
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(start + bytes(zeros), 1))
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with pytest.raises(ValueError, match=message) as caught:
        reader(path)
    assert tracemalloc.get_traced_memory()[1] - before < 2e7
    assert str(caught.value).startswith(str(path))


def test_a_bomb_in_an_archive_of_arrays(tmp_path):
    path = tmp_path / "data.npz"
    path.write_bytes(bomb()[: 1 << 16])
    assert fault(load_arrays, path, bomb()[: 1 << 16]) is None
    claim = npy(shape=f"({2**40},)", data=b"")
    assert fault(load_arrays, path, zipped(["X.npy"], zipfile.ZIP_DEFLATED)([claim])) is None

"""Readers under mutated files: each gives a result, or a ValueError that starts with the path.

`tests/test_fuzz.py` tries some thousands of mutants. To search for as long as one likes, led by
what the readers' code does with a file, from the folder above this one:

    pip install atheris
    python -m tests.fuzz idx -max_total_time=60

The other targets are `table`, `parquet`, `arrays`, `npy`, `checkpoint` and `safetensors`; what
follows is libFuzzer's own.
"""

import bz2
import gzip
import io
import lzma
import re
import struct
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas

from scratchmlp import Network, adam, descriptions, init_params, init_state, leaky_relu
from scratchmlp.checkpoints import load, save
from scratchmlp.core.arrays import leaves
from scratchmlp.core.data.preprocessing import Data
from scratchmlp.datasets import load_arrays, load_idx
from scratchmlp.descriptions import Column, Description, Target, feature_names, pixels, unscaled
from scratchmlp.export import export, from_safetensors
from scratchmlp.file_shards import file_shards
from scratchmlp.tables import load_table, read_table

MOST_SECONDS = 5  # a mutant takes a millisecond; this is for a machine that is very busy
MOST_BYTES = 1 << 21  # a chunk that is read at once, and buffers, whatever the size of the file
MOST_TIMES = 16  # the size of what the file holds

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**60)
WORDS = (
    *(b"\0", b"\n", b"\r", b",", b'"', b"#", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"256"),
    *(b"-1", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'"U"', b"[" * 2000, b"9" * 5000),
    *(b"|O", b"<U9", b">f8", b"<M8", b"(0,)", b"True", b"PK\3\4", b"PK\1\2", b"PK\5\6", b"../W1"),
)
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
TOKEN = re.compile(rb"""["'][^"']*["']|[-+.\w]+""")


class Seed(NamedTuple):
    """A file as its parts, which a mutation can get at, and how they are packed."""

    parts: tuple[bytes, ...]
    pack: Callable[[Sequence[bytes]], bytes] = b"".join


def gzipped(parts: Sequence[bytes]) -> bytes:
    return gzip.compress(b"".join(parts), 1, mtime=0)


def zipped(
    names: Sequence[str], method: int = zipfile.ZIP_STORED
) -> Callable[[Sequence[bytes]], bytes]:
    """How contents become an archive of members of these names, with the right check sums."""

    def pack(contents: Sequence[bytes]) -> bytes:
        with io.BytesIO() as made:
            with zipfile.ZipFile(made, "w", method) as archive:
                for name, content in zip(names, contents, strict=True):
                    archive.writestr(zipfile.ZipInfo(name), content)
            return made.getvalue()

    return pack


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def telling(content: bytes) -> Seed:
    """A checkpoint whose one part is the JSON that it tells about itself."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        about = str(archive["about"])
    names, (_, *others) = zip(*members(content).items(), strict=True)

    def pack(parts: Sequence[bytes]) -> bytes:
        with io.BytesIO() as made:
            np.save(made, np.array(b"".join(parts).decode("latin-1")))
            return zipped(names)([made.getvalue(), *others])

    return Seed((about.encode(),), pack)


def saved(
    *sizes: int,
    optimizer=None,
    dtype=np.float64,
    network: Network | None = None,
    description: Description | None = None,
) -> bytes:
    params = init_params(sizes, dtype=dtype)
    state = init_state(params, adam(0.1))
    memory = state.optimizer if optimizer is None else optimizer
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        state = state._replace(optimizer=memory)
        save(path, state, network=network or Network(), description=description)
        return path.read_bytes()


def tensors(*sizes: int, dtype=np.float32, **more) -> Seed:
    """A file of safetensors as its header's length, the header, and the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        export(path, init_params(sizes, dtype=dtype), **more)
        content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")

    def pack(parts: Sequence[bytes]) -> bytes:
        header, numbers = parts
        return len(header).to_bytes(8, "little") + header + numbers

    return Seed((content[8:end], content[end:]), pack)


def idx(code: int, dtype: str, *shape: int) -> tuple[bytes, bytes]:
    header = struct.pack(f">4B{len(shape)}I", 0, 0, code, len(shape), *shape)
    return header, np.arange(np.prod(shape)).astype(dtype).tobytes()


def npy(array: np.ndarray) -> bytes:
    with io.BytesIO() as made:
        np.save(made, array)
        return made.getvalue()


TABLES = (
    b"label,pixel0,pixel1\n5,0,255\n0,7,8\n",
    b"pixel0,pixel1\r\n1,2\r\n3,4\r\n",
    "\ufeffsize;colour;y\n1,5;\u201cred\u201d;a\n;blue;b\n2,5;red;a\n\n".encode(),
    b'"a","b"\n"x, y",TRUE\nz,false\n',
    " 6.0 -1.0 0.5\n 5.0 0.25 1e3\n".encode("utf-16"),
)
PACKS = (
    lambda parts: bz2.compress(b"".join(parts)),
    lambda parts: lzma.compress(b"".join(parts), preset=0),
)
KERAS = {
    "x_train.npy": npy(np.arange(12, dtype=np.uint8).reshape(3, 2, 2)),
    "y_train.npy": npy(np.arange(3)),
    "x_test.npy": npy(np.ones((1, 2, 2), np.uint8)),
}


def seeds() -> dict[str, list[Seed]]:
    """Small good files of every form, by target."""
    digits = [idx(8, "u1", 4, 2, 3), idx(8, "u1", 5), idx(9, "i1", 2, 2), idx(11, ">i2", 3, 2)]
    numbers = [idx(12, ">i4", 2, 3), idx(13, ">f4", 2, 3), idx(14, ">f8", 2, *[1] * 20, 2)]
    columns = (
        Column("size", missing=True),
        Column("colour", descriptions.CATEGORY, ("blue", "red")),
    )
    described = Description(
        columns, Target(descriptions.CLASSES, ("y",), ("a", "b")), unscaled(4), missing=True
    )
    counted = Description(
        columns, Target(descriptions.NUMBERS, ("y", "z"), (), unscaled(2)), unscaled(4)
    )
    odd = ((np.ones((2, 3), order="F"), np.array(3)), np.zeros((0, 2)), np.ones(3, bool))
    networks = [
        saved(2, 3),
        saved(3, 2, 2, dtype=np.float32, network=Network(leaky_relu(0.1))),
        saved(2, 2, optimizer=odd),
        saved(2, 2, optimizer=()),
        saved(4, 2, description=described),
        saved(4, 2, optimizer=(), description=counted),
    ]
    pets = Target(descriptions.CLASSES, ("pet",), ("cat", "dog"))
    exported = [
        tensors(2, 3, network=Network(leaky_relu(0.1))),
        tensors(3, 2, 2, dtype=np.float64, description=pixels(3, (1, 3), pets)),
    ]
    again = [Seed((*members(each).values(),), zipped([*members(each)])) for each in networks]
    return {
        "idx": [Seed(each, pack) for each in digits + numbers for pack in (b"".join, gzipped)],
        "table": [Seed((each,), pack) for each in TABLES for pack in (b"".join, gzipped)]
        + [Seed((TABLES[0],), pack) for pack in (*PACKS, zipped(["table.csv"]))],
        "parquet": [Seed((each,)) for each in parquets()],
        "arrays": [
            Seed((*contents.values(),), zipped([*contents], method))
            for contents in (KERAS, {"X.npy": npy(np.ones((3, 2), "f", "F"))})
            for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        ]
        + [Seed((npy(np.arange(12.0).reshape(3, 2, 2)),))],
        "npy": [Seed((npy(each),)) for each in (np.ones((3, 4), "f", "F"), np.arange(5))],
        "safetensors": exported,
        "checkpoint": [Seed((each,)) for each in networks] + again + [*map(telling, networks)],
    }


def parquets() -> list[bytes]:
    frame = pandas.DataFrame({"n": [1.5, None], "c": ["u", "v"], "b": [True, False], "y": [0, 1]})
    files = []
    for compression in (None, "snappy"):
        with io.BytesIO() as made:
            frame.to_parquet(made, compression=compression)
            files.append(made.getvalue())
    return files


def table(path: Path) -> None:
    """Describe and encode it, with whichever column comes last for a target."""
    X, y, description, _ = load_table(path, target=["-1"], missing=True)
    assert X.shape == (len(feature_names(description)), y.shape[-1])
    assert X.dtype == np.float32
    assert not X.flags.writeable
    assert np.isfinite(X).all()


def arrays(path: Path) -> None:
    """All parts of it, and see that they are what is promised."""
    for part in load_arrays(path)[:3]:
        if part is not None:
            assert part.X.ndim == 2
            assert part.y is None or part.y.shape[-1] == part.X.shape[1]


def examples(path: Path, read: Callable[..., Data], *arguments: object) -> None:
    """Read them, and see that they are what is promised."""
    X, y = read(path, *arguments)
    assert X.ndim == 2
    assert not X.flags.writeable
    assert y is None or (y.shape == X.shape[1:] and not y.flags.writeable)


def checkpoint(path: Path) -> None:
    """Load it, and see that it is what is promised and can be saved again."""
    state, network, description = load(path)
    assert all(np.isfinite(array).all() for array in leaves(state.params))
    assert not any(array.flags.writeable for array in leaves(state[:2]))
    save(path.with_name("again"), state, network=network, description=description)


def imported(path: Path) -> None:
    """Read the network, and see that it is what is promised and can be exported again."""
    params, network, description = from_safetensors(path)
    assert all(np.isfinite(array).all() for array in leaves(params))
    assert not any(array.flags.writeable for array in leaves(params))
    export(path.with_name("again.safetensors"), params, network, description=description)


def pieces(path: Path) -> None:
    """Read all shards of it, as examples and as targets."""
    for shard in file_shards(path, path, size=3):
        X, y, *_ = shard()
        assert X.ndim == 2
        assert y.ndim in {1, 2}


READERS: dict[str, tuple[Callable[[Path], object], ...]] = {
    "idx": (
        lambda path: examples(path, load_idx),
        lambda path: examples(path, load_idx, path),
        pieces,
    ),
    "npy": (pieces, arrays),
    "table": (read_table, table),
    "parquet": (table,),
    "arrays": (arrays,),
    "checkpoint": (checkpoint,),
    "safetensors": (imported,),
}


def fault(
    reader: Callable[[Path], object], path: Path, content: bytes, most: int = MOST_BYTES
) -> str | None:
    """What is wrong with how a reader takes a file of this content, or None; tracemalloc is on."""
    path.unlink(missing_ok=True)  # a file cut to nothing and written again is slow on some disks
    path.write_bytes(content)
    tracemalloc.reset_peak()
    before, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
    try:
        reader(path)
    except ValueError as error:
        if not str(error).startswith(str(path)):
            return f"the message does not start with the file: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if (seconds := time.perf_counter() - start) > MOST_SECONDS:
        return f"it took {seconds:.1f} s"
    grown = tracemalloc.get_traced_memory()[1] - before
    if grown > most and grown > most + MOST_TIMES * size(content):
        return f"it took {grown} bytes of memory for a file of {len(content)}"
    return None


def size(content: bytes) -> int:
    """The bytes that a file holds, once it is unzipped as far as that goes."""
    total = len(content)
    for magic, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7z", lzma.open)):
        if content.startswith(magic):
            with opened(io.BytesIO(content)) as file, suppress(*DAMAGE):
                while chunk := file.read(1 << 16):
                    total += len(chunk)
    if content[:4] == b"PK\3\4":
        with suppress(*DAMAGE), zipfile.ZipFile(io.BytesIO(content)) as archive:
            total += sum(each.file_size for each in archive.infolist())
    return total


def mutant(rng: np.random.Generator, seed: Seed, other: Seed) -> bytes:
    """The file with one to three mutations, of a part before it is packed or of the whole."""
    parts = list(seed.parts)
    if rng.random() < 0.6:
        part, beside = (int(rng.integers(len(each.parts))) for each in (seed, other))
        parts[part] = _mutated(rng, parts[part], other.parts[beside])
        return seed.pack(parts)
    return _mutated(rng, seed.pack(parts), other.pack(other.parts))


def _mutated(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    for _ in range(rng.integers(1, 4)):
        content = MUTATIONS[rng.integers(len(MUTATIONS))](rng, content, other)
    return content


def _place(rng: np.random.Generator, content: bytes) -> int:
    """Somewhere in it, and one time in two near the start, where headers are."""
    return int(rng.integers(min(len(content), 40 if rng.random() < 0.5 else 1 << 30) + 1))


def _word(rng: np.random.Generator) -> bytes:
    return WORDS[rng.integers(len(WORDS))]


def _chunk(rng: np.random.Generator, content: bytes) -> slice:
    start = _place(rng, content)
    return slice(start, start + int(rng.integers(1, 33)))


def _flipped(rng, content, other):
    at = _place(rng, content)
    bits = bytes(each ^ 1 << int(rng.integers(8)) for each in content[at : at + 1])
    return content[:at] + bits + content[at + 1 :]


def _overwritten(rng, content, other):
    at, word = _place(rng, content), _word(rng)
    return content[:at] + word + content[at + (len(word) if rng.random() < 0.5 else 0) :]


def _retold(rng, content, other):
    """A word of JSON, of a header or of a line in the place of another."""
    found = [*TOKEN.finditer(content)]
    if not found:
        return content
    token = found[rng.integers(len(found))]
    word = found[rng.integers(len(found))][0] if rng.random() < 0.5 else _word(rng)
    return content[: token.start()] + word + content[token.end() :]


def _numbered(rng, content, other):
    """A number in the place of some bytes, of either order, or one near the file's size."""
    number = NUMBERS[rng.integers(len(NUMBERS))]
    if rng.random() < 0.3:
        number = len(content) + int(rng.integers(-30, 30))
    width = int(rng.choice([1, 2, 4, 8]))
    word = (number % (1 << 8 * width)).to_bytes(width, "big" if rng.random() < 0.5 else "little")
    at = _place(rng, content)
    return content[:at] + word + content[at + width :]


def _cut(rng, content, other):
    return content[: _place(rng, content)]


def _extended(rng, content, other):
    return content + rng.bytes(int(rng.integers(1, 50)))


def _without(rng, content, other):
    chunk = _chunk(rng, content)
    return content[: chunk.start] + content[chunk.stop :]


def _twice(rng, content, other):
    chunk = _chunk(rng, content)
    return content[: chunk.stop] + content[chunk] * int(rng.integers(1, 20)) + content[chunk.stop :]


def _swapped(rng, content, other):
    one, two, three, four = sorted(_place(rng, content) for _ in range(4))
    pieces = (slice(one), slice(three, four), slice(two, three), slice(one, two), slice(four, None))
    return b"".join(content[piece] for piece in pieces)


def _spliced(rng, content, other):
    return content[: _place(rng, content)] + other[_place(rng, other) :]


MUTATIONS: tuple[Callable[[np.random.Generator, bytes, bytes], bytes], ...] = (
    *(_flipped, _overwritten, _retold, _numbered, _cut),
    *(_extended, _without, _twice, _swapped, _spliced),
)


def main(target: str, arguments: Sequence[str]) -> None:
    """Search until the arguments, which are libFuzzer's, say enough; a fault ends it."""
    import atheris

    good = seeds()[target]
    every = [*good, *(Seed((seed.pack(seed.parts),)) for seed in good)]
    folder = Path(tempfile.mkdtemp())
    (corpus := folder / "corpus").mkdir()
    for number, seed in enumerate(every):
        for place, part in enumerate(seed.parts):
            (corpus / f"{number}-{place}").write_bytes(bytes([number, place]) + part)

    def attempt(data: bytes) -> None:
        """The first byte tells which seed, the second which of its parts is replaced."""
        number, place = (data + b"\0\0")[:2]
        seed = every[number % len(every)]
        parts = list(seed.parts)
        parts[place % len(parts)] = data[2:]
        content = seed.pack(parts)
        for reader in READERS[target]:
            if found := fault(reader, folder / "file", content):
                raise AssertionError(f"{found}: {content!r}")

    tracemalloc.start()
    warnings.simplefilter("error")
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

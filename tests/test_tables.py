"""Tables as people have them: dialects, columns, targets, and the way there and back."""

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pytest

from scratchmlp._columns import look
from scratchmlp.descriptions import CLASSES, LABELS, NUMBERS, feature_names
from scratchmlp.tables import (
    decoded,
    describe,
    encode,
    encode_target,
    fitted,
    load_table,
    read_table,
    scaled,
    target_names,
)

pandas = pytest.importorskip("pandas")

FRAME = pandas.DataFrame(
    {
        "length": [1.5, -2.25, 3.0, 1e-3],
        "width": [1.25, 2.5, 3.5, 4.75],
        "kind": ["cat", "dog", "cat, small", "réd"],
    }
)
TEXT = FRAME.to_csv(index=False)


def zipped(text, *names):
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, text)
        return made.getvalue()


def parquet(frame):
    pytest.importorskip("pyarrow")
    with io.BytesIO() as made:
        frame.to_parquet(made)
        return made.getvalue()


def with_row_names(text):
    first, *rows = text.splitlines()
    return "\n".join([first, *(f"row {k},{row}" for k, row in enumerate(rows))])


SAME = {
    "commas": lambda: TEXT,
    "Windows": lambda: TEXT.replace("\n", "\r\n"),
    "old Macs": lambda: TEXT.replace("\n", "\r"),
    "no last line's end": lambda: TEXT[:-1],
    "blank lines": lambda: TEXT + "\n\n",
    "blanks behind commas": lambda: TEXT.replace(",", ", ").replace(",  small", ", small"),
    "tabs": lambda: FRAME.to_csv(index=False, sep="\t"),
    "semicolons": lambda: FRAME.to_csv(index=False, sep=";"),
    "decimal commas": lambda: FRAME.to_csv(index=False, sep=";", decimal=","),
    "decimal commas in quotes": lambda: FRAME.to_csv(index=False, decimal=",", quoting=1),
    "bars": lambda: FRAME.to_csv(index=False, sep="|"),
    "quotes": lambda: FRAME.to_csv(index=False, quoting=1),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": lambda: TEXT.encode("utf-16"),
    "UTF-16, big end first": lambda: b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "gzip": lambda: gzip.compress(TEXT.encode()),
    "bz2": lambda: bz2.compress(TEXT.encode()),
    "xz": lambda: lzma.compress(TEXT.encode()),
    "zip": lambda: zipped(TEXT, "table.csv", "__MACOSX/table.csv"),
    "Parquet": lambda: parquet(FRAME),
}


def written(folder, content, name="table"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("case", SAME)
def test_a_table_is_the_same_in_every_dialect(case, tmp_path):
    found = read_table(written(tmp_path, SAME[case]()))
    assert list(found.columns) == list(FRAME.columns)
    for name in ("length", "width"):
        np.testing.assert_allclose(found[name], FRAME[name], rtol=1e-15)
    assert found["kind"].tolist() == FRAME["kind"].tolist()


NAMES = {
    "no header": ("5.1,3,a\n4,2,b\n", ["column 1", "column 2", "column 3"]),
    "blanks between": (" 6.0 -1.0  0.5 \n 5.0 0.25 1.0 \n", ["column 1", "column 2", "column 3"]),
    "words without a header": ("p,x,p\nq,x,x\n", ["column 1", "column 2", "column 3"]),
    "counted columns": ("0,1,2,target\n4,2,1,b\n5,5,5,a\n", ["0", "1", "2", "target"]),
    "pandas's index": (FRAME.to_csv(), ["", "length", "width", "kind"]),
    "R's names of rows": (with_row_names(TEXT), ["", "length", "width", "kind"]),
    "a comma at every end": ("a,b,\n1,2,\n3,4,\n", ["a", "b", ""]),
    "one name twice": ("a,a,b\n1,2,3\n", ["column 1", "column 2", "column 3"]),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_names_of_columns(case, tmp_path):
    text, names = NAMES[case]
    if case == "one name twice":
        with pytest.raises(ValueError, match="tell which column is the target"):
            load_table(written(tmp_path, text))
    assert list(read_table(written(tmp_path, text)).columns) == names


BAD = {
    "nothing": ("", "has no examples"),
    "blanks": ("\n \n", "has no examples"),
    "a header alone": ("a,b\n", "has no examples"),
    "a long line": ("a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
    "an open quote": ('a,b\n1,2\n"1,2\n', "EOF inside string"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0", "is neither text in columns nor a Parquet file"),
    "another encoding": ("a,b\nréd,2\n".encode("latin-1"), "is no text in UTF-8 or UTF-16"),
    "half a gzip": (gzip.compress(TEXT.encode())[:-9], "is corrupt"),
    "half a bz2": (bz2.compress(TEXT.encode())[:-9], "is corrupt"),
    "half an xz": (lzma.compress(TEXT.encode())[:-20], "is corrupt"),
    "half a zip": (zipped(TEXT, "a.csv")[:-9], "is corrupt"),
    "a zip of two": (zipped(TEXT, "a.csv", "b.csv"), "must hold one file, but has a.csv, b.csv"),
    "Excel": (zipped("", "xl/workbook.xml", "a.xml"), "is an Excel workbook"),
    "half a Parquet": (b"PAR1" + bytes(50), "is no whole Parquet file"),
    "a line without an end": (b"1" * (1 << 22), "has a line of 4194304 bytes or more"),
    "many columns": (b"a" + b",a" * 100_001 + b"\n", "has more than 100000 columns"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables(case, tmp_path):
    content, message = BAD[case]
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_words_far_behind_numbers_make_the_column_one_of_words(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchmlp._frames.CELLS", 20)
    found = read_table(written(tmp_path, "a,b\n" + "1,2\n" * 30 + "x,3\n"))
    assert found["a"].tolist() == ["1"] * 30 + ["x"]
    assert found["b"].sum() == 63


def column(*values):
    return pandas.Series(list(values))


LOOKS = {
    "numbers": (column(1, 2.5), "number"),
    "true and false": (column(True, False), "boolean"),
    "true, false and a gap": (column(True, None, False), "boolean"),
    "true and false as words": (column("TRUE", "false"), "boolean"),
    "words": (column("b", "a", "b"), "category"),
    "a categorical": (pandas.Series(["b", "a"], dtype="category"), "category"),
    "dates": (pandas.Series(pandas.to_datetime(["2024-01-31"])), "dates"),
    "dates as words": (column("2024-01-31", "2024-02-01T10:00"), "dates"),
    "dates with points": (column("31.1.2024", "1.2.24"), "dates"),
    "free text": (column(*(f"text {k}" for k in range(40))), "free text"),
    "nothing": (column(None, None), "no values"),
}


@pytest.mark.parametrize("case", LOOKS)
def test_what_a_column_is(case):
    values, kind = LOOKS[case]
    assert look(values).kind == kind


def task_of(*columns):
    frame = pandas.DataFrame({f"t{k}": values for k, values in enumerate(columns)})
    frame["x"] = np.arange(len(frame)) / 7
    names = [name for name in frame.columns if name != "x"]
    return describe(frame, target=names).description.target


TASKS = {
    "words": ([["a", "b", "a"]], CLASSES, ("a", "b")),
    "true and false": ([[True, False, True]], CLASSES, ("False", "True")),
    "few whole numbers": ([[10, 9, 10, 9]], CLASSES, ("9", "10")),
    "few whole numbers as floats": ([[1.0, 0.0, 1.0, 0.0]], CLASSES, ("0", "1")),
    "many whole numbers": ([list(range(50))], NUMBERS, ()),
    "many whole numbers, often": ([list(range(50)) * 50], CLASSES, None),
    "numbers": ([[1.5, 2.0, 2.5]], NUMBERS, ()),
    "several numbers": ([[1.5, 2.0], [3, 4]], NUMBERS, ()),
    "several times yes or no": ([[1, 0], [False, True]], LABELS, ()),
}


@pytest.mark.parametrize("case", TASKS)
def test_what_the_target_is(case):
    columns, task, classes = TASKS[case]
    found = task_of(*columns)
    assert found.task == task
    assert classes is None or found.classes == classes


def test_the_target_by_default_by_name_and_by_number():
    frame = pandas.DataFrame({"a": [1], "Target": [2], "3": [3]})
    assert target_names(frame) == ("Target",)
    assert target_names(frame, ["a"]) == ("a",)
    assert target_names(frame, ["1", "2"]) == ("a", "Target")
    assert target_names(frame, ["3"]) == ("3",)
    assert target_names(frame, ["-2"]) == ("Target",)
    for wrong in (["4"], ["0"], ["b"]):
        with pytest.raises(ValueError, match="there is no column .*there are 'a', 'Target', '3'"):
            target_names(frame, wrong)
    with pytest.raises(ValueError, match="'Target', 'y' could be it"):
        target_names(frame.assign(y=1))


WIDE = pandas.DataFrame({"n": [1.0, None, 3.0], "c": ["u", "v", None], "y": ["no", "yes", "no"]})
REFUSED = {
    "no target": (WIDE.drop(columns="y"), {}, "tell which column is the target"),
    "values missing": (WIDE, {}, "values are missing: 'n' in 1 rows, 'c' in 1 rows"),
    "a date": (WIDE.assign(d="2024-01-01"), {}, "'d' holds dates: drop them"),
    "a target that is missing": (WIDE, {"target": ["c"]}, "the target 'c' is missing in 1 rows"),
    "a target that is dropped": (WIDE, {"drop": ["y"]}, "column 'y' cannot be the target"),
    "several words": (WIDE.assign(z="w"), {"target": ["y", "z"], "missing": True}, "of several"),
    "words for numbers": (WIDE, {"task": "numbers", "missing": True}, "is no column of numbers"),
    "a strange task": (WIDE, {"task": "magic", "missing": True}, "the task must be one of classes"),
    "one class": (WIDE.assign(y="no"), {"missing": True}, "one class alone: 'no'"),
    "nothing to learn from": (WIDE[["y"]], {}, "no column to learn from"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_described(case):
    frame, options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        describe(frame, **options)


def test_a_column_that_counts_rows_is_left_out_and_others_are_told():
    frame = WIDE.dropna().reset_index(drop=True)
    frame = pandas.concat([frame] * 4, ignore_index=True).assign(y=["no", "yes"] * 2)
    frame.insert(0, "Unnamed: 0", range(4))
    frame = frame.assign(same=1, order=[4, 9, 2, 7], empty=None)
    description, notes = describe(frame, drop=["c"])
    assert [c.name for c in description.columns] == ["n", "same", "order"]
    said = "; ".join(notes)
    assert "left out, as it counts the rows: Unnamed: 0" in said
    assert "left out, as it has no values: empty" in said
    assert "the same in every row: 'n', 'same'" in said
    assert "different in every row: 'order'" in said
    assert "left out as told: 'c'" in said


def test_missing_values_become_the_mean_with_an_indicator():
    description = describe(WIDE, missing=True).description
    raw = encode(WIDE, description)
    description = fitted(description, raw)
    X = scaled(raw, description)
    assert feature_names(description) == ("n", "n is missing", "c=u", "c=v", "c is missing")
    np.testing.assert_allclose(X[0], [-1, 0, 1])
    np.testing.assert_array_equal(X[1:], [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert X.dtype == np.float32


def test_new_tables_may_have_another_order_and_more_columns():
    frame = WIDE.dropna().assign(b=[True]).loc[[0, 0]]
    description = describe(frame.assign(y=["no", "yes"])).description
    new = frame.assign(more=1)[["more", "b", "c", "n"]]
    np.testing.assert_array_equal(encode(new, description), encode(frame, description))
    for wrong, message in (
        (new.drop(columns="c"), "has no column 'c'; there are 'more', 'b', 'n'"),
        (new.assign(c="w"), "'c' has categories that the network does not know: 'w'"),
        (new.assign(n="w"), "'n' must hold numbers, but has words such as 'w'"),
        (new.assign(n=np.inf), "'n' must hold finite numbers"),
        (new.assign(b="w"), "'b' must hold true and false alone"),
        (new.assign(n=[None, 1.0]), "'n' is missing in 1 rows"),
    ):
        with pytest.raises(ValueError, match=message):
            encode(wrong, description)
    unknown = encode(new.assign(c="w"), description, ignore_unknown=True)
    assert unknown[1].tolist() == [0, 0]


def test_pixels_are_divided_by_255_and_other_whole_numbers_standardized(tmp_path):
    rng = np.random.default_rng(0)
    for most, of_pixels in ((255, True), (16, False)):
        values = rng.integers(0, most + 1, (40, 20))
        frame = pandas.DataFrame(values).assign(label=np.arange(40) % 2)
        frame.to_csv(tmp_path / "table.csv", index=False)
        X, y, description, _ = load_table(tmp_path / "table.csv")
        assert (description.statistics.deviation == 255).all() == of_pixels
        assert X.dtype == np.float32
        assert y.tolist() == [0, 1] * 20
        if of_pixels:
            np.testing.assert_allclose(X.T, values / 255, rtol=1e-6)
        else:
            np.testing.assert_allclose(X.mean(axis=1), 0, atol=1e-6)


def test_numbers_are_decoded_in_their_own_unit(tmp_path):
    values = np.array([[1e6, 3e6, 8e6], [0.5, 1.0, 4.5]])
    frame = pandas.DataFrame({"x": [1.0, 2.0, 4.0], "a": values[0], "b": values[1]})
    frame.to_csv(tmp_path / "table.csv", index=False)
    _, y, description, _ = load_table(tmp_path / "table.csv", target=["a", "b"])
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-6)
    back = decoded(y, description.target)
    np.testing.assert_allclose([back["a"], back["b"]], values, rtol=1e-6)


def test_labels_and_classes_are_decoded_by_name():
    labels = task_of([1, 0], [0, 1])
    assert decoded(np.array([[1, 0], [0, 0]]), labels) == {"t0": [1, 0], "t1": [0, 0]}
    classes = task_of(["b", "a"])
    assert decoded(np.array([0, 1]), classes) == {"t0": ["a", "b"]}
    assert decoded(np.array([[0, 1]]), classes) == {"t0": ["a", "b"]}


def test_classes_of_the_same_number_in_another_type_are_the_same():
    description = describe(pandas.DataFrame({"x": [1, 2, 3, 4], "y": [0, 1, 0, 1]})).description
    for values in ([1.0, 0.0], ["1", "0"], [1, 0]):
        y = encode_target(pandas.DataFrame({"x": [1, 2], "y": values}), description)
        assert y.tolist() == [1, 0]
    with pytest.raises(ValueError, match="'y' has classes that the network does not know: '2'"):
        encode_target(pandas.DataFrame({"x": [1], "y": [2]}), description)


def test_large_numbers_keep_their_differences(tmp_path):
    times = 1.7e9 + np.arange(6)
    pandas.DataFrame({"t": times, "y": list("ababab")}).to_csv(tmp_path / "t.csv", index=False)
    X = load_table(tmp_path / "t.csv").X
    np.testing.assert_allclose(np.diff(X[0]), np.diff(X[0])[0], rtol=1e-5)
    assert X[0].std() == pytest.approx(1)


def test_without_pandas_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^pandas .* 'scratchmlp\[tables\]'$"):
        read_table(written(tmp_path, TEXT))

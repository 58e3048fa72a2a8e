"""`export` of a run, by the suffix of the file."""

import numpy as np
import onnxruntime
import pytest

from scratchmlp import predict
from scratchmlp.__main__ import main
from scratchmlp.checkpoints import load
from scratchmlp.datasets import mnist
from scratchmlp.export import from_safetensors
from tests.helpers import same_bytes

SMALL = ["--layers", "784", "16", "10", "--iterations", "3", "--examples", "600"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--out", "one"]) == 0


def test_a_page_with_digits(capsys, tmp_path):
    assert main(["export", "one", "run.html"]) == 0
    size = (tmp_path / "run.html").stat().st_size
    assert capsys.readouterr().out.endswith(f"{size / 1000:,.0f} kB, written to run.html\n")
    page = (tmp_path / "run.html").read_text("utf-8")
    assert '"shape": [28, 28]' in page
    assert '"label": "example ' in page


def test_onnx_takes_pixels_from_0_to_255(tmp_path):
    assert main(["export", "one", "run.onnx"]) == 0
    X = mnist().test.X[:, :300]
    session = onnxruntime.InferenceSession(tmp_path / "run.onnx")
    labels, _ = session.run(None, {"X": (255 * X.T).round()})
    np.testing.assert_array_equal(labels, predict(load("one/model.npz").state.params, X))


def test_safetensors_and_a_committee(capsys):
    assert main(["export", "one", "run.safetensors"]) == 0
    found = from_safetensors("run.safetensors")
    assert same_bytes(found.params, load("one/model.npz").state.params)
    assert main(["export", "one", "one/model.npz", "run.onnx"]) == 0
    assert main(["export", "one", "one", "run.safetensors"]) == 2
    assert "holds one network, not 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "run.pt"], "run.pt must end in .onnx, .safetensors or .html"),
        (["nowhere", "run.onnx"], "nowhere"),
        (["run.onnx"], "the following arguments are required: FILE"),
        (["one", "run.html", "--data", "small.csv"], "small.csv: has no column 'pixel0'"),
    ],
)
def test_what_cannot_be_exported(arguments, message, capsys, tmp_path):
    (tmp_path / "small.csv").write_text("label,a,b\n1,2,3\n")
    try:
        status = main(["export", *arguments])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("run.*"))


def test_another_network_has_no_examples(tmp_path):
    lines = ["label," + ",".join(f"a{k}" for k in range(4))]
    lines += [f"{k % 2},{k},{k},{k},{k}" for k in range(40)]
    (tmp_path / "small.csv").write_text("\n".join(lines) + "\n")
    arguments = ["--data", "small.csv", "--layers", "4", "2", "--iterations", "1", "--out", "two"]
    assert main(arguments) == 0
    assert main(["export", "two", "own.html"]) == 0
    assert '"examples": []' not in (tmp_path / "own.html").read_text("utf-8")
    (tmp_path / "alone.npz").write_bytes((tmp_path / "two" / "model.npz").read_bytes())
    assert main(["export", "alone.npz", "two.html"]) == 0
    assert '"examples": []' in (tmp_path / "two.html").read_text("utf-8")

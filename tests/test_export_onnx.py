"""ONNX as onnxruntime runs it gives what `predict` gives."""

import numpy as np
import onnxruntime
import pytest

from scratchmlp import Layer, Network, committee, gelu, predict
from scratchmlp.descriptions import Description, pixels
from scratchmlp.export import export
from tests.exported import (
    CASES,
    HOSTILE,
    Case,
    digits,
    network,
    of_tables,
    outputs,
    pet,
    price_scale,
)

TABLES = of_tables()
# Probabilities are at most 1, and float32 has 6e-8 there; logits near 10 are rounded to 1e-6, of
# which at most a quarter is seen in a probability. Numbers that are not bounded are held to as much
# relative to their size.
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def run(path, inputs):
    """What onnxruntime makes of the inputs, by the names of the outputs."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def exported(path, case):
    export(path, case.params, case.network, description=case.description)
    return run(path, {"X": case.X.T.astype("f")} if case.raw is None else case.raw)


def decided(case):
    """The labels by `predict`, or for a committee by its mean output; numbers have none."""
    if isinstance(case.params[0], Layer):
        return predict(case.params, case.X, case.network)
    mean = committee(case.params, case.X, case.network)
    return case.network.loss.decode(mean)


@pytest.mark.parametrize("name", [name for name in CASES if name != "two classes by one output"])
def test_every_network(name, tmp_path):
    case = CASES[name]
    found = exported(tmp_path / "model.onnx", case)
    if "variable" in found:
        np.testing.assert_allclose(found["variable"].T, outputs(case), **CLOSE)
        assert list(found) == ["variable"]
        return
    assert list(found) == ["label", "probabilities"]
    np.testing.assert_allclose(found["probabilities"].T, outputs(case), **CLOSE)
    assert found["label"].dtype == np.int64
    np.testing.assert_array_equal(found["label"].T, decided(case))


def test_one_output_that_says_which_of_two_classes(tmp_path):
    case = CASES["two classes by one output"]
    found = exported(tmp_path / "model.onnx", case)
    probability = outputs(case)[0]
    np.testing.assert_allclose(found["probabilities"].T, [1 - probability, probability], **CLOSE)
    expected = np.array(["no", "yes"])[predict(case.params, case.X, case.network)[0]]
    np.testing.assert_array_equal(found["label"], expected)


def test_bytes_of_pixels(tmp_path):
    X = digits.X[:, :100]
    rows = {"X": (255 * X.T).round()}
    case = Case(network(784, 8, 10), Network(gelu), X, pixels(784, (28, 28)), rows)
    found = exported(tmp_path / "model.onnx", case)
    np.testing.assert_allclose(found["probabilities"].T, outputs(case), **CLOSE)


@pytest.mark.parametrize("name", ["a table with categories", "numbers with gaps"])
def test_tables(name, tmp_path):
    case = TABLES[name]
    found = exported(tmp_path / "model.onnx", case)
    np.testing.assert_allclose(found["probabilities"].T, outputs(case), **CLOSE)
    labels = predict(case.params, case.X)
    target = case.description.target
    expected = labels if target is None else np.array(target.classes)[labels]
    np.testing.assert_array_equal(found["label"], expected)


def test_a_regressor_of_a_table_gives_numbers_on_their_own_scale(tmp_path):
    case = TABLES["a regressor of a table"]
    found = exported(tmp_path / "model.onnx", case)
    expected = outputs(case) * price_scale.deviation + price_scale.mean
    np.testing.assert_allclose(found["variable"].T, expected, rtol=1e-6, atol=1e-4)  # of hundreds


def test_a_stack_is_the_committee_of_its_networks(tmp_path):
    members = [network(784, 6, 10, seed=seed) for seed in range(3)]
    stacked = tuple(
        Layer(np.stack([W for W, _ in layers]), np.stack([b for _, b in layers]))
        for layers in zip(*members, strict=True)
    )
    case = Case(members, Network(), digits.X[:, :50])
    found = exported(tmp_path / "m.onnx", case._replace(params=stacked))
    np.testing.assert_allclose(found["probabilities"].T, outputs(case), **CLOSE)


def test_any_number_of_rows(tmp_path):
    case = CASES["depth 2"]
    export(tmp_path / "m.onnx", case.params)
    for count in (1, 7, 200):
        assert run(tmp_path / "m.onnx", {"X": case.X.T[:count]})["label"].shape == (count,)


def test_a_column_has_its_own_name(tmp_path):
    description = Description(pet.columns, None, pet.statistics, True)
    export(tmp_path / "m.onnx", network(8, 3), description=description)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    found = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    assert found == {
        "age": ("tensor(float)", ["N", 1]),
        f"colour {HOSTILE}": ("tensor(string)", ["N", 1]),
        "smokes": ("tensor(float)", ["N", 1]),
        "weight": ("tensor(float)", ["N", 1]),
    }

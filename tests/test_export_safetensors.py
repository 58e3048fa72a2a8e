"""Safetensors with the names and shapes of PyTorch, and back."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from scratchmlp import Network, classifier, flatten, huber, leaky_relu, tanh
from scratchmlp.descriptions import pixels
from scratchmlp.export import export, from_safetensors
from tests.exported import network, pet, price
from tests.helpers import same_bytes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back(dtype, tmp_path):
    params = network(8, 5, 4, 2, dtype=dtype)
    own = Network((tanh, leaky_relu(0.2)), huber(2.0))
    export(tmp_path / "model.safetensors", params, own, description=price)
    found = from_safetensors(tmp_path / "model.safetensors")
    assert same_bytes(found.params, params)
    assert found.params[0].W.dtype == dtype
    assert not any(array.flags.writeable for layer in found.params for array in layer)
    assert found.network.hidden[0] == tanh
    assert found.network.hidden[1].function(np.array([-1.0])) == -0.2
    assert found.description.columns == price.columns
    for came, expected in zip(found.description.statistics, price.statistics, strict=True):
        np.testing.assert_array_equal(came, expected)


def test_names_and_shapes_are_those_of_a_sequential(tmp_path):
    export(tmp_path / "model.safetensors", network(8, 5, 3), description=pet)
    found = load_file(tmp_path / "model.safetensors")
    shapes = {name: array.shape for name, array in found.items()}
    assert shapes == {"0.weight": (5, 8), "0.bias": (5,), "2.weight": (3, 5), "2.bias": (3,)}


def written(path, tensors, about=None):
    save_file({name: np.ascontiguousarray(a) for name, a in tensors.items()}, path, about)
    return path


def layers(**change):
    params = network(4, 3, 2)
    names = {"0.weight": params[0].W, "0.bias": params[0].b[:, 0]}
    last = {"2.weight": params[1].W, "2.bias": params[1].b[:, 0]}
    return {k: a for k, a in (names | last | change).items() if a is not None}


@pytest.mark.parametrize("names", ["{}.{}", "net.{}.{}", "fc{}.{}"])
def test_what_pytorch_wrote(names, tmp_path):
    params = network(4, *[3] * 10, 2)  # ten layers and more: in the order of the numbers
    tensors = {}
    for number, (W, b) in enumerate(params):
        tensors[names.format(3 * number, "weight")] = W
        tensors[names.format(3 * number, "bias")] = b[:, 0]
    path = written(tmp_path / "torch.safetensors", tensors)
    found = from_safetensors(path, network=classifier)
    np.testing.assert_array_equal(flatten(found.params), flatten(params))
    assert found.network == classifier
    assert found.description is None


WRONG = {
    "no tensors": ({}, "it has no tensors"),
    "another layer": (
        layers(**{"norm.gain": np.ones(3, "f")}),
        "it has 0.bias, .* and 1 more",
    ),
    "no bias": (layers(**{"2.bias": None}), "each layer must have a weight and bias"),
    "two beginnings": (layers(**{"a.4.bias": np.ones(2, "f")}), "not 0.weight"),
    "the same layer twice": (layers(**{"00.bias": np.ones(3, "f")}), "not 0.weight"),
    "a convolution": (layers(**{"0.weight": np.ones((3, 4, 1), "f")}), "0.weight has the shape"),
    "an empty layer": (layers(**{"0.weight": np.ones((0, 4), "f")}), "0.weight has the shape"),
    "half precision": (layers(**{"0.weight": np.ones((3, 4), "e")}), "0.weight is F16, not float"),
    "integers": (layers(**{"0.bias": np.ones(3, "i")}), "0.bias is I32, not float32 or float64"),
    "two dtypes": (layers(**{"0.bias": np.ones(3)}), "all layers must be of one dtype"),
    "another bias": (layers(**{"0.bias": np.ones(2, "f")}), "weight and bias must be"),
    "layers that do not fit": (layers(**{"2.weight": np.ones((2, 5), "f")}), "5"),
    "NaN": (layers(**{"2.bias": np.full(2, np.nan, "f")}), "layer 2 must be finite"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tensors(case, tmp_path):
    tensors, message = WRONG[case]
    path = written(tmp_path / "model.safetensors", tensors)
    with pytest.raises(ValueError, match=message) as caught:
        from_safetensors(path, network=classifier)
    assert str(caught.value).startswith(f"{path}: is no network in safetensors: ")


def telling(names):
    return {"scratchmlp": json.dumps({"network": names})}


ABOUT = {
    "nothing": (None, "does not tell the activations"),
    "another program's": ({"format": "pt"}, "does not tell the activations"),
    "no JSON": ({"scratchmlp": "{"}, "is no network"),
    "deep JSON": ({"scratchmlp": "[" * 100_000}, "recursion"),
    "a list": ({"scratchmlp": "[]"}, r"its metadata have \[\] in the place"),
    "a list of a network": (telling([]), r"its metadata have \[\] in the place"),
    "an unknown activation": (telling({"hidden": "cube", "loss": "huber"}), "'cube' is no"),
    "too many activations": (
        telling({"hidden": ["relu", "relu"], "loss": "squared_error"}),
        "2 hidden activations",
    ),
    "no loss": (telling({"hidden": "relu"}), "loss"),
}


@pytest.mark.parametrize("case", ABOUT)
def test_wrong_metadata(case, tmp_path):
    about, message = ABOUT[case]
    path = written(tmp_path / "model.safetensors", layers(), about)
    with pytest.raises(ValueError, match=message) as caught:
        from_safetensors(path)
    assert str(caught.value).startswith(f"{path}: is no network in safetensors: ")


def test_a_description_of_another_network(tmp_path):
    export(tmp_path / "one.safetensors", network(784, 3), description=pixels(784))
    content = (tmp_path / "one.safetensors").read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    about = json.loads(content[8:end])["__metadata__"]
    path = written(tmp_path / "other.safetensors", layers(), about)
    with pytest.raises(ValueError, match="784 features but the network takes 4"):
        from_safetensors(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        from_safetensors(tmp_path / "nowhere.safetensors")


def test_a_committee_has_no_place_in_it(tmp_path):
    with pytest.raises(ValueError, match="holds one network, not 2: export each member"):
        export(tmp_path / "model.safetensors", [network(4, 2), network(4, 2, seed=1)])
    assert not list(tmp_path.iterdir())

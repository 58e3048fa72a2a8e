"""Networks as safetensors, with the names and shapes of a `torch.nn.Sequential`, and back."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from scratchmlp import Array, Layer, Network, Params
from scratchmlp._atomic import PathLike
from scratchmlp._description_files import arrays_of, as_json, from_json
from scratchmlp._extras import require
from scratchmlp._names import network_named, network_names
from scratchmlp.core.border import value_error
from scratchmlp.descriptions import Description
from scratchmlp.export._model import Model, described, sizes

_NAME = re.compile(r"(.{0,200}?)(\d{1,9})\.(weight|bias)")
_DTYPES = {"F32": np.float32, "F64": np.float64}


class Imported(NamedTuple):
    """What a file of safetensors holds: a network, and what its numbers mean if that is told."""

    params: Params
    network: Network
    description: Description | None


def safetensors_bytes(model: Model) -> bytes:
    """The model as a file of safetensors: `0.weight` (n_out, n_in), `0.bias` (n_out,), `2.weight`.

    A `torch.nn.Sequential` of Linear layers with an activation between each loads them as they are.
    The metadata have the sizes, the names of the functions and the description.

    Raises ValueError for several networks, ImportError where safetensors is not installed.
    Source of the format: https://huggingface.co/docs/safetensors.
    """
    if len(model.members) > 1:
        raise value_error(
            f"a file of safetensors holds one network, not {len(model.members)}: "
            "export each member to its own file, or all of them as .onnx or .html"
        )
    (params,) = model.members
    tensors = {}
    for number, (W, b) in enumerate(params):
        tensors[f"{2 * number}.weight"] = np.ascontiguousarray(W)
        tensors[f"{2 * number}.bias"] = np.ascontiguousarray(b[:, 0])
    content: bytes = require("safetensors.numpy", "export").save(tensors, _metadata(model))
    return content


def from_safetensors(path: PathLike, *, network: Network | None = None) -> Imported:
    """The network in a file of safetensors that `export` or PyTorch wrote.

    The layers are those named "0.weight", "0.bias", "2.weight" and so on, in the order of the
    numbers; all names may have one beginning in common, as in "layers.0.weight". PyTorch writes no
    activations and no loss: then, or to have others, a network is to be given.

    Raises ValueError, naming the file, where it is not whole, has other names, shapes that do not
    fit each other, numbers that are not finite, float32 or float64, or metadata that do not fit;
    OSError where it cannot be read; ImportError where safetensors is not installed.
    """
    library = require("safetensors", "export")
    with open(path, "rb"):  # that it is there is to be told as of any other file
        pass
    try:
        with library.safe_open(path, "numpy") as file:
            params = _params(file)
            about = _object(json.loads((file.metadata() or {}).get("scratchmlp", "{}")))
        imported = Imported(params, _network(about, network), _description(about))
        described(*imported)
        return imported
    except (library.SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        reason = vars(error).get("problem", error)  # without the name of a function
        raise ValueError(f"{path}: is no network in safetensors: {reason}") from None


def _metadata(model: Model) -> dict[str, str]:
    """One text, since the library writes several in an order that changes from run to run."""
    about: dict[str, Any] = {"sizes": sizes(model), "network": network_names(model.network)}
    if model.description is not None:
        arrays = arrays_of(model.description)
        about["description"] = json.loads(as_json(model.description))
        about["statistics"] = {name: array[:, 0].tolist() for name, array in arrays.items()}
    return {"scratchmlp": json.dumps(about)}


def _params(file: Any) -> Params:
    names = sorted(_places(file.keys()).items())
    if [part for (_, part), _ in names] != ["bias", "weight"] * (len(names) // 2) or not names:
        raise ValueError(f"it has {_some(file.keys())}, but each layer must have a weight and bias")
    arrays = iter([_array(file, name) for _, name in names])
    layers = [Layer(W, b[:, np.newaxis]) for b, W in zip(arrays, arrays, strict=True)]
    if any(W.ndim != 2 or b.shape != (len(W), 1) for W, b in layers):
        shapes = [(W.shape, b.shape[:1]) for W, b in layers]
        raise ValueError(f"weight and bias must be (n_out, n_in) and (n_out,), not {shapes}")
    if len({a.dtype for layer in layers for a in layer}) > 1:
        raise ValueError("all layers must be of one dtype")
    return tuple(layers)


def _places(names: list[str]) -> Mapping[tuple[int, str], str]:
    """The name of each layer's weight and bias by the layer's number."""
    found = {name: _NAME.fullmatch(name) for name in names}
    matches = [match for match in found.values() if match is not None]
    places = {(int(match[2]), match[3]): match[0] for match in matches}
    if len(places) < len(names) or len({match[1] for match in matches}) > 1:
        raise ValueError(f"it has {_some(names)}, not 0.weight, 0.bias, 2.weight and so on")
    return places


def _array(file: Any, name: str) -> Array:
    told = file.get_slice(name)
    if (dtype := str(told.get_dtype())) not in _DTYPES:
        raise ValueError(f"{name} is {dtype}, not float32 or float64")
    if len(told.get_shape()) != (2 if name.endswith("weight") else 1) or 0 in told.get_shape():
        raise ValueError(f"{name} has the shape {told.get_shape()}")
    array: Array = file.get_tensor(name)
    array.setflags(write=False)
    return array


def _network(about: Mapping[str, Any], given: Network | None) -> Network:
    if given is not None:
        return given
    if "network" not in about:
        raise ValueError("it does not tell the activations and the loss: give network=Network(...)")
    return network_named(_object(about["network"]))


def _description(about: Mapping[str, Any]) -> Description | None:
    if "description" not in about:
        return None
    told = _object(about["statistics"])
    arrays = {name: np.array(numbers, np.float64)[:, np.newaxis] for name, numbers in told.items()}
    return from_json(json.dumps(about["description"]), arrays)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"its metadata have {value!r:.50} in the place of names and values")
    return value


def _some(names: list[str]) -> str:
    return ", ".join(_shortened(names)) or "no tensors"


def _shortened(names: list[str]) -> Iterator[str]:
    yield from (f"{name:.50}" for name in sorted(names)[:4])
    if len(names) > 4:
        yield f"and {len(names) - 4} more"

"""Trained networks for elsewhere: ONNX, safetensors (as PyTorch has them), and a page to look at.

`export` writes one file, of the kind that its suffix tells; `from_safetensors` reads one that
PyTorch wrote. A Description (`scratchmlp.descriptions`) says what the inputs and outputs mean, and
goes with the network: pixels from 0 to 255, columns of a table with categories, names of classes.
"""

from collections.abc import Sequence
from pathlib import Path

from scratchmlp import Data, Network, Params, classifier
from scratchmlp._atomic import PathLike, replacing
from scratchmlp.core.border import public, value_error
from scratchmlp.descriptions import Description
from scratchmlp.export._model import described
from scratchmlp.export._onnx import onnx_bytes
from scratchmlp.export._page import page_bytes
from scratchmlp.export._tensors import Imported, from_safetensors, safetensors_bytes

__all__ = ["Imported", "export", "from_safetensors"]


@public
def export(
    path: PathLike,
    params: Params | Sequence[Params],
    network: Network = classifier,
    *,
    description: Description | None = None,
    examples: Data | None = None,
) -> None:
    """Write a network, a stack of networks or a list of them as `.onnx`, `.safetensors` or `.html`.

    Several networks are a committee, of which the mean output counts. With a description the inputs
    are raw: numbers that are scaled, and texts that are categories. `.onnx` takes rows: one input
    X (N, n_in), or with categories an input (N, 1) for each column, by its name; it gives "label"
    and "probabilities", or the "variable" of a regressor. `.safetensors` is for a Sequential of
    PyTorch. `.html` is a page that needs nothing else; on it are some of the examples X (n_in, m),
    as the network takes them, with the most confident mistakes if their y is given.

    There is never half a file: it takes its name when it is whole.

    Raises ValueError where the suffix is none of these, the parameters do not fit, or an activation
    is not one of scratchmlp's own; ImportError where `scratchmlp[export]` is not installed, which a
    page does not need; OSError where the file cannot be written.

    >>> import tempfile
    >>> from scratchmlp import init_params
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(f"{folder}/model.safetensors", init_params([2, 3, 2]))
    ...     [layer.W.shape for layer in from_safetensors(f"{folder}/model.safetensors").params]
    [(3, 2), (2, 3)]
    """
    kind = Path(path).suffix.lower()
    if kind not in {".onnx", ".safetensors", ".html"}:
        raise value_error(
            f"{path} must end in .onnx, .safetensors or .html, which says what is written"
        )
    model = described(params, network, description)
    if kind == ".html":
        content = page_bytes(model, examples)
    else:
        content = onnx_bytes(model) if kind == ".onnx" else safetensors_bytes(model)
    with replacing(path) as file:
        file.write(content)

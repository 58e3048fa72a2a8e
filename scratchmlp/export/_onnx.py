"""Networks as ONNX, which onnxruntime and most other programs run."""

from typing import Any

from scratchmlp._extras import require
from scratchmlp.export._graph import graph, inputs, outputs
from scratchmlp.export._model import Model, sizes
from scratchmlp.export._nodes import Constant, Node, Value

OPSET, IR = 21, 10  # of 2024: the programs of today read it, and it has all that is needed


def onnx_bytes(model: Model) -> bytes:
    """The model as a file of ONNX: any number of rows in; labels and probabilities, or numbers out.

    It computes in float32, whatever the parameters are. Source: https://onnx.ai/onnx/operators.

    Raises ImportError where onnx is not installed.
    """
    onnx = require("onnx", "export")
    parts = list(graph(model))
    made = onnx.helper.make_graph(
        [_node(onnx, part) for part in parts if isinstance(part, Node)],
        "scratchmlp",
        [_value(onnx, value) for value in inputs(model)],
        [_value(onnx, value) for value in outputs(model)],
        [_constant(onnx, part) for part in parts if isinstance(part, Constant)],
    )
    whole = onnx.helper.make_model(
        made,
        producer_name="scratchmlp",
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR,
        doc_string=f"A multilayer perceptron of sizes {sizes(model)}",
    )
    onnx.checker.check_model(whole, full_check=True)
    content: bytes = whole.SerializeToString()
    return content


def _node(onnx: Any, node: Node) -> Any:
    attributes = dict(node.attributes)
    if "to" in attributes:
        attributes["to"] = getattr(onnx.TensorProto, attributes["to"])
    return onnx.helper.make_node(node.operator, node.inputs, [node.output], **attributes)


def _value(onnx: Any, value: Value) -> Any:
    kind = getattr(onnx.TensorProto, value.kind)
    shape = ["N"] if value.columns is None else ["N", value.columns]
    return onnx.helper.make_tensor_value_info(value.name, kind, shape)


def _constant(onnx: Any, constant: Constant) -> Any:
    return onnx.numpy_helper.from_array(constant.value, constant.name)

"""A graph of ONNX operators: from rows of raw inputs to labels and probabilities, or numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scratchmlp import Layer, Params
from scratchmlp.descriptions import CATEGORY, CLASSES, LABELS, NUMBERS, unscaled
from scratchmlp.export._encoding import encoding, of_categories
from scratchmlp.export._model import Function, Model, class_names, sizes, task
from scratchmlp.export._nodes import Constant, Node, Part, Value

OPERATORS = {
    **{"identity": "Identity", "relu": "Relu", "leaky_relu": "LeakyRelu", "elu": "Elu"},
    **{"tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus", "gelu": "Gelu"},
    "softmax": "Softmax",
}


def inputs(model: Model) -> list[Value]:
    """One matrix of rows `X`; where a column has categories, an input for each column instead.

    >>> from scratchmlp import classifier, init_params
    >>> from scratchmlp.export._model import described
    >>> inputs(described(init_params([2, 3]), classifier, None))
    [Value(name='X', kind='FLOAT', columns=2)]
    """
    description = model.description
    if description is None or not of_categories(description):
        return [
            Value(
                "X", "FLOAT", sizes(model)[0] if description is None else len(description.columns)
            )
        ]
    return [
        Value(column.name, "STRING" if column.kind == CATEGORY else "FLOAT", 1)
        for column in description.columns
    ]


def outputs(model: Model) -> list[Value]:
    """The labels and probabilities of a classifier, the numbers of a regressor, by their names.

    >>> from scratchmlp import init_params, regressor
    >>> from scratchmlp.export._model import described
    >>> outputs(described(init_params([2, 3]), regressor, None))
    [Value(name='variable', kind='FLOAT', columns=3)]
    """
    n_out = sizes(model)[-1]
    if task(model) == NUMBERS:
        return [Value("variable", "FLOAT", n_out)]
    named = _classes(model) is not None
    label = Value("label", "STRING" if named else "INT64", None)
    if task(model) == CLASSES:
        return [label, Value("probabilities", "FLOAT", n_out)]
    if named:
        return [label, Value("probabilities", "FLOAT", 2)]
    return [label._replace(columns=n_out), Value("probabilities", "FLOAT", n_out)]


def graph(model: Model) -> Iterator[Part]:
    """The operators from the inputs to the outputs, each after what it takes."""
    yield from encoding(model.description)
    for number, (params, hidden) in enumerate(zip(model.members, model.hidden, strict=True)):
        yield from _network(f"member{number}_", params, hidden)
        yield from _activated(model.output, f"member{number}_Z", f"member{number}_A")
    several = [f"member{number}_A" for number in range(len(model.members))]
    yield Node("Mean", tuple(several), "A")
    yield from _decision(model)


def _network(prefix: str, params: Params, hidden: Sequence[Function]) -> Iterator[Part]:
    """From A0 to the last layer's Z."""
    before = "A0"
    for number, layer in enumerate(params, start=1):
        last = number == len(params)
        name = prefix + ("Z" if last else f"Z{number}")
        yield from _layer(prefix, number, layer, before, name)
        if not last:
            before = f"{prefix}A{number}"
            yield from _activated(hidden[number - 1], name, before)


def _layer(prefix: str, number: int, layer: Layer, before: str, name: str) -> Iterator[Part]:
    W, b = (f"{prefix}{part}{number}" for part in "Wb")
    yield Constant(W, layer.W.astype(np.float32))
    yield Constant(b, layer.b[:, 0].astype(np.float32))
    yield Node("Gemm", (before, W, b), name, {"transB": 1})


def _activated(function: Function, Z: str, A: str) -> Iterator[Part]:
    if function.name == "silu":
        yield Node("Sigmoid", (Z,), f"{A}_gate")
        yield Node("Mul", (Z, f"{A}_gate"), A)
        return
    attributes: dict[str, Any] = {} if function.number is None else {"alpha": function.number}
    if function.name == "softmax":
        attributes = {"axis": 1}
    yield Node(OPERATORS[function.name], (Z,), A, attributes)


def _decision(model: Model) -> Iterator[Part]:
    """From A, the mean of the members' outputs, to the outputs that have names."""
    if task(model) == NUMBERS:
        target = None if model.description is None else model.description.target
        own = None if target is None else target.statistics
        mean, deviation = unscaled(sizes(model)[-1]) if own is None else own
        yield Constant("target_mean", mean.T.astype(np.float32))
        yield Constant("target_deviation", deviation.T.astype(np.float32))
        yield Node("Mul", ("A", "target_deviation"), "A_wide")
        yield Node("Add", ("A_wide", "target_mean"), "variable")
        return
    classes = _classes(model)
    yield from _probabilities(task(model) == LABELS and classes is not None)
    if task(model) == CLASSES:
        place = "label" if classes is None else "label_place"
        yield Node("ArgMax", ("A",), place, {"axis": 1, "keepdims": 0})
    else:
        place = "label" if classes is None else "label_column"
        yield Constant("threshold", np.array(0.5, np.float32))
        yield Node("Greater", ("A", "threshold"), "label_is")
        yield Node("Cast", ("label_is",), place, {"to": "INT64"})
        if classes is not None:
            yield Constant("label_row", np.array([-1], np.int64))
            yield Node("Reshape", (place, "label_row"), "label_place")
    if classes is not None:
        yield Constant("label_names", np.array(classes, object))
        yield Node("Gather", ("label_names", "label_place"), "label")


def _probabilities(binary: bool) -> Iterator[Part]:
    """Of one output that says which of two classes it is, the probability of each of them."""
    if not binary:
        yield Node("Identity", ("A",), "probabilities")
        return
    yield Constant("one", np.array(1.0, np.float32))
    yield Node("Sub", ("one", "A"), "A_other")
    yield Node("Concat", ("A_other", "A"), "probabilities", {"axis": 1})


def _classes(model: Model) -> tuple[str, ...] | None:
    """The names of the classes, if the outputs choose one and the description names them."""
    target = None if model.description is None else model.description.target
    return class_names(model) if target is not None and target.task == CLASSES else None

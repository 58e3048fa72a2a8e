"""The parts of an ONNX graph as plain tuples."""

from typing import Any, NamedTuple

from scratchmlp import Array


class Node(NamedTuple):
    """An operator, the names of what it takes and of what it gives."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any] = {}  # noqa: RUF012 (never written)


class Constant(NamedTuple):
    """An array by its name."""

    name: str
    value: Array


class Value(NamedTuple):
    """An input or an output: its name, the name of its ONNX type, and its columns (None: a row)."""

    name: str
    kind: str
    columns: int | None


Part = Node | Constant

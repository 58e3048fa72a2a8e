"""Networks as a page of their own, on which one sees what happens in them."""

import base64
import json
from importlib.resources import files
from itertools import count
from typing import Any

import numpy as np

from scratchmlp import Array, Data, Layer
from scratchmlp.descriptions import (
    BOOLEAN,
    CLASSES,
    NUMBER,
    Column,
    Description,
    row_names,
    unscaled,
)
from scratchmlp.export._examples import chosen
from scratchmlp.export._model import Function, Model, class_names, sizes, task

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_DRAW = "Draw here with mouse, pen or finger."
_SLIDE = "▲ or ▼: how more of it speaks for or against the output (the gradient of its logit)."
MOST_IMAGES, MOST_ROWS = 12, 6  # of the examples that are right, and as many mistakes
_PLACE = '<script type="application/json" id="model">null</script>'


def page_bytes(model: Model, examples: Data | None) -> bytes:
    """The model as a page of HTML that loads nothing else; the data stand in it as JSON.

    Raises ValueError where the examples do not fit the network, or y the examples.
    """
    template = files("scratchmlp.export").joinpath("page.html").read_text("utf-8")
    # Whatever a name holds, no "<" of it is there to end the script or to begin another tag.
    data = json.dumps(_content(model, examples), allow_nan=False).replace("<", "\\u003c")
    before, after = template.split(_PLACE)
    return (before + _PLACE.replace("null", data) + after).encode()


def _content(model: Model, examples: Data | None) -> dict[str, Any]:
    description = _description(model)
    image = len(description.shape) == 2
    mean, deviation = description.statistics
    target = description.target
    own = None if target is None else target.statistics
    scale = unscaled(sizes(model)[-1]) if own is None else own
    return {
        "about": _about(model),
        "hint": _DRAW if image else _SLIDE,
        "members": [
            [
                _layer(model, (member, number), layer, g)
                for number, layer, g in zip(count(1), params, (*hidden, model.output), strict=False)
            ]
            for member, params, hidden in zip(count(1), model.members, model.hidden, strict=False)
        ],
        "task": task(model),
        "classes": class_names(model),
        "binary": target is not None and target.task == CLASSES and sizes(model)[-1] == 1,
        "targets": [column[:, 0].tolist() for column in scale],
        "shape": list(description.shape) if image else [],
        # Pixels are from 0 to 255, or from 0 to 1, which has no mean or deviation above 1.
        "white": 255 if max(mean.max(), deviation.max()) > 1 else 1,
        "columns": [] if image else _columns(description, examples),
        "mean": mean[:, 0].tolist(),
        "deviation": deviation[:, 0].tolist(),
        "examples": [] if examples is None else _examples(model, description, examples),
    }


def _description(model: Model) -> Description:
    """The description, or one by which every input is a number that stays as it is."""
    if model.description is not None:
        return model.description
    n_in = sizes(model)[0]
    names = tuple(Column(f"input {number}") for number in range(1, n_in + 1))
    return Description(names, None, unscaled(n_in))


def _about(model: Model) -> str:
    members = len(model.members)
    numbers = sum(array.size for member in model.members for layer in member for array in layer)
    several = f" in {members} networks, whose mean output counts" if members > 1 else ""
    return f"{' → '.join(map(str, sizes(model)))}, {numbers:,} parameters{several}"


def _layer(model: Model, at: tuple[int, int], layer: Layer, g: Function) -> dict[str, Any]:
    """A layer, by the numbers of its network and its own: its arrays, and what is said of it."""
    (member, number), (n, n_in) = at, layer.W.shape
    name = g.name if g.number is None else f"{g.name}({g.number:g})"
    network = f"Network {member}, layer" if len(model.members) > 1 else "Layer"
    here, before = (str(k).translate(_SUBSCRIPTS) for k in (number, number - 1))
    last = number == len(model.members[member - 1])
    return {
        "W": _encoded(layer.W),
        "b": _encoded(layer.b),
        "activation": g._asdict(),
        "title": f"{network} {number}: {n} {'units' if n > 1 else 'unit'}, {name}",
        "equation": f"A{here} = {name}(W{here} A{before} + b{here})",
        "sizes": f"({n}, 1) = {name}(({n}, {n_in}) ({n_in}, 1) + ({n}, 1))",
        "names": class_names(model) if last and len(class_names(model)) == n else [],
    }


def _encoded(array: Array) -> str:
    """Float32 numbers, row after row, least byte first, in base64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def _columns(description: Description, examples: Data | None) -> list[dict[str, Any]]:
    """Each column with the range of its slider: that of the examples, or three deviations."""
    found, row = [], 0
    mean, deviation = description.statistics
    for column in description.columns:
        middle, spread = float(mean[row, 0]), float(deviation[row, 0])
        low, high = middle - 3 * spread, middle + 3 * spread
        if column.kind == NUMBER and examples is not None:
            raw = examples.X[row].astype(np.float64) * spread + middle
            low, high = (float(raw.min()), float(raw.max())) if np.ptp(raw) > 0 else (low, high)
        found.append(
            {
                **{"name": column.name, "kind": column.kind, "missing": column.missing},
                "names": ["no", "yes"] if column.kind == BOOLEAN else column.categories,
                **{"low": low, "high": high, "row": row},
                "gaps": column.missing or description.missing,
            }
        )
        row += len(row_names(column))
    return found


def _examples(model: Model, description: Description, examples: Data) -> list[dict[str, Any]]:
    most = MOST_IMAGES if len(description.shape) == 2 else MOST_ROWS
    return [
        {"X": _encoded(examples.X[:, k]), "label": f"example {k + 1}{text}", "wrong": wrong}
        for k, text, wrong in chosen(model, examples, most)
    ]

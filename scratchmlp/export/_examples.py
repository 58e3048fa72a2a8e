"""Which examples a page offers, and what it says of them."""

from typing import NamedTuple

import numpy as np

from scratchmlp import Array, Batch, Data, committee, evaluate, one_hot
from scratchmlp.descriptions import CLASSES, LABELS
from scratchmlp.export._model import Model, class_names, task


class Chosen(NamedTuple):
    """An example's place, what to say of it, and whether it is a mistake."""

    place: int
    text: str
    wrong: bool


def chosen(model: Model, examples: Data, most: int) -> list[Chosen]:
    """So many examples that are right, of every class, and as many of the most confident mistakes.

    Without y, the first ones. Raises ValueError where X or y do not fit the network.
    """
    X, y = examples
    A = committee(model.members, X, model.network)
    if y is None:
        return [Chosen(k, "", False) for k in range(min(X.shape[1], most))]
    evaluate(model.members[0], Batch(X, y), model.network)  # raises whatever is wrong with y
    one = task(model) == CLASSES or (task(model) == LABELS and (np.ndim(y) == 1 or len(A) == 1))
    if one:
        return _of_classes(model, y, A, most)
    return _of_numbers(model, one_hot(y, len(A)) if np.ndim(y) == 1 else y, A, most)


def _of_classes(model: Model, y: Array, A: Array, most: int) -> list[Chosen]:
    """The first that are right, a class after the other, and the mistakes with what they are."""
    labels = y.reshape(-1).astype(int) if np.ndim(y) == 1 or len(y) == 1 else y.argmax(axis=0)
    probabilities = A if len(A) > 1 else np.concatenate([1 - A, A])
    names = class_names(model) if len(A) > 1 or len(class_names(model)) > 1 else ("no", "yes")
    predicted, sure = probabilities.argmax(axis=0), probabilities.max(axis=0)
    places = np.flatnonzero(predicted == labels)
    each = [places[labels[places] == label] for label in range(len(probabilities))]
    turns = [int(k) for turn in range(most) for own in each for k in own[turn : turn + 1]]
    right = [Chosen(k, f": {names[labels[k]]}", False) for k in turns[:most]]
    mistakes = np.flatnonzero(predicted != labels)
    worst = mistakes[np.argsort(-sure[mistakes], kind="stable")][:most]
    return right + [
        Chosen(
            int(k),
            f": {names[labels[k]]}, taken for {names[predicted[k]]} with {sure[k]:.1%}",
            True,
        )
        for k in worst
    ]


def _of_numbers(model: Model, Y: Array, A: Array, most: int) -> list[Chosen]:
    """Those whose outputs are nearest to their targets, and those farthest from them."""
    apart = np.abs(A - Y).max(axis=0)
    order = [int(k) for k in np.argsort(apart, kind="stable")]
    count = min(most, len(order) // 2)
    right = [Chosen(k, f": {_told(model, Y[:, k])}", False) for k in order[:count]]
    return right + [
        Chosen(k, f": {_told(model, Y[:, k])}, taken for {_told(model, A[:, k])}", True)
        for k in order[len(order) - count :][::-1]
    ]


def _told(model: Model, values: Array) -> str:
    """Targets or outputs in words: numbers on their own scale, or the names that apply."""
    if task(model) == LABELS:
        named = [
            name for name, value in zip(class_names(model), values, strict=True) if value > 0.5
        ]
        return " and ".join(named) or "none"
    target = None if model.description is None else model.description.target
    if target is not None and target.statistics is not None:
        mean, deviation = target.statistics
        values = values * deviation[:, 0] + mean[:, 0]
    return ", ".join(f"{value:.4g}" for value in values)

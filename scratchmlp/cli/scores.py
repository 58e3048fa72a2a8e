"""How good predictions are, in the terms of what is predicted: classes, yes or no, or numbers."""

from typing import NamedTuple

import numpy as np

from scratchmlp import Network, confusion_matrix, sigmoid, softmax
from scratchmlp.core.arrays import Array, Numbers
from scratchmlp.descriptions import CLASSES, LABELS, NUMBERS, Description, Target


class Regression(NamedTuple):
    """The errors of predicted numbers in their own unit, each (n_out,), and the R squared."""

    rmse: Array
    mae: Array
    r2: Array


def target_of(description: Description | None, network: Network, n_out: int) -> Target:
    """The target of a description, or one without names that the network's loss is for.

    >>> target_of(None, Network(), 3).classes
    ('0', '1', '2')
    """
    if description is not None and description.target is not None:
        return description.target
    if network.loss.activation == softmax:
        return Target(CLASSES, ("label",), tuple(map(str, range(n_out))))
    names = tuple(f"output {k}" for k in range(1, n_out + 1))
    return Target(LABELS if network.loss.activation == sigmoid else NUMBERS, names)


def decided(A: Array, target: Target) -> Array:
    """What outputs A (n_out, m) say: classes (m,) by the largest, 0 and 1, or the numbers.

    >>> decided(np.array([[0.2, 0.7]]), Target(CLASSES, ("y",), ("no", "yes")))
    array([0, 1])
    """
    if target.task == CLASSES:
        return A.argmax(axis=0) if len(A) > 1 else (A[0] > 0.5).astype(np.intp)
    return (A > 0.5).astype(np.int8) if target.task == LABELS else A


def own_unit(Y: Array, target: Target) -> Array:
    """Numbers (n_out, m) in the unit that they have in the table."""
    if target.statistics is None:
        return Y.astype(np.float64)
    mean, deviation = target.statistics
    return Y.astype(np.float64) * deviation + mean


def regression(predicted: Array, y: Array) -> Regression:
    """The errors of predictions (n_out, m) of numbers y (n_out, m).

    >>> regression(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])).mae
    array([1.])
    """
    errors = predicted - y
    spread = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - (errors**2).sum(axis=1) / spread
    return Regression(np.sqrt((errors**2).mean(axis=1)), np.abs(errors).mean(axis=1), r2)


def headline(A: Array, y: Array, target: Target) -> str:
    """The main figures in a line.

    >>> headline(np.array([[0.9, 0.2], [0.1, 0.8]]), np.array([0, 0]), Target(CLASSES, ("y",)))
    'accuracy 50.00%'
    """
    said = decided(A, target)
    if target.task == CLASSES:
        return f"accuracy {(said == _labels(y)).mean():.2%}"
    if target.task == LABELS:
        right = said == (y > 0.5)
        return f"exact match {right.all(axis=0).mean():.2%}, labels right {right.mean():.2%}"
    found = regression(own_unit(A, target), own_unit(y, target))
    if len(y) == 1:
        return f"RMSE {found.rmse[0]:.4g}, MAE {found.mae[0]:.4g}, R² {found.r2[0]:.4f}"
    return f"mean R² {found.r2.mean():.4f}"


def spreads(name: str, losses: Array, accuracies: Numbers) -> list[str]:
    """How the figures of k networks differ: a line for the losses, and one for accuracies if any.

    >>> spreads("test", np.array([1.0, 2.0, np.nan]), np.full(3, np.nan))
    ['test        1 of 3 networks diverged', \
'test        loss mean 1.5000, standard deviation 0.7071, 1.0000 to 2.0000']
    """
    lines, left = [], np.isfinite(losses)
    if not left.all():
        lines.append(f"{name:10}  {(~left).sum()} of {len(left)} networks diverged")
    for what, figures, form in (("loss", losses, ".4f"), ("accuracy", accuracies, ".2%")):
        each = np.asarray(figures)[left]
        if np.isfinite(each).any():
            deviation = each.std(ddof=1) if len(each) > 1 else 0.0
            lines.append(
                f"{name:10}  {what} mean {each.mean():{form}}, standard deviation "
                f"{deviation:{form}}, {each.min():{form}} to {each.max():{form}}"
            )
    return lines


def details(A: Array, y: Array, target: Target) -> list[str]:
    """Lines for each class, label or number.

    >>> details(np.array([[0.9, 0.2]]), np.array([[1.0, 1.0]]), Target(LABELS, ("wet",)))[-1]
    'wet  50.00%    100.00%  50.00%'
    """
    said = decided(A, target)
    if target.task == CLASSES:
        counts = confusion_matrix(said, _labels(y), max(len(A), len(target.classes)))
        names = [*target.classes, *map(str, range(len(target.classes), len(counts)))]
        return [*confusion(counts, names), "", *_by_class(counts, names)]
    if target.task == LABELS:
        return _by_label(said, y > 0.5, target.names)
    found = regression(own_unit(A, target), own_unit(y, target))
    rows = [
        (name, *(f"{figure:.4g}" for figure in figures))
        for name, *figures in zip(target.names, *found, strict=True)
    ]
    return _table([("", "RMSE", "MAE", "R²"), *rows])


def confusion(counts: Array, names: list[str]) -> list[str]:
    """The lines of a confusion matrix with the names of its classes.

    >>> confusion(np.array([[3, 0], [1, 2]]), ["a", "b"])[1:]
    ['   a  b', 'a  3  0', 'b  1  2']
    """
    title = "confusion matrix: a row for each label, a column for each prediction"
    rows = [(name, *map(str, row)) for name, row in zip(names, counts.tolist(), strict=True)]
    return [title, *_table([("", *names), *rows])]


def _by_class(counts: Array, names: list[str]) -> list[str]:
    right, of_label, of_prediction = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    rows = [
        (name, _share(right[k], of_prediction[k]), _share(right[k], of_label[k]), str(of_label[k]))
        for k, name in enumerate(names)
    ]
    return _table([("", "precision", "recall", "examples"), *rows])


def _by_label(said: Array, y: Array, names: tuple[str, ...]) -> list[str]:
    rows = [
        (
            name,
            f"{(said[k] == y[k]).mean():.2%}",
            _share((said[k] & y[k]).sum(), said[k].sum()),
            _share((said[k] & y[k]).sum(), y[k].sum()),
        )
        for k, name in enumerate(names)
    ]
    return _table([("", "right", "precision", "recall"), *rows])


def _labels(y: Array) -> Array:
    return y if y.ndim == 1 else y.argmax(axis=0)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of text in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{row[0]:{widths[0]}}  "
        + "  ".join(f"{each:>{width}}" for each, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]

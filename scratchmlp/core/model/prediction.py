"""How good predictions are."""

import numpy as np

from scratchmlp.core import checks
from scratchmlp.core.arrays import Array, freeze


def accuracy(predicted: Array, y: Array) -> float:
    """The share of predictions that equal y: both labels of shape (m,), or 0 and 1 of (n_out, m).

    Raises ValueError where the shapes differ or there are no examples; TypeError for anything but
    arrays of integers.

    >>> accuracy(np.array([3, 1, 4]), np.array([3, 1, 5]))
    0.6666666666666666
    """
    checks.predictions("accuracy", predicted, y)
    return float(np.mean(predicted == y))


def confusion_matrix(predicted: Array, y: Array, n_classes: int) -> Array:
    """Counts C of shape (n_classes, n_classes): C[i, j] examples of class i predicted as class j.

    Raises as `accuracy`, and ValueError for a label that is not in 0 ... n_classes - 1.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    checks.predictions("confusion_matrix", predicted, y)
    checks.count("confusion_matrix", "n_classes", n_classes, least=1)
    checks.labels("confusion_matrix", predicted, n_classes, "labels predicted")
    checks.labels("confusion_matrix", y, n_classes)
    pairs = n_classes * y.astype(np.intp) + predicted.astype(np.intp)
    counts = np.bincount(pairs, minlength=n_classes**2)
    return freeze(counts.reshape(n_classes, n_classes))

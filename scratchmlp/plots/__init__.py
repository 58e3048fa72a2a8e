"""Pictures: functions from data to a matplotlib Figure, which draw on nothing global.

All need the `plot` extra (matplotlib), and raise an ImportError that says so without it.
"""

from scratchmlp.plots._curves import learning_curves
from scratchmlp.plots._images import first_layer, most_wrong
from scratchmlp.plots._layers import magnitudes
from scratchmlp.plots._predictions import confusion_matrix, predicted_against_true

__all__ = [
    "confusion_matrix",
    "first_layer",
    "learning_curves",
    "magnitudes",
    "most_wrong",
    "predicted_against_true",
]

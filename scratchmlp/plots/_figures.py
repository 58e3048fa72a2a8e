"""An empty figure, and the colours."""

from typing import TYPE_CHECKING

from scratchmlp._extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart; the styles tell them apart in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")


def empty_figure(width: float, height: float) -> "Figure":
    """A figure of so many inches, that belongs to no window."""
    figure: Figure = require("matplotlib.figure", "plot").Figure(
        (width, height), layout="constrained"
    )
    return figure

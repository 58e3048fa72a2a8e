"""How far a run is, on the screen."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from scratchmlp import Evaluation, Record, State
from scratchmlp._extras import require
from scratchmlp.cli.histories import of_all

Show: TypeAlias = Callable[[State, Record | None], None]


@contextmanager
def progress(done: int, iterations: int) -> Iterator[Show]:
    """Shows how far a run is: in a bar on a terminal, elsewhere as a line for each record."""
    if sys.stderr is None or not sys.stderr.isatty():  # it is None where it is closed
        yield lambda state, record: print(_line(record), flush=True) if record else None
        return
    with require("tqdm", "cli").tqdm(initial=done, total=iterations, unit="it") as bar:

        def show(state: State, record: Record | None) -> None:
            if record is None:
                bar.set_postfix_str(f"loss {of_all(state.loss):.4f}", refresh=False)
                bar.update()
            elif record.validation:
                bar.set_description_str(
                    f"validation{_figures(record.validation)}".replace("  ", " ")
                )

        yield show


def _line(record: Record) -> str:
    line = f"iteration {record.iteration:5}{_figures(record.training)}"
    return line if record.validation is None else f"{line}  validation{_figures(record.validation)}"


def _figures(evaluation: Evaluation) -> str:
    """The loss, and the accuracy where there is one."""
    loss, accuracy = map(of_all, evaluation)
    right = "" if math.isnan(accuracy) else f"  accuracy {accuracy:.2%}"
    return f"  loss {loss:.4f}{right}"

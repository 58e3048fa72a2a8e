"""What an attack has found, as rows of one table."""

from collections.abc import Iterable
from typing import NamedTuple


class Found(NamedTuple):
    """How often something was tried, what was lost by it, and what came out wrong."""

    attack: str
    tried: int
    lost: int
    wrong: int


def table(rows: Iterable[Found]) -> str:
    """The rows and their sum, in Markdown.

    >>> print(table([Found("kill", 2, 0, 1)]))
    | attack | tried | lost | wrong |
    | --- | ---: | ---: | ---: |
    | kill | 2 | 0 | 1 |
    | all | 2 | 0 | 1 |
    """
    found = [*rows]
    total = Found("all", *(sum(column) for column in zip(*(row[1:] for row in found), strict=True)))
    lines = [Found._fields, ("---", "---:", "---:", "---:"), *found, total]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)

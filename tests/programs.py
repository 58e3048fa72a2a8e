"""Programs for processes of their own, which import little."""

from benchmarks import harness
from benchmarks.processes import Work


def prepare(variant, case):
    """Two steps, which return the variant and the case; nothing of a case that is not there."""
    if case == ["not there"]:
        return None
    return Work(harness.plain(lambda: [variant, *case]), steps=2)

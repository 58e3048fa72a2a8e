"""`python -m tests.attack [SIZE] [NAME ...]`: prints one table; the status is 1 if it has faults.

SIZE is how often each signal is sent, 60 unless it is given, and the other attacks grow with it.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from scratchmlp.cli import figures
from tests.attack import crash_points, damage, doomed, signals, writers
from tests.attack.table import Found, table
from tests.small_runs import write_data

ATTACKS = {
    "signals": signals.attack,
    "crash_points": lambda size: crash_points.attack(size // 4),
    "writers": lambda size: writers.attack(size // 3),
    "doomed": doomed.attack,
    "damage": lambda size: damage.attack(35 * size),
}


def main(arguments: list[str]) -> int:
    """Attack, as far as is asked for, and print what was found."""
    size, *names = [*arguments, "60"][: max(1, len(arguments))]
    found: list[Found] = []
    # Most attacks are none of pictures, and there are thousands of runs.
    drawn = figures.draw_history
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in names or ATTACKS:
            figures.draw_history = drawn if name == "signals" else lambda *_: None
            Path(name).mkdir()
            os.chdir(name)
            write_data(Path())
            for each in ATTACKS[name](int(size)):
                print(each, file=sys.stderr, flush=True)
                found.append(each)
            os.chdir("..")
        os.chdir("/")
    print(table(found))
    return int(any(each.lost or each.wrong for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command line: its exit status, and what it says when something is wrong."""

import sys
from collections.abc import Sequence

from scratchmlp.cli.commands import run
from scratchmlp.cli.options import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 after one line that says why."""
    try:
        run(parse(sys.argv[1:] if arguments is None else arguments))
        return 0
    except KeyboardInterrupt:
        reason = "interrupted"
    except (ArithmeticError, ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
    print(f"scratchmlp: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

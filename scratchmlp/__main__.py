"""The command line: its exit status, and what it says when something is wrong."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from scratchmlp.cli.commands import run
from scratchmlp.cli.options import parse
from scratchmlp.cli.signals import Stopped, ending

INTERRUPTED = 130  # what a shell says of a program that Ctrl-C has ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    It is 0; or 2 after one line that says why; or 130 after Ctrl-C and 143 after SIGTERM.
    """
    with _any_text(sys.stdout), _any_text(sys.stderr):
        try:
            with ending():
                run(parse(sys.argv[1:] if arguments is None else arguments))
                return 0
        except Stopped as stop:
            status, reason = stop.status, "interrupted"
        except KeyboardInterrupt:
            status, reason = INTERRUPTED, "interrupted"
        except BrokenPipeError as error:
            _discard_output()
            status, reason = 2, str(error)
        except (ArithmeticError, ImportError, MemoryError, OSError, TypeError, ValueError) as error:
            status, reason = 2, " ".join(str(error).split()) or type(error).__name__
        if sys.stderr is not None:
            with suppress(OSError):
                print(f"scratchmlp: {reason}", file=sys.stderr)
        return status


@contextmanager
def _any_text(stream: Any) -> Iterator[None]:
    """A stream that takes all text: what it cannot encode, as the name of a file, is escaped."""
    if not hasattr(stream, "reconfigure"):
        yield
        return
    before = stream.errors
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            stream.reconfigure(errors=before)


def _discard_output() -> None:
    """Nobody reads it any more, and Python would complain of that when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

"""Ctrl-C and SIGTERM: at once where nothing can be lost, and between two iterations of a run.

A signal that was ignored when the program started, as Ctrl-C is in the background, stays ignored.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal asks the program to end; `status` is what it then exits with.

    `at_once` is whether the signal has interrupted something, rather than been waited for.
    """

    def __init__(self, number: int, at_once: bool = True) -> None:
        super().__init__(number, at_once)
        self.status = 128 + number
        self.at_once = at_once


@contextmanager
def ending() -> Iterator[None]:
    """A signal raises Stopped at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handled_by(stop):
        yield


@contextmanager
def deferred() -> Iterator[Callable[[], None]]:
    """A function that raises Stopped if a signal has come; only a second signal does so at once."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            raise Stopped(number)
        came.append(number)

    def check() -> None:
        if came:
            raise Stopped(came[0], at_once=False)

    with _handled_by(note):
        yield check


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handlers can be set in the main thread alone; in another one nothing changes."""
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for each in STOPPING:
                if (old := signal.getsignal(each)) not in (signal.SIG_IGN, None):
                    before[each] = old
                    signal.signal(each, handler)
        yield
    finally:
        for number, old in before.items():
            with suppress(ValueError):
                signal.signal(number, old)

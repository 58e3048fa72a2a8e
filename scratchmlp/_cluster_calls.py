"""Calls of a dask client that end: with a result, or with one line that says what is wrong."""

import asyncio
import warnings
from collections.abc import Callable, Iterable
from concurrent import futures
from inspect import signature
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeVar

from scratchmlp._extras import require
from scratchmlp._fingerprint import Fingerprint, fingerprint

T = TypeVar("T")
_ATTEMPTS = 10  # at one result, before what kills the workers is taken to be the work itself
_SECOND = 1.0  # between two looks at the client, while a result is waited for


class LostError(Exception):
    """A worker, or what it had, is gone: it can be tried again with the others."""


class Crew(NamedTuple):
    """A client, the seconds that its workers may be silent, and those that are known by now.

    `checked` are the addresses of those that run the client's versions, `silent` of those that did
    not answer and are left out for good.
    """

    client: Any
    timeout: float
    checked: set[str]
    silent: set[str]


def persistently(crew: Crew, attempt: Callable[[dict[str, int]], T]) -> T:
    """What the attempt gives, made with the threads of each usable worker, until nothing is lost.

    Raises ConnectionError where the client or the scheduler is gone, or workers are lost again and
    again; TimeoutError where no worker comes, or none answers; and whatever the attempt raises.
    """
    for _ in range(_ATTEMPTS):
        check_client(crew.client)
        try:
            return attempt(_workers(crew))
        except LostError as error:
            lost = error
            crew.checked.clear()  # a worker that comes back may have its old address
        except Exception:
            check_client(crew.client)  # whatever goes wrong with a closed client, that is why
            raise
    raise ConnectionError(
        f"cluster: workers were lost {_ATTEMPTS} times during the same work, so perhaps by it "
        f"(is their memory large enough?): {lost}"
    )


def check_client(client: Any) -> None:
    """The client is there, and so is its scheduler."""
    if client.status == "connecting":
        raise ConnectionError(f"cluster: the scheduler at {_address(client)} is gone")
    if client.status != "running":
        raise ConnectionError(f"cluster: the client is {client.status}, not running")


def waited(crew: Crew, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a method of the client returns, for as long as every worker in use sends heartbeats.

    The methods have no time limits of their own: a worker that is stopped, and not dead, would hold
    them for ever. Raises LostError where there are such, or where a worker is lost.
    """

    async def called() -> Any:
        return await call(*arguments, **options)

    future = _started(crew, called)
    heard: dict[str, float] = {}
    try:
        while not _done(crew, future, crew.timeout / 2):
            before, heard = heard, _heartbeats(crew)
            same = {place for place in before if before[place] == heard.get(place)}
            crew.silent.update(same)
            if missing := same | (before.keys() - heard.keys()):
                raise LostError(f"{_listed(missing)} no longer answered")
        return future.result()
    except _losses() as error:
        raise LostError(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}") from None
    finally:
        future.cancel()


def _losses() -> tuple[type[BaseException], ...]:
    distributed = require("distributed", "cluster")
    comm = require("distributed.comm", "cluster")
    cancelled = distributed.CancelledError, futures.CancelledError, asyncio.CancelledError
    return *cancelled, distributed.KilledWorker, comm.CommClosedError


def _started(crew: Crew, called: Callable[[], Any]) -> "futures.Future[Any]":
    """The call under way in the client's own thread, where its methods can be awaited."""
    return asyncio.run_coroutine_threadsafe(called(), crew.client.loop.asyncio_loop)


def _done(crew: Crew, future: "futures.Future[Any]", seconds: float) -> bool:
    """Whether it comes to an end within the time, while the scheduler is there."""
    end = monotonic() + seconds
    while not future.done() and (left := end - monotonic()) > 0:
        futures.wait([future], min(_SECOND, left))
        if not future.done():
            check_client(crew.client)
    return future.done()


def _heartbeats(crew: Crew) -> dict[str, float]:
    """When the scheduler last heard of each worker in use, by its own clock."""
    identity = crew.client.scheduler.identity
    every = "n_workers" in signature(crew.client.scheduler_info).parameters  # else always so

    async def called() -> Any:
        return await (identity(n_workers=-1) if every else identity())

    future = _started(crew, called)
    if not _done(crew, future, crew.timeout):
        future.cancel()
        address = _address(crew.client)
        raise TimeoutError(
            f"cluster: the scheduler at {address} has not answered for {crew.timeout:g} s"
        )
    workers = future.result()["workers"]
    return {place: workers[place]["last_seen"] for place in {*workers} - crew.silent}


def _workers(crew: Crew) -> dict[str, int]:
    """The threads of each worker that answers and runs the client's versions, by its address."""
    end = monotonic() + crew.timeout
    while True:
        found: dict[str, int] = waited(crew, crew.client.nthreads)
        usable = {place: found[place] for place in sorted({*found} - crew.silent)}
        if usable:
            break
        if monotonic() > end:
            silent = _listed(crew.silent)
            reason = f"{silent} did not answer, and no other" if silent else "no worker"
            raise TimeoutError(f"cluster: {reason} has come within {crew.timeout:g} s")
        sleep(_SECOND / 10)
    new = sorted({*usable} - crew.checked)
    if new:
        _check_versions(crew, new)
    return usable


def _check_versions(crew: Crew, places: list[str]) -> None:
    """The fingerprints of workers against the client's, and the scheduler's: it unpickles too."""
    client = crew.client
    compare(waited(crew, client.run, fingerprint, workers=places, on_error="return"))
    scheduler = _address(client)
    if scheduler not in crew.checked:
        try:
            came = waited(crew, client.run_on_scheduler, fingerprint)
        except (ImportError, AttributeError) as error:
            came = error
        _check_versions_of(f"scheduler {scheduler}", came, fingerprint())
    crew.checked.update(places, [scheduler])


def compare(answers: dict[str, Any]) -> None:
    """The workers' fingerprints, or their exceptions, against the client's."""
    own = fingerprint()
    for place, came in answers.items():
        if isinstance(came, OSError):  # the connection's, since a fingerprint reads no file
            raise LostError(f"the worker {place} was lost: {came}")
        _check_versions_of(f"worker {place}", came, own)
        if came.blas != own.blas:
            warnings.warn(
                f"cluster: the worker {place} multiplies with {came.blas} but the client with "
                f"{own.blas}: results agree to rounding, but not in every bit",
                stacklevel=2,
            )


def _check_versions_of(whose: str, came: Any, own: Fingerprint) -> None:
    if not isinstance(came, Fingerprint):
        raise ValueError(
            f"cluster: the {whose} has no scratchmlp with the cluster extra, or another version of "
            f"it than the client: {type(came).__name__}: {came}"
        )
    for name, theirs, ours in zip(("Python", "NumPy", "scratchmlp"), came, own, strict=False):
        if theirs != ours:
            raise ValueError(
                f"cluster: the {whose} has {name} {theirs} but the client has {ours}: install the "
                "same version there, and start it again"
            )


def _address(client: Any) -> str:
    return str(client.scheduler.address if client.scheduler else "an unknown address")


def _listed(places: Iterable[str]) -> str:
    return ", ".join(sorted(places))

"""A map over the workers of a dask cluster: parameters go out, and one sum comes back."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from scratchmlp._cluster_calls import Crew, LostError, persistently, waited
from scratchmlp._cluster_sums import Placed, Workers, placed, summed
from scratchmlp._extras import require
from scratchmlp._fingerprint import limit_blas, release_blas
from scratchmlp.core import checks
from scratchmlp.core.border import public
from scratchmlp.core.data.batches import Map

T = TypeVar("T")
_CONNECT = 10.0  # seconds to wait for a scheduler


class ClusterMap(NamedTuple):
    """As the built-in map, on a client's workers; `fold` adds up there what it makes of shards."""

    crew: Crew
    placed: list[Placed]

    def __call__(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        """The results in the order of the arguments."""
        calls = [*zip(*arguments, strict=False)]
        return iter(persistently(self.crew, partial(_mapped, self.crew, function, calls)))

    def fold(
        self, add: Callable[[T, T], T], function: Callable[[Any], T], shards: tuple[Any, ...]
    ) -> T:
        """`tree_reduction` of the function's results, done by the workers; one comes back.

        What is lost with a worker is placed and done again, to the same bits.
        """

        def attempt(workers: Workers) -> T:
            try:
                blocks = placed(self.crew, self.placed, shards, workers).blocks
                return summed(self.crew, add, function, blocks, len(shards), [*workers])
            except LostError:
                self.placed.clear()
                raise

        return persistently(self.crew, attempt)


@public
def cluster(client: Any, *, timeout: float = 60.0) -> AbstractContextManager[Map]:
    """A map over the workers of a `dask.distributed` Client, while BLAS has one thread in each.

    It is used as `threads` is. Shards are sent to the workers once, and are taken to stay as they
    are; a shard that is a function is called by the worker at each use, so that what it reads never
    passes the client. In each iteration the parameters go out, sums over the shards of a worker are
    added up on the workers, and one comes back: the same bits as on a single machine with the same
    shards and one BLAS thread.

    Whatever was on a worker that is lost is placed and computed again, as long as there is another
    or one comes. `timeout` is in seconds: so long a worker may be without a heartbeat before it is
    left out, so long a first one is waited for, and so long the scheduler may take to answer. The
    work itself may take longer. It should be ten times the interval of the heartbeats, which is
    half a second for ten workers and some seconds for a thousand.

    Every worker, and the scheduler, must have the client's scratchmlp, to the byte of its sources,
    its NumPy and its Python (3.x), and the `cluster` extra. This is checked when a worker is first
    used; functions of your own are not compared. Where a worker's BLAS is another library, version
    or kernel than the client's, a warning says that the results will agree to rounding only. A
    worker's BLAS is set to one thread before each of its sums.

    Raises ImportError where the client does not have the extra; ValueError where others have other
    versions; ConnectionError where the client is closed, the scheduler gone, or workers are lost
    again and again; TimeoutError where none is left that answers; and whatever a worker raises.

    >>> from distributed import Client
    >>> with Client(processes=False, dashboard_address=":0") as client, cluster(client) as map:
    ...     list(map(pow, [2, 3, 4], [2, 2, 2]))
    [4, 9, 16]
    """
    for module in ("distributed", "threadpoolctl"):
        require(module, "cluster")
    checks.positive("timeout", timeout)
    return _shared(Crew(client, float(timeout), set(), set()))


@contextmanager
def _shared(crew: Crew) -> Iterator[Map]:
    client = crew.client
    mapped: Any = ClusterMap(crew, [])  # mypy sees no function in a tuple
    try:
        yield mapped
    finally:
        mapped.placed.clear()
        if client.status == "running" and crew.checked:
            with suppress(LostError, OSError):
                workers = [*waited(crew, client.nthreads).keys() & (crew.checked - crew.silent)]
                waited(crew, client.run, release_blas, workers=workers, on_error="ignore")


@contextmanager
def connected(address: str, *, timeout: float = 60.0) -> Iterator[Map]:
    """The map of `cluster`, with a client of its own for the scheduler at this address.

    The client's log of lost connections is switched off meanwhile: an exception tells of them.

    Raises ConnectionError where no scheduler answers within 10 seconds; otherwise as `cluster`.
    """
    distributed = require("distributed", "cluster")
    with _silenced("distributed.client"):
        try:
            client = distributed.Client(address, timeout=min(timeout, _CONNECT))
        except OSError:
            raise ConnectionError(f"cluster: no scheduler answers at {address}") from None
        with client, cluster(client, timeout=timeout) as mapped:
            yield mapped


@contextmanager
def _silenced(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _mapped(
    crew: Crew, function: Callable[..., Any], calls: list[Any], workers: Workers
) -> list[Any]:
    options: dict[str, Any] = {"pure": False, "workers": [*workers], "allow_other_workers": True}
    submit = partial(crew.client.submit, _called, function, **options)
    results: list[Any] = waited(crew, crew.client.gather, [submit(*call) for call in calls])
    return results


def _called(function: Callable[..., T], *arguments: Any) -> T:
    limit_blas()
    return function(*arguments)

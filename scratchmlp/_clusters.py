"""A map over the workers of a dask cluster: parameters go out, and one sum comes back."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import starmap, zip_longest
from operator import is_
from typing import Any, NamedTuple, TypeVar, cast

from scratchmlp._cluster_calls import Crew, LostError, persistently, waited
from scratchmlp._extras import require
from scratchmlp._fingerprint import limit_blas, release_blas
from scratchmlp.core import checks
from scratchmlp.core.border import public
from scratchmlp.core.data.batches import Map
from scratchmlp.core.training.reduction import tree_reduction

T = TypeVar("T")
Workers = dict[str, int]  # the threads of each, by its address
_CONNECT = 10.0  # seconds to wait for a scheduler
_KEPT = 4  # sequences of shards that the workers hold at once: to train with, to validate with


class Block(NamedTuple):
    """Some shards, as a future, and the address of the worker that has them."""

    place: str
    future: Any


class Placed(NamedTuple):
    """Shards as the workers have them: in blocks (start, stop), each of them on one worker.

    The shards themselves are held on to: to place them again, and so that no others can come to lie
    where they lay in memory, and be mistaken for them.
    """

    shards: tuple[Any, ...]
    workers: dict[str, int]
    blocks: dict[tuple[int, int], Block]


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
                blocks = _placed(self, shards, workers).blocks
                return _sum(self.crew, add, function, blocks, len(shards), [*workers])
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


def _placed(map: ClusterMap, shards: tuple[Any, ...], workers: Workers) -> Placed:
    """The shards on the workers; placed anew where the workers are no longer what they were."""
    for known in map.placed:
        pairs = zip_longest(known.shards, shards)
        same = all(starmap(is_, pairs))
        if same and known.workers == workers:
            return known
    places = [address for address, threads in workers.items() for _ in range(threads)]
    bounds = _bounds(0, len(shards), len(places))
    blocks = {}
    for number, (start, stop) in enumerate(bounds):
        place = places[number * len(places) // len(bounds)]
        blocks[start, stop] = Block(place, _sent(map.crew, shards[start:stop], [place]))
    fresh = Placed(shards, workers, blocks)
    map.placed[:] = [*map.placed[1 - _KEPT :], fresh]
    return fresh


def _sent(crew: Crew, value: Any, places: list[str]) -> Any:
    """The value as a future, on one of these workers."""
    try:
        (future,) = waited(crew, crew.client.scatter, [value], workers=places, hash=False)
    # So the scheduler answers for a worker that has gone: at once, or when it cannot be reached.
    except (KeyError, OSError) as error:
        raise LostError(f"{', '.join(places)}: {type(error).__name__}: {error}") from None
    return future


def _bounds(start: int, stop: int, places: int) -> list[tuple[int, int]]:
    """The nodes of the tree of `tree_reduction` that make about as many blocks for every place.

    >>> _bounds(0, 10, 2), len(_bounds(0, 100, 3))
    ([(0, 5), (5, 10)], 16)
    """
    even = places & (places - 1) == 0  # a power of two: one each; else several, to even them out
    most = -(-(stop - start) // (places if even else 4 * places))

    def nodes(start: int, stop: int) -> list[tuple[int, int]]:
        if stop - start <= most:
            return [(start, stop)]
        middle = start + (stop - start) // 2
        return nodes(start, middle) + nodes(middle, stop)

    return nodes(start, stop)


def _sum(
    crew: Crew,
    add: Callable[[T, T], T],
    function: Callable[[Any], T],
    blocks: dict[tuple[int, int], Block],
    count: int,
    places: list[str],
) -> T:
    """The sum over all blocks; the function, with the parameters in it, is sent once."""
    work = _sent(crew, function, places)
    # Elsewhere only where those workers are gone: shards are larger than what else has to move.
    submit = partial(crew.client.submit, pure=False, allow_other_workers=True)

    def node(start: int, stop: int) -> Any:
        if (start, stop) in blocks:
            place, block = blocks[start, stop]
            return submit(_block_sum, add, work, block, workers=[place])
        middle = start + (stop - start) // 2
        return submit(add, node(start, middle), node(middle, stop), workers=places)

    (total,) = waited(crew, crew.client.gather, [node(0, count)])
    return cast(T, total)


def _block_sum(add: Callable[[T, T], T], work: Callable[[Any], T], block: tuple[Any, ...]) -> T:
    limit_blas()
    return tree_reduction(add, map(work, block), len(block))


def _called(function: Callable[..., T], *arguments: Any) -> T:
    limit_blas()
    return function(*arguments)

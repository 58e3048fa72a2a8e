"""A map over the workers of a dask cluster: parameters go out, and one sum comes back."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import starmap, zip_longest
from operator import is_
from typing import Any, NamedTuple, TypeVar

from scratchmlp._extras import require
from scratchmlp.core.data.batches import Map
from scratchmlp.core.training.reduction import tree_reduction

T = TypeVar("T")
_KEPT = 4  # sequences of shards that the workers hold at once: to train with, to validate with
_ATTEMPTS = 10  # at one sum, before what kills the workers is taken to be the sum itself
_SECONDS = 60.0  # to wait for a worker where there is none


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

    client: Any
    placed: list[Placed]

    def __call__(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        """The results in the order of the arguments."""
        calls = [*zip(*arguments, strict=False)]
        futures = [self.client.submit(_called, function, *call, pure=False) for call in calls]
        return iter(self.client.gather(futures))

    def fold(
        self, add: Callable[[T, T], T], function: Callable[[Any], T], shards: tuple[Any, ...]
    ) -> T:
        """`tree_reduction` of the function's results, done by the workers; one comes back.

        What is lost with a worker is placed and done again, to the same bits.
        """
        distributed = require("distributed", "cluster")
        comm = require("distributed.comm", "cluster")
        losses = (distributed.CancelledError, distributed.KilledWorker, comm.CommClosedError)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                blocks = _placed(self, shards).blocks
                return _submitted(self.client, add, function, blocks, len(shards)).result()
            except losses:
                if attempt == _ATTEMPTS:
                    raise
                self.placed.clear()
                self.client.wait_for_workers(1, timeout=_SECONDS)
        raise AssertionError("unreachable")


@contextmanager
def cluster(client: Any) -> Iterator[Map]:
    """A map over the workers of a `dask.distributed` Client, while BLAS has one thread in each.

    It is used as `threads` is. Shards are sent to the workers once, and are taken to stay as they
    are; a shard that is a function is called by the worker at each use, so that what it reads never
    passes the client. In each iteration the parameters go out, sums over the shards of a worker are
    added up on the workers, and one comes back: the same bits as on a single machine with the same
    shards and one BLAS thread. A worker that is lost, with the shards that it had, is made up for.

    The workers need scratchmlp with the `cluster` extra. Raises ImportError where the client has it
    not, and whatever a worker raises.

    >>> from distributed import Client
    >>> with Client(processes=False, dashboard_address=":0") as client, cluster(client) as map:
    ...     list(map(pow, [2, 3, 4], [2, 2, 2]))
    [4, 9, 16]
    """
    for module in ("distributed", "threadpoolctl"):
        require(module, "cluster")
    mapped: Any = ClusterMap(client, [])  # mypy sees no function in a tuple
    try:
        yield mapped
    finally:
        mapped.placed.clear()
        if client.status == "running":
            client.run(_release_blas)


def _placed(map: ClusterMap, shards: tuple[Any, ...]) -> Placed:
    """The shards on the workers; placed anew where the workers are no longer what they were."""
    workers = map.client.nthreads()
    for known in map.placed:
        pairs = zip_longest(known.shards, shards)
        same = all(starmap(is_, pairs))
        if same and known.workers == workers:
            return known
    places = [address for address, threads in sorted(workers.items()) for _ in range(threads)]
    if not places:
        map.client.wait_for_workers(1, timeout=_SECONDS)
        return _placed(map, shards)
    bounds = _bounds(0, len(shards), len(places))
    blocks = {}
    for number, (start, stop) in enumerate(bounds):
        place = places[number * len(places) // len(bounds)]
        (block,) = map.client.scatter([shards[start:stop]], workers=[place], hash=False)
        blocks[start, stop] = Block(place, block)
    fresh = Placed(shards, workers, blocks)
    map.placed[:] = [*map.placed[1 - _KEPT :], fresh]
    return fresh


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


def _submitted(
    client: Any,
    add: Callable[[T, T], T],
    function: Callable[[Any], T],
    blocks: dict[tuple[int, int], Block],
    count: int,
) -> Any:
    """The future of the sum; the function, with the parameters in it, is sent once."""
    (work,) = client.scatter([function], hash=False)

    def submit(start: int, stop: int) -> Any:
        if (start, stop) in blocks:
            place, block = blocks[start, stop]
            # Elsewhere only if that worker is gone: shards are larger than what else has to move.
            where: dict[str, Any] = {"workers": [place], "allow_other_workers": True}
            return client.submit(_block_sum, add, work, block, pure=False, **where)
        middle = start + (stop - start) // 2
        return client.submit(add, submit(start, middle), submit(middle, stop), pure=False)

    return submit(0, count)


def _block_sum(add: Callable[[T, T], T], work: Callable[[Any], T], block: tuple[Any, ...]) -> T:
    _limit_blas()
    return tree_reduction(add, map(work, block), len(block))


def _called(function: Callable[..., T], *arguments: Any) -> T:
    _limit_blas()
    return function(*arguments)


@cache
def _limit_blas() -> Any:
    """Once in each worker, also in one that comes later."""
    return require("threadpoolctl", "cluster").threadpool_limits(1, user_api="blas")


def _release_blas() -> None:
    if _limit_blas.cache_info().currsize:
        _limit_blas().restore_original_limits()
        _limit_blas.cache_clear()

"""Where shards are on the workers of a cluster, and the sum of what a function makes of them."""

from collections.abc import Callable
from functools import partial
from itertools import starmap, zip_longest
from operator import is_
from typing import Any, NamedTuple, TypeVar, cast

from scratchmlp._cluster_calls import Crew, LostError, waited
from scratchmlp._fingerprint import limit_blas
from scratchmlp.core.training.reduction import tree_reduction

T = TypeVar("T")
Workers = dict[str, int]  # the threads of each, by its address
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
    workers: Workers
    blocks: dict[tuple[int, int], Block]


def placed(crew: Crew, kept: list[Placed], shards: tuple[Any, ...], workers: Workers) -> Placed:
    """The shards on the workers; placed anew, and kept, where these are not what they were."""
    for known in kept:
        pairs = zip_longest(known.shards, shards)
        same = all(starmap(is_, pairs))
        if same and known.workers == workers:
            return known
    places = [address for address, threads in workers.items() for _ in range(threads)]
    bounds = _bounds(0, len(shards), len(places))
    blocks = {}
    for number, (start, stop) in enumerate(bounds):
        place = places[number * len(places) // len(bounds)]
        blocks[start, stop] = Block(place, sent(crew, shards[start:stop], [place]))
    fresh = Placed(shards, workers, blocks)
    kept[:] = [*kept[1 - _KEPT :], fresh]
    return fresh


def sent(crew: Crew, value: Any, places: list[str]) -> Any:
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


def summed(
    crew: Crew,
    add: Callable[[T, T], T],
    function: Callable[[Any], T],
    blocks: dict[tuple[int, int], Block],
    count: int,
    places: list[str],
) -> T:
    """The sum over all blocks; the function, with the parameters in it, is sent once."""
    work = sent(crew, function, places)
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

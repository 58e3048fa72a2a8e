"""Maps that share their work out: wherever the core takes a `map`, one of these will do."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np

from scratchmlp._clusters import cluster
from scratchmlp._extras import require
from scratchmlp.core import checks
from scratchmlp.core.border import public
from scratchmlp.core.data.batches import Map

__all__ = ["blas_threads", "cluster", "cores", "keep_freed_memory", "threads"]


def cores() -> int:
    """The number of processors that this process may use.

    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@public
def threads(n: int | None = None, *, blas: int = 1) -> AbstractContextManager[Map]:
    """A map over a pool of n threads (by default one a core), while BLAS has `blas` of its own.

    Results come in the order of the arguments, and at most 2 n of them are waiting or being made,
    so memory does not grow with the number of shards. They are made ahead: as the map of
    `minibatches` it makes the next batches while one is learnt, for which BLAS is best given a
    thread a core; as the map of shards it wants BLAS to have 1. BLAS gets its own number back at
    the end, also when an exception passes; it is limited in the whole process, so enter this in one
    place.

    Raises ImportError without the `parallel` extra (threadpoolctl), and whatever a worker raises.

    >>> with threads(2) as map:
    ...     list(map(pow, [2, 3, 4], [2, 2, 2]))
    [4, 9, 16]
    """
    workers = cores() if n is None else n
    checks.count("n", workers, least=1)
    checks.count("blas", blas, least=1)
    return _pool(workers, blas)


@public
def blas_threads(n: int | None = None) -> AbstractContextManager[None]:
    """BLAS with n threads (by default one a core), in the whole process, until it is left.

    Raises ImportError without the `parallel` extra (threadpoolctl).

    >>> with blas_threads(1):
    ...     pass
    """
    most = cores() if n is None else n
    checks.count("n", most, least=1)
    return _limits(most)


@contextmanager
def _pool(workers: int, blas: int) -> Iterator[Map]:
    with _limits(blas), ThreadPoolExecutor(workers) as pool:
        yield partial(_ordered, pool, 2 * workers)


@contextmanager
def _limits(n: int) -> Iterator[None]:
    with require("threadpoolctl", "parallel").threadpool_limits(n, user_api="blas"):
        yield


def keep_freed_memory() -> None:
    """From here on, this process keeps the memory of arrays up to 32 MB when they are freed.

    glibc's malloc gives a large block back to the system as soon as it is freed, and the next array
    costs a page fault for every 4 kB; it stops doing so for blocks as large as the largest that has
    been freed, up to this size. So one is allocated and freed, and never touched. Programs come to
    that by themselves when they free arrays of their data: training a network of 784, 256, 128, 64
    and 10 units from data that is never freed took 42 page faults a step of 512 examples, and 2
    after this call; of 128 examples, none either way. Other allocators take no notice, nor does a
    process whose environment sets MALLOC_TRIM_THRESHOLD_, as dask does for its workers.

    Source: the manual page mallopt(3), M_MMAP_THRESHOLD, "dynamic".

    >>> keep_freed_memory()
    """
    np.empty(_KEPT_MOST, np.uint8)


_KEPT_MOST = 2**25 - 2**16  # bytes: the most that glibc's threshold goes up to, less a margin


def _ordered(
    pool: ThreadPoolExecutor, most: int, function: Callable[..., Any], *arguments: Iterable[Any]
) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    try:
        for each in zip(*arguments, strict=False):
            waiting.append(pool.submit(function, *each))
            if len(waiting) == most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()

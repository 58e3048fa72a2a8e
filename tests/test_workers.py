"""Maps over threads: in order, bounded, whole in their errors, and tidy afterwards."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from scratchmlp.workers import cores, threads
from tests.helpers import interruptible


def blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_results_are_in_the_order_of_the_arguments():
    def slow_first(k):
        time.sleep(0.02 if k == 0 else 0)
        return k

    with threads(3) as pool:
        assert list(pool(slow_first, range(20))) == list(range(20))
        assert list(pool(pow, [2, 3], [3, 2])) == [8, 9]
        assert list(pool(abs, [])) == []


def test_work_is_done_by_so_many_threads():
    meet = threading.Barrier(3, timeout=10)
    with threads(3) as pool:
        assert len(list(pool(lambda _: meet.wait(), range(6)))) == 6


def test_no_more_results_wait_than_twice_the_workers():
    taken = []

    def observed():
        for k in range(100):
            taken.append(k)
            yield k

    with threads(2) as pool:
        results = pool(abs, observed())
        for k in range(100):
            assert next(results) == k
            assert len(taken) <= k + 5


def test_blas_keeps_to_one_thread_and_gets_its_own_back():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert before
        with threads(2):
            assert set(blas_threads()) == {1}
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError), threads(2):
            raise ZeroDivisionError
        assert blas_threads() == before


def test_an_error_in_a_worker_comes_out_whole():
    def fail(k):
        if k == 3:
            raise KeyError("the third")
        return k

    with threads(2) as pool:
        with pytest.raises(KeyError, match="the third") as caught:
            list(pool(fail, range(1000)))
        assert caught.traceback[-1].name == "fail"
        assert list(pool(fail, [1, 2])) == [1, 2]


def test_an_interrupt_stops_it():
    done = []

    def slow(k):
        time.sleep(0.01)
        done.append(k)

    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with interruptible(), pytest.raises(KeyboardInterrupt), threads(2) as pool:
        list(pool(slow, range(10_000)))
    assert len(done) < 5_000


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_wrong_number_of_threads(n, error):
    with pytest.raises(error, match="threads: n must be"), threads(n):
        pass


def test_by_default_there_is_one_for_each_core():
    assert 1 <= cores() <= os.cpu_count()
    with threads() as pool:
        assert list(pool(abs, [-1])) == [1]


FAULTS = """
import resource, sys
import numpy as np
if sys.argv[1] == "kept":
    from scratchmlp.workers import keep_freed_memory
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for kilobytes in range(200, 3900, 100):
    np.ones(1024 * kilobytes, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc's malloc")
def test_freed_memory_is_kept():
    fixed = "MALLOC_TRIM_THRESHOLD_"  # dask sets it, also here where its tests came before
    environment = {name: value for name, value in os.environ.items() if name != fixed}
    kept, given_back = (
        int(subprocess.check_output([sys.executable, "-c", FAULTS, how], env=environment))
        for how in ("kept", "")
    )
    assert given_back > 10_000  # each of 78 MB of pages, 4 kB each
    assert kept < 2_000  # once those of the largest

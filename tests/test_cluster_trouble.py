"""Clusters in trouble: what can be made up for is, to the bit; for the rest there is one line."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from threadpoolctl import threadpool_info, threadpool_limits

import scratchmlp
from scratchmlp import _cluster_sums, evaluate
from scratchmlp._cluster_calls import compare
from scratchmlp._clusters import connected
from scratchmlp._fingerprint import fingerprint
from scratchmlp.workers import cluster
from tests.test_clusters import PARTS, alone, params

HERE = Path(scratchmlp.__file__).parents[1]


def local(workers=3, **options):
    options = {"protocol": "tcp", "dashboard_address": ":0", "threads_per_worker": 1} | options
    return LocalCluster(n_workers=workers, processes=True, **options)


@pytest.fixture
def client():
    with local() as workers, Client(workers) as client:
        yield client


def pids(client):
    return dict(sorted(client.run(os.getpid).items()))


def expected():
    return alone(evaluate, params, PARTS)


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_a_worker_that_is_killed_while_shards_are_placed(client, monkeypatch, moment):
    send, sent = _cluster_sums.sent, []

    def observed(crew, value, places):
        sent.append(places)
        if len(sent) == moment:  # the fourth is the function
            os.kill(pids(client)[places[0]], signal.SIGKILL)
        return send(crew, value, places)

    monkeypatch.setattr(_cluster_sums, "sent", observed)
    with cluster(client) as mapped:
        assert evaluate(params, PARTS, map=mapped) == expected()
    assert len(sent) >= 4


def test_all_workers_are_killed_and_others_come(client):
    with cluster(client) as mapped:
        for _ in range(2):
            assert evaluate(params, PARTS, map=mapped) == expected()
            for pid in pids(client).values():
                os.kill(pid, signal.SIGKILL)
        assert evaluate(params, PARTS, map=mapped) == expected()


def test_no_worker_comes():
    with local(0) as workers, Client(workers) as client:
        message = "cluster: no worker has come within 0.5 s"
        with cluster(client, timeout=0.5) as mapped, pytest.raises(TimeoutError, match=message):
            evaluate(params, PARTS, map=mapped)


def test_a_worker_that_is_stopped_is_left_out(client):
    with cluster(client, timeout=4) as mapped:
        evaluate(params, PARTS, map=mapped)
        address, pid = next(iter(pids(client).items()))
        os.kill(pid, signal.SIGSTOP)
        try:
            start = time.monotonic()
            assert evaluate(params, PARTS, map=mapped) == expected()
            assert mapped.crew.silent == {address}
            assert list(mapped(abs, [-1, -2])) == [1, 2]
            assert time.monotonic() - start < 30
        finally:
            os.kill(pid, signal.SIGCONT)


def test_all_workers_are_stopped(client):
    with cluster(client, timeout=3) as mapped:
        stopped = pids(client).values()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError, match="cluster: tcp://.* did not answer, and no"):
                evaluate(params, PARTS, map=mapped)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)


def slow(_):
    time.sleep(5)


def test_the_work_may_take_longer_than_the_timeout(client):
    with cluster(client, timeout=4) as mapped:
        assert list(mapped(slow, range(3))) == [None] * 3


def test_a_client_that_is_closed(client):
    with cluster(client) as mapped:
        client.close()
        for use in (lambda: evaluate(params, PARTS, map=mapped), lambda: mapped(abs, [1])):
            with pytest.raises(ConnectionError, match="cluster: the client is closed, not running"):
                use()


@contextmanager
def program(name, *arguments, path=HERE):
    """A dask program in a process of its own; where it finds scratchmlp, or that it does not."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments]
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONSAFEPATH": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, cwd="/", **quiet)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def programs(folder, path):
    """A scheduler and a worker as programs, and a client of theirs."""
    file = folder / "scheduler.json"
    with ExitStack() as stack:
        scheduler = stack.enter_context(
            program("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        )
        while not file.exists() or not file.read_text():
            time.sleep(0.05)
        options = ["--no-nanny", "--no-dashboard", "--nthreads", "1"]
        stack.enter_context(program("worker", "--scheduler-file", str(file), *options, path=path))
        client = stack.enter_context(Client(scheduler_file=str(file)))
        client.wait_for_workers(1, timeout=30)
        yield scheduler, client


def test_a_scheduler_that_dies(tmp_path):
    with programs(tmp_path, HERE) as (scheduler, client), cluster(client) as mapped:
        assert evaluate(params, PARTS, map=mapped) == expected()
        scheduler.kill()
        start = time.monotonic()
        with pytest.raises(ConnectionError, match="cluster: the scheduler at tcp://.* is gone"):
            for _ in range(100):
                evaluate(params, PARTS, map=mapped)
        assert time.monotonic() - start < 10


def test_a_scheduler_that_dies_is_one_line(tmp_path):
    with programs(tmp_path, HERE) as (scheduler, client):
        command = [sys.executable, "-c", UNTIL_IT_DIES, client.scheduler.address]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(command, cwd=HERE, text=True, **pipes) as process:
            assert process.stdout.readline() == "ready\n"
            scheduler.kill()
            out, errors = process.communicate("go on\n", timeout=30)
    assert out == f"cluster: the scheduler at {command[-1]} is gone\n"
    assert errors == ""


UNTIL_IT_DIES = """
import sys
from scratchmlp._clusters import connected
from scratchmlp import evaluate
from tests.test_clusters import PARTS, params
try:
    with connected(sys.argv[1]) as mapped:
        evaluate(params, PARTS, map=mapped)
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(100):
            evaluate(params, PARTS, map=mapped)
except ConnectionError as error:
    print(error)
"""


def test_no_scheduler_answers():
    message = "cluster: no scheduler answers at tcp://127.0.0.1:9"
    with pytest.raises(ConnectionError, match=message), connected("tcp://127.0.0.1:9", timeout=1):
        pass


def test_another_blas_than_the_client_has_is_said():
    ours = fingerprint()
    theirs = {"tcp://a": ours, "tcp://b": ours._replace(blas="reference 1.0")}
    with pytest.warns(UserWarning, match="worker tcp://b multiplies with reference 1.0 but the"):
        compare(theirs)


@pytest.mark.parametrize("field", ["python", "numpy", "scratchmlp"])
def test_another_version_is_refused(field):
    ours = fingerprint()
    message = (
        f"cluster: the worker tcp://a has .* another but the client has {getattr(ours, field)}"
    )
    with pytest.raises(ValueError, match=message):
        compare({"tcp://a": ours._replace(**{field: "another"})})


def unlimited(part):
    """A function that leaves BLAS in the worker with two threads."""
    before = blas_threads_here()
    threadpool_limits(2, user_api="blas")
    return before


def blas_threads_here():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_blas_has_one_thread_again_whoever_changed_it(client):
    with cluster(client) as mapped:
        assert list(mapped(unlimited, range(8))) == [{1}] * 8


def test_a_worker_with_other_code_is_refused(tmp_path):
    shutil.copytree(HERE / "scratchmlp", tmp_path / "scratchmlp")
    losses = tmp_path / "scratchmlp" / "core" / "model" / "losses.py"
    losses.write_text(losses.read_text() + "\n# another\n")
    with programs(tmp_path, tmp_path) as (_, client), cluster(client) as mapped:
        message = (
            r"cluster: the worker tcp://.* has scratchmlp sources (\w+) but .* has sources (\w+)"
        )
        with pytest.raises(ValueError, match=message) as caught:
            evaluate(params, PARTS, map=mapped)
        theirs, ours = re.match(message, str(caught.value)).groups()
        assert theirs != ours


def test_a_worker_without_scratchmlp_is_refused(tmp_path):
    message = "cluster: the worker tcp://.* has no scratchmlp"
    # Where it is installed, the worker's Python is told on its start that it is not there.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['scratchmlp'] = None\n")
    with (
        programs(tmp_path, str(tmp_path)) as (_, client),
        cluster(client) as mapped,
        pytest.raises(ValueError, match=message),
    ):
        evaluate(params, PARTS, map=mapped)

"""A real cluster of processes: the same bits, shards sent once, nothing lost with a worker."""

import os
import signal
from functools import partial
from itertools import repeat

import numpy as np
import pytest
from distributed import Client, LocalCluster
from toolz import last, take

from scratchmlp import (
    Batch,
    evaluate,
    flatten,
    init_params,
    init_state,
    live_shards,
    nesterov,
    shards,
    train,
    value_and_grad,
)
from scratchmlp import _clusters as clusters
from scratchmlp.__main__ import main
from scratchmlp._cluster_calls import LostError
from scratchmlp._clusters import ClusterMap
from scratchmlp.workers import blas_threads, cluster

rng = np.random.default_rng(0)
X = np.asfortranarray(rng.random((30, 2200), dtype=np.float32) * (rng.random((30, 2200)) < 0.3))
y = rng.integers(4, size=2200)
params = init_params([30, 16, 4])
optimizer = nesterov(0.05)
start = init_state(params, optimizer)
PARTS = shards(X, y, size=100)


@pytest.fixture(scope="module")
def client():
    options = {"processes": True, "protocol": "tcp", "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=3, threads_per_worker=1, **options) as workers,
        Client(workers) as client,
    ):
        yield client


@pytest.fixture
def mapped(client):
    with cluster(client) as mapped:
        yield mapped


def run(mapping, steps=8, parts=PARTS):
    return take(steps, train(start, repeat(parts), optimizer=optimizer, map=mapping))


def alone(function, *arguments, **options):
    """The function by the built-in map and with one BLAS thread, in this process."""
    with blas_threads(1):
        return function(*arguments, **options)


def same(one, other):
    return flatten(one[:2]).tobytes() == flatten(other[:2]).tobytes() and one[2:] == other[2:]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 22])
def test_the_same_bits_as_in_one_process(mapped, count):
    evaluation, grads = value_and_grad(params, PARTS[:count], map=mapped)
    by_one = alone(value_and_grad, params, PARTS[:count])
    assert flatten(grads).tobytes() == flatten(by_one[1]).tobytes()
    assert evaluation == by_one[0]
    assert evaluate(params, PARTS[:count], map=mapped) == evaluation


@pytest.mark.parametrize("parts", [PARTS, live_shards(X, y, size=100)], ids=["dense", "live"])
def test_a_run_has_the_same_bits(mapped, parts):
    assert same(last(run(mapped, parts=parts)), alone(last, run(map, parts=parts)))


def test_shards_are_sent_once(client, mapped, monkeypatch):
    sent = []
    scatter = client.scatter

    def observed(data, **options):
        sent.extend(data)
        return scatter(data, **options)

    monkeypatch.setattr(client, "scatter", observed)
    last(run(mapped, 5))
    blocks = [each for each in sent if isinstance(each, tuple)]
    assert [batch for block in blocks for batch in block] == list(PARTS)
    assert len(sent) - len(blocks) == 5  # and the parameters once an iteration
    last(run(mapped, 2))
    assert len([each for each in sent if isinstance(each, tuple)]) == len(blocks)


def test_the_workers_do_not_keep_what_is_no_longer_used(mapped):
    for size in range(50, 60):
        evaluate(params, shards(X, y, size=size), map=mapped)
    assert len(mapped.placed) == 4


def read(folder, number):
    """A shard that is read by the worker; it says which process that was."""
    (folder / f"read by {os.getpid()}").touch()
    return Batch(np.load(folder / f"X{number}.npy"), np.load(folder / f"y{number}.npy"))


def test_a_shard_that_is_a_function_is_called_by_the_worker(mapped, tmp_path):
    for number, (part, labels, *_) in enumerate(PARTS):
        np.save(tmp_path / f"X{number}.npy", part)
        np.save(tmp_path / f"y{number}.npy", labels)
    parts = [partial(read, tmp_path, number) for number in range(len(PARTS))]
    got = value_and_grad(params, parts, map=mapped)
    readers = {path.name for path in tmp_path.glob("read by *")}
    assert len(readers) == 3
    assert f"read by {os.getpid()}" not in readers
    by_one = alone(value_and_grad, params, PARTS)
    assert flatten(got[1]).tobytes() == flatten(by_one[1]).tobytes()


def test_a_worker_that_is_killed_changes_nothing(client, mapped):
    killed = set()
    for state in run(mapped, 12):
        if state.iteration in (3, 7):
            pid = min(set(client.run(os.getpid).values()) - killed)
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
    assert len(killed) == 2
    assert same(state, alone(last, run(map, 12)))


def test_a_mistake_in_a_worker_arrives_with_its_message(mapped):
    wrong = [*PARTS[:5], Batch(X[1:], y), *PARTS[5:]]
    with pytest.raises(ValueError, match="value_and_grad: X has 29 features but layer 1 takes 30"):
        value_and_grad(params, wrong, map=mapped)
    assert evaluate(params, PARTS, map=mapped).loss > 0  # and the cluster goes on


def test_a_missing_file_is_no_lost_worker(mapped, tmp_path):
    with pytest.raises(FileNotFoundError):
        evaluate(params, [partial(read, tmp_path, 99)], map=mapped)


def test_a_cluster_without_workers_is_waited_for():
    options = {"protocol": "tcp", "dashboard_address": ":0"}
    with LocalCluster(n_workers=0, **options) as workers, Client(workers) as client:
        with cluster(client) as mapped:
            workers.scale(1)
            got = evaluate(params, PARTS, map=mapped)
        assert got == alone(evaluate, params, PARTS)


def test_what_kills_every_worker_is_given_up(mapped, monkeypatch):
    attempts = []

    def lost(*_):
        attempts.append(1)
        raise LostError("all of them")

    monkeypatch.setattr(clusters, "placed", lost)
    with pytest.raises(ConnectionError, match="cluster: workers were lost 10 times.*all of them"):
        evaluate(params, PARTS, map=mapped)
    assert len(attempts) == 10


def test_as_a_map_it_keeps_the_order(mapped):
    assert isinstance(mapped, ClusterMap)
    assert list(mapped(pow, range(10), repeat(2))) == [n * n for n in range(10)]


def test_from_the_command_line(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--layers", "784", "16", "10", "--iterations", "5", "--examples", "4000"]
    address = client.scheduler.address
    assert main([*options, "--out", "alone"]) == 0
    assert main([*options, "--out", "many", "--cluster", address]) == 0
    for name in ("model.npz", "history.csv"):
        one, other = ((tmp_path / run / name).read_bytes() for run in ("alone", "many"))
        assert one == other, name
    assert main([*options, "--cluster", address, "--batch-size", "32"]) == 2

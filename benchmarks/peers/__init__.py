"""The same work done by others: each module has a PEER, and `prepare`, which its processes call.

A peer is given parameters as scratchmlp has them, and gives gradients and parameters back so.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import Case, plain
from benchmarks.processes import Program, Work
from scratchmlp import (
    Batch,
    Data,
    Layer,
    Params,
    accuracy,
    flatten,
    init_params,
    map_arrays,
    minibatches,
    predict,
    value_and_grad,
)
from scratchmlp.datasets import mnist

RATES = {"sgd": 0.05, "nesterov": 0.005, "adam": 0.001}
STEPS = {1: 400, 32: 400, 128: 200, 512: 60, 10_000: 3}  # of a call, by the size of the batches
# The fastest of batches 16 to 128 and rates 0.05 to 0.5 to 98 % on 10,000 held-out training images.
RACE_BATCH, RACE_RATE = 32, 0.2
MOST_EPOCHS = 30
FEW = 2000  # examples whose gradient all must agree on


class Peer(NamedTuple):
    """What a library can do, each by one of its variants.

    `step(variant, params, batches, rule, rate)` is a function that trains on the batches, once,
    always from the same start. `gradient(variant, params, data)` is a case of one gradient of all
    the data, which it returns. `epoch(variant, params, data, batch, rate)` is a function that
    trains for one epoch from where it stands and returns the parameters. `derivative(name, sizes,
    m)` is one of the derivatives of m images. `many(variant, sizes, batches, k)` is a case that
    trains k networks on the batches, from where they stand.
    """

    step: Callable[..., Callable[[], Any] | None] | None = None
    gradient: Callable[..., Case] | None = None
    epoch: Callable[..., Callable[[], Params]] | None = None
    derivative: Callable[..., Callable[[], Any] | None] | None = None
    many: Callable[..., tuple[Case, int] | None] | None = None


def _programs(**places: str) -> tuple[Program, ...]:
    return tuple(Program(name, f"benchmarks.peers.{place}") for name, place in places.items())


OURS, BY_HAND, PRODUCTS = "scratchmlp", "by hand", "the matrix products alone"
STEPPING = _programs(
    **{
        OURS: "scratch:dense",
        BY_HAND: "numpy_alone:by_hand",
        PRODUCTS: "numpy_alone:products",
        "PyTorch, eager": "pytorch:eager",
        "PyTorch, fused optimizer": "pytorch:fused",
        "JAX, jit and scan": "jax_jit:whole",
        "JAX, optax in the scan": "jax_jit:optax",
        "scikit-learn": "sklearn_mlp:",
    }
)
GRADIENTS = _programs(
    **{
        "scratchmlp, dense": "scratch:dense",
        "scratchmlp, live rows": "scratch:live",
        "by hand, whole batch": "numpy_alone:by_hand",
        f"{PRODUCTS}, whole batch": "numpy_alone:products",
        "the article, float64, whole batch": "article:",
        "PyTorch, eager, whole batch": "pytorch:eager",
        "PyTorch, eager, in chunks": "pytorch:chunks",
        "PyTorch, compiled, in chunks": "pytorch:compiled",
        "JAX, jit, whole batch": "jax_jit:whole",
        "JAX, scan over chunks": "jax_jit:chunks",
        "scikit-learn, whole batch": "sklearn_mlp:",
    }
)
RACING = _programs(
    **{
        OURS: "scratch:dense",
        "PyTorch, eager": "pytorch:eager",
        "JAX, jit and scan": "jax_jit:whole",
        "scikit-learn": "sklearn_mlp:",
    }
)
DERIVING = _programs(
    **{OURS: "scratch_more:", "JAX, jitted": "jax_derivatives:", "PyTorch": "torch_func:"}
)
ONE_BY_ONE, STACKED, SHARED = "one at a time", "a stack", "stacks on two threads"
MANY = _programs(
    **{
        ONE_BY_ONE: "scratch_more:one",
        STACKED: "scratch_more:stack",
        SHARED: "scratch_more:threads",
        "JAX, vmap in a scan": "jax_jit:vmap",
        "scikit-learn, one at a time": "sklearn_mlp:",
    }
)


def prepared(peer: Peer, variant: str, case: Sequence[Any]) -> Work | None:
    """A peer's work on a case: its kind, and what is to be known of it."""
    kind, *arguments = case
    return _KINDS[kind](peer, variant, *arguments)


def _step(peer: Peer, variant: str, sizes: list[int], size: int, rule: str) -> Work | None:
    given = batches(sizes[0], sizes[-1], size, STEPS[size])
    run = peer.step(variant, init_params(sizes), given, rule, RATES[rule])
    return run and Work(plain(run), len(given))


def _gradient(peer: Peer, variant: str, sizes: list[int], m: int) -> Work:
    return Work(peer.gradient(variant, init_params(sizes), first(m)))


def _agreement(peer: Peer, variant: str, sizes: list[int]) -> Work:
    """The largest difference of a gradient from that in float64, relatively."""
    params, few = init_params(sizes), first(FEW)
    in_double = map_arrays(lambda a: a.astype(np.float64), params)
    reference = flatten(value_and_grad(in_double, Batch(*few))[1])

    def difference() -> float:
        with peer.gradient(variant, params, few)() as run:
            return float(abs(flatten(run()) - reference).max() / abs(reference).max())

    return Work(plain(difference))


def _race(peer: Peer, variant: str, sizes: list[int], seed: int, goals: list[float]) -> Work:
    """Seconds of training until each test accuracy, looked at after each epoch, is reached."""
    params, (training, test) = init_params(sizes, seed=seed), mnist()

    def race() -> list[float | None]:
        epoch = peer.epoch(variant, params, training, RACE_BATCH, RACE_RATE)
        spent, reached = 0.0, dict[float, float]()
        for _ in range(MOST_EPOCHS):
            start = time.perf_counter()
            trained = epoch()
            spent += time.perf_counter() - start
            right = accuracy(predict(trained, test.X), test.y)
            reached |= {goal: spent for goal in goals if right >= goal and goal not in reached}
            if len(reached) == len(goals):
                break
        return [reached.get(goal) for goal in goals]

    return Work(plain(race))


def _derivative(peer: Peer, _: str, name: str, sizes: list[int], m: int) -> Work | None:
    run = peer.derivative(name, *(init_params(sizes, seed=seed) for seed in (0, 1)), first(m))
    return run and Work(plain(run))


def _many(peer: Peer, variant: str, sizes: list[int], size: int, k: int) -> Work | None:
    given = batches(sizes[0], sizes[-1], size, min(256, max(4, 2048 // k)))
    found = peer.many(variant, sizes, given, k)
    return found and Work(found[0], found[1] * len(given))


_KINDS: dict[str, Callable[..., Work | None]] = {
    "step": _step,
    "gradient": _gradient,
    "agreement": _agreement,
    "race": _race,
    "derivative": _derivative,
    "many": _many,
}


@cache
def digits(n_in: int, n_classes: int) -> Data:
    """MNIST's training set, or 4,096 normal examples in clusters, for other numbers of inputs."""
    if (n_in, n_classes) == (784, 10):
        return mnist().train
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=4096)
    centres = rng.normal(size=(n_in, n_classes))
    X = centres[:, y] + rng.normal(size=(n_in, 4096))
    return Data(np.asfortranarray(X, dtype=np.float32), y)


def first(m: int) -> Data:
    """The first m images of MNIST's training set."""
    X, y = digits(784, 10)
    return Data(X[:, :m], y[:m])


def batches(n_in: int, n_classes: int, size: int, steps: int) -> list[Batch]:
    """So many batches, all of one size, which are made before anything is timed."""
    given = minibatches(*digits(n_in, n_classes), size=size)
    whole = (batch for batch in given if batch.X.shape[1] == size)
    return list(islice(whole, steps))


def rows(given: Sequence[Batch]) -> tuple[np.ndarray, np.ndarray]:
    """The batches with an example a row: X (batches, m, n_in) and y (batches, m)."""
    X = np.stack([np.ascontiguousarray(batch.X.T) for batch in given])
    return X, np.stack([batch.y for batch in given])


def layers(weights: Any, biases: Any, transposed: bool) -> Params:
    """Parameters of any library as scratchmlp has them."""
    pairs = zip(map(np.asarray, weights), map(np.asarray, biases), strict=True)
    return tuple(Layer(W.T if transposed else W, b.reshape(-1, 1)) for W, b in pairs)

"""The optimizers beside optax's and PyTorch's, what a tree costs, and a race by Adam.

python -m benchmarks.optimizers [--quick] [--json FILE]
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax
import torch
from sklearn.neural_network import MLPClassifier
from toolz import last, take

from benchmarks import harness
from benchmarks.harness import DEEP
from benchmarks.overheads import compared
from scratchmlp import (
    Data,
    Layer,
    Optimizer,
    Params,
    accuracy,
    adam,
    adamw,
    flatten,
    init_params,
    init_state,
    map_arrays,
    minibatches,
    momentum,
    nesterov,
    predict,
    rmsprop,
    sgd,
    train,
)
from scratchmlp.core.training import update_rules as rules
from scratchmlp.datasets import mnist

SIZES = [20, 16, 8, 4]
# Powers of two: what a library rounds of other constants in float32 would add up in 100 steps.
STEPS, RATE, DECAY = 100, 1 / 128, 1 / 64
GOALS = (0.97, 0.98)
ON_WEIGHTS = (Layer(True, False),) * (len(SIZES) - 1)  # what optax's weight decay is on
OURS: dict[str, Optimizer] = {
    "sgd": sgd(RATE),
    "momentum": momentum(RATE, 0.9),
    "nesterov": nesterov(RATE, 0.9),
    "rmsprop": rmsprop(RATE, 0.9),
    "adam": adam(RATE),
    "adamw": adamw(RATE, weight_decay=DECAY),
}
OPTAX: dict[str, Any] = {
    "sgd": optax.sgd(RATE),
    "momentum": optax.sgd(RATE, momentum=0.9),
    "nesterov": optax.sgd(RATE, momentum=0.9, nesterov=True),
    "rmsprop": optax.rmsprop(RATE, 0.9, eps_in_sqrt=False),
    "adam": optax.adam(RATE),
    "adamw": optax.adamw(RATE, weight_decay=DECAY, mask=ON_WEIGHTS),
}
TORCH: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, RATE),
    "momentum": lambda p: torch.optim.SGD(p, RATE, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, RATE, alpha=0.9),
    "adam": lambda p: torch.optim.Adam(p, RATE),
    "adamw": lambda p: torch.optim.AdamW(p, RATE),
}


def main() -> None:
    """Print all three."""
    options = harness.options(__doc__)
    print(f"{harness.described()}\n")
    figures: dict[str, Any] = {"differences": differences()}
    ratio = figures["tree"] = tree_against_vector(5 if options.quick else 31)
    print(f"Adam of {DEEP} on the tree, as a ratio to the same on one flat array: {ratio:.2f}\n")
    figures["race"] = race(1 if options.quick else 3)
    harness.write_json(options.json, figures)


def differences() -> dict[str, dict[str, float]]:
    """The largest of any parameter, after as many steps down the same gradients."""
    jax.config.update("jax_enable_x64", True)
    found: dict[str, dict[str, float]] = {}
    for name in OURS:
        for dtype in (np.float32, np.float64):
            ours = flatten(by_scratchmlp(name, dtype))
            for peer, theirs in (("optax", by_optax), ("PyTorch", by_torch)):
                gap = np.abs(ours - flatten(theirs(name, dtype))).max()
                found.setdefault(name, {})[f"{peer}, {np.dtype(dtype)}"] = float(gap)
    print(f"The largest difference of a parameter after {STEPS} steps, {SIZES}\n")
    header = ("", *next(iter(found.values())))
    rows = [(name, *(f"{gap:.0e}" for gap in gaps.values())) for name, gaps in found.items()]
    print(harness.table(header, rows) + "\n")
    return found


def gradients(like: Params) -> Iterator[Params]:
    """The same gradients for each: of all sizes, some of them zero."""
    rng = np.random.default_rng(0)

    def gradient(a: np.ndarray) -> np.ndarray:
        sizes = 10.0 ** rng.uniform(-4, 0, a.shape) * (rng.random(a.shape) < 0.9)
        return (rng.normal(size=a.shape) * sizes).astype(a.dtype)

    return (map_arrays(gradient, like) for _ in range(STEPS))


def by_scratchmlp(name: str, dtype: Any) -> Params:
    """The parameters after all steps."""
    params = init_params(SIZES, dtype=dtype)
    init, update = OURS[name]
    state = init(params)
    for iteration, grads in enumerate(gradients(params)):
        params, state = update(params, grads, state, iteration)
    return params


def by_optax(name: str, dtype: Any) -> Params:
    """The same, on the same tuples."""
    params: Any = jax.tree.map(jax.numpy.asarray, init_params(SIZES, dtype=dtype))
    state = OPTAX[name].init(params)
    for grads in gradients(init_params(SIZES, dtype=dtype)):
        updates, state = OPTAX[name].update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return jax.tree.map(np.asarray, params)


def by_torch(name: str, dtype: Any) -> Params:
    """The same, with the biases in a group of their own, without weight decay."""
    params = init_params(SIZES, dtype=dtype)
    tensors = [Layer(*(torch.tensor(a, requires_grad=True) for a in layer)) for layer in params]
    decay = DECAY if name == "adamw" else 0.0
    groups = [
        {"params": [layer.W for layer in tensors], "weight_decay": decay},
        {"params": [layer.b for layer in tensors], "weight_decay": 0.0},
    ]
    optimizer = TORCH[name](groups)
    for grads in gradients(params):
        for layer, gradient in zip(tensors, grads, strict=True):
            layer.W.grad, layer.b.grad = (torch.tensor(g) for g in gradient)
        optimizer.step()
    return tuple(Layer(*(tensor.detach().numpy() for tensor in layer)) for layer in tensors)


def tree_against_vector(rounds: int) -> float:
    """The update of Adam on a tree, as a ratio to the same arithmetic on one flat array."""
    params, optimizer = init_params(DEEP), adam()
    grads = map_arrays(lambda a: np.float32(0.01) * a, params)
    state = optimizer.init(params)
    vectors = [flatten(tree) for tree in (params, grads, *state)]

    def on_tree() -> None:
        for _ in range(50):
            optimizer.update(params, grads, state, 5)

    def on_vector() -> None:
        for _ in range(50):
            rules.adam(0.9, 0.999, 1e-8, 0.0, 0.001, 5, *vectors)

    return compared(on_tree, on_vector, rounds)


def race(seeds: int) -> dict[str, list[dict[float, float]]]:
    """Seconds by Adam at batch 128 to a test accuracy, looked at after each epoch."""
    (X, y), test = mnist()
    rows = np.ascontiguousarray(X.T)
    results: dict[str, list[dict[float, float]]] = {"scratchmlp": [], "scikit-learn": []}
    for seed in range(seeds):
        results["scratchmlp"].append(raced(ours(X, y, seed), test))
        results["scikit-learn"].append(raced(scikit_learns(rows, y, seed), test))
    print(f"Seconds by Adam to a test accuracy; {DEEP}, batch 128, the median of {seeds} seeds\n")
    medians = [
        (name, *(f"{statistics.median(run.get(g, np.inf) for run in runs):.1f}" for g in GOALS))
        for name, runs in results.items()
    ]
    print(harness.table(("by", *(f"to {goal:.0%}" for goal in GOALS)), medians))
    return results


def ours(X: np.ndarray, y: np.ndarray, seed: int) -> Callable[[], Callable[[Data], float]]:
    """A function that trains for an epoch, and gives one from data to accuracy."""
    optimizer = adam(0.001)
    batches = minibatches(X, y, size=128, seed=seed)
    start = init_state(init_params(DEEP, seed=seed), optimizer)
    states = train(start, batches, optimizer=optimizer)

    def epoch() -> Callable[[Data], float]:
        params = last(take(-(-len(y) // 128), states)).params
        return lambda data: accuracy(predict(params, data.X), data.y)

    return epoch


def scikit_learns(
    rows: np.ndarray, y: np.ndarray, seed: int
) -> Callable[[], Callable[[Data], float]]:
    """The same of MLPClassifier, without its penalty."""
    model = MLPClassifier(DEEP[1:-1], batch_size=128, alpha=0, random_state=seed)

    def epoch() -> Callable[[Data], float]:
        model.partial_fit(rows, y, classes=range(10))
        return lambda data: model.score(data.X.T, data.y)

    return epoch


def raced(epoch: Callable[[], Callable[[Data], float]], test: Data) -> dict[float, float]:
    """The seconds to each goal that is reached in 30 epochs."""
    time.sleep(0.2)
    spent, reached = 0.0, dict[float, float]()
    for _ in range(30):
        start = time.perf_counter()
        score = epoch()
        spent += time.perf_counter() - start
        right = score(test)
        reached |= {goal: spent for goal in GOALS if right >= goal and goal not in reached}
        if len(reached) == len(GOALS):
            break
    return reached


if __name__ == "__main__":
    main()

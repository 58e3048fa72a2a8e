"""The optimizers beside optax's and PyTorch's, down the same gradients.

python -m benchmarks.optimizer_agreement [--json FILE]
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax
import torch

from benchmarks import harness
from scratchmlp import (
    Layer,
    Optimizer,
    Params,
    adagrad,
    adam,
    adamw,
    flatten,
    init_params,
    lion,
    lookahead,
    map_arrays,
    momentum,
    muon,
    nadam,
    nesterov,
    rmsprop,
    schedule_free,
    sgd,
)

SIZES = [20, 16, 24, 8, 4]
# Powers of two: what a library rounds of other constants in float32 would add up in 100 steps.
STEPS, RATE, DECAY, SUM = 100, 1 / 128, 1 / 64, 1 / 8
TINY = 1e-30  # beside roots of sums: optax adds its epsilon inside of the root
DEPTH = len(SIZES) - 1
ON_WEIGHTS = (Layer(True, False),) * DEPTH  # what optax's weight decay is on
OURS: dict[str, Optimizer] = {
    "sgd": sgd(RATE),
    "momentum": momentum(RATE, 0.9),
    "nesterov": nesterov(RATE, 0.9),
    "adagrad": adagrad(RATE, SUM, TINY),
    "rmsprop": rmsprop(RATE, 0.9),
    "adam": adam(RATE),
    "adamw": adamw(RATE, weight_decay=DECAY),
    "nadam": nadam(RATE),
    "lion": lion(RATE, weight_decay=DECAY),
    "muon": muon(RATE, weight_decay=DECAY, adam_ratio=1.0),
    "schedule_free": schedule_free(sgd(RATE), 0.75),
    "lookahead": lookahead(adam(RATE), 5, 0.5),
}
MATRICES = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=0)  # W is (n_out, n_in)
OPTAX: dict[str, Any] = {
    "sgd": optax.sgd(RATE),
    "momentum": optax.sgd(RATE, momentum=0.9),
    "nesterov": optax.sgd(RATE, momentum=0.9, nesterov=True),
    "adagrad": optax.adagrad(RATE, SUM, eps=0.0),
    "rmsprop": optax.rmsprop(RATE, 0.9, eps_in_sqrt=False),
    "adam": optax.adam(RATE),
    "adamw": optax.adamw(RATE, weight_decay=DECAY, mask=ON_WEIGHTS),
    "nadam": optax.nadam(RATE),
    "lion": optax.lion(RATE, weight_decay=DECAY, mask=ON_WEIGHTS),
    # optax.contrib.muon has Nesterov's Adam for the rest; here it has Adam.
    "muon": optax.partition(
        {
            "matrix": optax.contrib.muon(
                RATE, weight_decay=DECAY, muon_weight_dimension_numbers=MATRICES
            ),
            "weights": optax.adamw(RATE, weight_decay=DECAY),
            "biases": optax.adam(RATE),
        },
        (*[Layer("matrix", "biases")] * (DEPTH - 1), Layer("weights", "biases")),
    ),
    "schedule_free": optax.contrib.schedule_free(optax.sgd(RATE), RATE, b1=0.75),
    "lookahead": optax.lookahead(optax.adam(RATE), 5, 0.5),
}
# PyTorch's NAdam has a schedule of its betas, its Muon counts in bfloat16; it has no others.
TORCH: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, RATE),
    "momentum": lambda p: torch.optim.SGD(p, RATE, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, RATE, initial_accumulator_value=SUM, eps=TINY),
    "rmsprop": lambda p: torch.optim.RMSprop(p, RATE, alpha=0.9),
    "adam": lambda p: torch.optim.Adam(p, RATE),
    "adamw": lambda p: torch.optim.AdamW(p, RATE),
}


def main() -> None:
    """Print the table."""
    options = harness.options(__doc__)
    found = differences()
    print(f"The largest difference of a parameter after {STEPS} steps, {SIZES}\n")
    header = ("", *next(iter(found.values())))
    rows = [
        (n, *(f"{g:.0e}" if (g := gaps.get(h)) is not None else "" for h in header[1:]))
        for n, gaps in found.items()
    ]
    print(harness.table(header, rows))
    harness.write_json(options.json, {"differences": found})


def differences() -> dict[str, dict[str, float]]:
    """The largest of any parameter, after as many steps down the same gradients."""
    jax.config.update("jax_enable_x64", True)
    found: dict[str, dict[str, float]] = {}
    for name in OURS:
        for dtype in (np.float32, np.float64):
            ours = flatten(by_scratchmlp(name, dtype))
            peers = (
                {"optax": by_optax, "PyTorch": by_torch} if name in TORCH else {"optax": by_optax}
            )
            for peer, theirs in peers.items():
                gap = np.abs(ours - flatten(theirs(name, dtype))).max()
                found.setdefault(name, {})[f"{peer}, {np.dtype(dtype)}"] = float(gap)
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
    init, update = OURS[name][:2]
    state = init(params)
    for iteration, grads in enumerate(gradients(params)):
        params, state = update(params, grads, state, iteration)
    return params


def by_optax(name: str, dtype: Any) -> Params:
    """The same, on the same tuples; lookahead has the slow ones beside them."""
    first = init_params(SIZES, dtype=dtype)
    params: Any = jax.tree.map(jax.numpy.asarray, first)
    if name == "lookahead":
        params = optax.LookaheadParams.init_synced(params)
    state = OPTAX[name].init(params)

    @jax.jit
    def updated(params: Any, grads: Any, state: Any) -> Any:
        updates, new = OPTAX[name].update(grads, state, params)
        return optax.apply_updates(params, updates), new

    for grads in gradients(first):
        params, state = updated(params, grads, state)
    return jax.tree.map(np.asarray, params.fast if name == "lookahead" else params)


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


if __name__ == "__main__":
    main()

"""PyTorch's derivatives, by `torch.func`, eager."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.peers import Peer, prepared
from scratchmlp import Data, Params
from scratchmlp.workers import cores

MOST_EXAMPLES = 128  # whose own gradients are formed: of more they take gigabytes
torch.set_num_threads(cores())


def derivative(name: str, params: Params, v: Params, data: Data) -> Callable[[], Any] | None:
    """One of those that scratchmlp has, if PyTorch has it."""
    p, t = (tuple(torch.tensor(a) for layer in tree for a in layer) for tree in (params, v))
    rows = torch.tensor(np.ascontiguousarray(data.X.T))
    labels = torch.tensor(data.y.astype(np.int64))

    def mean(p: Any, rows: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(_logits(p, rows), labels)

    def one(p: Any, row: Any, label: Any) -> Any:
        return mean(p, row[None], label[None])

    def outputs(p: Any) -> Any:
        return torch.softmax(_logits(p, rows), dim=1)

    slope, each = torch.func.grad(mean), torch.func.vmap(torch.func.grad(one), (None, 0, 0))

    def norms() -> Any:
        return sum(a.square().flatten(1).sum(dim=1) for a in each(p, rows, labels)).sqrt()

    cases: dict[str, Callable[[], Any]] = {
        "gradient": lambda: slope(p, rows, labels),
        "input_grad": lambda: torch.func.grad(mean, 1)(p, rows, labels),
        "jvp": lambda: torch.func.jvp(outputs, (p,), (t,))[1],
        "vjp": lambda: torch.func.vjp(outputs, p)[1](torch.ones(len(rows), len(params[-1].b))),
        "hvp": lambda: torch.func.jvp(lambda p: slope(p, rows, labels), (p,), (t,))[1],
    }
    if len(rows) <= MOST_EXAMPLES:
        cases |= {"example_grads": lambda: each(p, rows, labels), "example_grad_norms": norms}
    return cases.get(name)


def _logits(p: Any, rows: Any) -> Any:
    for W, b in zip(p[:-2:2], p[1:-2:2], strict=True):
        rows = torch.relu(rows @ W.T + b[:, 0])
    return rows @ p[-2].T + p[-1][:, 0]


PEER = Peer(derivative=derivative)
prepare = partial(prepared, PEER)

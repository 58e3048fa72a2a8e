"""PyTorch: steps with its own optimizers; a gradient of all, eager or compiled, whole or in chunks.

Chunks are the best of several sizes. Of a step's figures only the loss is kept, as a tensor.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.harness import Case, plain
from benchmarks.peers import Peer, layers, prepared, rows
from scratchmlp import Batch, Data, Params
from scratchmlp.workers import cores

CHUNKS = (1000, 2000, 4000, 10_000)
RULES: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adam": torch.optim.Adam,
}
torch.set_num_threads(cores())


def step(
    variant: str, params: Params, batches: Sequence[Batch], rule: str, rate: float
) -> Callable[[], Any]:
    """Eager; with the fused optimizer, or the one that is the default."""
    X, y = (torch.tensor(each) for each in rows(batches))
    y = y.long()
    network, loss = _network(params), torch.nn.CrossEntropyLoss()

    def run() -> list[torch.Tensor]:
        _fill(network, params)
        optimizer = RULES[rule](network.parameters(), lr=rate, fused=variant == "fused" or None)
        losses = []
        for examples, labels in zip(X, y, strict=True):
            optimizer.zero_grad()
            value = loss(network(examples), labels)
            value.backward()
            optimizer.step()
            losses.append(value.detach())
        return losses

    return run


def gradient(variant: str, params: Params, data: Data) -> Case:
    """Eager on the whole batch, or in chunks, eager or compiled."""
    X, y = _tensors(data)
    network = _network(params)

    def loss(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(network(X), y, reduction="sum")

    forward = torch.compile(loss) if variant == "compiled" else loss

    def run(chunk: int) -> Params:
        network.zero_grad()
        for start in range(0, len(X), chunk):
            part = slice(start, start + chunk)
            (forward(X[part], y[part]) / len(X)).backward()
        return _gradients(network)

    if variant == "eager":
        return plain(partial(run, len(X)))
    return plain(partial(run, min(CHUNKS, key=lambda chunk: _seconds(partial(run, chunk)))))


def epoch(
    variant: str, params: Params, data: Data, batch: int, rate: float
) -> Callable[[], Params]:
    """Eager, with torch.optim.SGD."""
    X, y = _tensors(data)
    network = _network(params)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    loss = torch.nn.CrossEntropyLoss()
    generator = torch.Generator().manual_seed(0)

    def run() -> Params:
        for chosen in torch.randperm(len(X), generator=generator).split(batch):
            optimizer.zero_grad()
            loss(network(X[chosen]), y[chosen]).backward()
            optimizer.step()
        linear = network[::2]
        return layers(
            [layer.weight.detach() for layer in linear],
            [layer.bias.detach() for layer in linear],
            transposed=False,
        )

    return run


def _tensors(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(data.X.T), torch.tensor(data.y.astype(np.int64))


def _network(params: Params) -> torch.nn.Sequential:
    modules: list[torch.nn.Module] = []
    for W, _ in params:
        modules += [torch.nn.Linear(W.shape[1], W.shape[0]), torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    _fill(network, params)
    return network


def _fill(network: torch.nn.Sequential, params: Params) -> None:
    with torch.no_grad():
        for layer, (W, b) in zip(network[::2], params, strict=True):
            layer.weight.copy_(torch.tensor(W))
            layer.bias.copy_(torch.tensor(b[:, 0]))


def _gradients(network: torch.nn.Sequential) -> Params:
    linear = network[::2]
    return layers(
        [layer.weight.grad for layer in linear],
        [layer.bias.grad for layer in linear],
        transposed=False,
    )


def _seconds(function: Callable[[], object]) -> float:
    function()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


PEER = Peer(step, gradient, epoch)
prepare = partial(prepared, PEER)

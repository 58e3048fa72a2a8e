"""PyTorch: eager on the whole batch, eager and compiled at the best of several chunk sizes."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks.harness import Case, plain
from benchmarks.peers import Peer, layers
from scratchmlp import Data, Params
from scratchmlp.workers import cores

CHUNKS = (1000, 2000, 4000, 10_000)
torch.set_num_threads(cores())


def gradients(params: Params, data: Data, quick: bool) -> dict[str, Case]:
    """Eager on the whole batch and in chunks; compiled, unless it is to be quick."""
    X, y = _tensors(data)
    network = _network(params)

    def gradient(forward: Callable, chunk: int) -> Params:
        network.zero_grad()
        for start in range(0, len(X), chunk):
            part = slice(start, start + chunk)
            (forward(X[part], y[part]) / len(X)).backward()
        return _gradients(network)

    def loss(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(network(X), y, reduction="sum")

    ways = {"eager": loss} if quick else {"eager": loss, "compiled": torch.compile(loss)}
    cases = {"PyTorch, eager, whole batch": plain(partial(gradient, loss, len(X)))}
    for name, forward in ways.items():
        best = min(CHUNKS, key=lambda chunk: _seconds(partial(gradient, forward, chunk)))
        cases[f"PyTorch, {name}, chunks of {best}"] = plain(partial(gradient, forward, best))
    return cases


def epochs(params: Params, data: Data, batch: int, rate: float) -> dict[str, Callable[[], Params]]:
    """Eager, with torch.optim.SGD."""
    X, y = _tensors(data)
    network = _network(params)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    loss = torch.nn.CrossEntropyLoss()
    generator = torch.Generator().manual_seed(0)

    def epoch() -> Params:
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

    return {"PyTorch, eager": epoch}


def _tensors(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(data.X.T), torch.tensor(data.y.astype(np.int64))


def _network(params: Params) -> torch.nn.Sequential:
    modules: list[torch.nn.Module] = []
    for W, b in params:
        linear = torch.nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W))
            linear.bias.copy_(torch.tensor(b[:, 0]))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


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


PEER = Peer(gradients, epochs)

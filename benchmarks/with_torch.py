"""Networks go to PyTorch and back as safetensors, and training goes on in either: checked.

python -m benchmarks.with_torch
"""

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from toolz import last, take

from scratchmlp import (
    Batch,
    Params,
    classifier,
    evaluate,
    forward,
    init_params,
    init_state,
    momentum,
    train,
)
from scratchmlp.datasets import mnist
from scratchmlp.export import export, from_safetensors

SIZES = [784, 64, 32, 10]
RATE, STEPS = 0.1, 50


def main() -> None:
    """Train in one, go on in the other, and see that both do the same."""
    torch.manual_seed(0)
    X, y = mnist().train
    batch = Batch(X[:, :1000], y[:1000])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        params = trained(init_params(SIZES), batch)
        export(path, params)
        model = sequential(SIZES)
        model.load_state_dict(load_file(path))
        compared("from scratchmlp to PyTorch", params, model, batch)

        fine_tune(model, batch)
        compared(f"{STEPS} more steps in each", trained(params, batch), model, batch)

        save_file(model.state_dict(), path)  # of activations and loss it says nothing
        back = from_safetensors(path, network=classifier).params
        compared("from PyTorch to scratchmlp", back, model, batch)
        again = trained(back, batch)
        export(path, again)
        model.load_state_dict(load_file(path))
        compared("and there again", again, model, batch)
    before, after = (evaluate(each, batch) for each in (params, again))
    print(f"loss {before.loss:.4f} -> {after.loss:.4f}, accuracy {after.accuracy:.1%}")
    assert after.loss < before.loss


def sequential(sizes: Sequence[int]) -> torch.nn.Sequential:
    """Linear layers with a ReLU between each."""
    layers: list[torch.nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def trained(params: Params, batch: Batch) -> Params:
    """The parameters after some steps of scratchmlp's momentum."""
    optimizer = momentum(RATE, 0.9)
    states = train(init_state(params, optimizer), [batch] * STEPS, optimizer=optimizer)
    return last(take(STEPS, states)).params


def fine_tune(model: torch.nn.Module, batch: Batch) -> None:
    """The same steps of PyTorch's."""
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.9)
    rows, labels = as_tensors(batch)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(rows), labels).backward()
        optimizer.step()


def compared(what: str, params: Params, model: torch.nn.Module, batch: Batch) -> None:
    """Both give the same logits, up to the rounding of float32, which training enlarges."""
    with torch.no_grad():
        theirs = model(as_tensors(batch)[0]).numpy().T
    apart = abs(forward(params, batch.X).Z[-1] - theirs).max()
    print(f"{what}: logits differ by at most {apart:.0e} (they reach {abs(theirs).max():.0f})")
    assert apart < 1e-4 * abs(theirs).max()


def as_tensors(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Examples in rows, and labels of 64 bits."""
    return torch.tensor(batch.X.T.copy()), torch.tensor(batch.y.astype(np.int64))


if __name__ == "__main__":
    main()

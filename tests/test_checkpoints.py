"""A checkpoint gives back what was saved, and nothing else passes for one."""

import io
import json
import zipfile

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Batch,
    Network,
    init_state,
    relu,
    sgd,
    squared_error,
    tanh,
    train_step,
)
from scratchmlp.checkpoints import load, save
from tests.helpers import problem, same_bytes


@pytest.fixture
def state():
    params, X, Y, _ = problem()
    return train_step(init_state(params, sgd(0.1)), Batch(X, Y), optimizer=sgd(0.1))


@pytest.mark.parametrize(
    "network", [Network(), Network(tanh, squared_error), Network((relu, tanh))], ids=repr
)
def test_what_was_saved_comes_back(tmp_path, network):
    params, *_ = problem(depth=3)
    state = init_state(params, sgd(0.1))
    save(tmp_path / "model.npz", state, network=network)
    again, its_network = load(tmp_path / "model.npz")
    assert same_bytes(again.params, state.params)
    assert again.iteration == 0
    assert np.isnan(again.loss)
    assert its_network == network
    assert not again.params[0].W.flags.writeable
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_figures_and_an_optimizers_memory_come_back(tmp_path, state):
    memory = (state.params, (np.arange(3.0),))
    save(tmp_path / "model.npz", state._replace(optimizer=memory))
    again = load(tmp_path / "model.npz").state
    assert same_bytes(again.optimizer, memory)
    assert type(again.optimizer[0][0]) is type(state.params[0])
    assert again[2:] == state[2:]


def test_numpy_alone_can_read_the_parameters(tmp_path, state):
    save(tmp_path / "model.npz", state)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["W1"], state.params[0].W)
        np.testing.assert_array_equal(arrays["b2"], state.params[1].b)


def test_a_failure_leaves_the_old_file(tmp_path, state):
    save(tmp_path / "model.npz", state)
    before = (tmp_path / "model.npz").read_bytes()
    own = Network(Activation(np.sin, lambda Z, A: np.cos(Z)))
    with pytest.raises(ValueError, match="function of its own"):
        save(tmp_path / "model.npz", state, network=own)
    assert (tmp_path / "model.npz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_equal_states_are_equal_files(tmp_path, state):
    for name in ("one", "other"):
        save(tmp_path / name, state)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def altered(content, **changes):
    """The same file with arrays replaced, or left out where None is given."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = dict(archive) | changes
    made = io.BytesIO()
    np.savez(made, **{name: array for name, array in arrays.items() if array is not None})
    return made.getvalue()


def told(content, **changes):
    """The same file that tells something else about itself."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        about = json.loads(str(archive["about"])) | changes
    return altered(content, about=np.array(json.dumps(about)))


BAD = {
    "nothing": (lambda content: b"", "is no checkpoint"),
    "text": (lambda content: b"hello", "is no checkpoint"),
    "half": (lambda content: content[: len(content) // 2], "is no checkpoint"),
    "a flipped bit": (
        lambda content: content[:300] + bytes([content[300] ^ 1]) + content[301:],
        "is no checkpoint",
    ),
    "a later format": (lambda content: told(content, format=2), "its format is 2"),
    "no outline": (lambda content: altered(content, about=None), "has no 'about'"),
    "no JSON": (lambda content: altered(content, about=np.array("{")), "is no checkpoint"),
    "no array": (lambda content: altered(content, W2=None), "it has the arrays"),
    "an array more": (lambda content: altered(content, W3=np.ones(2)), "it has the arrays"),
    "a shape": (lambda content: altered(content, b1=np.ones((1, 1))), "an array is"),
    "a dtype": (lambda content: altered(content, b1=np.ones((4, 1), "f")), "an array is"),
    "a network": (
        lambda content: told(content, network={"hidden": "sine", "loss": "squared_error"}),
        "it has no 'sine'",
    ),
    "a pickle": (
        lambda content: altered(content, W1=np.array([{}], object)),
        "pickle",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_checkpoints(tmp_path, state, case):
    alter, message = BAD[case]
    path = tmp_path / "model.npz"
    save(path, state)
    path.write_bytes(alter(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: is no checkpoint: ")


def test_another_archive_is_no_checkpoint(tmp_path):
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../readme.txt", "hello")
    with pytest.raises(ValueError, match="is no checkpoint"):
        load(path)

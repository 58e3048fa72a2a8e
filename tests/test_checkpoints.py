"""A checkpoint gives back what was saved, and nothing else passes for one."""

import io
import json
import zipfile
from typing import NamedTuple

import numpy as np
import pytest

from scratchmlp import (
    Activation,
    Batch,
    Network,
    backward,
    forward,
    huber,
    init_state,
    leaky_relu,
    relu,
    sgd,
    squared_error,
    tanh,
    train_step,
)
from scratchmlp._names import ACTIVATIONS, activation_named, network_names
from scratchmlp.checkpoints import load, save
from tests.helpers import problem, same_bytes


@pytest.fixture
def state():
    params, X, Y, _ = problem()
    return train_step(init_state(params, sgd(0.1)), Batch(X, Y), optimizer=sgd(0.1))


NETWORKS = {
    "the default": Network(),
    "others": Network(tanh, squared_error),
    "each its own": Network((relu, tanh)),
    "of numbers": Network(leaky_relu(0.3), huber(1 / 3)),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_what_was_saved_comes_back(tmp_path, network):
    params, X, Y, _ = problem(depth=3)
    state = init_state(params, sgd(0.1))
    save(tmp_path / "model.npz", state, network=network)
    again, its_network, _ = load(tmp_path / "model.npz")
    assert same_bytes(again.params, state.params)
    assert again.iteration == 0
    assert np.isnan(again.loss)
    assert network_names(its_network) == network_names(network)
    cache = forward(state.params, X, network)
    assert same_bytes(forward(state.params, X, its_network), cache)
    one, other = (backward(state.params, cache, Y, each) for each in (its_network, network))
    assert same_bytes(one, other)
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
    own = state._replace(optimizer=NamedTuple("Own", [("memory", int)])(np.ones(2)))
    with pytest.raises(ValueError, match="a state of the type Own is not scratchmlp's"):
        save(tmp_path / "model.npz", own)
    assert (tmp_path / "model.npz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("memory", [np.ones(2, complex), np.array([{}], object), 3])
def test_what_could_not_be_loaded_is_not_saved(tmp_path, state, memory):
    with pytest.raises(ValueError, match="save: a state of .* is not of numbers"):
        save(tmp_path / "model.npz", state._replace(optimizer=(memory,)))
    assert not any(tmp_path.iterdir())


def wave(Z):
    return np.sin(Z)


def wave_derivative(Z, A):
    return np.cos(Z)


def test_a_network_of_ones_own_is_given_again(tmp_path, state):
    path, own = tmp_path / "model.npz", Network(Activation(wave, wave_derivative))
    save(path, state, network=own)
    assert load(path, network=own).network == own
    with pytest.raises(ValueError, match=r"'tests.test_checkpoints.wave' is no activation"):
        load(path)
    with pytest.raises(ValueError, match="its network is {'hidden': 'tests.test_checkpoints.wave'"):
        load(path, network=Network(tanh))


WRONG_NAMES = {
    "magic": "'magic' is no activation: there are relu",
    "relu(1)": "is no activation",
    "huber": "is no activation",
    "leaky_relu(x)": "'x' is no number",
    "leaky_relu(2)": "slope must be below 1",
    "leaky_relu(0.1:0.2)": "slope must be a number",
    "leaky_relu(0.1,0.2)": "takes from 0 to 1 positional arguments but 2 were given",
}


def test_every_function_has_a_name():
    for name, g in ACTIVATIONS.items():
        assert activation_named(name) == g
    assert activation_named("leaky_relu").function(np.float64(-1)) == -0.01
    assert activation_named("leaky_relu(slope=0.2)").function(np.float64(-1)) == -0.2
    for wrong, message in WRONG_NAMES.items():
        with pytest.raises(ValueError, match=message):
            activation_named(wrong)


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
    "a later format": (lambda content: told(content, format=3), "its format is 3"),
    "no outline": (lambda content: altered(content, about=None), "has no 'about'"),
    "no JSON": (lambda content: altered(content, about=np.array("{")), "is no checkpoint"),
    "no array": (lambda content: altered(content, W2=None), "it has the arrays"),
    "an array more": (lambda content: altered(content, W3=np.ones(2)), "it has the arrays"),
    "a shape": (lambda content: altered(content, b1=np.ones((1, 1))), "b1 is float64"),
    "a dtype": (lambda content: altered(content, b1=np.ones((4, 1), "f")), "b1 is float32"),
    "a network": (
        lambda content: told(content, network={"hidden": "sine", "loss": "squared_error"}),
        "'sine' is no activation: there are relu",
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

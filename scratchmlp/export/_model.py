"""A trained network as every exporter takes it: checked, and its functions by their names."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchmlp import (
    Activation,
    Layer,
    Network,
    Params,
    committee,
    predict,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    unstack,
)
from scratchmlp._names import network_named, network_names
from scratchmlp.core.border import type_error, value_error
from scratchmlp.descriptions import (
    CLASSES,
    LABELS,
    NUMBERS,
    Description,
    check_sizes,
    output_names,
)


class Function(NamedTuple):
    """An activation by its name, and the number that it was made of, if it was."""

    name: str
    number: float | None = None


class Model(NamedTuple):
    """Networks that decide together, of one or more members, and what their numbers mean."""

    members: tuple[Params, ...]
    network: Network
    hidden: tuple[tuple[Function, ...], ...]
    output: Function
    description: Description | None


def described(
    params: Params | Sequence[Params], network: Network, description: Description | None
) -> Model:
    """The Model of a network's parameters, of several networks', or of a stack of networks.

    Raises ValueError where the parameters do not fit each other or the description, one of them
    is not finite, or a function of the network is not one of scratchmlp's own; TypeError for
    anything but these.

    >>> from scratchmlp import classifier, init_params
    >>> described(init_params([2, 3, 2]), classifier, None).hidden
    ((Function(name='relu', number=None),),)
    """
    members = _members(params)
    for member in members:
        for number, layer in enumerate(member, start=1):
            if not all(np.isfinite(array).all() for array in layer):
                raise value_error(f"W and b of layer {number} must be finite numbers")
    zeros = np.zeros((members[0][0].W.shape[1], 1), members[0][0].W.dtype)
    if len(members) == 1:
        predict(members[0], zeros, network)  # raises whatever is wrong
    else:
        committee(members, zeros, network)
    output = _function(network.loss.activation, "the output activation")
    if description is not None:
        n_in, n_out = members[0][0].W.shape[1], len(members[0][-1].b)
        _check_description(description, n_in, n_out, _task(network))
    hidden = tuple(_hidden(network, len(member) - 1) for member in members)
    return Model(members, network, hidden, output, description)


def task(model: Model) -> str:
    """Whether the outputs are CLASSES, one of which is chosen, LABELS, each yes or no, or NUMBERS.

    >>> from scratchmlp import init_params, regressor
    >>> task(described(init_params([2, 1]), regressor, None))
    'numbers'
    """
    return _task(model.network)


def sizes(model: Model) -> list[int]:
    """The numbers of inputs and of each layer's units, of the first member.

    >>> from scratchmlp import classifier, init_params
    >>> sizes(described(init_params([2, 3, 2]), classifier, None))
    [2, 3, 2]
    """
    first = model.members[0]
    return [first[0].W.shape[1], *(len(b) for _, b in first)]


def class_names(model: Model) -> tuple[str, ...]:
    """What each output is called: by the description, or else by its number from 0.

    One output that says which of two classes it is has both their names.

    >>> from scratchmlp import classifier, init_params
    >>> class_names(described(init_params([2, 3]), classifier, None))
    ('0', '1', '2')
    """
    numbers = tuple(map(str, range(sizes(model)[-1])))
    target = None if model.description is None else model.description.target
    named = () if target is None else output_names(target)
    return named + numbers[len(named) :]


def _members(params: Any) -> tuple[Params, ...]:
    if not isinstance(params, (tuple, list)) or not params:
        raise type_error("params must be a network's tuple of Layers, or a list of such")
    if isinstance(params[0], Layer):
        own: Params = tuple(params)
        return unstack(own) if np.ndim(own[0].W) == 3 else (own,)
    for number, member in enumerate(params):
        if not isinstance(member, tuple) or not member or not isinstance(member[0], Layer):
            raise type_error(f"params[{number}] must be a network's tuple of Layers")
    return tuple(params)


def _task(network: Network) -> str:
    decode = network.loss.decode
    if decode is None:
        return NUMBERS
    for loss, task in ((softmax_cross_entropy, CLASSES), (sigmoid_cross_entropy, LABELS)):
        if decode == loss.decode:
            return task
    raise value_error(
        "the loss of network must decode its outputs as softmax_cross_entropy or "
        "sigmoid_cross_entropy does, or not at all: no other way can be exported"
    )


def _hidden(network: Network, depth: int) -> tuple[Function, ...]:
    each = network.hidden
    if isinstance(each, Activation):
        return (_function(each, "the activation of the hidden layers"),) * depth
    named = enumerate(each, start=1)
    return tuple(_function(g, f"the activation of layer {number}") for number, g in named)


def _function(activation: Any, which: str) -> Function:
    name = network_names(Network(hidden=activation))["hidden"]
    try:
        network_named({"hidden": name, "loss": "squared_error"})
    except ValueError as error:
        known = str(error).partition("there are ")[2]
        raise value_error(
            f"{which} is {name}, which no other program knows: only networks of "
            f"scratchmlp's own activations can be exported, {known}"
        ) from None
    match = re.fullmatch(r"(\w+)\((.*)\)", name)
    return Function(name) if match is None else Function(match[1], float(match[2]))


def _check_description(description: Any, n_in: int, n_out: int, outputs: str) -> None:
    if not isinstance(description, Description):
        came = type(description).__name__
        raise type_error(f"description must be a Description or None, not {came}")
    try:
        check_sizes(description, n_in, n_out)
    except ValueError as error:
        raise value_error(str(error)) from None
    target = description.target
    if target is None:
        return
    binary = target.task == CLASSES and outputs == LABELS and n_out == 1
    if target.task != outputs and not binary:
        raise value_error(
            f"the description says that the outputs are {target.task}, "
            f"but by the network's loss they are {outputs}"
        )

"""The names by which files and command lines know the core's functions, and back."""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from scratchmlp.core.arrays import Array, freeze
from scratchmlp.core.data.augment import Augmentation, affine, elastic, gaussian_noise
from scratchmlp.core.data.contrasts import contrasts
from scratchmlp.core.images import Size
from scratchmlp.core.model import (
    activations,
    losses,
    regression_losses,
    relu_relatives,
)
from scratchmlp.core.model.activations import Activation
from scratchmlp.core.model.filters import gabor
from scratchmlp.core.model.initializers import (
    Initializer,
    article_normal,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    orthogonal,
    zeros,
)
from scratchmlp.core.model.losses import Loss
from scratchmlp.core.model.network import Network

ACTIVATIONS = {
    name: g
    for name, g in {**vars(activations), **vars(relu_relatives)}.items()
    if isinstance(g, Activation)
}
LOSSES = {
    name: loss
    for name, loss in {**vars(losses), **vars(regression_losses)}.items()
    if isinstance(loss, Loss)
}
INITIALIZERS: dict[str, Initializer] = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
    "article_normal": article_normal,
    "zeros": zeros,
}
# Functions that make one of a number: `leaky_relu(0.1)`.
MADE_ACTIVATIONS: dict[str, Callable[..., Activation]] = {"leaky_relu": relu_relatives.leaky_relu}
MADE_LOSSES: dict[str, Callable[..., Loss]] = {"huber": regression_losses.huber}
# By their arguments' names: `affine(rotation=10,shift=-1:2)`.
AUGMENTATIONS: dict[str, Callable[..., Augmentation]] = {
    "affine": affine,
    "elastic": elastic,
    "gaussian_noise": gaussian_noise,
}
ANY_EXAMPLES = freeze(np.eye(2))  # enough to read the name of an initializer that needs some

Named = TypeVar("Named", Activation, Loss)
Made = TypeVar("Made")


def activation_named(text: str) -> Activation:
    """The Activation of a name, `relu` or `leaky_relu(0.1)`.

    Raises ValueError, with the names that there are, for any other.

    >>> activation_named("relu") == activations.relu
    True
    """
    return _called("activation", text, ACTIVATIONS, MADE_ACTIVATIONS)


def loss_named(text: str) -> Loss:
    """The Loss of a name, `squared_error` or `huber(2.0)`.

    Raises ValueError, with the names that there are, for any other.

    >>> loss_named("squared_error") == losses.squared_error
    True
    """
    return _called("loss", text, LOSSES, MADE_LOSSES)


def augmentation_named(text: str, shape: Size | None = None) -> Augmentation:
    """The augmentation of a text, `affine(rotation=10,shift=-1:2)` or `gaussian_noise(0.1)`.

    Raises ValueError, with the names that there are, for any other, and as the augmentation does.

    >>> import numpy as np
    >>> augmentation_named("affine(shift=1:1)")(np.array([[1.0], [2.0], [3.0], [4.0]]), 0).T
    array([[0., 0., 0., 1.]])
    """
    return _called("augmentation", text, {}, AUGMENTATIONS, shape)


def initializer_named(text: str, shape: Size | None = None, X: Array = ANY_EXAMPLES) -> Initializer:
    """The initializer of a text: `he_normal`, `gabor(2)` for images of a shape, `contrasts` of X.

    Raises ValueError, with the names that there are, for any other, and as the initializer does.

    >>> initializer_named("zeros") is zeros
    True
    """
    made: dict[str, Any] = {"gabor": gabor, "contrasts": partial(contrasts, X)}
    return _called("initializer", text, INITIALIZERS, made, shape)


def network_names(network: Network) -> dict[str, Any]:
    """The names of a network's functions; a user's own are named by their module.

    >>> network_names(Network((activations.tanh, relu_relatives.leaky_relu(0.1))))
    {'hidden': ['tanh', 'leaky_relu(0.1)'], 'loss': 'softmax_cross_entropy'}
    """
    hidden, loss = network
    each = (hidden,) if isinstance(hidden, Activation) else hidden
    names = [_name(g, ACTIVATIONS, MADE_ACTIVATIONS) for g in each]
    return {
        "hidden": names if each is hidden else names[0],
        "loss": _name(loss, LOSSES, MADE_LOSSES),
    }


def network_named(names: Mapping[str, Any]) -> Network:
    """The Network of the names that `network_names` gives.

    Raises ValueError for a name that is none of scratchmlp's.

    >>> network_named({"hidden": "relu", "loss": "softmax_cross_entropy"}) == Network()
    True
    """
    hidden = names["hidden"]
    several = isinstance(hidden, list)
    return Network(
        tuple(map(activation_named, hidden)) if several else activation_named(hidden),
        loss_named(names["loss"]),
    )


def _called(
    kind: str,
    text: str,
    known: Mapping[str, Made],
    made: Mapping[str, Callable[..., Made]],
    shape: Size | None = None,
) -> Made:
    """What is known by a text, or made of the numbers in it, for images of a shape."""
    if text in known:
        return known[text]
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", str(text))
    if match is None or match[1] not in made:
        raise ValueError(f"{text!r} is no {kind}: there are {', '.join([*known, *made])}")
    make = made[match[1]]
    parts = [part.rpartition("=") for part in (match[2] or "").split(",") if part]
    numbers = [_number(text, value) for name, _, value in parts if not name]
    options = {name.strip(): _number(text, value) for name, _, value in parts if name}
    if "shape" in options or len(numbers) + len(options) < len(parts):
        raise ValueError(f"{text!r}: gives shape, which has its own option, or an argument twice")
    if "shape" in inspect.signature(make).parameters:
        options["shape"] = shape
    try:
        return make(*numbers, **options)
    except TypeError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _number(text: str, value: str) -> Any:
    """A number, or a range low:high."""
    try:
        numbers = [float(each) for each in value.split(":")]
    except ValueError:
        raise ValueError(f"{text!r}: {value!r} is no number and no range low:high") from None
    return tuple(numbers) if len(numbers) > 1 else numbers[0]


def _name(
    value: Named, known: Mapping[str, Named], made: Mapping[str, Callable[..., Named]]
) -> str:
    for name, candidate in known.items():
        if value == candidate:
            return name
    function: Any = next(part for part in value if not isinstance(part, Activation))
    if isinstance(function, partial):
        for name, make in made.items():
            if len(function.args) == 1 and _parts(make(*function.args)) == _parts(value):
                return f"{name}({function.args[0]!r})"
        function = function.func
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"


def _parts(value: Any) -> tuple[Any, ...]:
    """A tuple of functions that compares by what partial functions are made of."""
    return tuple((f.func, f.args) if isinstance(f, partial) else f for f in value)

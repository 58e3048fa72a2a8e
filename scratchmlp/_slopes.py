"""The checks of activations and losses, whose derivatives are compared with differences."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from scratchmlp import Activation, Array, Loss
from scratchmlp._properties import array, finite, pure

STEP = 1e-5  # of a difference quotient
# Rounding makes a quotient of float64 wrong by about 1e-16 / STEP = 1e-11 times the value, and its
# truncation by STEP^2 / 6 = 2e-11 times the third derivative: this leaves room for large ones, and
# for functions that are themselves approximations, and is far below any mistake in a formula.
TOLERANCE = 1e-6
CORNER = 1e-3  # slopes to the left and right that differ by more belong to a corner
DTYPES = np.dtype(np.float32), np.dtype(np.float64)
DIRECTIONS = 3  # more than one, should one of them hide a mistake

Where: TypeAlias = Callable[[Any], str]  # the description of the input with this index


def corners(names: str, said: Array, values: Sequence[Array], where: Where) -> Array:
    """Where (booleans) the slopes to the left and to the right differ: at corners.

    `values` are those of a function at -STEP, 0 and STEP, and `said` is what its derivative gives;
    `names` are those of the derivative and of the function. Raises ValueError where the derivative
    is not between the slopes on the two sides, which differ by STEP g'' where there is no corner.

    >>> line = np.array([-1e-5]), np.array([0.0]), np.array([1e-5])
    >>> corners("derivative function", np.array([1.0]), line, str)
    array([False])
    """
    before, at, after = (value.astype(np.float64) for value in values)
    left, right, central = (at - before) / STEP, (after - at) / STEP, (after - before) / (2 * STEP)
    size = np.maximum(1, np.maximum(np.abs(central), np.abs(at)))
    found: Array = np.abs(right - left) > CORNER * size
    low, high = np.minimum(left, right), np.maximum(left, right)
    slack = size * np.where(found, CORNER, TOLERANCE)
    agrees = (low - slack <= said) & (said <= high + slack)
    for place in np.argwhere(~agrees).tolist()[:1]:
        k = tuple(place)
        derivative, function = names.split()
        slope = f"from {low[k]:.6g} to {high[k]:.6g}" if found[k] else f"{central[k]:.6g}"
        raise ValueError(
            f"{derivative} is {said[k]:.6g} at {where(k)}, but {function}'s slope is {slope}"
        )
    return found


def check_activation(activation: Activation, largest: float, seed: int) -> None:
    """The checks of `scratchmlp.testing.check_activation`, but for pickling."""
    points = np.random.default_rng(seed).normal(0, 3, (5, 40))
    points[0, :2] = 0.0, -0.0
    for dtype in DTYPES:
        for Z in (points, np.asfortranarray(points[:, :7]), points[:1, :1]):
            _parts(activation, Z.astype(dtype))
        far = extremes(largest).astype(dtype)
        for name, values in _parts(activation, far).items():
            finite(name, values, partial(_input, far))
    _elementwise(activation, points)
    Z = points.reshape(1, -1)
    for derivative, function in (("derivative", "function"), ("second", "derivative")):
        if getattr(activation, derivative) is not None:
            parts = [_parts(activation, Z + h) for h in (-STEP, 0, STEP)]
            said, of = parts[1][derivative], [each[function] for each in parts]
            at_corners = corners(f"{derivative} {function}", said, of, partial(_input, Z))
            Z = Z[:, ~at_corners[0]]  # a corner has no second derivative


def check_loss(loss: Loss, Y: Array, largest: float, rng: "np.random.Generator") -> None:
    """The checks of `scratchmlp.testing.check_loss`, but for pickling."""
    Z = rng.normal(0, 2, Y.shape)
    Z[:, 0] = Y[:, 0]  # where many losses have their least value, or a corner
    far = rng.choice(extremes(largest)[0], (len(Y), 40))
    for dtype in DTYPES:
        for z, y in ((Z, Y), (np.asfortranarray(Z), Y), (Z[:, :1], Y[:, :1])):
            _loss_parts(loss, z.astype(dtype), y.astype(dtype), z.astype(dtype))
        y = Y[:, np.arange(40) % Y.shape[1]].astype(dtype)
        for name, values in _loss_parts(loss, far.astype(dtype), y, np.ones_like(y)).items():
            finite(name, values, partial(_example, Z=far.astype(dtype), Y=y))
    _independent(loss, Z, Y)
    for D in rng.normal(size=(DIRECTIONS, *Y.shape)):
        _loss_slopes(loss, Z, Y, D)


def extremes(largest: float) -> Array:
    """Inputs (1, n) from -largest to largest.

    >>> extremes(1e4).max()
    np.float64(10000.0)
    """
    sizes = largest * np.array([1e-4, 1e-2, 1.0])
    return np.concatenate([-sizes, [0.0], sizes])[np.newaxis]


def _parts(activation: Activation, Z: Array) -> dict[str, Array]:
    """The function A = g(Z), its derivative and, where there is one, the second."""
    A = array("function", pure("function", activation.function, Z), Z)
    parts = {"function": A}
    for name in ("derivative", "second"):
        function = getattr(activation, name)
        if function is not None:
            parts[name] = array(name, pure(name, function, Z, A), Z, booleans=True)
    return parts


def _elementwise(activation: Activation, Z: Array) -> None:
    together = _parts(activation, Z)
    for k in range(0, Z.size, Z.shape[1] // 3):
        place = divmod(k, Z.shape[1])
        for name, alone in _parts(activation, Z[place].reshape(1, 1)).items():
            if not _close(alone.item(), together[name][place]):
                raise ValueError(
                    f"{name} must be elementwise, but for Z = {Z[place]:.3g} alone it is "
                    f"{alone.item():.3g}, and among other numbers {together[name][place]:.3g}"
                )


def _loss_parts(loss: Loss, Z: Array, Y: Array, dZ: Array) -> dict[str, Array]:
    """The activation, the value, delta and, where there is one, the curvature's product with dZ."""
    A = array("activation", pure("activation", loss.activation.function, Z), Z)
    parts = {
        "activation": A,
        "value": array("value", pure("value", loss.value, Z, Y), Z[0]),
        "delta": array("delta", pure("delta", loss.delta, A, Y), Z),
    }
    if loss.curvature is not None:
        parts["curvature"] = array("curvature", pure("curvature", loss.curvature, A, Y, dZ), Z)
    return parts


def _independent(loss: Loss, Z: Array, Y: Array) -> None:
    values = _loss_parts(loss, Z, Y, Z)["value"]
    for k in range(Z.shape[1]):
        z, y = Z[:, k : k + 1], Y[:, k : k + 1]
        alone = _loss_parts(loss, z, y, z)["value"].item()
        if not _close(alone, values[k]):
            raise ValueError(
                f"value must be each example's own, but for {_example((k,), Z, Y)} alone it is "
                f"{alone:.3g}, and among other examples {values[k]:.3g}"
            )


def _loss_slopes(loss: Loss, Z: Array, Y: Array, D: Array) -> None:
    parts = [_loss_parts(loss, Z + h * D, Y, D) for h in (-STEP, 0, STEP)]
    where = partial(_example, Z=Z, Y=Y, D=D)
    said, values = (parts[1]["delta"] * D).sum(axis=0), [each["value"] for each in parts]
    smooth = ~corners("delta value", said, values, where)
    if loss.curvature is not None:
        where = partial(_example, Z=Z[:, smooth], Y=Y[:, smooth], D=D[:, smooth])
        deltas = [each["delta"][:, smooth] for each in parts]
        corners("curvature delta", parts[1]["curvature"][:, smooth], deltas, where)


def _close(one: float, other: float) -> bool:
    return abs(float(one) - float(other)) <= TOLERANCE * max(1, abs(float(other)))


def _input(Z: Array, k: tuple[int, ...]) -> str:
    return f"Z = {Z[k]:.3g}{_in_float32(Z)}"


def _example(k: tuple[int, ...], Z: Array, Y: Array, D: Array | None = None) -> str:
    given = {"Z": Z, "Y": Y} if D is None else {"Z": Z, "Y": Y, "dZ": D}
    columns = {name: each[:, k[-1]] for name, each in given.items()}
    said = ", ".join(f"{name} = {_listed(each)}" for name, each in columns.items())
    return said + _in_float32(Z)


def _in_float32(Z: Array) -> str:
    return " in float32" if Z.dtype == np.float32 else ""


def _listed(column: Array) -> str:
    return f"[{', '.join(f'{number:.4g}' for number in column)}]"

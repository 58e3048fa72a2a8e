"""The checks of the settings of a run: alike from options, from recipes and from files."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from scratchmlp._names import (
    INITIALIZERS,
    activation_named,
    augmentation_named,
    initializer_named,
    loss_named,
)
from scratchmlp.cli.choices import DTYPES, OPTIMIZERS, SCHEDULES
from scratchmlp.cli.folders import Saved
from scratchmlp.cli.kinds import (
    ADDRESS,
    FLAG,
    PATH,
    TEXT,
    Kind,
    named,
    one_of,
    real,
    several,
    whole,
)
from scratchmlp.cli.settings import (
    DEFAULTS,
    DataSettings,
    LengthSettings,
    NetworkSettings,
    NoiseSettings,
    PlaceSettings,
    TrainSettings,
    UpdateSettings,
)
from scratchmlp.descriptions import TASKS

MISSING = {"error": "say so", "mean": "the column's mean, and a column that tells which"}
UNKNOWN = {"error": "say so", "ignore": "none of the categories"}
KINDS: dict[str, Kind] = {
    "layers": several(whole(1)),
    "units": several(whole(1)),
    "hidden": several(named(activation_named)),
    "loss": named(loss_named),
    "initializer": one_of(INITIALIZERS),
    "first_initializer": named(initializer_named),
    "dtype": one_of(DTYPES),
    "seed": whole(0),
    "networks": whole(1),
    "optimizer": one_of(OPTIMIZERS),
    "learning_rate": real(),
    "schedule": one_of(SCHEDULES),
    "warmup": whole(0),
    "clip_norm": real(),
    "max_norm": real(),
    "average": real(0, 1),
    "schedule_free": real(0, 1),
    "lookahead": whole(1),
    "weight_decay": real(),
    "label_smoothing": real(0, 1),
    "balanced": FLAG,
    "batch_size": whole(1),
    "augment": several(named(augmentation_named)),
    "image_shape": several(whole(1), 2),
    "dropout": several(real(0, 1)),
    "input_dropout": real(0, 1),
    "adversarial": real(),
    "data": PATH,
    "validation": PATH,
    "test": PATH,
    "target": several(TEXT),
    "drop": several(TEXT),
    "task": one_of(dict.fromkeys(TASKS)),
    "missing": one_of(MISSING),
    "transpose": FLAG,
    "examples": whole(1),
    "validation_fraction": real(0, 1),
    "no_test": FLAG,
    "iterations": whole(1),
    "epochs": whole(1),
    "validate_every": whole(1),
    "patience": whole(1),
    "min_improvement": real(),
    "workers": whole(1),
    "cluster": ADDRESS,
}

Group = TypeVar("Group", bound=tuple[Any, ...])


def train_settings(
    values: Mapping[str, Any], folder: Path, before: Saved | None = None
) -> TrainSettings:
    """The settings by their names, each checked, over the defaults of those that are left out.

    Raises ValueError, naming the setting, for one that is unknown, wrong or fits no other.

    >>> train_settings({"workers": 2, "seed": 3}, Path("run")).network.seed
    3
    >>> train_settings({"workers": 2, "sed": 3}, Path("run"))
    Traceback (most recent call last):
    ValueError: 'sed' is no setting: did you mean 'seed'?
    """
    known = {name: checked(name, value) for name, value in values.items()}

    def group(made: type[Group]) -> Group:
        fields: tuple[str, ...] = made._fields  # type: ignore[attr-defined]
        return made(**{name: known[name] for name in fields if name in known})

    settings = TrainSettings(
        group(NetworkSettings),
        group(UpdateSettings),
        group(NoiseSettings),
        group(DataSettings),
        group(LengthSettings),
        group(PlaceSettings),
        folder,
        before,
    )
    _check_together(settings)
    return settings


def checked(name: str, value: Any) -> Any:
    """The value of a setting; None only where the setting may be left out.

    >>> checked("seed", -1)
    Traceback (most recent call last):
    ValueError: seed must be a whole number of at least 0, not -1
    """
    if name not in KINDS:
        near = get_close_matches(name, KINDS, 1)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name[:50]!r} is no setting{hint}")
    if value is None and DEFAULTS.get(name, 0) is None:
        return None
    try:
        return KINDS[name].check(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _check_together(settings: TrainSettings) -> None:
    """Settings that are right alone but not together."""
    updates, noise, length, places = (
        settings.updates,
        settings.noise,
        settings.length,
        settings.places,
    )
    wrong = {
        "--iterations and --epochs both say how long the run is: leave out one": (
            length.iterations is not None and length.epochs is not None
        ),
        "--patience needs a --validation-fraction above 0": (
            length.patience is not None
            and settings.data.validation_fraction == 0
            and settings.data.validation is None
        ),
        "--patience is for one network: leave out --networks": (
            length.patience is not None and settings.network.networks is not None
        ),
        "--schedule plateau is for one network: leave out --networks": (
            updates.schedule == "plateau" and settings.network.networks is not None
        ),
        "--schedule plateau needs a --validation-fraction above 0": (
            updates.schedule == "plateau"
            and settings.data.validation_fraction == 0
            and settings.data.validation is None
        ),
        "--average, --schedule-free and --lookahead each make the model: give one of them": (
            [updates.average, updates.schedule_free, updates.lookahead].count(None) < 2
        ),
        "--cluster shares out all the data: leave out --batch-size": (
            places.cluster is not None and updates.batch_size is not None
        ),
        "--cluster keeps shards as they are: leave out the dropout": (
            places.cluster is not None and bool(noise.dropout or noise.input_dropout)
        ),
        "--augment is for minibatches: give a --batch-size": (
            noise.augment is not None and updates.batch_size is None
        ),
        "--image-shape is for --augment and --first-initializer": (
            noise.image_shape is not None
            and noise.augment is None
            and settings.network.first_initializer is None
        ),
    }
    for message, found in wrong.items():
        if found:
            raise ValueError(message)

"""The settings of each command, typed, with their defaults."""

from pathlib import Path
from typing import Any, NamedTuple

from scratchmlp.cli.folders import Saved


class NetworkSettings(NamedTuple):
    """Which network is trained, and the seed of all random numbers."""

    layers: tuple[int, ...] | None = None
    units: tuple[int, ...] = (256, 128, 64)
    hidden: tuple[str, ...] = ("relu",)
    loss: str | None = None
    initializer: str = "he_normal"
    first_initializer: str | None = None
    dtype: str = "float32"
    seed: int = 0
    networks: int | None = None


class UpdateSettings(NamedTuple):
    """How the parameters are updated."""

    optimizer: str = "nesterov"
    learning_rate: float | None = None
    schedule: str = "constant"
    warmup: int = 0
    clip_norm: float = 0.5
    max_norm: float = 0.0
    average: float | None = None
    schedule_free: float | None = None
    lookahead: int | None = None
    weight_decay: float | None = None
    label_smoothing: float = 0.0
    balanced: bool = False
    batch_size: int | None = None


class NoiseSettings(NamedTuple):
    """What is changed in the examples and units while training."""

    augment: tuple[str, ...] | None = None
    image_shape: tuple[int, int] | None = None
    dropout: tuple[float, ...] | None = None
    input_dropout: float = 0.0
    adversarial: float = 0.0


class DataSettings(NamedTuple):
    """Which examples there are, and how they are divided."""

    data: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    target: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None
    task: str | None = None
    missing: str = "error"
    transpose: bool = False
    examples: int | None = None
    validation_fraction: float = 0.2
    no_test: bool = False


class LengthSettings(NamedTuple):
    """How long a run is, and how often it is validated and saved."""

    iterations: int | None = None
    epochs: int | None = None
    validate_every: int | None = None
    patience: int | None = None
    min_improvement: float = 0.0


class PlaceSettings(NamedTuple):
    """Where the work is done."""

    workers: int
    cluster: str | None = None


class TrainSettings(NamedTuple):
    """All that a run is asked for; `before` is what it was asked for before it is resumed."""

    network: NetworkSettings
    updates: UpdateSettings
    noise: NoiseSettings
    data: DataSettings
    length: LengthSettings
    places: PlaceSettings
    folder: Path
    before: Saved | None


class EvaluateSettings(NamedTuple):
    """Which models are measured, and with what."""

    model: tuple[Path, ...]
    data: Path | None
    unknown: str
    augment: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    copies: int
    workers: int
    plot: Path | None


class PredictSettings(NamedTuple):
    """Which models label which examples, and the file to write."""

    model: tuple[Path, ...]
    data: Path | None
    unknown: str
    augment: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    copies: int
    probabilities: bool
    out: Path


class ExportSettings(NamedTuple):
    """Which models go to a file for elsewhere, and with which examples."""

    model: tuple[Path, ...]
    file: Path
    data: Path | None


GROUPS = (
    NetworkSettings,
    UpdateSettings,
    NoiseSettings,
    DataSettings,
    LengthSettings,
    PlaceSettings,
)
DEFAULTS: dict[str, Any] = {k: v for group in GROUPS for k, v in group._field_defaults.items()}


def by_name(settings: TrainSettings) -> dict[str, Any]:
    """The settings by their names, as `train_settings` takes them."""
    groups: tuple[Any, ...] = settings[: len(GROUPS)]
    return {name: value for group in groups for name, value in group._asdict().items()}

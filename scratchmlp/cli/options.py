"""What the command line asks for: the options given, over a recipe or a run before."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolz import dissoc

from scratchmlp.cli import folders
from scratchmlp.cli.checked import KINDS, UNKNOWN, train_settings
from scratchmlp.cli.folders import SETTINGS, Saved
from scratchmlp.cli.kinds import FLAG, PATH, Kind, one_of, several, whole
from scratchmlp.cli.parsers import COMMANDS, COPIES, RUN, parser
from scratchmlp.cli.recipes import RECIPES
from scratchmlp.cli.settings import (
    DEFAULTS,
    EvaluateSettings,
    ExportSettings,
    PredictSettings,
    TrainSettings,
    by_name,
)
from scratchmlp.cli.sources import is_table
from scratchmlp.workers import cores

SEEN: dict[str, Any] = {
    "data": None,
    "unknown": "error",
    "augment": None,
    "image_shape": None,
    "copies": COPIES,
}
OTHERS: dict[str, Kind] = {  # than the settings of a run
    "out": PATH,
    "resume": PATH,
    "plot": PATH,
    "recipe": one_of(RECIPES),
    "model": several(PATH),
    "file": PATH,
    "unknown": one_of(UNKNOWN),
    "copies": whole(1),
    "probabilities": FLAG,
}


def parse(
    arguments: Sequence[str],
) -> TrainSettings | EvaluateSettings | PredictSettings | ExportSettings:
    """What is asked for: the options given, over those of a recipe or of a run that is resumed.

    Raises ValueError for a wrong value, for settings that do not fit together and for a run that
    cannot be resumed; SystemExit, after one line that says why, for anything else that is wrong.
    """
    asked = list(arguments)
    if asked and not asked[0].startswith("-") and asked[0] not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise ValueError(f"{asked[0]!r} is no command: there are {known}")
    if not asked or asked[0] not in (*COMMANDS, "-h", "--help"):
        asked.insert(0, "train")
    found = vars(parser().parse_args(asked))
    command = found.pop("command")
    given = {name: _value(name, value) for name, value in found.items()}
    if command == "evaluate":
        base = SEEN | {"plot": None, "workers": cores()}
        return EvaluateSettings(**(base | given))
    if command == "export":
        return ExportSettings(**({"data": None} | given))
    if command == "predict":
        base = SEEN | {"probabilities": False, "out": Path("submission.csv")}
        return PredictSettings(**(base | given))
    return _train_settings(given)


def _train_settings(given: dict[str, Any]) -> TrainSettings:
    """The settings of a run by the options given, which go over its recipe or what it had before.

    >>> _train_settings({"recipe": "article", "seed": 3}).updates.optimizer
    'sgd'
    """
    folder, resume = given.pop("out", None), given.pop("resume", None)
    recipe = given.pop("recipe", None)
    if resume is not None:
        for name, value in (("--out", folder), ("--recipe", recipe)):
            if value is not None:
                raise ValueError(f"--resume goes on with a run as it is: leave out {name}")
    before = None if resume is None else folders.saved_settings(resume)
    base = _base(given, recipe) if before is None else _checked(resume, before)
    if "iterations" in given or "epochs" in given:
        base = dissoc(base, "iterations", "epochs")
    return train_settings({"workers": cores()} | base | given, resume or folder or RUN, before)


def _checked(folder: Path, before: Saved) -> dict[str, Any]:
    """The settings of a file, once they would do as options."""
    try:
        return by_name(train_settings({"workers": cores()} | before.settings, folder))
    except ValueError as error:
        raise ValueError(f"{folder / SETTINGS}: is damaged: {error}") from None


def _base(given: dict[str, Any], recipe: str | None) -> dict[str, Any]:
    """The settings of the recipe; tables and minibatches have their own unless another is given.

    >>> _base({"batch_size": 64}, None)["optimizer"], _base({}, None)
    ('adam', {})
    """
    if recipe is not None:
        return RECIPES[recipe]
    if is_table(given.get("data")):
        return _of_a_table(given)
    if "batch_size" not in given or given.keys() & {"optimizer", "learning_rate"}:
        return {}
    base = RECIPES["minibatches"]
    other = given.keys() & {"schedule_free", "lookahead"}  # which make the model themselves
    return dissoc(base, "average") if other else base


def _of_a_table(given: dict[str, Any]) -> dict[str, Any]:
    """It is small, and all of it is trained with where there is another to test with."""
    base = RECIPES["table"]
    if given.get("cluster") is not None:
        base = dissoc(base, "batch_size")
    waits = given.get("patience") is not None or given.get("schedule") == "plateau"
    return base | ({"validation_fraction": 0} if "test" in given and not waits else {})


def _value(name: str, given: Any) -> Any:
    """What is given for an option, as the settings have it; `none` is None where that is allowed.

    >>> _value("layers", ["784", "10"]), _value("patience", "none")
    ((784, 10), None)
    """
    kind = KINDS.get(name) or OTHERS[name]
    if given in ("none", ["none"]) and DEFAULTS.get(name, 0) is None:
        return None
    if isinstance(given, str | list):
        given = [*map(kind.read, given)] if isinstance(given, list) else kind.read(given)
    try:
        return kind.check(given)
    except ValueError as error:
        option = "MODEL" if name == "model" else f"--{name.replace('_', '-')}"
        raise ValueError(f"{option}: {error}") from None

"""The folder of a run: which files it has, and how they change together.

`settings.json` says what was asked for, `history.csv` has a line for each iteration,
`checkpoint.npz` is the state to go on from, and `model.npz` what comes of the run: the last state,
or with early stopping the best. A commit writes new files into `.next`, and last of them a
checkpoint. With that it counts: whoever opens the folder then moves them to their places, if the
one who wrote them could not. Without it they are void, as are the lines that the history has of
iterations after the checkpoint's.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from scratchmlp._atomic import remove_leftovers, replacing
from scratchmlp.cli.locks import locked

SETTINGS, HISTORY = "settings.json", "history.csv"
CHECKPOINT, MODEL, CURVES = "checkpoint.npz", "model.npz", "learning_curves.png"
NEXT = ".next"
_SETTINGS_MOST = 1 << 20  # bytes


class Saved(NamedTuple):
    """What `settings.json` holds: settings by their names, and what the run remembers.

    `data` is a fingerprint of each part of the examples, or None where an older version wrote the
    file. `patience_from` is the iteration from which on the best network is kept.
    """

    settings: dict[str, Any]
    data: dict[str, str] | None
    patience_from: int


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """The folder for this process alone, and whole: its last commit is settled, also at the end."""
    with locked(folder):
        settle(folder)
        try:
            yield
        finally:
            with suppress(OSError):  # what there is to say of this has been said
                settle(folder)


def settle(folder: Path) -> None:
    """Finish the last commit if it counts, else remove it; and what else was half written.

    A commit with settings is of all files: the model that was there before is not the run's.
    """
    following = folder / NEXT
    if (following / CHECKPOINT).exists():
        if (following / SETTINGS).exists():
            (folder / MODEL).unlink(missing_ok=True)
        for name in (SETTINGS, HISTORY, MODEL, CHECKPOINT):
            if (following / name).exists():
                os.replace(following / name, folder / name)
    if following.exists():
        shutil.rmtree(following)
    for name in (SETTINGS, HISTORY, MODEL, CHECKPOINT, CURVES):
        remove_leftovers(folder, name)


def current(folder: Path, name: str) -> Path:
    """Where the last commit that counts has a file, whether it is settled or not."""
    following = folder / NEXT
    committed = (following / CHECKPOINT).exists() and (following / name).exists()
    return (following if committed else folder) / name


def model(folder: Path) -> Path:
    """The model of the run in a folder, or if there is none yet the last checkpoint."""
    found = current(folder, MODEL)
    void = found.parent == folder and current(folder, SETTINGS).parent != folder
    return current(folder, CHECKPOINT) if void or not found.exists() else found


def holds_a_run(folder: Path) -> bool:
    """Whether there is anything in the folder that a new run would replace."""
    return any(current(folder, name).exists() for name in (CHECKPOINT, MODEL, HISTORY))


def write_settings(folder: Path, saved: Saved) -> None:
    """What `saved_settings` gives back."""
    content = saved.settings | {"data_fingerprint": saved.data}
    content["patience_from"] = saved.patience_from
    with replacing(folder / SETTINGS, "w") as file:
        json.dump(content, file, indent=1, default=_absolute)


def saved_settings(folder: Path) -> Saved:
    """The settings of the run in a folder, not yet checked.

    Raises ValueError, naming the file, where there are none, or they are damaged.
    """
    path = current(folder, SETTINGS)
    try:
        with open(path, "rb") as file:
            content = file.read(_SETTINGS_MOST + 1)
        if len(content) > _SETTINGS_MOST:
            raise ValueError(f"it has more than {_SETTINGS_MOST} bytes")
        found = json.loads(content.decode("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no settings")
        return _saved(found)
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there, so there is no run to resume") from None
    except RecursionError:
        raise ValueError(f"{path}: is damaged: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path}: is damaged: {error}") from None


def _saved(found: dict[str, Any]) -> Saved:
    data, patience_from = found.pop("data_fingerprint", None), found.pop("patience_from", 0)
    if data is not None and not (
        isinstance(data, dict) and all(isinstance(value, str) for value in data.values())
    ):
        raise ValueError("data_fingerprint must have a text for each part of the data")
    if type(patience_from) is not int or patience_from < 0:
        raise ValueError("patience_from must be a whole number of at least 0")
    return Saved(found, data, patience_from)


def _absolute(path: Path) -> str:
    """Whatever folder one is in when the run is resumed."""
    return str(path.absolute())

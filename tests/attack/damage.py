"""Damaged files of a run: a resume is one line that names the file, or as if nothing had been."""

import json
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from os import devnull
from pathlib import Path
from typing import Any

import numpy as np

from scratchmlp.__main__ import main
from tests.attack.signals import quiet
from tests.attack.table import Found
from tests.small_runs import FILES, RUNS, contents

VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2.5,
    1e308,
    float("nan"),
    10**25,
    "",
    "x",
    "relu",
    "none",
    "/dev/null",
    "\0",
    "affine(shift=3)",
    [],
    [1],
    [0.5],
    ["tanh"],
    [None],
    [[[]]],
    {},
    {"a": [1]},
]


def attack(size: int, seed: int = 0) -> Iterator[Found]:
    """So many damages of each file of a run that is half done."""
    rng = np.random.default_rng(seed)
    base = Path("undamaged")
    quiet([*RUNS["patience"], "--epochs", "1", "--out", str(base)])
    before = {name: content for name, content in contents(base).items() if name in FILES}
    for name in FILES:
        kinds = (_bytes, _json) if name == "settings.json" else (_bytes,)
        tried = lost = wrong = 0
        for trial in range(size if name in ("settings.json", "history.csv") else size // 4):
            run = Path("damaged")
            shutil.rmtree(run, ignore_errors=True)
            run.mkdir()
            for each, content in before.items():
                (run / each).write_bytes(content)
            (run / name).write_bytes(kinds[trial % len(kinds)](before[name], rng))
            damaged = contents(run)
            status, complaint = resumed(run)
            tried += 1
            if status == 0:
                continue
            wrong += status != 2 or complaint.count("\n") != 1 or f"{run}/" not in complaint
            lost += contents(run) != damaged
        yield Found(f"damages of {name}", tried, lost, wrong)


def resumed(run: Path) -> tuple[int, str]:
    """The status of a resume, and what it complains of; 1 and the error where one escapes."""
    errors = StringIO()
    with open(devnull, "w") as null, redirect_stdout(null), redirect_stderr(errors):
        try:
            return main(["--resume", str(run)]), errors.getvalue()
        except BaseException as error:
            return 1, repr(error)


def _bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with a part cut out, doubled, overwritten or put elsewhere."""
    start, stop = sorted(rng.integers(len(content) + 1, size=2).tolist())
    if rng.random() < 0.5:
        stop = min(stop, start + int(rng.integers(1, 8)))
    noise = bytes(rng.integers(256, size=min(stop - start, 20), dtype=np.uint8))
    text = bytes(rng.choice([*b'0123456789.,-e[]{}":\n '], size=3).tolist())
    middle = [b"", content[start:stop] * 2, noise, text, content[:start]][rng.integers(5)]
    return content[:start] + middle + content[stop:]


def _json(content: bytes, rng: np.random.Generator) -> bytes:
    """The settings with a value that is another, a name less or a name more."""
    settings = json.loads(content)
    for _ in range(int(rng.integers(1, 3))):
        name = str(rng.choice([*settings]))
        value = VALUES[rng.integers(len(VALUES))]
        match rng.integers(4):
            case 0:
                del settings[name]
            case 1:
                settings[name[:-1]] = value
            case _:
                settings[name] = value
    return json.dumps(settings).encode()

"""Whatever happens to a run, what it had done is there: killed, with a full disk, or diverging."""

import subprocess
import sys
import time

import numpy as np
import pytest

from scratchmlp.__main__ import main
from scratchmlp.checkpoints import load
from tests.small_runs import read_iterations

COURSE = ["--layers", "784", "32", "10", "--examples", "1000", "--optimizer", "adam"]
COURSE += ["--batch-size", "20", "--schedule", "cosine", "--patience", "1000"]
LONG = [*COURSE, "--epochs", "200", "--validate-every", "50"]
SHORT = [*COURSE, "--epochs", "4"]
KILLS = 12


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def same_files(one, other):
    names = ("model.npz", "checkpoint.npz", "history.csv", "settings.json")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def killed(arguments, lines, delay):
    """Start the command, kill it so long after so many lines, and say whether it was alive."""
    command = [sys.executable, "-u", "-m", "scratchmlp", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        read_iterations(process, lines)
        time.sleep(delay)
        process.kill()
    return process.returncode == -9


def test_a_run_that_is_killed_at_many_moments_ends_with_the_same_bytes(tmp_path):
    """Some are in the start, before and after settings are there; the others anywhere."""
    rng = np.random.default_rng(0)
    assert main([*LONG, "--out", "whole"]) == 0
    killed([*LONG, "--out", "run"], 1, 0)
    deaths = 0
    while deaths < KILLS:
        lines = int(rng.integers(3))
        assert killed(["--resume", "run"], lines, rng.uniform(0, 0.02 if lines else 0.8))
        deaths += 1
    assert load("run/checkpoint.npz").state.iteration < load("whole/checkpoint.npz").state.iteration
    assert main(["--resume", "run"]) == 0
    assert same_files(tmp_path / "whole", tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.partial"))


FULL = """
import resource, signal, sys
from scratchmlp.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk_is_one_line_and_leaves_the_last_checkpoint(tmp_path):
    course = [*LONG, "--epochs", "40"]
    assert main([*course, "--out", "whole"]) == 0
    assert killed([*course, "--out", "run"], 3, 0)
    before = (tmp_path / "run" / "checkpoint.npz").read_bytes()
    command = [sys.executable, "-c", FULL, "--resume", "run"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("scratchmlp: ")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == before
    assert not list((tmp_path / "run").glob("*.partial"))
    assert main(["--resume", "run"]) == 0
    assert same_files(tmp_path / "whole", tmp_path / "run")


def test_a_folder_that_cannot_be_written_is_one_line(capsys):
    assert main([*SHORT, "--out", "/proc/run"]) == 2
    complaint = capsys.readouterr().err
    assert "/proc/run" in complaint
    assert complaint.count("\n") == 1


def test_a_divergence_says_what_to_try_and_can_be_gone_on_from(capsys):
    assert main([*SHORT, "--optimizer", "sgd", "--clip-norm", "0", "--learning-rate", "1e20"]) == 2
    printed = capsys.readouterr()
    assert "not finite at iteration" in printed.err
    assert "go on with --resume run and a smaller --learning-rate" in printed.out
    assert np.isfinite(load("run/checkpoint.npz").state.params[0].W).all()
    assert main(["--resume", "run", "--learning-rate", "0.01"]) == 0
    assert load("run/checkpoint.npz").state.iteration == 160

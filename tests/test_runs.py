"""The folder of a run: what is there stays until something better can take its place."""

import json
import os
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

from scratchmlp.__main__ import main
from scratchmlp.checkpoints import load
from scratchmlp.cli import commits, figures, folders
from scratchmlp.cli.folders import opened
from tests.small_runs import BASE, RUNS, contents, same_runs, write_data

SHORT = [*BASE, "--epochs", "1", "--validate-every", "3"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figures, "draw_history", lambda *_: None)
    write_data(tmp_path)


@pytest.fixture
def run(tmp_path):
    """A folder with a run that is done."""
    assert main([*SHORT, "--patience", "50"]) == 0
    return tmp_path / "run"


def complaint(capsys, arguments):
    """The one line that a command fails with."""
    capsys.readouterr()
    try:
        status = main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    line = capsys.readouterr().err
    assert line.startswith("scratchmlp")
    assert line.count("\n") == 1
    return line


DOOMED = {
    "no workers": ["--workers", "0"],
    "a dead cluster": ["--cluster", "tcp://127.0.0.1:9"],
    "an absurd number": ["--iterations", "1" + "0" * 40],
    "no such data": ["--data", "nonesuch.csv"],
    "other layers": ["--layers", "13", "3"],
    "too few outputs": ["--layers", "12", "2"],
    "a network beyond all memory": ["--layers", "12", "9000000000000", "3"],
    "dropout of other layers": ["--dropout", "0.1", "0.2"],
    "images of another shape": ["--augment", "affine", "--image-shape", "5", "5"],
    "a divergence": ["--learning-rate", "1e30", "--clip-norm", "0", "--optimizer", "sgd"],
    "a class more than outputs": ["--data", "rare.csv", "--layers", "12", "8", "2"],
    "no such recipe": ["--recipe", "magic"],
    "a typing error": ["--lerning-rate", "1"],
}


@pytest.mark.parametrize("case", DOOMED)
def test_a_doomed_command_touches_nothing(case, run, capsys, monkeypatch):
    if case == "a dead cluster":
        distributed = pytest.importorskip("distributed")
        monkeypatch.setattr(distributed, "Client", dead)
    text = (run.parent / "data.csv").read_text().replace("\n2,", "\n1,")
    (run.parent / "rare.csv").write_text(text + "9," + text.splitlines()[-1][2:] + "\n")
    before = contents(run)
    options = [*SHORT, *DOOMED[case]]
    if case == "a dead cluster":
        options[options.index("--batch-size") : options.index("--batch-size") + 2] = []
    complaint(capsys, options)
    assert contents(run) == before
    assert not (run / ".next").exists()


def dead(address):
    raise OSError(f"Timed out trying to connect to {address}")


def test_a_doomed_command_leaves_no_folder(tmp_path, capsys):
    complaint(capsys, [*SHORT, "--out", "new", "--dropout", "0.1", "0.2"])
    assert not (tmp_path / "new").exists()


def test_a_missing_extra_touches_nothing(run, capsys, monkeypatch):
    before = contents(run)
    for module in ("matplotlib", "threadpoolctl"):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, module, None)
            assert "pip install" in complaint(capsys, SHORT)
    assert contents(run) == before


def test_a_new_run_replaces_an_old_one_whole(run):
    assert main([*SHORT, "--seed", "1"]) == 0
    assert main([*SHORT, "--seed", "1", "--out", "other"]) == 0
    assert same_runs(run, run.parent / "other")


HELD = """
import sys
from contextlib import suppress
from pathlib import Path
from scratchmlp.cli.folders import opened
with opened(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_has_one_writer(run, capsys):
    before = contents(run)
    command = [sys.executable, "-c", HELD, str(run)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout.readline() == b"held\n"
        for options in (SHORT, ["--resume", "run"]):
            line = complaint(capsys, options)
            assert f"run: is being written by process {holder.pid} on " in line
        holder.kill()
        holder.wait()
    assert main(["--resume", "run"]) == 0
    assert contents(run) == before


def test_a_second_part_of_one_process_is_another_writer(run, capsys):
    with opened(run):
        assert f"process {os.getpid()}" in complaint(capsys, SHORT)


def test_an_option_that_fails_is_not_saved(run, capsys):
    before = contents(run)
    complaint(capsys, ["--resume", "run", "--epochs", "2", "--dropout", "0.1", "0.2"])
    complaint(capsys, ["--resume", "run", "--epochs", "2", "--learning-rate", "1e30"])
    assert contents(run) == before
    assert main(["--resume", "run"]) == 0
    assert contents(run) == before


def test_an_option_can_be_taken_back(run):
    assert main(["--resume", "run", "--patience", "none", "--epochs", "2"]) == 0
    settings = json.loads((run / "settings.json").read_text())
    assert settings["patience"] is None
    assert load(run / "model.npz").state.iteration == 20
    assert main([*SHORT, "--balanced", "--out", "other"]) == 0
    assert main(["--resume", "other", "--no-balanced", "--measure-test"]) == 0
    settings = json.loads((run.parent / "other" / "settings.json").read_text())
    assert settings["balanced"] is settings["no_test"] is False


def test_patience_from_a_resume_on_keeps_the_best_from_there(tmp_path):
    quick = [*SHORT, "--learning-rate", "0.5"]
    assert main([*quick, "--epochs", "2", "--validate-every", "4"]) == 0
    assert main(["--resume", "run", "--patience", "2", "--epochs", "20"]) == 0
    rows = np.genfromtxt("run/history.csv", delimiter=",", skip_header=1)
    since = rows[19:]
    best = since[np.nanargmin(since[:, 3])]
    last = load("run/checkpoint.npz").state.iteration
    found = load("run/model.npz").state.iteration
    assert found == best[0]
    assert 20 <= found <= last
    before = contents(tmp_path / "run")
    assert main(["--resume", "run"]) == 0
    assert contents(tmp_path / "run") == before


def test_patience_with_nothing_left_to_do(run):
    assert main([*SHORT, "--out", "other"]) == 0
    assert main(["--resume", "other", "--patience", "1"]) == 0
    assert load("other/model.npz").state.iteration == 10


@pytest.mark.parametrize("options", [["--augment", "affine(shift=1)"], ["--dropout", *"000"]])
def test_options_are_tried_where_nothing_is_left_to_do(options, run, capsys):
    before = contents(run)
    assert "with the options given" in complaint(capsys, ["--resume", "run", *options])
    assert contents(run) == before


@pytest.mark.parametrize("option", [["--out", "other"], ["--recipe", "best"], ["--article"]])
def test_resume_takes_no_option_that_it_would_ignore(option, run, capsys):
    assert "leave out --" in complaint(capsys, ["--resume", "run", *option])


def test_a_run_goes_on_with_its_own_data(run, capsys):
    before = contents(run)
    line = complaint(capsys, ["--resume", "run", "--seed", "1"])
    assert "--seed was 0 and is 1" in line
    assert "--examples was None and is 100" in complaint(
        capsys, ["--resume", "run", "--examples", "100"]
    )
    (run.parent / "data.csv").rename(run.parent / "moved.csv")
    assert main(["--resume", "run", "--data", "moved.csv"]) == 0
    assert main(["--resume", "run", "--data", str(run.parent / "moved.csv")]) == 0
    write_data(run.parent, seed=1)
    line = complaint(capsys, ["--resume", "run", "--data", "data.csv"])
    assert "for training there were 240 examples of 12 numbers (" in line
    assert "for validation there were 60 examples of 12 numbers (" in line
    after = contents(run)
    del before["settings.json"], after["settings.json"]
    assert after == before


def test_an_older_version_that_remembered_no_data_can_be_resumed(run, capsys):
    settings = json.loads((run / "settings.json").read_text())
    del settings["data_fingerprint"], settings["patience_from"]
    (run / "settings.json").write_text(json.dumps(settings))
    assert "--seed was 0 and is 1" in complaint(capsys, ["--resume", "run", "--seed", "1"])
    assert main(["--resume", "run"]) == 0
    assert json.loads((run / "settings.json").read_text())["data_fingerprint"]


SETTINGS = {
    "an unknown name": ({"lerning_rate": 1}, "'lerning_rate' is no setting: did you mean"),
    "text for a number": ({"patience": "1"}, "patience must be a whole number"),
    "a number for text": ({"optimizer": 1}, "optimizer must be one of sgd"),
    "a number for yes": ({"balanced": 1}, "balanced must be true or false"),
    "an unknown optimizer": ({"optimizer": "magic"}, "optimizer must be one of sgd"),
    "an unknown activation": ({"hidden": ["magic"]}, "'magic' is no activation"),
    "no list": ({"layers": 12}, "layers must be a list"),
    "an empty list": ({"layers": []}, "layers must be a list"),
    "a number too large": ({"iterations": 10**30}, "iterations must be at most"),
    "not a number": ({"learning_rate": float("nan")}, "learning_rate must be a number"),
    "what is none": ({"seed": None}, "seed must be a whole number"),
    "two that do not go together": ({"iterations": 5}, "leave out one"),
    "no address": ({"cluster": "x", "batch_size": None}, "cluster must be an address"),
    "no fingerprint": ({"data_fingerprint": [1]}, "data_fingerprint must have"),
    "a wrong count": ({"patience_from": -1}, "patience_from must be"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_damaged_settings_are_one_line_that_names_the_file(case, run, capsys):
    wrong, message = SETTINGS[case]
    settings = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps(settings | wrong))
    line = complaint(capsys, ["--resume", "run"])
    assert "run/settings.json: is damaged: " in line
    assert message in line


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{" * 5000, b"\xff", b" " * 2_000_000, b"1"])
def test_settings_that_are_none(content, run, capsys):
    (run / "settings.json").write_bytes(content)
    assert "run/settings.json: is damaged: " in complaint(capsys, ["--resume", "run"])


HISTORIES = {
    "nothing": lambda text: "",
    "no header": lambda text: text.partition("\n")[2],
    "cut short": lambda text: text[:120],
    "a line less": lambda text: text.replace(text.splitlines()[4] + "\n", ""),
    "a word": lambda text: text.replace("\n3,", "\n3,x"),
    "a null": lambda text: text.replace("\n3,", "\n3,\0"),
    "a column more": lambda text: text.replace("\n3,", "\n3,1,"),
    "one long line": lambda text: text.replace("\n3,", "\n3," + "1" * 200_000),
    "half a validation": lambda text: text.replace("\n3,", "\n3,1,1,1,\n3,"),
}


@pytest.mark.parametrize("case", HISTORIES)
def test_a_damaged_history_is_one_line_that_names_the_file(case, run, capsys):
    path = run / "history.csv"
    path.write_text(HISTORIES[case](path.read_text()))
    before = contents(run)
    assert "run/history.csv: is damaged: " in complaint(capsys, ["--resume", "run"])
    assert contents(run) == before


@pytest.mark.parametrize("name", ["history.csv", "model.npz", "settings.json"])
def test_a_missing_file_is_named(name, run, capsys):
    (run / name).unlink()
    assert name in complaint(capsys, ["--resume", "run"])


def test_a_divergence_in_the_last_update_is_none_of_success(tmp_path, capsys):
    wild = ["--learning-rate", "1e30", "--clip-norm", "0", "--optimizer", "sgd"]
    for options in (["--iterations", "1"], ["--iterations", "1", "--validation-fraction", "0"]):
        out = f"run{len(options)}"
        line = complaint(capsys, [*BASE, *wild, *options, "--out", out])
        assert "the loss is not finite at iteration 1" in line
        state = load(f"{out}/checkpoint.npz").state
        assert all(np.isfinite(array).all() for layer in state.params for array in layer)
        assert main(["evaluate", out, "--data", "data.csv"]) == 0


def test_a_folder_that_the_terminal_cannot_encode(tmp_path):
    name = os.fsdecode(b"r\xfcn-\xe2\x82\xac")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "scratchmlp", *SHORT, "--out", name]
    done = subprocess.run(command, check=False, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / name / "learning_curves.png").exists()


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_reason_to_fail(closed, tmp_path):
    command = f'"$0" -m scratchmlp "$@" {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable, *SHORT], check=False)
    assert done.returncode == 0
    assert (tmp_path / "run" / "learning_curves.png").exists()


def test_a_reader_that_goes_away_ends_the_run_in_order(tmp_path):
    command = '"$0" -u -m scratchmlp "$@" 2>err | head -1; test ! -s err || cat err'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, *SHORT, "--epochs", "30"],
        check=False,
        capture_output=True,
    )
    assert b"Traceback" not in done.stdout
    assert b"Exception ignored" not in done.stdout
    assert main(["--resume", "run"]) == 0


def test_pictures_that_were_half_written_do_not_stay(run, monkeypatch):
    for name in ("learning_curves.png", "model.npz"):
        (run / f"{name}.999999999-0.partial").write_bytes(b"\x89PNG")
    assert main(["--resume", "run"]) == 0
    assert not list(run.glob("*.partial"))
    (run / "confusion_matrix.png.999999999-0.partial").write_bytes(b"\x89PNG")
    assert main(["evaluate", "run", "--data", "data.csv", "--plot", "run"]) == 0
    assert not list(run.glob("*.partial"))


def test_labels_go_where_a_link_points(run, tmp_path):
    (tmp_path / "there.csv").write_text("")
    (tmp_path / "there.csv").chmod(0o600)
    (tmp_path / "link.csv").symlink_to("there.csv")
    options = ["predict", "run", "--data", "data.csv", "--out"]
    assert main([*options, "link.csv"]) == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "there.csv").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "there.csv").read_text().startswith("ImageId,Label\n1,")
    assert main([*options, os.devnull]) == 0
    assert not os.path.isfile(os.devnull)


POINTS = ("write_settings", "write_history", "append_history", "save", "settle")


class PowerCutError(Exception):
    """As if the process were not there any more."""


@pytest.mark.parametrize("case", ["minibatches", "patience", "patience that ends it"])
@pytest.mark.parametrize("point", POINTS)
def test_a_cut_at_any_file_of_a_commit_loses_nothing(case, point, tmp_path, monkeypatch):
    assert main([*RUNS[case], "--out", "whole"]) == 0
    for number in (1, 2, 3, 4):
        out = f"run{number}"
        with monkeypatch.context() as patched:
            cut(patched, point, number)
            with suppress(PowerCutError):
                main([*RUNS[case], "--out", out])
        if (tmp_path / out / "settings.json").exists():
            assert main(["--resume", out]) == 0
            assert same_runs(tmp_path / "whole", tmp_path / out)


def cut(monkeypatch, point, number):
    where = folders if point in ("write_settings", "settle") else commits
    function, calls = getattr(where, point), []

    def failing(*arguments, **options):
        calls.append(None)
        if len(calls) == number:
            if point != "settle":
                function(*arguments, **options)
            raise PowerCutError
        return function(*arguments, **options)

    monkeypatch.setattr(where, point, failing)

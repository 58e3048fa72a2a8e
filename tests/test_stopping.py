"""A signal leaves a whole commit, and a resumed run ends with the bytes of one never stopped."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from scratchmlp.__main__ import main
from scratchmlp.cli import figures, runs
from scratchmlp.cli.signals import Stopped, deferred, ending
from tests.helpers import interruptible
from tests.small_runs import RUNS, contents, read_iterations, same_runs, write_data

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """And Ctrl-C asks to stop, also where the tests run in the background and it is ignored."""
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path)
    with interruptible():
        yield


def signalled(monkeypatch, name, moment, number):
    """Let the function of the module `runs` send a signal at the call of that number."""
    function, calls = getattr(runs, name), []

    def signalling(*arguments, **options):
        calls.append(None)
        if len(calls) == moment:
            os.kill(os.getpid(), number)
        return function(*arguments, **options)

    monkeypatch.setattr(runs, name, signalling)


MOMENTS = [
    ("Row", 2, signal.SIGINT),
    ("Row", 5, signal.SIGTERM),
    ("commit", 1, signal.SIGINT),
    ("commit", 2, signal.SIGTERM),
    ("averaged", 7, signal.SIGINT),
    ("save", 1, signal.SIGTERM),
]


@pytest.mark.parametrize("case", ["minibatches", "patience", "validated at the end alone"])
def test_a_signal_at_any_moment_loses_nothing(case, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw_history", lambda *_: None)
    assert main([*RUNS[case], "--out", "whole"]) == 0
    for place, (name, moment, number) in enumerate(MOMENTS):
        run = f"run{place}"
        with monkeypatch.context() as patched:
            signalled(patched, name, moment, number)
            status = main([*RUNS[case], "--out", run])
        assert status in (0, STATUS[number])  # 0 where the moment never came
        assert main(["--resume", run]) == 0
        assert same_runs(tmp_path / "whole", tmp_path / run)


def test_it_says_how_to_go_on(monkeypatch, capsys):
    signalled(monkeypatch, "Row", 2, signal.SIGTERM)
    assert main([*RUNS["validated at the end alone"], "--out", "run"]) == 143
    printed = capsys.readouterr()
    assert "stopped at iteration 2: go on with --resume run" in printed.out
    assert printed.err == "scratchmlp: interrupted\n"


def test_a_new_run_that_is_stopped_early_leaves_the_old_one(tmp_path, monkeypatch, capsys):
    assert main([*RUNS["minibatches"], "--out", "run"]) == 0
    before = contents(tmp_path / "run")
    signalled(monkeypatch, "Row", 2, signal.SIGINT)
    assert main([*RUNS["minibatches"], "--seed", "1", "--out", "run"]) == 130
    assert "run is as it was" in capsys.readouterr().out
    assert contents(tmp_path / "run") == before


def test_only_a_second_signal_interrupts():
    with ending(), deferred() as check:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped) as first:
            check()
        with pytest.raises(Stopped) as second:
            os.kill(os.getpid(), signal.SIGTERM)
    assert (first.value.at_once, first.value.status) == (False, 130)
    assert (second.value.at_once, second.value.status) == (True, 143)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ending(), deferred() as check:
        os.kill(os.getpid(), signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_leave_signals_alone():
    found = []

    def run():
        with ending(), deferred():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


def test_a_process_in_the_background_is_not_stopped(tmp_path):
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import sys;"
    program += "from scratchmlp.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-u", "-c", program, *RUNS["minibatches"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        read_iterations(process, 1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("number", STATUS)
def test_the_exit_status_of_the_process(number):
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import sys;"
    program += "from scratchmlp.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-u", "-c", program, *RUNS["minibatches"], "--epochs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        read_iterations(process, 1)
        process.send_signal(number)
        printed, complaints = process.communicate(timeout=60)
    assert process.returncode == STATUS[number]
    assert complaints == b"scratchmlp: interrupted\n"
    assert b"go on with --resume run" in printed

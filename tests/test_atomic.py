"""Files are replaced whole; links, permissions and what is no regular file are left as they are."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from scratchmlp._atomic import remove_leftovers, replacing


def write(path, text, mode="w"):
    with replacing(path, mode) as file:
        file.write(text)


def test_an_exception_leaves_the_file_as_it_was(tmp_path):
    write(tmp_path / "a", "old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a", "w") as file:
        file.write("new")
        raise RuntimeError
    assert (tmp_path / "a").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("folder/target", "folder/not there yet"):
        link = tmp_path / "link"
        link.symlink_to(name)
        write(link, "new")
        assert link.is_symlink()
        assert (tmp_path / name).read_text() == "new"
        link.unlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_permissions_stay(tmp_path, mode):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(mode)
    write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "one").write_text("")
    write(tmp_path / "other", "")
    one, other = ((tmp_path / name).stat().st_mode for name in ("one", "other"))
    assert one == other


def test_a_device_is_written_into():
    before = os.stat(os.devnull)
    write(os.devnull, b"nothing", "wb")
    after = os.stat(os.devnull)
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_rdev, before.st_ino) == (after.st_rdev, after.st_ino)


@pytest.mark.parametrize(("mode", "text"), [("w", "né"), ("wb", "né".encode())])
def test_a_fifo_is_written_into(tmp_path, mode, text):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    came = []
    reader = threading.Thread(target=lambda: came.append(path.read_bytes()))
    reader.start()
    write(path, text, mode)
    reader.join(timeout=10)
    assert came == ["né".encode()]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_failure_writes_nothing_into_a_fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(RuntimeError), replacing(path, "w") as file:
        file.write("new")
        raise RuntimeError
    with pytest.raises(BlockingIOError):
        os.read(end, 1)
    os.close(end)


def test_a_folder_is_an_error_at_once(tmp_path):
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        pytest.fail("nothing is to be written")


@pytest.mark.parametrize("name", ["n" * 250, "é" * 120])
def test_a_long_name(tmp_path, name):
    write(tmp_path / name, "whole")
    assert (tmp_path / name).read_text() == "whole"


def test_threads_may_write_one_file(tmp_path):
    texts = [str(number) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write, args=(tmp_path / "a", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_text() in texts
    assert len(list(tmp_path.iterdir())) == 1


KILLED = """
import os, signal, sys
from scratchmlp._atomic import replacing
with replacing(sys.argv[1], "w") as file:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "a.png"], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / "b.png.1-1.partial").write_text("another file's")
    with replacing(tmp_path / "a.png", "w") as file:
        remove_leftovers(tmp_path, "a.png")
        file.write("whole")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.png", "b.png.1-1.partial"]
    assert (tmp_path / "a.png").read_text() == "whole"

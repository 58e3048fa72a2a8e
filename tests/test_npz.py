"""Archives are written as NumPy writes them, and a full disk is one exception."""

import errno
import gc
import io

import numpy as np
import pytest

from scratchmlp._npz import write_npz

ARRAYS = {
    "about": np.array("text"),
    "W1": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "b1": np.zeros((2, 1), np.float32),
}


def test_the_bytes_are_those_of_savez():
    ours, theirs = io.BytesIO(), io.BytesIO()
    write_npz(ours, ARRAYS)
    np.savez(theirs, **ARRAYS)
    assert ours.getvalue() == theirs.getvalue()


class Disk(io.BytesIO):
    """With so much space; what is written beyond it is an error, now and later."""

    def __init__(self, space):
        super().__init__()
        self.space = space

    def write(self, data):
        if self.tell() + len(data) > self.space:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_one_exception_wherever_it_comes():
    whole = io.BytesIO()
    write_npz(whole, ARRAYS)
    size = len(whole.getvalue())
    for space in range(0, size, 7):
        with pytest.raises(OSError, match="No space left"):
            write_npz(Disk(space), ARRAYS)
    gc.collect()  # an archive that was left open would complain now, which is a warning here
    write_npz(Disk(size), ARRAYS)

"""Maps as they may be: all of them lawful for the sum over shards, or an error."""

import pickle
from functools import partial

import numpy as np


def repeating(function, items):
    """One object for equal shards, as dask gives for a task that it knows."""
    known = {}
    for item in items:
        key = pickle.dumps(item)
        if key not in known:
            known[key] = function(item)
        yield known[key]


class Memoizing:
    """A map that never computes anything twice, in any call; `intact` tells of its memory.

    What it remembers is what the function gave, or with `copies` arrays of its own, which are
    writable, as those are that came from another process.
    """

    def __init__(self, copies=False):
        self.known = {}
        self.copies = copies

    def __call__(self, function, items):
        return [self._result(pickle.dumps((function, item)), function, item) for item in items]

    def _result(self, key, function, item):
        if key not in self.known:
            result = function(item)
            then = pickle.dumps(result)
            self.known[key] = (pickle.loads(then) if self.copies else result), then
        return self.known[key][0]

    def intact(self):
        return all(pickle.dumps(result) == then for result, then in self.known.values())


def backwards(function, items):
    """Computes the last first, as a pool may, and gives the first first."""
    return reversed([function(item) for item in reversed(list(items))])


def twice(function, items):
    """Computes everything twice, and gives the second."""
    for item in items:
        function(item)
        yield function(item)


def eager(function, items):
    return [function(item) for item in items]


def pickled(function, items):
    """As processes do: everything is a copy."""
    copied = partial(_copied, protocol=pickle.HIGHEST_PROTOCOL)
    return (copied(copied(function)(copied(item))) for item in items)


def _copied(value, protocol):
    return pickle.loads(pickle.dumps(value, protocol))


def shifted(function, items):
    """As messages off a network may be: every array lies at an odd address, and is writable."""
    return (shifted_copy(shifted_copy(function)(shifted_copy(item))) for item in items)


def shifted_copy(value):
    """The same tree or function with all of its arrays at odd addresses."""
    buffers = []
    data = pickle.dumps(value, 5, buffer_callback=buffers.append)
    moved = [np.zeros(len(each.raw()) + 1, np.uint8)[1:] for each in buffers]
    for new, old in zip(moved, buffers, strict=True):
        new[:] = np.frombuffer(old.raw(), np.uint8)
    return pickle.loads(data, buffers=[each.data for each in moved])


LAWFUL = {
    "repeating": repeating,
    "backwards": backwards,
    "twice": twice,
    "eager": eager,
    "pickled": pickled,
    "shifted": shifted,
}


def dropping(function, items):
    """The last result is missing."""
    return [function(item) for item in items][:-1]


def duplicating(function, items):
    """The first result comes twice."""
    results = [function(item) for item in items]
    return [results[0], *results]


def empty(function, items):
    return iter(())


def lengthening(function, items):
    """The last result comes twice."""
    results = [function(item) for item in items]
    return [*results, results[-1]]


def reordering(function, items):
    """The last result comes first."""
    return [function(item) for item in items][::-1]


UNLAWFUL = {
    "dropping": dropping,
    "duplicating": duplicating,
    "empty": empty,
    "lengthening": lengthening,
    "reordering": reordering,
}

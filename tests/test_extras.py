"""A missing optional dependency is one clear line."""

import sys

import numpy as np
import pytest

from scratchmlp import History, _extras, plots, workers
from scratchmlp.__main__ import main


def test_threads_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(ImportError, match=r"^threadpoolctl .* 'scratchmlp\[parallel\]'$"):
        workers.threads(2).__enter__()


def test_pictures_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    k = np.arange(3.0)
    with pytest.raises(ImportError, match=r"^matplotlib .* 'scratchmlp\[plot\]'$"):
        plots.learning_curves({"run": History(k, k, k, k, k)})


def test_the_command_line_says_so_before_the_work(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["--out", str(tmp_path)]) == 2
    assert "pip install 'scratchmlp[cli]'" in capsys.readouterr().err


def test_a_fault_inside_of_an_extra_is_not_a_missing_extra(monkeypatch, tmp_path):
    (tmp_path / "faulty.py").write_text("import nonesuch")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nonesuch'"):
        _extras.require("faulty", "plot")


@pytest.mark.parametrize("module", ["distributed", "threadpoolctl"])
def test_a_cluster_without_its_extra(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'scratchmlp\[cluster\]'$"):
        workers.cluster(None).__enter__()

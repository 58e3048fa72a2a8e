"""The benchmark of the estimators fits the same models with both libraries."""

import pytest

from benchmarks import estimators


@pytest.mark.parametrize(("data", "solver"), [("sparse text", "adam"), ("digits", "grid")])
def test_both_libraries_fit_the_same_models(data, solver):
    ours, theirs = (
        estimators.fitted(library, data, solver, "auto", "0", "1")
        for library in estimators.LIBRARIES
    )
    assert ours["score"] == theirs["score"]
    assert ours["seconds"] > 0

"""The benchmarks measure what they say: sums, networks, and the peers that need no library."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    accuracy,
    augmentation,
    deep_vs_shallow,
    harness,
    one_page,
    overheads,
    scaling,
)
from benchmarks.peers import article, scratch
from scratchmlp import Batch, Data, flatten, init_params, map_arrays, value_and_grad
from scratchmlp.cli.options import parse
from scratchmlp.cli.recipes import RECIPES

rng = np.random.default_rng(0)
X = np.asfortranarray(rng.random((30, 400), dtype=np.float32))
data = Data(X, rng.integers(4, size=400))
params = init_params([30, 20, 4])


def test_the_operations_of_a_gradient():
    # 2 m (784 * 10 + 10 * 10) forward and as many for dW, and 2 m * 10 * 10 for the only dA.
    assert harness.gradient_flops([784, 10, 10], 5) == 2 * 5 * (2 * 7940 + 100)


def test_cases_are_timed_in_turns():
    calls = []
    cases = {name: harness.plain(lambda name=name: calls.append(name)) for name in "ab"}
    seconds = harness.in_turns(cases, rounds=2, least=0)
    assert calls == list("aabbaabb")
    assert [len(each) for each in seconds.values()] == [2, 2]


@pytest.mark.parametrize("peer", [article.PEER, scratch.PEER])
def test_peers_compute_the_same_gradient(peer):
    in_double = map_arrays(lambda a: a.astype(np.float64), params)
    reference = flatten(value_and_grad(in_double, Batch(*data))[1])
    cases = peer.gradients(params, data, True)
    assert cases
    for case in cases.values():
        with case() as run:
            np.testing.assert_allclose(flatten(run()), reference, atol=1e-6)


def test_an_epoch_learns():
    (epoch,) = scratch.PEER.sgd(params, data, 16, 0.1).values()
    assert not np.array_equal(epoch()[0].W, params[0].W)


def test_networks_are_as_large_or_as_dear_as_the_deep_one():
    nets = deep_vs_shallow.nets()
    deep = deep_vs_shallow.DEEP
    assert [len(net.sizes) - 2 for net in nets[2:]] == [1, 2, 3, 4, 5, 6] * 2
    for net in nets[2:]:
        cost = deep_vs_shallow.parameters if net.group == "equal parameters" else flops
        assert cost(net.sizes) == pytest.approx(cost(deep), rel=0.01)


def flops(sizes):
    return harness.gradient_flops(sizes, 1)


def test_a_course_and_its_table_and_figure():
    few = Data(rng.random((784, 50), dtype=np.float32), rng.integers(10, size=50))
    nets = [deep_vs_shallow.Net(group, [784, 10, 10]) for group in (deep_vs_shallow.ARTICLE, "b")]
    nets.insert(1, nets[0])
    courses = [deep_vs_shallow.learnt(net, few, few, 10) for net in nets]
    assert [course.iterations for course in courses] == [[5, 10]] * 3
    assert deep_vs_shallow.table(courses).count("\n") == 4
    two_groups = [*courses, courses[-1]._replace(net=courses[-1].net._replace(group="c"))]
    assert len(deep_vs_shallow.figure(two_groups).axes) == 4


def test_a_point_of_the_scaling():
    point = scaling.measure([784, 10, 10], 300, 1)
    assert point["seconds"] > 0
    assert point["flops"] == harness.gradient_flops([784, 10, 10], 300)
    assert "Slope" in scaling.summary("examples", {10_000: [point], 20_000: [point]})


def test_ratios_are_of_the_first_to_the_second():
    assert overheads.compared(lambda: sum(range(100_000)), lambda: None, 3) > 10


def test_the_machine_is_described():
    described = harness.described()
    assert "cores" in described
    assert "numpy" in described
    assert harness.table("ab", ["cd"]) == "| a | b |\n| --- | --- |\n| c | d |"


@pytest.mark.parametrize("row", accuracy.ROWS, ids=lambda row: row.name)
def test_rows_of_the_accuracies_are_commands(row):
    options = parse([*shlex.split(row.options), "--seed", "3"])
    assert options.seed == 3
    article = options.initializer == "article_normal"
    assert options.validation_fraction == (0.2 if article else 0)


@pytest.mark.parametrize("name", accuracy.CHANGES)
def test_every_change_of_the_best_recipe_changes_its_options(name):
    changed, best = (
        parse(shlex.split(accuracy.written(RECIPES["best"] | change)))
        for change in (accuracy.CHANGES[name], {})
    )
    assert (changed == best) == (name == "as it is")


def test_a_recipe_is_what_its_options_say():
    asked = parse(["--recipe", "best"])
    asked.recipe = None
    assert parse(shlex.split(accuracy.written(RECIPES["best"]))) == asked


def test_a_row_is_trained_and_a_committee_votes(tmp_path):
    row = accuracy.Row("small", "--layers 784 8 10 --epochs 7 --batch-size 50", 99.0, "nobody")
    result = accuracy.trained(row, accuracy.SEEDS, tmp_path, quick=True)
    assert result.weights == 785 * 8 + 9 * 10
    assert all(0 < each < 100 for each in result.accuracies)
    together = accuracy.committee(result, tmp_path, quick=True)
    assert together.weights == 5 * result.weights
    assert accuracy.trained(row, accuracy.SEEDS, tmp_path, quick=True) == result  # not again
    assert accuracy.table([result, together]).count("\n") == 3
    assert len(accuracy.drawn([result, together]).axes[0].lines) == 4


def test_augmentations_are_timed_and_drawn():
    cases = augmentation.alone(np.zeros((784, 40), np.float32), np.arange(40) % 10)
    assert len(harness.in_turns(cases, rounds=1, least=0)) == len(cases)
    assert len(augmentation.drawn(np.zeros((784, 10))).axes) == 60


def test_the_page_learns_and_draws(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["one_page", "--quick", "--figure", str(tmp_path / "page.png")])
    monkeypatch.setattr(one_page, "SIZES", [784, 16, 10])
    one_page.main()
    *rows, last = capsys.readouterr().out.splitlines()
    assert len(rows) == 20
    assert float(last.partition("%")[0]) > 60
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert len(Path(one_page.__file__).read_text().splitlines()) <= 100

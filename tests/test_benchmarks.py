"""The benchmarks measure what they say: sums, networks, and the peers that need no library."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    accuracy,
    against_peers,
    augmentation,
    by_hand,
    deep_vs_shallow,
    harness,
    one_page,
    optimizers,
    overheads,
    processes,
    scaling,
)
from benchmarks.peers import BY_HAND, OURS, article, numpy_alone, scratch
from benchmarks.processes import Measured, Program
from scratchmlp import (
    Batch,
    Data,
    adam,
    flatten,
    init_params,
    init_state,
    map_arrays,
    nesterov,
    sgd,
    train,
    value_and_grad,
)
from scratchmlp.cli.options import parse
from scratchmlp.cli.recipes import RECIPES

rng = np.random.default_rng(0)
X = np.asfortranarray(rng.random((30, 400), dtype=np.float32))
data = Data(X, rng.integers(4, size=400))
params = init_params([30, 20, 4])


def test_the_operations_of_a_gradient():
    # 2 m (784 * 10 + 10 * 10) forward and as many for dW, and 2 m * 10 * 10 for the only dA.
    assert harness.gradient_flops([784, 10, 10], 5) == 2 * 5 * (2 * 7940 + 100)


def test_an_optimizer_races_to_its_goals():
    match = optimizers.Match("easy", lambda: (data, data), [30, 20, 4], (2.0,), 60.0)
    looks = optimizers.learnt(nesterov(0.1), match, data, data, 0, 3)
    assert [look.epochs for look in looks] == [(k + 1) / 4 for k in range(12)]
    assert [look.seconds for look in looks] == sorted(look.seconds for look in looks)
    best = [look.accuracy for look in looks]
    sooner = optimizers.learnt(nesterov(0.1), match._replace(goals=(max(best),)), data, data, 0, 3)
    assert [look.accuracy for look in sooner] == best[: best.index(max(best)) + 1]
    beyond = optimizers.learnt(sgd(1e30), match, data, data, 0, 3)
    assert beyond[-1].accuracy == 0


def test_the_seconds_to_a_goal_are_a_median_of_all_runs():
    one, other = (
        [optimizers.Look(0.25, s, 0.5), optimizers.Look(0.5, 2 * s, 0.9)] for s in (1.0, 3.0)
    )
    assert optimizers.cell([one, other, one], 0.9) == "2.0 (2.0 to 6.0), 0.5"
    assert optimizers.cell([one, other[:1], one], 0.9) == "2.0 (2.0 to never), 0.5"
    assert optimizers.cell([one, other[:1]], 0.9) == "1 of 2"


def test_cases_are_timed_in_turns():
    calls = []
    cases = {name: harness.plain(lambda name=name: calls.append(name)) for name in "ab"}
    seconds = harness.in_turns(cases, rounds=2, least=0)
    assert calls == list("aabbaabb")
    assert [len(each) for each in seconds.values()] == [2, 2]


@pytest.mark.parametrize("peer", [article.PEER, numpy_alone.PEER, scratch.PEER])
@pytest.mark.parametrize("variant", ["", "live"])
def test_peers_compute_the_same_gradient(peer, variant):
    in_double = map_arrays(lambda a: a.astype(np.float64), params)
    reference = flatten(value_and_grad(in_double, Batch(*data))[1])
    with peer.gradient(variant, params, data)() as run:
        np.testing.assert_allclose(flatten(run()), reference, atol=1e-6)


def test_an_epoch_learns():
    epoch = scratch.PEER.epoch("dense", params, data, 16, 0.1)
    assert not np.array_equal(epoch()[0].W, params[0].W)


@pytest.mark.parametrize("sizes", [[30, 4], [30, 20, 4], [30, 12, 7, 5, 4]])
@pytest.mark.parametrize("m", [1, 16])
@pytest.mark.parametrize("optimizer", [sgd, nesterov, adam])
def test_the_program_by_hand_is_the_library(sizes, m, optimizer, monkeypatch):
    monkeypatch.setattr(by_hand, "BLOCK", 64)  # so that an update takes several blocks
    start = init_params(sizes, dtype=np.float64)
    labels = data.y.astype(np.uint8)  # as MNIST's
    examples = np.asfortranarray(data.X, dtype=np.float64)
    batches = [Batch(examples[:, k : k + m], labels[k : k + m]) for k in range(0, 10 * m, m)]
    found = by_hand.train(start, batches, optimizer.__name__, 0.01)
    states = [*train(init_state(start, optimizer(0.01)), batches, optimizer=optimizer(0.01))]
    # Both are right to rounding, some 1e-15 a step; Adam divides by roots that may be small.
    np.testing.assert_allclose(flatten(found.params), flatten(states[-1].params), atol=1e-9)
    np.testing.assert_allclose(found.losses, [state.loss for state in states], atol=1e-9)
    np.testing.assert_array_equal(found.accuracies, [state.accuracy for state in states])


def test_the_program_by_hand_counts_no_logit_below_minus_60():
    sure = map_arrays(lambda a: 1000 * a, init_params([30, 4]))
    batch = Batch(*data)
    found = by_hand.train(sure, [batch])
    evaluation, _ = value_and_grad(sure, batch)
    assert found.losses[0] == pytest.approx(evaluation.loss, rel=1e-6)
    assert found.accuracies[0] == evaluation.accuracy


def test_programs_run_in_processes_of_their_own_in_turns(monkeypatch):
    monkeypatch.setattr(processes, "PAUSE", 0.0)
    monkeypatch.setattr(processes, "QUIET", 0.0)  # other tests may run beside this one
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    programs = [Program(name, f"tests.programs:{name}") for name in "ab"]
    programs.append(Program("c", "no_such_library:c"))
    assert processes.values(programs, [1]) == {"a": ["a", 1], "b": ["b", 1]}
    result = processes.measured(programs, [[1], ["not there"]], rounds=2, turns=1, least=0)
    assert list(result.seconds["1"]) == ["a", "b"]
    assert all(len(each) == 2 for each in result.seconds["1"].values())
    assert result.seconds["not there"] == {}
    assert (result.repeated, result.disturbed) == (0, 0)
    assert "OPENBLAS_CORETYPE" not in result.machine["settings"]
    assert "2 rounds" in processes.said(result)


def test_a_case_is_measured_again_while_the_machine_is_busy(monkeypatch):
    # Before and after each attempt: the second is disturbed, and so is the third, the last.
    rooflines = iter([100.0, 99.0, 50.0, 99.0, 100.0])
    monkeypatch.setattr(processes, "_roofline", lambda child: next(rooflines))
    monkeypatch.setattr(processes, "MOST_REPEATED", 1)
    programs = [Program("a", "tests.programs:a")]
    result = processes.measured(programs, [["one"], ["two"]], rounds=1, turns=1, least=0)
    assert (result.repeated, result.disturbed) == (1, 1)
    assert result.rooflines == {"one": [99.0], "two": [50.0]}
    assert "REPEAT THIS" in processes.said(result)


def test_tables_say_medians_and_spreads():
    seconds = {OURS: [2e-6, 4e-6, 3e-6], BY_HAND: [1e-6, 2e-6, 2e-6]}
    result = Measured({"step 32": seconds}, {"step 32": [1e9] * 3}, 0, 0, {})
    cases = {32: "step 32"}
    assert "| scratchmlp | 3 (2 to 4) |" in against_peers.steps_table(result, cases)
    assert "| by hand | 2.00 (1.50 to 2.00) |" in against_peers.ratios_table(result, cases)
    by_name = {"scratchmlp, dense": [0.2, 0.2], "PyTorch, eager": [0.1, 0.2]}
    table = against_peers.gradients_table([784, 10, 10], by_name, [1e12, 1e12])
    assert "1.50 (1.00 to 2.00)" in table


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
    assert [course.iterations for course in courses] == [[5, 6, 7, 8, 9, 10]] * 3
    assert np.shape(courses[0].test) == np.shape(courses[0].training) == (6, 10)  # seeds
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
    assert options.network.seed == 3
    article = options.network.initializer == "article_normal"
    assert options.data.validation_fraction == (0.2 if article else 0)


@pytest.mark.parametrize("name", accuracy.CHANGES)
def test_every_change_of_the_best_recipe_changes_its_options(name):
    changed, best = (
        parse(shlex.split(accuracy.written(RECIPES["best"] | change)))
        for change in (accuracy.CHANGES[name], {})
    )
    assert (changed == best) == (name == "as it is")


def test_a_recipe_is_what_its_options_say():
    assert parse(shlex.split(accuracy.written(RECIPES["best"]))) == parse(["--recipe", "best"])


TWO = accuracy.SEEDS[:2]


def test_a_row_is_trained_and_a_committee_votes(tmp_path):
    row = accuracy.Row(
        "small", "--layers 784 8 10 --epochs 7 --batch-size 50", 99.0, "nobody", seeds=TWO
    )
    result = accuracy.trained(row, TWO, tmp_path, quick=True)
    assert result.weights == 785 * 8 + 9 * 10
    assert all(0 < each < 100 for each in result.accuracies)
    assert accuracy.trained(row, TWO, tmp_path, quick=True) == result  # not again
    together = accuracy.committee([row._replace(seeds=TWO)], tmp_path, quick=True)
    assert together.weights == len(TWO) * result.weights
    seen = row._replace(name="copies", seen="--augment 'affine(shift=1)' --copies 2")
    copies = accuracy.trained(seen, TWO[:1], tmp_path, quick=True)
    assert 0 < copies.accuracies[0] < 100
    sprint = accuracy.sprinted(accuracy.SPRINTS[0], TWO[:1], quick=True)
    assert sprint.weights == 785 * 256 + 257 * 10
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

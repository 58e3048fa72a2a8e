"""Each picture shows the data that it is given, and draws on nothing global."""

import subprocess
import sys

import numpy as np
import pytest

from scratchmlp import History, backward, forward, init_params, plots
from tests.helpers import problem

rng = np.random.default_rng(0)
k = np.arange(1, 11.0)
sparse = np.where(k % 5 == 0, 2 / k, np.nan)
RUN = History(k, 1 / k, 1 - 1 / k, sparse, 1 - sparse)
UNSEEN = History(k, 1 / k, 1 - 1 / k, *np.full((2, 10), np.nan))
params, X, Y, _ = problem(n_out=5, m=30)
cache = forward(params, X)


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def test_learning_curves_have_a_line_for_training_and_one_for_validation():
    accuracy, loss = plots.learning_curves({"run": RUN}, "title").axes
    assert set(lines(accuracy)) == set(lines(loss)) == {"training", "validation"}
    np.testing.assert_array_equal(lines(loss)["training"].get_xydata(), np.c_[k, 1 / k])
    np.testing.assert_array_equal(lines(loss)["validation"].get_xydata(), [[5, 0.4], [10, 0.2]])
    np.testing.assert_allclose(lines(accuracy)["validation"].get_ydata(), [60, 80])


def test_several_runs_are_told_apart_by_colour_and_their_lines_by_style():
    _, loss = plots.learning_curves({"a": RUN, "b": RUN, "c": UNSEEN}).axes
    drawn = lines(loss)
    assert set(drawn) == {
        "a, training",
        "a, validation",
        "b, training",
        "b, validation",
        "c, training",
    }
    colours = [drawn[f"{name}, training"].get_color() for name in "abc"]
    assert len(set(colours)) == 3
    assert drawn["b, validation"].get_color() == colours[1]
    assert drawn["b, validation"].get_linestyle() != drawn["b, training"].get_linestyle()


def test_a_long_curve_is_drawn_as_means():
    many = np.arange(1, 10_001.0)
    run = History(many, many % 2, many % 2, *np.full((2, 10_000), np.nan))
    (line,) = plots.learning_curves({"run": run}).axes[1].lines
    assert len(line.get_xdata()) == 500
    assert set(line.get_ydata()) == {0.5}


def test_no_history_is_no_line():
    empty = History(*np.empty((5, 0)))
    assert all(len(axes.lines) <= 1 for axes in plots.learning_curves({"run": empty}).axes)


def test_a_confusion_matrix_has_every_count_and_name():
    counts = np.array([[5, 1, 0], [0, 7, 2], [0, 0, 0]])
    (axes,) = plots.confusion_matrix(counts, ["a", "b", "c"]).axes
    assert [text.get_text() for text in axes.texts] == [str(n) for n in counts.ravel()]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert axes.get_title() == "80.00% of 15 right"


def test_the_most_confident_mistakes_come_first():
    P = np.array([[0.9, 0.6, 0.7, 0.2], [0.1, 0.4, 0.3, 0.8]])
    images = rng.random((6, 4))
    figure = plots.most_wrong(images, np.array([1, 1, 0, 0]), P, shape=(2, 3))
    drawn = [axes for axes in figure.axes if axes.images]
    titles = [axes.get_title().splitlines()[0] for axes in drawn]
    assert titles == ["taken for 0: 90.0%", "taken for 1: 80.0%", "taken for 0: 60.0%"]
    np.testing.assert_array_equal(drawn[1].images[0].get_array(), images[:, 3].reshape(2, 3))


def test_no_mistakes_make_an_empty_picture():
    figure = plots.most_wrong(np.ones((4, 2)), np.array([0, 0]), np.array([[0.9, 0.9], [0.1, 0.1]]))
    assert not any(axes.images for axes in figure.axes)


def test_the_first_layers_weights():
    layers = init_params([16, 70, 2])
    drawn = [axes for axes in plots.first_layer(layers).axes if axes.images]
    norms = np.linalg.norm(layers[0].W, axis=1)
    assert len(drawn) == 64
    largest = layers[0].W[norms.argmax()].reshape(4, 4)
    np.testing.assert_array_equal(drawn[0].images[0].get_array(), largest)
    assert {axes.images[0].get_clim() for axes in drawn} == {drawn[0].images[0].get_clim()}


def test_magnitudes_by_layer():
    activations, gradients = plots.magnitudes(cache, backward(params, cache, Y)).axes
    assert activations.get_xticks().tolist() == [0, 1, 2]
    assert gradients.get_xticks().tolist() == [1, 2]
    assert activations.get_yscale() == "log"
    medians = [line.get_ydata()[0] for line in activations.lines if line.get_marker() == "_"]
    signals = (*cache.A[:-1], cache.Z[-1])
    assert medians == pytest.approx([np.median(abs(A[A != 0])) for A in signals])


def test_wrong_arguments():
    P, y = np.full((2, 3), 0.5), np.array([0, 1, 1])
    for make, error, message in (
        (lambda: plots.confusion_matrix(np.ones((2, 3), int)), ValueError, "must be square"),
        (lambda: plots.confusion_matrix(np.ones((2, 2))), TypeError, "counts must hold integers"),
        (lambda: plots.most_wrong(np.ones((4, 2)), y, P), ValueError, "as many examples, not 2"),
        (
            lambda: plots.most_wrong(np.ones((5, 3)), y, P),
            ValueError,
            "X has 5 rows, so its images",
        ),
        (lambda: plots.most_wrong(np.ones((4, 3)), y + 1, P), ValueError, "labels y must be in"),
        (lambda: plots.first_layer(params, shape=(2, 2)), ValueError, "layer 1 takes has 3 rows"),
        (lambda: plots.first_layer(params, shape=3), TypeError, r"shape must be \(height, width\)"),
        (lambda: plots.first_layer(params, count=-1), ValueError, "count must be at least 0"),
        (lambda: plots.magnitudes(cache, cache), TypeError, "grads must be a Layer, not tuple"),
    ):
        with pytest.raises(error, match=message):
            make()


def test_nothing_global_is_loaded_or_drawn_on():
    program = (
        "import sys; from tests import test_plots;"
        "test_plots.test_magnitudes_by_layer(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def stacked(lost=0):
    """The figures of five networks, of which some have diverged by the end."""
    losses = np.linspace(1, 2, 5) / k[:, np.newaxis]
    losses[6:, :lost] = np.nan
    return History(k, losses, 1 - losses / 2, *(np.where(k[:, None] % 5 == 0, losses, np.nan),) * 2)


def test_a_stack_is_drawn_as_its_median_and_a_band_between_the_quartiles():
    _, loss = plots.learning_curves({"stack": stacked()}).axes
    drawn = lines(loss)
    assert set(drawn) == {
        "training: median and quartiles of 5",
        "validation: median and quartiles of 5",
    }
    np.testing.assert_allclose(drawn["training: median and quartiles of 5"].get_ydata(), 1.5 / k)
    band = loss.collections[0]
    ends = band.get_paths()[0].vertices
    for place in (1, 10):
        heights = ends[ends[:, 0] == place, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], [1.25 / place, 1.75 / place])


def test_networks_that_diverged_are_left_out_of_the_median():
    _, loss = plots.learning_curves({"stack": stacked(lost=2)}).axes
    line = lines(loss)["training: median and quartiles of the rest of 5"]
    np.testing.assert_allclose(line.get_ydata()[-1], 1.75 / 10)
    assert np.isfinite(line.get_ydata()).all()


def test_every_line_of_a_stack_is_drawn_if_asked_for():
    _, loss = plots.learning_curves({"stack": stacked()}, every_line=True).axes
    assert len(loss.lines) == 10
    assert not loss.collections
    texts = [text.get_text() for text in loss.get_legend().get_texts()]
    assert texts == ["training, each of 5", "validation, each of 5"]


def test_a_long_stack_is_drawn_as_means():
    many = np.arange(1, 10_001.0)
    figures = np.stack([many % 2, many % 2 + 2], axis=1)
    run = History(many, figures, figures, *np.full((2, 10_000, 2), np.nan))
    (line,) = plots.learning_curves({"run": run}).axes[1].lines
    assert len(line.get_xdata()) == 500
    assert set(line.get_ydata()) == {1.5}

"""Learning rates at the iterations where one knows what they are."""

import pickle

import pytest

from scratchmlp import (
    constant,
    cosine_decay,
    exponential_decay,
    inverse_scaling,
    one_cycle,
    step_decay,
    warmup,
)
from tests.helpers import SCHEDULES


def rates(schedule, *iterations):
    return [schedule(iteration) for iteration in iterations]


def test_steps():
    schedule = step_decay(1.0, every=3, factor=0.5)
    assert rates(schedule, *range(7)) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_exponential_passes_through_the_steps():
    steps, smooth = (make(0.3, every=7, factor=0.2) for make in (step_decay, exponential_decay))
    assert rates(smooth, 0, 7, 70) == pytest.approx(rates(steps, 0, 7, 70), rel=1e-14)
    assert smooth(3) == pytest.approx(0.3 * 0.2 ** (3 / 7), rel=1e-14)


def test_inverse_scaling_is_a_power_of_the_time():
    schedule = inverse_scaling(0.8, power=2.0, every=4)
    assert rates(schedule, 0, 4, 12) == [0.8, 0.2, 0.05]
    assert rates(inverse_scaling(0.8, power=0), 0, 99) == [0.8, 0.8]


def test_cosine():
    schedule = cosine_decay(0.5, iterations=60, final=0.1)
    # cos 60 degrees is a half: a quarter of the way down
    assert rates(schedule, 0, 20, 30, 60, 1000) == pytest.approx([0.5, 0.4, 0.3, 0.1, 0.1])


def test_warm_up_is_a_share_of_the_schedule():
    base = cosine_decay(0.5, iterations=60)
    schedule = warmup(base, iterations=4)
    assert rates(schedule, 0, 1, 2) == pytest.approx([base(0) / 4, base(1) / 2, 0.75 * base(2)])
    assert rates(schedule, 3, 30, 60) == rates(base, 3, 30, 60)


def test_one_cycle_rises_to_the_peak_and_falls():
    schedule = one_cycle(1.0, iterations=100, rising=0.2, start=0.1, final=0.01)
    assert rates(schedule, 0, 10, 20, 60, 100) == pytest.approx([0.1, 0.55, 1, 0.505, 0.01])
    course = rates(schedule, *range(101))
    assert course[:21] == sorted(course[:21])
    assert course[20:] == sorted(course[20:], reverse=True)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "number"])
def test_they_pickle(name):
    again = pickle.loads(pickle.dumps(SCHEDULES[name]))
    assert rates(again, *range(8)) == rates(SCHEDULES[name], *range(8))


def test_wrong_arguments():
    for make, error, message in (
        (lambda: constant(-1), ValueError, "constant: rate must be finite and at least 0, not -1"),
        (lambda: constant("1"), TypeError, "constant: rate must be a number, not str '1'"),
        (lambda: step_decay(1, every=0), ValueError, "step_decay: every must be at least 1"),
        (lambda: step_decay(1, every=1.5), TypeError, "every must be an integer, not float"),
        (lambda: exponential_decay(1, every=1, factor=0), ValueError, "factor must be finite and"),
        (lambda: inverse_scaling(1, power=-1), ValueError, "power must be finite and at least 0"),
        (lambda: cosine_decay(1, iterations=0), ValueError, "iterations must be at least 1"),
        (lambda: cosine_decay(1, iterations=9, final=-1), ValueError, "final must be finite"),
        (lambda: warmup(-1, iterations=2), ValueError, "warmup: learning_rate must be finite"),
        (lambda: one_cycle(1, iterations=9, rising=1), ValueError, "rising must be below 1"),
        (lambda: one_cycle(float("inf"), iterations=9), ValueError, "peak must be finite"),
    ):
        with pytest.raises(error, match=message):
            make()

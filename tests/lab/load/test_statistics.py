import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.lab.load import statistics


@pytest.mark.parametrize(
    ("degrees", "point"), [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (9, 2.26216), (19, 2.09302), (99, 1.98422)]
)
def test_student_agrees_with_the_tables(degrees: int, point: float) -> None:
    assert statistics.student_t(degrees) == pytest.approx(point, abs=2e-4)


def test_mean_intervals_cover_the_truth_as_often_as_they_say() -> None:
    generator = random.Random(5)
    covered = 0
    for _ in range(1000):
        interval = statistics.mean_interval([generator.gauss(3, 2) for _ in range(6)])
        covered += interval.low <= 3 <= interval.high
    assert 930 <= covered <= 970


def test_wilson_gives_the_textbook_interval_and_stays_inside() -> None:
    interval = statistics.wilson(8, 10)
    assert (interval.low, interval.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert statistics.wilson(0, 10).low == 0
    assert statistics.wilson(10, 10).high == 1


def test_holm_multiplies_the_smallest_most_and_never_reorders() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert statistics.holm([0.9, 0.8]) == (1.0, 1.0)


def test_the_sign_test_counts_signs() -> None:
    assert statistics.sign_test([1.0] * 5) == pytest.approx(2 / 32)
    assert statistics.sign_test([0.0, 0.0]) == 1.0


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=30))
def test_spearman_of_a_rising_function_is_one(values: list[int]) -> None:
    expected = 1.0 if len(set(values)) > 1 else 0.0
    assert statistics.spearman(values, [value**3 + value for value in values]) == pytest.approx(expected)


def test_mser_5_cuts_the_start_and_leaves_a_steady_series_alone() -> None:
    generator = random.Random(3)
    steady = [10 + generator.gauss(0, 1) for _ in range(200)]
    start = [10 * (1 - 0.9**at) + generator.gauss(0, 1) for at in range(60)]
    assert statistics.mser_5(steady) <= 60
    assert 15 <= statistics.mser_5(start + steady) <= 60


@pytest.mark.parametrize("count", range(2, 13))
def test_a_p_value_is_five_per_cent_where_the_interval_just_leaves_zero_out(count: int) -> None:
    values = [float(at) for at in range(count)]
    interval = statistics.mean_interval(values)
    shifted = [each - interval.low for each in values]
    assert statistics.p_value(shifted) == pytest.approx(0.05, abs=1e-4)
    assert statistics.p_value([-each for each in shifted]) == pytest.approx(statistics.p_value(shifted))
    assert statistics.p_value([each + 1 for each in shifted]) < statistics.p_value(shifted)


def test_p_values_at_their_ends() -> None:
    assert statistics.p_value([0.0, 0.0]) == 1
    assert statistics.p_value([3.0]) == 1
    assert statistics.p_value([2.0, 2.0, 2.0]) == 0
    assert statistics.p_value([1.0, -1.0]) == 1
    # Student's t with 3 and 4 degrees of freedom, from tables: 5.841 and 4.604 are the two-sided 1 % points.
    assert statistics.p_value(_with_t(5.841, 4)) == pytest.approx(0.01, rel=1e-3)
    assert statistics.p_value(_with_t(4.604, 5)) == pytest.approx(0.01, rel=1e-3)


def _with_t(t: float, count: int) -> list[float]:
    values = [float(at) for at in range(count)]
    mean = sum(values) / count
    error = math.sqrt(sum((each - mean) ** 2 for each in values) / (count - 1) / count)
    return [each - mean + t * error for each in values]

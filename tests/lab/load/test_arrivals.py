"""Traffic is what the profile says, request by request."""

import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import System


def system(rate: float = 200) -> System:
    return sketch.system([sketch.component("s")], [sketch.operation("op", "s", sketch.work(1))], {"op": rate})


def offered(arrivals: load.Arrivals, duration: float = 60, slice_s: float = 10, seed: int = 1) -> tuple[float, ...]:
    scenario = load.Scenario(duration, arrivals=arrivals, slice_s=slice_s)
    return load.run(system(), scenario, seed).series.offered_per_s


def test_a_spike_is_where_it_says() -> None:
    assert offered(load.spike(4, 20, 10)) == pytest.approx([200, 200, 800, 200, 200, 200], rel=0.1)


def test_a_ramp_climbs_in_a_straight_line() -> None:
    assert offered(load.ramp(5, 10, 40)) == pytest.approx([200, 300, 500, 700, 900, 1000], rel=0.1)


def test_a_day_swings_around_the_base_rate() -> None:
    rates = offered(load.diurnal(0.5, 40, 40), duration=40)
    assert rates[0] > 240
    assert rates[2] < 160
    assert sum(rates) / 4 == pytest.approx(200, rel=0.05)


def test_a_trace_is_replayed() -> None:
    assert offered(load.trace([1, 0, 3, 0.5, 2, 1], 10)) == pytest.approx([200, 0, 600, 100, 400, 200], rel=0.15)


def test_rates_of_the_scenario_replace_those_of_the_system() -> None:
    assert offered(load.at_rates({"op": 50}, load.spike(2, 20, 10))) == pytest.approx([50, 50, 100, 50, 50, 50], rel=0.25)


def test_bursts_have_the_mean_of_their_states_and_vary_more_than_poisson() -> None:
    rates = offered(load.bursty(5, mean_busy_s=2, mean_calm_s=8), duration=4000, slice_s=1)
    mean = sum(rates) / len(rates)
    assert mean == pytest.approx(200 * (0.2 * 5 + 0.8), rel=0.1)
    variance = sum((rate - mean) ** 2 for rate in rates) / len(rates)
    assert variance > 20 * mean
    other = offered(load.bursty(5, mean_busy_s=2, mean_calm_s=8), duration=4000, slice_s=1, seed=2)
    assert rates != other


def test_arrivals_are_poisson() -> None:
    rates = offered(load.constant(), duration=4000, slice_s=1)
    mean = sum(rates) / len(rates)
    variance = sum((rate - mean) ** 2 for rate in rates) / len(rates)
    assert variance / mean == pytest.approx(1, abs=0.08)  # 4,000 counts: the standard error of the ratio is 0.022


def test_a_request_is_the_same_request_whatever_the_system_does() -> None:
    """Arrivals of two different systems under one seed are equal to the last one."""
    scenario = load.Scenario(60, arrivals=load.ramp(3, 10, 20))
    slow = sketch.system([sketch.component("s", workers=1)], [sketch.operation("op", "s", sketch.work(50))], {"op": 200})
    assert load.run(slow, scenario).series.offered_per_s == load.run(system(), scenario).series.offered_per_s

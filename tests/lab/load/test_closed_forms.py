"""The cases of benchmarks/load/closed_forms.py at a size that takes seconds, judged by their own intervals."""

import importlib.util
import math
from pathlib import Path

import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.experiment import replication_seed
from backend_expert.lab.load.statistics import mean_interval

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "load" / "closed_forms.py"
specification = importlib.util.spec_from_file_location("closed_forms", SCRIPT)
assert specification is not None
assert specification.loader is not None
closed_forms = importlib.util.module_from_spec(specification)
specification.loader.exec_module(closed_forms)

REQUESTS = 600_000
RIGHT = 2.0  # half-widths: a right simulator is outside once in 600 cases (t, 9 degrees), and the seed is fixed


@pytest.mark.parametrize("case", closed_forms.cases(), ids=lambda case: case.name)
def test_the_simulator_agrees_with_the_formula(case) -> None:
    value, half = closed_forms.measure(case, REQUESTS)
    assert abs(value / case.exact - 1) <= RIGHT * half
    assert half < 0.04, "the interval is too wide for the comparison to mean anything"


def station(workers: int, service_ms: float, rate: float):
    return sketch.system(
        [sketch.component("s", workers=workers)], [sketch.operation("op", "s", sketch.work(service_ms))], {"op": rate}
    )


def test_a_spike_fills_an_unlimited_station_as_its_differential_equation_says() -> None:
    """M/M/∞: the mean number inside follows dn/dt = λ(t) - μn."""
    scenario = load.Scenario(30, warmup_s=20, arrivals=load.spike(5, 10, 10), slice_s=0.5)
    runs = [load.run(station(100_000, 2000, 400), scenario, replication_seed(3, at)) for at in range(20)]
    for at in (5, 21, 25, 35, 41, 50):
        simulated = sum(each.components[0].utilisation_series[at] for each in runs) / 20 * 100_000
        middle = (at + 0.5) * 0.5
        exact = 800.0
        if middle > 10:
            exact = 4000 - 3200 * math.exp(-(min(middle, 20) - 10) / 2)
        if middle > 20:
            exact = 800 + (exact - 800) * math.exp(-(middle - 20) / 2)
        assert simulated == pytest.approx(exact, rel=0.02)


def test_an_overloaded_queue_grows_by_what_is_too_much() -> None:
    """The fluid limit: 500 arrive, 400 are served, the queue grows by 100 a second."""
    series = load.run(station(4, 10, 500), load.Scenario(200, warmup_s=0, slice_s=10, patience_s=None)).components[0].queue_series
    assert (series[-1] - series[4]) / (10 * (len(series) - 5)) == pytest.approx(100, rel=0.05)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    scenario = load.Scenario(60, warmup_s=5, slice_s=60, patience_s=None)
    system = station(1, 10, 50)
    covered = 0
    for seed in range(100):
        means = [load.run(system, scenario, replication_seed(1000 + seed, at)).mean_ms or 0.0 for at in range(5)]
        interval = mean_interval(means)
        covered += interval.low <= 20 <= interval.high
    assert covered >= 90

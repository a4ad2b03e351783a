import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch


@pytest.mark.parametrize(("duration", "slices"), [(10.0, 10), (10.5, 11), (10 / 3, 4), (0.4, 1)])
def test_a_short_last_slice_is_measured_over_its_own_length(duration: float, slices: int) -> None:
    """A station that is always busy is busy in the last slice too, however short it is."""
    system = sketch.system([sketch.component("s", workers=1)], [sketch.operation("op", "s", sketch.work(100))], {"op": 200})
    outcome = load.run(system, load.Scenario(duration))
    component = outcome.components[0]
    assert component.utilisation_series == pytest.approx([1.0] * slices)
    assert component.utilisation == pytest.approx(1.0)
    assert outcome.series.offered_per_s == pytest.approx([200.0] * slices, rel=0.5)
    assert sum(entry.offered for entry in outcome.entries) == outcome.offered


def test_utilisation_is_what_littles_law_says() -> None:
    system = sketch.system(
        [sketch.component("s", workers=10), sketch.component("db", workers=4)],
        [sketch.operation("op", "s", sketch.work(5), sketch.call("q", pool=3)), sketch.operation("q", "db", sketch.work(10))],
        {"op": 100},
    )
    outcome = load.run(system, load.Scenario(300))
    database = next(each for each in outcome.components if each.component == "db")
    assert database.utilisation == pytest.approx(100 * 0.010 / 4, rel=0.05)
    pool = outcome.pools[0]
    assert pool.name == "s → db"
    assert pool.size == 3
    assert pool.utilisation == pytest.approx(100 * 0.010 / 3, rel=0.05)
    assert outcome.work_s == pytest.approx(sum(each.workload_s for each in outcome.components))
    assert outcome.bottleneck == "db"

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
    assert outcome.bottleneck == "s → db"  # a third of the pool is in use, a quarter of the store


@pytest.mark.parametrize("event_loop", [False, True])
def test_the_time_of_a_request_is_waiting_working_and_calling(event_loop: bool) -> None:
    """By Little's law: 100/s spend 5 ms of work in `s`, the time of `db` in calls of it, and the rest in queues."""
    system = sketch.system(
        [
            sketch.component("s", workers=None if event_loop else 20, cores=1, event_loop=event_loop),
            sketch.component("db", workers=2),
        ],
        [sketch.operation("op", "s", sketch.work(5), sketch.call("q")), sketch.operation("q", "db", sketch.work(10))],
        {"op": 100},
    )
    outcome = load.run(system, load.Scenario(600, patience_s=None))
    front = next(each for each in outcome.components if each.component == "s")
    store = next(each for each in outcome.components if each.component == "db")
    assert front.workload_s == pytest.approx(600 * 100 * 0.005, rel=0.03)
    assert front.waiting_s == pytest.approx(600 * front.queue)
    assert store.calling_s == pytest.approx(0.0, abs=1e-6 * store.workload_s)
    assert front.calling_s == pytest.approx(store.waiting_s + store.workload_s, rel=0.01)
    assert outcome.mean_ms is not None
    whole_s = front.waiting_s + front.workload_s + front.calling_s
    assert whole_s == pytest.approx(outcome.succeeded * outcome.mean_ms / 1000, rel=0.01)


def test_a_crash_loses_no_time_of_the_books() -> None:
    system = sketch.system(
        [sketch.component("s", workers=4), sketch.component("db", workers=2)],
        [
            sketch.operation("op", "s", sketch.work(5), sketch.call("q", timeout_ms=200)),
            sketch.operation("q", "db", sketch.work(10)),
        ],
        {"op": 100},
    )
    outcome = load.run(system, load.Scenario(60, faults=(load.crash("s", 20, 5), load.crash("db", 40, 5, silent=True))))
    for each in outcome.components:
        assert each.calling_s >= 0
        assert each.waiting_s + each.workload_s + each.calling_s < 60 * 200

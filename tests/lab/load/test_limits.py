import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.limits import fitted
from backend_expert.model import Kind, Objective, System, replace_component


def shop(database_workers: int = 40) -> System:
    return sketch.system(
        [sketch.component("web", workers=2), sketch.component("db", kind=Kind.DATABASE, workers=database_workers)],
        [sketch.operation("GET /", "web", sketch.work(9), sketch.call("q")), sketch.operation("q", "db", sketch.work(1))],
        {"GET /": 20},
    )


OBJECTIVE = Objective(name="fast", latency_p99_ms=100, success_ratio=0.99)


def test_the_capacity_is_just_below_what_the_formula_allows() -> None:
    """Two workers of 10 ms serve 200 a second; the p99 of M/M/2 is 100 ms at about 155 a second."""
    found = load.capacity(shop(), OBJECTIVE, replicas=())
    assert 140 <= found.rate_per_s <= 175
    assert found.bottleneck == "web"
    assert found.first_to_break.startswith("p99 of GET /")
    held = [each.factor for each in found.loads if each.held]
    assert max(held) == found.factor


def test_replicas_help_until_the_store_is_the_limit() -> None:
    found = load.capacity(shop(database_workers=1), OBJECTIVE, replicas=(1, 2, 4, 8))
    rates = [each.rate_per_s for each in found.scalings]
    assert rates[1] == pytest.approx(2 * rates[0], rel=0.2)
    assert found.scalings[-1].bottleneck == "db"
    assert rates[3] < 1100
    assert found.scalability is not None
    assert found.scalability.contention + found.scalability.coherency > 0.005


def test_a_promise_that_no_load_keeps_has_capacity_0() -> None:
    impossible = structs.replace(OBJECTIVE, latency_p99_ms=0.001)
    found = load.capacity(shop(), impossible, replicas=())
    assert found.factor == 0
    assert "0.001 ms" in found.first_to_break or "0 ms" in found.first_to_break


def test_a_promise_that_is_broken_without_load_is_not_kept_by_less_of_it() -> None:
    """Service times are exponential: 1 % of them take more than 46 ms, however few there are."""
    hasty = structs.replace(OBJECTIVE, latency_p99_ms=40)
    found = load.capacity(shop(), hasty, replicas=())
    assert found.factor == 0
    assert min(each.factor for each in found.loads) > 0.001


def test_the_law_is_recovered_from_its_own_points() -> None:
    counts = [1, 2, 4, 8, 16]
    rates = [100 * n / (1 + 0.05 * (n - 1) + 0.001 * n * (n - 1)) for n in counts]
    law = fitted(counts, rates)
    assert law is not None
    assert (law.rate_per_s, law.contention, law.coherency) == pytest.approx((100, 0.05, 0.001), rel=1e-6)
    assert law.best_replicas == pytest.approx((0.95 / 0.001) ** 0.5)
    assert law.largest_error < 1e-9
    wall = fitted([1, 2, 4, 8], [100.0, 200.0, 200.0, 200.0])
    assert wall is not None
    predicted = [wall.rate_per_s * n / (1 + wall.contention * (n - 1) + wall.coherency * n * (n - 1)) for n in (1, 2, 4, 8)]
    assert wall.largest_error == pytest.approx(max(abs(p / x - 1) for p, x in zip(predicted, (100, 200, 200, 200), strict=True)))
    assert wall.largest_error > 0.05
    assert fitted([1, 2], [1.0, 2.0]) is None


def test_the_smallest_number_of_replicas_that_holds_the_objective_is_found() -> None:
    """At 500 a second ten milliseconds each keep five workers busy: three instances of two are just enough for the mean."""

    def with_replicas(system: System, count: int) -> System:
        return replace_component(system, sketch.component("web", workers=2, replicas=count))

    scenario = load.Scenario(60, arrivals=load.at_rates({"GET /": 500}))
    found = load.smallest(shop(), with_replicas, scenario, OBJECTIVE)
    assert found in {3, 4}
    promises = [load.run(with_replicas(shop(), count), scenario).p99_ms or 0 for count in (found - 1, found)]
    assert promises[0] > 100 >= promises[1]
    assert load.smallest(shop(), with_replicas, scenario, OBJECTIVE, highest=2) is None

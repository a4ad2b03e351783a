from itertools import combinations

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.screening import MOST_SPLITS, effect
from backend_expert.lab.load.worlds import plausible
from backend_expert.model import Certainty, Estimate, Operation, System
from backend_expert.model.assume import complete, estimates, with_values

SCENARIO = load.Scenario(10)


def assumed(value: float, spread: float) -> Estimate:
    return Estimate(value, spread, Certainty.ASSUMED)


def services(count: int, heavy: dict[int, float]) -> System:
    """Return a chain of services of 1 ms each; the time of those in `heavy` is known only within a factor."""

    def operation(at: int) -> Operation:
        onward = (sketch.call(f"op {at + 1}"),) if at + 1 < count else ()
        work = structs.replace(sketch.work(1), cpu_ms=assumed(1, heavy.get(at, 1.001)))
        return sketch.operation(f"op {at}", f"s{at:03}", work, *onward)

    return sketch.system(
        [sketch.component(f"s{at:03}", workers=4) for at in range(count)], [operation(at) for at in range(count)], {"op 0": 100}
    )


def test_the_quantities_that_matter_are_found_in_their_order() -> None:
    swings = load.screen(services(40, {7: 8.0, 23: 12.0, 31: 4.0}), SCENARIO)
    assert [swing.quantity.subject for swing in swings] == ["s023", "s007", "s031"]
    for swing in swings:
        assert swing.at_low.cost_ms < swing.at_high.cost_ms
        assert (swing.at_low.p99_ms or 0) < (swing.at_high.p99_ms or 0)


def test_the_order_is_that_of_trying_each_alone() -> None:
    system = complete(services(6, {0: 3.0, 2: 5.0, 3: 9.0, 5: 2.0}))
    alone = {}
    for path, number in estimates(system):
        if number.assumed and number.spread > 1.01:
            ends = [
                effect(with_values(system, {path: number.value * by}), SCENARIO, 1) for by in (1 / number.spread, number.spread)
            ]
            alone[path] = abs(ends[0].cost_ms - ends[1].cost_ms)
    expected = sorted(alone, key=lambda path: -alone[path])[:3]
    assert [swing.numbers[0] for swing in load.screen(system, SCENARIO)] == expected


def test_what_hardly_moves_anything_is_not_named() -> None:
    assert load.screen(services(5, {}), SCENARIO) == ()
    assert load.screen(services(5, {3: 6.0}), SCENARIO, most=3)[0].quantity == load.Quantity("cpu_ms", "s003")
    assert len(load.screen(services(5, {3: 6.0}), SCENARIO, most=3)) == 1


def test_a_large_system_costs_a_bounded_number_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from backend_expert.lab.load import screening

    runs = []

    def counted(*run: object) -> load.Effect:
        runs.append(run)
        return effect(*run)  # type: ignore[arg-type]

    monkeypatch.setattr(screening, "effect", counted)
    load.screen(services(120, dict.fromkeys(range(120), 2.0)), load.Scenario(2))
    assert len(runs) <= 1 + 2 * (8 + 2 * MOST_SPLITS)


def test_fewer_places_are_the_bad_end_of_a_pool() -> None:
    pool = sketch.call("select", pool=8)
    pool = structs.replace(pool, policy=structs.replace(pool.policy, pool=structs.replace(pool.policy.pool, size=assumed(8, 4))))
    system = sketch.system(
        [sketch.component("web", workers=64), sketch.component("db", workers=64)],
        [sketch.operation("GET /", "web", pool), sketch.operation("select", "db", sketch.work(10))],
        {"GET /": 400},
    )
    (swing,) = load.screen(system, SCENARIO)
    assert (swing.quantity.kind, swing.quantity.subject, swing.quantity.other) == ("size", "web", "db")
    assert swing.at_low.cost_ms > swing.at_high.cost_ms


def test_numbers_of_one_quantity_get_one_draw() -> None:
    """Two statements of one service share the pool to their store: a world in which it has two sizes would have two pools."""
    shop = sketch.system(
        [sketch.component("web"), sketch.component("db")],
        [
            sketch.operation("a", "web", structs.replace(sketch.work(1), cpu_ms=assumed(1, 3))),
            sketch.operation("b", "web", structs.replace(sketch.work(1), cpu_ms=assumed(2, 3))),
            sketch.operation("c", "db", structs.replace(sketch.work(1), cpu_ms=assumed(1, 3))),
        ],
        {"a": 10, "b": 5},
    )
    for world in plausible(shop, 1, 5):
        a, b, c = (world.operation(name).steps[0].cpu_ms.value for name in "abc")  # type: ignore[union-attr]
        assert b == pytest.approx(2 * a)
        assert a != pytest.approx(c)
    drawn = [world.operation("a").steps[0].cpu_ms.value for world in plausible(shop, 1, 5)]  # type: ignore[union-attr]
    assert all(first != second for first, second in combinations(drawn, 2))


def test_ninety_of_a_hundred_worlds_lie_within_the_spread() -> None:
    shop = sketch.system([sketch.component("web")], [sketch.operation("a", "web")], {"a": 10})
    guessed = structs.replace(shop.workloads[0], rate_per_s=assumed(10, 3))
    worlds = plausible(structs.replace(shop, workloads=(guessed,)), 7, 1000)
    inside = sum(10 / 3 <= world.workloads[0].rate_per_s.value <= 30 for world in worlds)
    assert 870 <= inside <= 930  # 900 expected, three standard deviations are 28


def test_a_world_is_the_same_for_the_same_seed_and_draws_only_what_is_assumed() -> None:
    system = services(4, {2: 3.0})
    assert plausible(system, 1, 3) == plausible(system, 1, 3)
    assert plausible(system, 1, 3) != plausible(system, 2, 3)
    before = dict(estimates(complete(system)))
    for world in plausible(system, 1, 3):
        assert {path for path, number in estimates(world) if number != before[path]} <= {
            path for path, number in before.items() if number.assumed
        }

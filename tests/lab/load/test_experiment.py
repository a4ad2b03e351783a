from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import msgspec
import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import experiment, sketch
from backend_expert.lab.load.experiment import simulate
from backend_expert.lab.load.measure import Tally
from backend_expert.lab.load.program import Program
from backend_expert.model import Certainty, Deployment, Estimate, System, Workload, replace_component


def assumed(value: float, spread: float) -> Estimate:
    return Estimate(value, spread, Certainty.ASSUMED)


def shop(workers: int = 4, rate: float = 200) -> System:
    system = sketch.system(
        [sketch.component("web", workers=50), sketch.component("db", workers=workers)],
        [
            sketch.operation("GET /", "web", sketch.work(1), sketch.call("select")),
            sketch.operation("select", "db", sketch.work(10)),
        ],
        {"GET /": rate},
    )
    return structs.replace(system, workloads=(Workload(name="load", operation="GET /", rate_per_s=assumed(rate, 1.5)),))


def more_workers(system: System) -> System:
    return replace_component(system, sketch.component("db", workers=8))


SCENARIO = load.Scenario(20, arrivals=load.spike(2, 5, 5))


def test_a_change_that_helps_is_found_to_help() -> None:
    comparison = load.compare(shop(), more_workers(shop()), SCENARIO, replications=20)
    assert comparison.verdict == "helps"
    p99 = comparison.measure("latency_p99_ms")
    assert p99.difference.high < 0
    assert p99.share_better == 1
    assert load.compare(more_workers(shop()), shop(), SCENARIO, replications=20).verdict == "hurts"


def test_common_random_numbers_make_differences_surer() -> None:
    before, after = shop(9), shop(10)
    system_pairs = load.compare(before, after, load.Scenario(60, patience_s=None), replications=20)
    p50 = system_pairs.measure("latency_p50_ms")
    paired = p50.difference.high - p50.difference.low
    alone = (p50.before.high - p50.before.low) ** 2 + (p50.after.high - p50.after.low) ** 2
    assert paired**2 < alone / 2


def test_a_replication_is_a_run_with_its_own_seed() -> None:
    comparison = load.compare(shop(), shop(), SCENARIO, replications=1, seed=9)
    assert comparison.before == load.run(shop(), SCENARIO, 9)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_result_is_the_same_to_the_byte_with_any_executor(executor: str) -> None:
    pool = ThreadPoolExecutor(3) if executor == "threads" else ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with pool:
        spread = load.compare(shop(), more_workers(shop()), SCENARIO, replications=4, executor=pool)
        worlds = load.monte_carlo(shop(), more_workers, SCENARIO, draws=4, executor=pool)
    assert msgspec.json.encode(spread) == msgspec.json.encode(load.compare(shop(), more_workers(shop()), SCENARIO, replications=4))
    assert msgspec.json.encode(worlds) == msgspec.json.encode(load.monte_carlo(shop(), more_workers, SCENARIO, draws=4))


def test_automatic_replications_stop_when_the_answer_is_sure() -> None:
    same = load.compare(shop(), shop(), SCENARIO)
    assert same.replications == 5
    assert load.compare(shop(), more_workers(shop()), SCENARIO).replications in {5, 10, 20}


def test_progress_is_reported_in_order() -> None:
    seen: list[tuple[int, int]] = []
    load.compare(shop(), shop(), SCENARIO, replications=3, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_many_worlds_say_how_often_a_change_helps_and_what_matters() -> None:
    result = load.monte_carlo(shop(), more_workers, SCENARIO, draws=30)
    assert result.draws == 30
    assert result.share_better.value > 0.8
    assert result.sensitivity[0].quantity == load.Quantity("rate_per_s")
    assert abs(result.sensitivity[0].correlation) > 0.5
    assert load.monte_carlo(shop(), lambda system: system, SCENARIO, draws=5).share_better.value == 0.5


def test_a_change_that_moves_a_number_does_not_redraw_it() -> None:
    """The service time keeps its draw when a remedy puts another step in front of it."""
    system = shop()
    slow = structs.replace(system.operation("select"), steps=(structs.replace(sketch.work(10), cpu_ms=assumed(10, 3)),))
    system = structs.replace(system, operations=tuple(slow if each.name == "select" else each for each in system.operations))

    def nothing_in_front(before: System) -> System:
        steps = (sketch.work(0), *before.operation("select").steps)
        moved = structs.replace(before.operation("select"), steps=steps)
        return structs.replace(before, operations=tuple(moved if each.name == "select" else each for each in before.operations))

    from backend_expert.lab.load.worlds import changed

    both = changed(system, nothing_in_front)
    for world in range(5):
        before, after, factors = both.world(1, world)
        drawn = 10 * factors[load.Quantity("cpu_ms", "db")]
        assert before.operation("select").steps[0].cpu_ms.value == drawn  # type: ignore[union-attr]
        assert after.operation("select").steps[1].cpu_ms.value == drawn  # type: ignore[union-attr]
        assert drawn != 10


def test_a_system_with_unknown_numbers_is_completed_first() -> None:
    system = shop()
    web = structs.replace(system.component("web"), deployment=Deployment())
    assert load.run(replace_component(system, web), SCENARIO).success_ratio > 0.9


class TestMemory:
    def test_what_was_run_before_is_not_run_again_and_nothing_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        memory = load.Memory()
        first = load.compare(shop(), more_workers(shop()), SCENARIO, replications=2, memory=memory)
        ran: list[int] = []

        def counted(program: Program, seed: int) -> Tally:
            ran.append(seed)
            return simulate(program, seed)

        monkeypatch.setattr(experiment, "simulate", counted)
        again = load.compare(shop(), more_workers(shop()), SCENARIO, replications=2, memory=memory)
        assert msgspec.json.encode(again) == msgspec.json.encode(first)
        assert len(ran) == 2  # the changed system, once a seed

    def test_another_scenario_or_system_is_another_run(self) -> None:
        memory = load.Memory()
        load.compare(shop(), more_workers(shop()), SCENARIO, replications=2, memory=memory)
        longer = structs.replace(SCENARIO, duration_s=SCENARIO.duration_s + 1)
        for system, scenario in ((shop(), longer), (more_workers(shop()), SCENARIO)):
            fresh = load.compare(system, shop(), scenario, replications=2)
            kept = load.compare(system, shop(), scenario, replications=2, memory=memory)
            assert msgspec.json.encode(kept) == msgspec.json.encode(fresh)

    def test_plausible_worlds_are_kept_too(self) -> None:
        memory = load.Memory()
        worlds = [load.monte_carlo(shop(), more_workers, SCENARIO, draws=3, memory=memory) for _ in range(2)]
        assert worlds[0] == worlds[1] == load.monte_carlo(shop(), more_workers, SCENARIO, draws=3)


def test_draws_end_when_the_share_is_settled() -> None:
    assert load.monte_carlo(shop(), more_workers, SCENARIO, draws=(6, 12)).draws == 6
    assert load.monte_carlo(shop(), lambda system: system, SCENARIO, draws=(2, 4)).draws == 4


def test_pairs_end_when_they_are_enough() -> None:
    assert load.compare(shop(), more_workers(shop()), SCENARIO, replications=(2, 4), enough=lambda _: True).replications == 2
    assert load.compare(shop(), more_workers(shop()), SCENARIO, replications=(2, 4), enough=lambda _: False).replications == 4

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.experiment import simulate
from backend_expert.lab.load.measure import outcome
from backend_expert.lab.load.program import compile_each
from backend_expert.model import Autoscaling, Estimate, OutlierEjection, System
from backend_expert.model.assume import complete


def station(rate: float, workers: int = 4) -> System:
    return sketch.system([sketch.component("s", workers=workers)], [sketch.operation("op", "s", sketch.work(10))], {"op": rate})


FAULT = load.Scenario(60, faults=(load.slow("s", 3, 20, 10),))


def test_a_system_with_room_always_recovers_and_one_without_never_does() -> None:
    sure = load.recovery_share(station(200), FAULT, replications=12)
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert 0.7 < sure.low < 1
    never = load.recovery_share(station(395), FAULT, replications=12)
    assert never.value < 0.2


def test_a_bound_on_the_time_makes_it_harder() -> None:
    loose, tight = (load.recovery_share(station(250), FAULT, within_s=within, replications=12) for within in (30, 0.5))
    assert loose.value == 1
    assert tight.value < loose.value


def test_without_a_disturbance_there_is_nothing_to_recover_from() -> None:
    with pytest.raises(load.ModelError, match="nothing to recover"):
        load.recovery_share(station(100), load.Scenario(10))


def test_an_idle_system_settles_at_once_and_an_overloaded_one_never() -> None:
    scenario = load.Scenario(60)
    assert load.settling_s(station(50), scenario) <= 15
    assert load.settling_s(station(500), scenario) == pytest.approx(30, abs=5), "an overloaded system never settles"


def test_shares_under_several_faults_are_those_of_one_run_for_each() -> None:
    system = sketch.system(
        [sketch.component("s", workers=4), sketch.component("db", workers=4)],
        [sketch.operation("op", "s", sketch.work(5), sketch.call("ask")), sketch.operation("ask", "db", sketch.work(5))],
        {"op": 100},
    )
    scenarios = [
        load.Scenario(20, faults=faults)
        for faults in ((), (load.crash("s", 5, 10),), (load.errors("db", 0.5, 5, 10),), (load.partition("s", "db", 0, 9),))
    ]
    shares = load.success_shares(system, scenarios, 5, 15, seed=3)
    for scenario, share in zip(scenarios, shares, strict=True):
        series = load.run(system, scenario, seed=3).series
        offered = sum(series.offered_per_s[5:15])
        good = sum(
            rate * (ratio or 0.0) for rate, ratio in zip(series.offered_per_s[5:15], series.success_ratio[5:15], strict=True)
        )
        assert share == pytest.approx(good / offered)
    assert shares[0] == 1.0
    assert shares[2] == pytest.approx(0.5, abs=0.05)


def test_a_stretch_without_requests_is_a_success() -> None:
    assert load.success_shares(station(1e-6), [load.Scenario(5)], 1, 3) == (1.0,)


def test_a_system_compiled_once_for_several_faults_runs_as_if_compiled_for_each() -> None:
    """The rows of autoscalers and ejections move when there are more faults before them."""
    web = sketch.component("web", workers=2, replicas=3)
    assert web.deployment is not None
    ejection = OutlierEjection(slower=Estimate(3), period_s=Estimate(2), ejected_s=Estimate(5), maximum_share=Estimate(0.5))
    scaling = Autoscaling(minimum=3, maximum=5, target=50)
    web = structs.replace(web, deployment=structs.replace(web.deployment, outliers=ejection, autoscaling=scaling))
    system = sketch.system([web], [sketch.operation("op", "web", sketch.work(10))], {"op": 200})
    scenarios = [load.Scenario(30), load.Scenario(30, faults=(load.slow("web", 20, 5, 10, instances=1), load.crash("web", 20, 5)))]
    for program, scenario in zip(compile_each(complete(system), scenarios), scenarios, strict=True):
        assert outcome(simulate(program, 1), program, 1) == load.run(system, scenario, 1)

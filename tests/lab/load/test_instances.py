"""Instances that are slower than they were: robbed of their processor, just started, or worse than their siblings."""

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Autoscaling, Deployment, Estimate, OutlierEjection, Step, System, WarmUp, replace_component

CONSTANT = load.Law("constant", 0)


def web(*steps: Step, rate: float, replicas: int = 1, workers: int = 50, **changes: object) -> System:
    component = sketch.component("web", workers=workers, replicas=replicas)
    deployment = structs.replace(component.deployment or Deployment(), **changes)
    return sketch.system(
        [structs.replace(component, deployment=deployment)], [sketch.operation("GET /", "web", *steps)], {"GET /": rate}
    )


def medians(system: System, scenario: load.Scenario) -> list[float]:
    return [round(each or 0.0) for each in load.run(system, scenario).series.latency_p50_ms]


def test_who_is_robbed_of_a_share_of_the_processor_works_longer_but_waits_no_longer() -> None:
    scenario = load.Scenario(300, law=CONSTANT, slice_s=100, faults=(load.steal("web", 0.75, 100, 100),))
    assert medians(web(sketch.work(10), rate=1), scenario) == [10, 40, 10]
    assert medians(web(sketch.wait(10), rate=1), scenario) == [10, 10, 10]
    both = structs.replace(scenario, faults=(*scenario.faults, load.slow("web", 2, 100, 100)))
    assert medians(web(sketch.work(10), rate=1), both) == [10, 80, 10]
    with pytest.raises(load.ModelError, match="the share is at least 0, below 1"):
        load.run(web(sketch.work(10), rate=1), structs.replace(scenario, faults=(load.steal("web", 1.0, 0, 1),)))


def test_an_instance_that_restarts_is_cold_and_gets_warm_evenly() -> None:
    warm_up = WarmUp(lasting_s=Estimate(20), slowdown=Estimate(5))
    scenario = load.Scenario(60, law=CONSTANT, faults=(load.crash("web", 10, 5),))
    found = medians(web(sketch.work(10), rate=200, warm_up=warm_up), scenario)
    assert found[9] == 10
    for second in (16, 20, 25, 30):
        assert found[second] == pytest.approx(10 * (1 + 4 * (35 - second - 0.5) / 20), rel=0.03)
    assert found[36] == 10
    assert medians(web(sketch.work(10), rate=200), scenario)[16] == 10


def test_an_instance_that_an_autoscaler_adds_is_cold_too() -> None:
    scaling = Autoscaling(minimum=1, maximum=2, target=2)
    changes = {"autoscaling": scaling, "startup_s": Estimate(5), "cpu_cores": Estimate(4)}
    scenario = load.Scenario(60, law=CONSTANT, slice_s=1)
    system = web(sketch.work(10), rate=20, **changes)
    cold = web(sketch.work(10), rate=20, warm_up=WarmUp(lasting_s=Estimate(1000), slowdown=Estimate(5)), **changes)
    usual, slow = load.run(system, scenario), load.run(cold, scenario)
    assert usual.p99_ms == pytest.approx(10, rel=0.3)
    assert slow.series.latency_p99_ms[5] == pytest.approx(10, rel=0.3), "the first instance is warm"
    assert slow.series.latency_p99_ms[40] == pytest.approx(50, rel=0.1)


def ejecting(**changes: float) -> OutlierEjection:
    return OutlierEjection(**{name: Estimate(value) for name, value in changes.items()})


SLOW_ONE = load.slow("web", 20, 20, 60, instances=1)


def test_a_slow_instance_is_ejected_and_comes_back() -> None:
    def outcome(ejection: OutlierEjection | None) -> load.Outcome:
        system = web(sketch.work(10), rate=100, replicas=4, outliers=ejection)
        return load.run(system, load.Scenario(120, law=CONSTANT, faults=(SLOW_ONE,)))

    blind = outcome(None)
    seeing = outcome(ejecting(slower=3, period_s=5, ejected_s=15, maximum_share=0.5))
    assert blind.series.latency_p99_ms[60] == pytest.approx(200, rel=0.02)
    # Judged at 25, back at 40, judged again at 45, back at 60, out again at 65.
    at = [round(each or 0.0) for each in seeing.series.latency_p99_ms]
    assert at[24] == pytest.approx(200, rel=0.02)
    assert at[32] == at[50] == at[70] == 10
    assert at[42] == pytest.approx(200, rel=0.02)
    assert at[110] == 10
    assert seeing.components[0].utilisation_series[110] == pytest.approx(blind.components[0].utilisation_series[110], rel=0.05)


def test_an_instance_that_fails_is_ejected_but_never_more_than_may_be_out() -> None:
    def success(share: float, broken: int) -> float:
        ejection = ejecting(error_ratio=0.5, period_s=1, ejected_s=1000, maximum_share=share)
        component = sketch.component("db", workers=50, replicas=4)
        deployment = structs.replace(component.deployment or Deployment(), outliers=ejection)
        system = sketch.system(
            [sketch.component("web"), structs.replace(component, deployment=deployment)],
            [
                sketch.operation("GET /", "web", sketch.call("select", timeout_ms=500)),
                sketch.operation("select", "db", sketch.work(5)),
            ],
            {"GET /": 200},
        )
        fault = load.crash("db", 10, 1000, silent=True, instances=broken)
        return load.run(system, load.Scenario(60, faults=(fault,))).series.success_ratio[40] or 0.0

    assert success(0.25, 1) == 1, "no probe sees an instance that hangs; its answers give it away"
    assert success(0.25, 2) == pytest.approx(2 / 3, abs=0.06), "one of two is out"
    assert success(0.5, 2) == 1


def test_who_ejects_by_latency_alone_leaves_equal_instances_in_peace() -> None:
    ejection = ejecting(slower=2, period_s=5, ejected_s=10, maximum_share=0.5)
    scenario = load.Scenario(120, faults=(load.slow("web", 5, 20, 60),))
    system = web(sketch.work(10), rate=200, replicas=4, outliers=ejection)
    blind = replace_component(system, web(sketch.work(10), rate=200, replicas=4).components[0])
    assert structs.replace(load.run(system, scenario), events=0) == structs.replace(load.run(blind, scenario), events=0)

import math

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import CacheGet, Call, Component, Estimate, Parallel, Publish, Repeat, System


def system(*steps, **options) -> System:
    return sketch.system(
        [sketch.component("web", workers=4), sketch.component("db", workers=4)],
        [
            sketch.operation("GET /", "web", *(steps or (sketch.work(1),))),
            sketch.operation("other", "db", sketch.work(1)),
        ],
        {"GET /": 5.0},
        **options,
    )


def of(*components: Component) -> System:
    return structs.replace(system(), components=components)


SCENARIO = load.Scenario(10)


@pytest.mark.parametrize(
    ("bad", "scenario", "words"),
    [
        (system(sketch.call("GET /")), SCENARIO, "GET / → GET /"),
        (system(sketch.call("nowhere")), SCENARIO, "'nowhere'"),
        (system(sketch.query("db/t", 1)), SCENARIO, "'db/t'"),
        (system(Publish(topic="mq/t")), SCENARIO, "'mq/t'"),
        (system(sketch.work(-1)), SCENARIO, "operations/GET //steps/0/cpu_ms is -1"),
        (system(sketch.work(math.nan)), SCENARIO, "cpu_ms is nan"),
        (system(sketch.call("other", timeout_ms=0)), SCENARIO, "timeout_ms is 0"),
        (system(), load.Scenario(0), "duration_s"),
        (system(), load.Scenario(math.nan), "duration_s"),
        (system(), load.Scenario(10, warmup_s=-1), "warmup_s"),
        (system(), load.Scenario(1e9), "make the slices longer"),
        (system(), load.Scenario(10, faults=(load.slow("nobody", 2, 1, 1),)), "'nobody'"),
        (system(), load.Scenario(10, faults=(load.slow("db", 0, 1, 1),)), "slowed down"),
        (system(), load.Scenario(10, faults=(load.slow("db", 2, 20, 1),)), "after the end"),
        (system(), load.Scenario(10, faults=(load.slow("db", 2, -1, 1),)), "0 or more"),
        (system(), load.Scenario(10, faults=(load.partition("web", "db", 1, 1),)), "No traffic passes"),
        (system(), load.Scenario(10, faults=(load.loss("web", "db", 2, 1, 1),)), "between 0 and 1"),
        (system(), load.Scenario(10, faults=(load.flush("db", 1),)), "no dataset"),
        (system(), load.Scenario(10, arrivals=load.at_rates({"GET /": -5})), "rate of GET /"),
        (system(), load.Scenario(10, arrivals=load.at_rates({"POST /": 5})), "'POST /'"),
        (system(), load.Scenario(10, arrivals=load.constant(-1)), "factor"),
        (system(), load.Scenario(10, arrivals=load.Arrivals(())), "no segment"),
        (system(), load.Scenario(10, arrivals=load.bursty(2, 0, 1)), "Bursts"),
        (system(), load.Scenario(10, law=load.Law("pareto", 0.5)), "Pareto"),
        (of(sketch.component("db"), sketch.component("web", replicas=1_000_000)), SCENARIO, "instances"),
        (of(sketch.component("db", workers=0), sketch.component("web")), SCENARIO, "workers is 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused_in_one_sentence(bad: System, scenario: load.Scenario, words: str) -> None:
    with pytest.raises(load.ModelError) as refusal:
        load.run(bad, scenario)
    message = str(refusal.value)
    assert words in message
    assert "\n" not in message


def test_a_circle_with_a_way_out_is_simulated() -> None:
    again = CacheGet(dataset="db/t", hit_ratio=Estimate(0.5), on_miss=(Call(operation="GET /"),))
    assert load.run(system(again, datasets=["db/t"]), SCENARIO).success_ratio == 1
    never = Repeat(count=Estimate(0.5), steps=(Call(operation="GET /"),))
    assert load.run(system(never), SCENARIO).success_ratio == 1


def test_a_circle_that_multiplies_ends_with_a_sentence() -> None:
    both = Parallel(branches=((Call(operation="GET /"),), (Call(operation="GET /"),)))
    twice = Repeat(count=Estimate(0.9), steps=(both,))
    patient = structs.replace(system(twice), components=(sketch.component("db"), sketch.component("web")))
    with pytest.raises(load.ModelError, match="in flight"):
        load.run(patient, load.Scenario(1000, slice_s=100))

"""What to measure first, in words: units, totals, and what happens to successes."""

from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Certainty, Estimate, System
from backend_expert.review.executors import executor
from backend_expert.review.measuring import measure_first, told
from backend_expert.review.result import MeasureFirst


def assumed(value: float, spread: float) -> Estimate:
    return Estimate(value, spread, Certainty.ASSUMED)


def first_of(system: System) -> MeasureFirst:
    with executor() as pool:
        return measure_first(system, 3, 1, pool)[0]


def shop(*, cpu_ms: tuple[Estimate, Estimate], rates: tuple[Estimate, Estimate]) -> System:
    system = sketch.system(
        [sketch.component("web", workers=4)],
        [
            sketch.operation(name, "web", structs.replace(sketch.work(1), cpu_ms=each))
            for name, each in zip(("a", "b"), cpu_ms, strict=True)
        ],
        {"a": 1, "b": 1},
    )
    loads = (structs.replace(each, rate_per_s=rate) for each, rate in zip(system.workloads, rates, strict=True))
    return structs.replace(system, workloads=tuple(loads))


EXACT = (Estimate(10), Estimate(20))


def test_the_traffic_is_told_as_a_whole() -> None:
    first = first_of(shop(cpu_ms=EXACT, rates=(assumed(10, 4), assumed(20, 4))))
    assert first.title.en == "The traffic"
    assert "Assumed: 30 requests/s, plausible from 7.5 requests/s to 120 requests/s." in first.effect.en
    assert len(first.numbers) == 2
    assert (first.latency_p99_ms_low or 0) * 10 < (first.latency_p99_ms_high or 0)


def test_equal_numbers_have_a_value_and_others_a_factor() -> None:
    rates = (Estimate(10), Estimate(20))
    same = first_of(shop(cpu_ms=(assumed(10, 3), assumed(10, 3)), rates=rates))
    assert same.title.pt == "O tempo de processador de uma requisição em `web`"
    assert "Suposto: 10 ms, plausível de 3,33 ms a 30 ms." in same.effect.pt
    mixed = first_of(shop(cpu_ms=(assumed(10, 3), assumed(20, 3)), rates=rates))
    assert "2 assumed numbers, plausible from 0.333 to 3 times what they are." in mixed.effect.en


def test_what_is_known_need_not_be_measured() -> None:
    with executor() as pool:
        assert measure_first(shop(cpu_ms=EXACT, rates=(Estimate(10), Estimate(20))), 3, 1, pool) == ()


def swing(quantity: load.Quantity, lost: float = 0.0) -> load.Swing:
    low = load.Effect(success_ratio=1.0, p99_ms=10.0, cost_ms=10.0)
    return load.Swing(
        quantity=quantity, numbers=("x",), at_low=low, at_high=load.Effect(success_ratio=1.0 - lost, p99_ms=None, cost_ms=5000.0)
    )


def test_a_limit_of_a_component_is_not_the_traffic() -> None:
    limit = swing(load.Quantity("rate_per_s", "web"))
    assert told(limit, [assumed(10, 2)], 3, limit).title.en == "`rate_per_s` of `web`"


def test_lost_requests_are_told() -> None:
    hits = swing(load.Quantity("hit_ratio", "cache/product"), lost=0.25)
    effect = told(hits, [assumed(0.8, 1.5)], 3, hits).effect
    assert effect.en == (
        "Assumed: 80 %, plausible from 53.3 % to 100 %. At 3x the p99 is 10 ms at the low end and no answer at the high end; 100 % of "
        "requests succeed at the one, 75 % at the other."
    )

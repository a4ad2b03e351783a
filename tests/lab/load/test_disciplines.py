"""Who is served next, and where a request goes."""

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Kind, System, replace_component

OVERLOAD = load.Scenario(60, arrivals=load.spike(3, 20, 20), patience_s=0.1)


def station(discipline: str | None = None, rate: float = 70) -> System:
    """Return one worker of 10 ms behind a caller that waits 100 ms."""
    system = sketch.system(
        [sketch.component("client", kind=Kind.CLIENT), sketch.component("s", workers=1)],
        [sketch.operation("request", "client", sketch.call("op", timeout_ms=100)), sketch.operation("op", "s", sketch.work(10))],
        {"request": rate},
    )
    deployment = structs.replace(system.component("s").deployment, queue_discipline=discipline)
    return replace_component(system, structs.replace(system.component("s"), deployment=deployment))


def test_a_queue_that_never_empties_is_better_served_from_its_end() -> None:
    fifo, lifo = load.run(station("fifo"), OVERLOAD), load.run(station("lifo"), OVERLOAD)
    assert fifo.series.success_ratio[35] == 0
    assert (lifo.series.success_ratio[35] or 0) > 0.35
    assert fifo.offered == lifo.offered
    assert load.run(station(None), OVERLOAD) == fifo


@pytest.mark.parametrize("discipline", ["codel", "deadline"])
def test_dropping_what_is_too_old_keeps_the_worker_useful(discipline: str) -> None:
    dropped, kept = load.run(station(discipline), OVERLOAD), load.run(station("fifo"), OVERLOAD)
    assert dropped.success_ratio > kept.success_ratio + 0.2
    assert dropped.wasted_s < 0.5 * kept.wasted_s
    assert dropped.recovery.after_s is not None
    assert dropped.recovery.after_s <= 2


@pytest.mark.parametrize("discipline", ["fifo", "lifo", "codel", "deadline"])
def test_no_discipline_matters_to_a_queue_that_is_short(discipline: str) -> None:
    calm = load.Scenario(200, patience_s=None)
    assert load.run(station(discipline, rate=10), calm).mean_ms == pytest.approx(11.1, rel=0.05)


def waiting(balancing: str) -> float:
    system = sketch.system(
        [sketch.component("s", workers=1, replicas=10)], [sketch.operation("op", "s", sketch.work(10))], {"op": 900}
    )
    deployment = structs.replace(system.component("s").deployment, balancing=balancing)
    system = replace_component(system, structs.replace(system.component("s"), deployment=deployment))
    outcome = load.run(system, load.Scenario(500, patience_s=None, slice_s=50))
    assert outcome.mean_ms is not None
    return outcome.mean_ms


def test_balancers_are_as_good_as_theory_says() -> None:
    """Random choice makes ten M/M/1 queues; two choices are far better (Mitzenmacher 2001); least outstanding is near M/M/10."""
    random, turns, two, least = (waiting(name) for name in ("random", "round-robin", "two-choices", "least-outstanding"))
    assert random == pytest.approx(10 / (1 - 0.9), rel=0.1)
    # E[T] of d choices, n large: sum of ρ^((d^i - d) / (d - 1)): 26.1 ms for d = 2 at ρ = 0.9; ten servers are a little worse.
    assert 25 <= two <= 33
    assert least < two < turns < random

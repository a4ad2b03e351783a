"""Users that give up, and users that wait for an answer before they ask again."""

import math

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch, workspace
from backend_expert.lab.load.experiment import proceed
from backend_expert.lab.load.program import compile_program
from backend_expert.model import Deployment, Estimate, System, replace_component
from backend_expert.model.assume import complete

CONSTANT = load.Law("constant", 0)


def station(workers: int, service_ms: float, rate: float) -> System:
    return sketch.system(
        [sketch.component("s", workers=workers)], [sketch.operation("op", "s", sketch.work(service_ms))], {"op": rate}
    )


def test_who_leaves_the_queue_does_not_take_a_place() -> None:
    """Twice as much as one server can do: who waits for it leaves, and the server works for who is still there."""
    system = station(1, 100, 20)
    scenario = load.Scenario(200, law=CONSTANT, patience_s=0.3)
    staying, leaving = load.run(system, scenario), load.run(system, structs.replace(scenario, leaving="exponential"))
    assert staying.success_ratio < 0.01, "all wait behind a queue that never empties"
    assert leaving.success_ratio > 0.3
    assert leaving.components[0].queue < 6
    assert leaving.late + leaving.succeeded + leaving.in_flight == leaving.offered
    strict = load.run(system, structs.replace(scenario, leaving="constant"))
    assert strict.p99_ms is not None
    assert strict.p99_ms <= 300
    assert strict.components[0].queue == pytest.approx(20 * 0.2, rel=0.5)


def test_who_leaves_while_being_worked_on_is_worked_on_for_nobody() -> None:
    outcome = load.run(station(50, 100, 5), load.Scenario(200, law=CONSTANT, patience_s=0.05, leaving="constant"))
    assert outcome.late == outcome.offered - outcome.in_flight
    assert outcome.wasted_s == pytest.approx(outcome.work_s, rel=0.01)
    assert outcome.wasted_executions >= outcome.late


def test_exponential_patience_is_what_it_says() -> None:
    outcome = load.run(station(10_000, 1000, 200), load.Scenario(300, law=CONSTANT, patience_s=2, leaving="exponential"))
    assert outcome.late / outcome.offered == pytest.approx(1 - math.exp(-0.5), abs=0.01)


def test_leaving_needs_patience() -> None:
    with pytest.raises(load.ModelError, match="state patience_s"):
        load.run(station(1, 10, 10), load.Scenario(10, patience_s=None, leaving="constant"))


def test_users_ask_again_when_they_have_thought() -> None:
    """Nobody waits for another: each of ten users goes round in 100 ms of work and 400 ms of thought."""
    arrivals = load.closed({"op": (10, 0.4)})
    outcome = load.run(station(10, 100, 1), load.Scenario(1000, law=CONSTANT, arrivals=arrivals, slice_s=100))
    assert outcome.throughput_per_s == pytest.approx(10 / 0.5, rel=0.02)
    assert outcome.entries[0].p99_ms == pytest.approx(100, rel=0.01)
    assert max(outcome.components[0].utilisation_series) <= 1


def test_users_that_are_never_answered_ask_no_more_unless_they_leave() -> None:
    system = station(1, 10, 1)
    component = system.component("s")
    scenario = load.Scenario(
        100, arrivals=load.closed({"op": (5, 0.1)}), faults=(load.crash("s", 20, 10, silent=True),), patience_s=1.0
    )
    gone, again = load.run(system, scenario), load.run(system, structs.replace(scenario, leaving="constant"))
    assert gone.series.goodput_per_s[60] == 0
    assert again.series.goodput_per_s[60] > 20
    bounded = structs.replace(component.deployment or Deployment(), queue_limit=Estimate(0))
    shedding = load.run(replace_component(system, structs.replace(component, deployment=bounded)), scenario)
    assert shedding.shed > 0, "who is turned away asks again"


def test_nothing_is_left_of_requests_that_were_swallowed_and_given_up() -> None:
    scenario = load.Scenario(
        100,
        arrivals=load.closed({"op": (5, 0.1)}),
        faults=(load.crash("s", 5, 90, silent=True),),
        patience_s=0.5,
        leaving="constant",
    )
    run, done = workspace.make(compile_program(complete(station(1, 10, 1)), scenario), 1), False
    while not done:
        run, done = proceed(run)
    assert int(run.table("entries")["counts"][0, 2]) > 500, "five users give up every 0.6 s"
    assert int(run.table("frames")["live"].sum()) <= 5


def test_no_more_users_than_can_be_simulated() -> None:
    for count, think_s in ((0, 1.0), (10**9, 1.0), (5, -1.0), (5, math.nan)):
        with pytest.raises(load.ModelError, match="users of op"):
            load.run(station(1, 10, 1), load.Scenario(10, arrivals=load.closed({"op": (count, think_s)})))
    with pytest.raises(load.ModelError, match="no operation of the system"):
        load.run(station(1, 10, 1), load.Scenario(10, arrivals=load.closed({"nothing": (1, 1.0)})))

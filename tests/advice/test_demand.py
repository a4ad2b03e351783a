"""The arithmetic of remedies, against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.advice.demand import (
    concurrency,
    connections_held,
    erlang_c,
    places_for,
    processor_demand,
    residence_ms,
    servers_for,
    tidy,
)
from backend_expert.model import (
    Branch,
    CacheGet,
    Call,
    Dataset,
    Estimate,
    Operation,
    Parallel,
    Publish,
    Query,
    Repeat,
    System,
    Topic,
    Transaction,
    Trigger,
    Wait,
    Work,
    Workload,
)
from backend_expert.model.demand import callers_first, rates_per_s

if TYPE_CHECKING:
    from conftest import Builder


def system_of(*operations: Operation, rate: float = 10) -> System:
    return System(
        name="s",
        operations=operations,
        datasets=(Dataset(name="db/t", store="db"),),
        topics=(Topic(name="mq/t", broker="mq"),),
        workloads=(Workload(name="w", operation=operations[0].name, rate_per_s=Estimate(rate)),),
        network_ms=Estimate(0.5),
    )


def operation(name: str, *steps: object) -> Operation:
    return Operation(name=name, component=name, trigger=Trigger(kind="http"), steps=steps)  # type: ignore[arg-type]


def work(ms: float) -> Work:
    return Work(cpu_ms=Estimate(ms))


@pytest.mark.parametrize(
    ("steps", "expected_ms"),
    [
        ((work(3), Wait(time_ms=Estimate(4))), 7),
        ((Query(dataset="db/t", time_ms=Estimate(5)),), 6),
        ((Parallel(branches=((work(2),), (work(9), work(1)))),), 10),
        ((Repeat(count=Estimate(4), steps=(Query(dataset="db/t", time_ms=Estimate(2)),)),), 12),
        ((Branch(probability=Estimate(0.25), then=(work(8),), otherwise=(work(4),)),), 5),
        ((CacheGet(dataset="db/t", hit_ratio=Estimate(0.8), time_ms=Estimate(1), on_miss=(work(10),)),), 4),
        ((Transaction(store="db", steps=(work(2), work(3))),), 5),
        ((Call(operation="b"),), 8),
        ((Publish(topic="mq/t"),), 1),
    ],
)
def test_the_time_in_an_operation_is_the_sum_of_its_steps(steps: tuple[object, ...], expected_ms: float) -> None:
    system = system_of(operation("a", *steps), operation("b", work(7)))
    assert residence_ms(system)["a"] == pytest.approx(expected_ms)


def test_a_cycle_of_calls_is_cut_and_counts_once() -> None:
    system = system_of(operation("a", work(1), Call(operation="b")), operation("b", work(2), Call(operation="a")))
    assert residence_ms(system)["a"] == pytest.approx(1 + 1 + 2 + 1)
    assert rates_per_s(system) == {"a": 10, "b": 10}


def test_rates_follow_calls_loops_branches_misses_and_messages() -> None:
    consumer = Operation(name="c", component="c", trigger=Trigger(kind="message", name="mq/t"), steps=(Call(operation="d"),))
    system = system_of(
        operation(
            "a",
            Repeat(count=Estimate(3), steps=(Call(operation="b"),)),
            Branch(probability=Estimate(0.5), then=(Publish(topic="mq/t"),)),
            CacheGet(dataset="db/t", hit_ratio=Estimate(0.9), on_miss=(Call(operation="d"),)),
        ),
        operation("b", Call(operation="d")),
        consumer,
        operation("d"),
    )
    rates = rates_per_s(system, peak=2)
    assert rates["b"] == pytest.approx(60)
    assert rates["c"] == pytest.approx(10)
    assert rates["d"] == pytest.approx(60 + 10 + 2)


def test_callers_stand_before_what_they_call() -> None:
    system = system_of(operation("a", Call(operation="c")), operation("b", Call(operation="c")), operation("c"))
    names = [each.name for each in callers_first(system)]
    assert names.index("c") == 2
    assert sorted(names) == ["a", "b", "c"]


def test_places_are_rate_times_time(two_callees: Builder) -> None:
    held = concurrency(two_callees(rate=40), peak=3)
    assert held["front"] == pytest.approx(120 * (20 + 1) / 1000)
    assert held["risky"] == pytest.approx(60 * 20 / 1000)
    assert processor_demand(two_callees(rate=40), peak=3)["steady"] == pytest.approx(60 * 20 / 1000)


def test_a_transaction_holds_its_connection_through_the_call_inside() -> None:
    inside = (Query(dataset="db/t", time_ms=Estimate(4)), Call(operation="b"))
    system = system_of(
        operation("a", Transaction(store="db", steps=inside), Query(dataset="db/t", time_ms=Estimate(9))), operation("b", work(94))
    )
    assert connections_held(system) == {("a", "db"): pytest.approx(10 * (5 + 95 + 10) / 1000)}


def test_erlang_c_agrees_with_a_textbook() -> None:
    # Two servers at a load of 1: C = 1/3. One server: C is the load.
    assert erlang_c(1, 2) == pytest.approx(1 / 3)
    assert erlang_c(0.7, 1) == pytest.approx(0.7)
    assert erlang_c(3, 3) == 1


@given(st.floats(0, 200))
def test_the_fewest_places_are_enough_and_one_less_is_not(offered: float) -> None:
    places = places_for(offered)
    assert erlang_c(offered, places) <= 0.01
    assert places == 1 or erlang_c(offered, places - 1) > 0.01


@given(st.floats(0, 200))
def test_the_fewest_servers_are_more_than_are_busy(offered: float) -> None:
    servers = servers_for(offered)
    assert servers > offered
    assert erlang_c(offered, servers) / (servers - offered) <= 0.1 + 1e-9
    assert servers <= places_for(offered) + 1


@given(st.floats(1e-3, 1e7))
def test_tidy_rounds_up_to_two_digits(value: float) -> None:
    rounded = tidy(value)
    assert value * (1 - 1e-9) <= rounded <= value * 1.1 + 1e-9
    digits = rounded / 10.0 ** (math.floor(math.log10(rounded)) - 1)
    assert digits == pytest.approx(round(digits))

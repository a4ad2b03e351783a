"""The bound of a queue is what can still be answered in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.advice.resilience.bounded_queue import bounded_queue
from backend_expert.model import Estimate, System

if TYPE_CHECKING:
    from conftest import Builder, FindingOf


def bound_of(system: System, name: str) -> Estimate | None:
    deployment = system.component(name).deployment
    assert deployment is not None
    return deployment.queue_limit


def test_the_bound_is_rate_times_patience(with_store: Builder, finding_of: FindingOf) -> None:
    changed = bounded_queue(with_store(workers=10), finding_of("unbounded-queue", components=("shop",)), 3)
    # 1 ms of work, 20 ms of query, 1 ms of network: 10 workers finish 10 / 22 ms; nobody waits beyond 500 - 22 ms.
    assert bound_of(changed, "shop") == Estimate(int(10 / 22 * 478))


def test_the_processor_limits_what_is_finished(with_store: Builder, finding_of: FindingOf) -> None:
    changed = bounded_queue(with_store(workers=1000), finding_of("unbounded-queue", components=("shop",)), 3)
    # Eight cores finish eight requests a millisecond, however many workers wait for the store.
    assert bound_of(changed, "shop") == Estimate(8 * 478)


def test_a_bound_that_is_there_stays(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store(queue_limit=Estimate(5))
    assert bounded_queue(before, finding_of("unbounded-queue", components=("shop",)), 3) is before


def test_a_store_is_not_asked_to_refuse(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store()
    assert bounded_queue(before, finding_of("pool-smaller-than-demand", components=("db",)), 3) is before


def test_a_service_that_nobody_calls_is_left_alone(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees(rate=0)
    assert bounded_queue(before, finding_of("unbounded-queue", components=("steady",)), 3) is before

"""N carry the peak, one may go; stores are another matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from backend_expert.advice.place import with_deployment
from backend_expert.advice.resilience.standby_store import standby_store
from backend_expert.advice.scale.more_replicas import more_replicas
from backend_expert.model import Autoscaling, Estimate, System

if TYPE_CHECKING:
    from conftest import Builder, FindingOf


def copies_of(system: System, name: str) -> Estimate | None:
    deployment = system.component(name).deployment
    assert deployment is not None
    return deployment.replicas


@pytest.mark.parametrize(
    ("rate", "workers", "copies"),
    [
        (40, 20, 2),  # 2.5 requests at once at the peak: one instance carries them
        (400, 20, 3),  # 25.2 at once: two instances of 20
        (400, 5, 7),  # 25.2 at once, and 30 places for a short queue: six instances of 5
    ],
)
def test_one_more_than_the_peak_needs(
    two_callees: Builder, finding_of: FindingOf, rate: float, workers: float, copies: float
) -> None:
    before = two_callees(rate=rate, workers=workers)
    changed = more_replicas(before, finding_of("single-instance-on-critical-path", components=("front",)), 3)
    assert copies_of(changed, "front") == Estimate(copies)
    assert copies_of(changed, "risky") == Estimate(1)


def test_an_autoscaler_keeps_the_copies(two_callees: Builder, finding_of: FindingOf) -> None:
    before = with_deployment(
        two_callees(rate=40), "front", lambda now: structs.replace(now, autoscaling=Autoscaling(minimum=1, maximum=10))
    )
    changed = more_replicas(before, finding_of("single-instance-on-critical-path", components=("front",)), 3)
    deployment = changed.component("front").deployment
    assert deployment is not None
    assert deployment.autoscaling == Autoscaling(minimum=2, maximum=10)


def test_cores_count_as_well_as_places(two_callees: Builder, finding_of: FindingOf) -> None:
    # 800/s x 3 / 2 x 20 ms keep 24 cores busy; eight in each instance.
    changed = more_replicas(two_callees(rate=800), finding_of("pool-smaller-than-demand", components=("steady",)), 3)
    assert copies_of(changed, "steady") == Estimate(5)


def test_a_store_is_left_to_another_remedy(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store()
    finding = finding_of("single-instance-on-critical-path", components=("db",))
    assert more_replicas(before, finding, 3) is before
    assert copies_of(standby_store(before, finding, 3), "db") == Estimate(2)


def test_a_standby_is_for_stores_only(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees()
    assert standby_store(before, finding_of("single-instance-on-critical-path", components=("front",)), 3) is before


def test_enough_is_enough(two_callees: Builder, finding_of: FindingOf) -> None:
    finding = finding_of("single-instance-on-critical-path", components=("front",))
    once = more_replicas(two_callees(), finding, 3)
    assert more_replicas(once, finding, 3) is once


@pytest.mark.parametrize(("technology", "copies"), [("postgresql", 2), ("mongodb", 3), ("rabbitmq", 3), ("memcached", 1)])
def test_what_votes_needs_three_and_what_keeps_nothing_needs_one(
    with_store: Builder, finding_of: FindingOf, technology: str, copies: float
) -> None:
    before = with_store()
    components = (structs.replace(before.component("db"), technology=technology), before.component("shop"))
    before = structs.replace(before, components=components)
    changed = standby_store(before, finding_of("single-instance-on-critical-path", components=("db",)), 3)
    assert copies_of(changed, "db") == Estimate(copies)

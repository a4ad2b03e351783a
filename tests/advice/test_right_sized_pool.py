"""Pools grow to what the peak needs, and no further than the store can work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from backend_expert.advice.resilience.right_sized_pool import right_sized_pool
from backend_expert.model import System, call_sites

if TYPE_CHECKING:
    from conftest import Builder, FindingOf


def pool_of(system: System) -> float:
    (site,) = call_sites(system)
    assert site.step.policy.pool is not None
    return site.step.policy.pool.size.value


def workers_of(system: System, name: str) -> float:
    deployment = system.component(name).deployment
    assert deployment is not None
    assert deployment.workers is not None
    return deployment.workers.value


def test_a_pool_follows_littles_law_at_the_peak(with_store: Builder, finding_of: FindingOf) -> None:
    # 50/s x 3 x 21 ms = 3.15 connections busy; nine let at most 1 % wait.
    changed = right_sized_pool(with_store(pool=2), finding_of("pool-smaller-than-demand", "shop>db"), 3)
    assert pool_of(changed) == 9
    assert workers_of(changed, "shop") == 50


def test_a_pool_stops_at_what_the_store_works_on(with_store: Builder, finding_of: FindingOf) -> None:
    changed = right_sized_pool(with_store(pool=2, store_workers=6), finding_of("pool-smaller-than-demand", "shop>db"), 3)
    assert pool_of(changed) == 6


def test_the_store_is_shared_by_all_instances(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store(pool=2, store_workers=6)
    shop = before.component("shop")
    assert shop.deployment is not None
    twice = structs.replace(
        shop, deployment=structs.replace(shop.deployment, replicas=structs.replace(shop.deployment.replicas, value=2.0))
    )  # type: ignore[type-var]
    before = structs.replace(before, components=(before.component("db"), twice))
    assert pool_of(right_sized_pool(before, finding_of("pool-smaller-than-demand", "shop>db"), 3)) == 3


def test_workers_follow_the_time_in_the_service(with_store: Builder, finding_of: FindingOf) -> None:
    # 50/s x 3 x 22 ms = 3.3 requests at once.
    changed = right_sized_pool(with_store(workers=2), finding_of("pool-smaller-than-demand", components=("shop",)), 3)
    assert workers_of(changed, "shop") == 9
    assert pool_of(changed) == 10


def test_a_pool_that_is_large_enough_is_left_alone(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store(pool=10)
    assert right_sized_pool(before, finding_of("pool-smaller-than-demand", "shop>db"), 3) is before
    assert right_sized_pool(before, finding_of("pool-smaller-than-demand", components=("shop",)), 3) is before


def test_an_event_loop_has_no_workers_to_add(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store(workers=2)
    shop = before.component("shop")
    assert shop.deployment is not None
    loop = structs.replace(shop, deployment=structs.replace(shop.deployment, event_loop=True))
    before = structs.replace(before, components=(before.component("db"), loop))
    assert right_sized_pool(before, finding_of("pool-smaller-than-demand", components=("shop",)), 3) is before

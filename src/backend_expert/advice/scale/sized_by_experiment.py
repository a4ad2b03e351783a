"""Find the smallest numbers of instances, or of connections, with which the peak holds the objective, by trying."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, connections_held, places_for
from backend_expert.advice.experiments import PEAK_S, peak_traffic
from backend_expert.advice.place import (
    RUN_IN_COPIES,
    component_of,
    concerned,
    in_copies,
    replicas_of,
    with_deployment,
    with_policies,
)
from backend_expert.advice.scale.more_replicas import instances_for
from backend_expert.lab import load
from backend_expert.model import CallSite, Finding, Link, Policy, System, call_sites

HIGHEST = 4
"""Times what the arithmetic says: what is not held with four times as many is held up by something else."""

MOST_PLACES = 4
"""Services or pools sized in one search, the first of the finding: eight trials each at the most (a doubling and a halving to 16)."""


class Size(NamedTuple):
    """Something that comes in a number: how many there are, how many are more than enough, and how a system gets another number."""

    current: int
    ample: int
    change: Callable[[System, int], System]


@remedy(
    "sized-by-experiment",
    en="Run the fewest instances, or the smallest pool, with which the peak holds the objective, found by experiment",
    pt="Use o menor número de instâncias, ou o menor pool, com que o pico cumpre o objetivo, encontrado por experimento",
    addresses=("pool-smaller-than-demand",),
    considers=("scalability", "scales-horizontally", "survives-peak", "cost"),
    effort="hours",
    experiment=peak_traffic,
    searches=True,
)
def sized_by_experiment(system: System, finding: Finding, peak: float) -> System:
    """Return the system with the smallest pools of the finding's calls, or else the fewest instances of its services, that hold the peak.

    The same system where it holds already, or where no number helps. Where several places are too small, all of them first get `HIGHEST`
    times what the arithmetic says, and then one after the other as little as will do.
    """
    names = tuple(each.name for each in concerned(system, finding) if each.kind in RUN_IN_COPIES)
    places: tuple[Link | str, ...] = finding.links[:MOST_PLACES] or names[:MOST_PLACES]
    changed = system
    for place, number in zip(places, _numbers(system, places, peak), strict=False):
        size = _size(system, place, peak)
        if size is not None and number > size.current:
            changed = size.change(changed, number)
    return changed


@lru_cache(maxsize=32)
def _numbers(system: System, places: tuple[Link | str, ...], peak: float) -> tuple[int, ...]:
    """Return the numbers that the search ends with; empty when nothing need or can be done."""
    scenario = load.Scenario(PEAK_S, arrivals=load.constant(peak))
    sizes = [size for place in places if (size := _size(system, place, peak)) is not None]
    if len(sizes) < len(places) or not sizes or not system.objectives or not system.workloads:
        return ()
    try:
        return _searched(system, sizes, scenario)
    except load.ModelError:
        # The trial of `more-replicas`, which answers the same findings, says what is wrong with the system.
        return ()


def _searched(system: System, sizes: list[Size], scenario: load.Scenario) -> tuple[int, ...]:
    if load.smallest(system, lambda same, _: same, scenario, highest=1) == 1:
        return ()
    current = system
    for size in sizes:
        current = size.change(current, size.ample)
    numbers = []
    for size in sizes:
        fewest = load.smallest(current, size.change, scenario, highest=size.ample)
        if fewest is None:
            return ()
        current = size.change(current, fewest)
        numbers.append(fewest)
    return tuple(numbers)


def _size(system: System, place: Link | str, peak: float) -> Size | None:
    """Return the number of instances of a service, or of connections of a pool; `None` where a link has no pool."""
    if isinstance(place, str):
        ample = HIGHEST * max(1, instances_for(system, peak).get(place, 1))
        copies = round(replicas_of(component_of(system, place)))
        return Size(copies, ample, lambda each, number: with_deployment(each, place, in_copies(number)))
    pools = [pool for site in call_sites(system) if site.link == place and (pool := site.step.policy.pool) is not None]
    if not pools:
        return None
    held = connections_held(system, peak).get((place.caller, place.callee), 0.0)
    fit = places_for(held / replicas_of(component_of(system, place.caller)))
    smallest = math.ceil(min(pool.size.value for pool in pools))
    return Size(smallest, HIGHEST * max(fit, smallest), lambda each, number: _pooled(each, place, number))


def _pooled(system: System, link: Link, number: int) -> System:
    def sized(site: CallSite) -> Policy:
        policy = site.step.policy
        return policy if policy.pool is None else structs.replace(policy, pool=structs.replace(policy.pool, size=chosen(number)))

    return with_policies(system, tuple(site for site in call_sites(system) if site.link == link), sized)

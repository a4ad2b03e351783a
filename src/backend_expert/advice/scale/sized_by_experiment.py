"""Find the smallest numbers of instances with which the peak holds the objective, by trying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import PEAK_S, peak_traffic
from backend_expert.advice.place import RUN_IN_COPIES, component_of, concerned, in_copies, replicas_of, with_deployment
from backend_expert.advice.scale.more_replicas import instances_for
from backend_expert.lab import load
from backend_expert.model import Finding, System

HIGHEST = 4
"""Times the instances of the arithmetic: what is not held with four times as many is held up by something else."""

MOST_SERVICES = 4
"""Services that are sized in one search, the first of the finding: eight trials each at the most (a doubling and a halving to 16)."""


@remedy(
    "sized-by-experiment",
    en="Run the fewest instances with which the peak holds the objective, found by experiment",
    pt="Rode o menor número de instâncias com que o pico cumpre o objetivo, encontrado por experimento",
    addresses=("pool-smaller-than-demand",),
    considers=("scalability", "scales-horizontally", "survives-peak", "cost"),
    effort="hours",
    experiment=peak_traffic,
    searches=True,
)
def sized_by_experiment(system: System, finding: Finding, peak: float) -> System:
    """Return the system with the fewest instances of the finding's services that keep no data with which the peak holds the objectives.

    The same system where it holds already, or where no number of instances helps. Where several services are too small, all of them
    first get `HIGHEST` times what the arithmetic says, and then one after the other as few as will do.
    """
    names = tuple(each.name for each in concerned(system, finding) if each.kind in RUN_IN_COPIES)[:MOST_SERVICES]
    sizes = _sizes(system, names, peak)
    changed = system
    for name, copies in sizes:
        if copies > replicas_of(component_of(changed, name)):
            changed = with_deployment(changed, name, in_copies(copies))
    return changed


@lru_cache(maxsize=32)
def _sizes(system: System, names: tuple[str, ...], peak: float) -> tuple[tuple[str, int], ...]:
    """Return the numbers of instances that the search ends with; empty when nothing need or can be done."""
    scenario = load.Scenario(PEAK_S, arrivals=load.constant(peak))
    needed = instances_for(system, peak)
    if not names or not system.objectives or not system.workloads:
        return ()
    try:
        return _searched(system, names, scenario, needed)
    except load.ModelError:
        # The trial of `more-replicas`, which answers the same findings, says what is wrong with the system.
        return ()


def _searched(
    system: System, names: tuple[str, ...], scenario: load.Scenario, needed: Mapping[str, int]
) -> tuple[tuple[str, int], ...]:
    if load.smallest(system, lambda same, _: same, scenario, highest=1) == 1:
        return ()
    ample = {name: HIGHEST * max(1, needed.get(name, 1)) for name in names}
    current = system
    for name in names:
        current = with_deployment(current, name, in_copies(ample[name]))
    for name in names:
        fewest = load.smallest(current, _sizer(name), scenario, highest=ample[name])
        if fewest is None:
            return ()
        current = with_deployment(current, name, in_copies(fewest))
    return tuple((name, round(replicas_of(component_of(current, name)))) for name in names)


def _sizer(name: str) -> Callable[[System, int], System]:
    return lambda system, size: with_deployment(system, name, in_copies(size))

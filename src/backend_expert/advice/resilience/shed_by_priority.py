"""Turn away first what can be done without."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, residence_ms
from backend_expert.advice.experiments import overload
from backend_expert.advice.place import concerned, with_deployment, with_operations
from backend_expert.advice.resilience.bounded_queue import places_worth_waiting_in
from backend_expert.model import (
    Action,
    Call,
    Certainty,
    Component,
    Deployment,
    Finding,
    Operation,
    Publish,
    Query,
    System,
    entries,
    walk,
)
from backend_expert.model.demand import rates_per_s

LEAST_RESERVED, MOST_RESERVED = 0.1, 0.6
"""Bounds of the share that is kept for what is critical: less protects nothing, more starves the rest on good days."""

HEADROOM = 1.5
"""Places kept, over those that the critical requests fill at the peak on the mean: their number varies (Poisson)."""


@remedy(
    "shed-by-priority",
    en="Turn reads away first, and keep places for the requests that change something",
    pt="Recuse primeiro as leituras e guarde lugares para as requisições que alteram algo",
    addresses=("no-load-shedding", "pool-smaller-than-demand", "retry-multiplication", "unbounded-queue"),
    considers=("resilience", "survives-peak"),
    effort="days",
    experiment=overload,
)
def shed_by_priority(system: System, finding: Finding, peak: float) -> System:
    """Return the system whose entries that only read are turned away first at the finding's services, which keep places for the others.

    It fits where both kinds are known to come to one service. A service whose queue has no bound gets one: without it nothing is ever
    turned away.
    """
    changing, reading = _by_kind(system)
    changed = system
    for component in concerned(system, finding):
        deployment = component.deployment
        if deployment is None or deployment.reserved is not None or component.stateful:
            continue
        mine = {operation.name for operation in system.operations if operation.component == component.name}
        bound = places_worth_waiting_in(system, component)
        if bound is None or not mine & changing or not mine & reading:
            continue
        changed = with_deployment(changed, component.name, _kept(_reserved(system, component, mine & changing, peak), bound))
    if changed is system:
        return system
    return with_operations(changed, reading & {entry.name for entry in entries(system)}, _can_wait)


def _by_kind(system: System) -> tuple[set[str], set[str]]:
    """Return the operations that change something, themselves or through what they call, and those that are known only to read."""
    calls = {each.name: {step.operation for step in walk(each.steps) if isinstance(step, Call)} for each in system.operations}
    changing = {each.name for each in system.operations if _changes(each)}
    while more := {name for name, called in calls.items() if name not in changing and called & changing}:
        changing |= more
    known = {each.name for each in system.operations if each.certainty is not Certainty.ASSUMED and each.trigger.kind != "message"}
    return changing, known - changing


def _changes(operation: Operation) -> bool:
    return any(
        isinstance(step, Publish) or (isinstance(step, Query) and step.action is not Action.READ) for step in walk(operation.steps)
    )


def _reserved(system: System, component: Component, critical: set[str], peak: float) -> float:
    rates, times = rates_per_s(system, peak), residence_ms(system)
    held = {each.name: rates[each.name] * times[each.name] for each in system.operations if each.component == component.name}
    share = sum(held[name] for name in critical) / max(sum(held.values()), 1e-9)
    return round(min(MOST_RESERVED, max(LEAST_RESERVED, HEADROOM * share)), 2)


def _kept(share: float, bound: int) -> Callable[[Deployment], Deployment]:
    return lambda deployment: structs.replace(
        deployment, reserved=chosen(share), queue_limit=deployment.queue_limit or chosen(bound)
    )


def _can_wait(operation: Operation) -> Operation:
    return structs.replace(operation, critical=False) if operation.critical is None else operation

"""Refuse what cannot be answered in time, before it costs anything."""

from __future__ import annotations

import math
from collections.abc import Callable

from msgspec import structs

from backend_expert.advice.budget import objective_ms
from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import TAIL, chosen, mean, processor_demand, residence_ms
from backend_expert.advice.experiments import overload
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Call, Component, Deployment, Finding, Kind, System, call_sites, entries
from backend_expert.model.demand import rates_per_s


@remedy(
    "bounded-queue",
    en="Bound the queue and shed what cannot be answered in time",
    pt="Limite a fila e rejeite o que não dá para responder a tempo",
    addresses=("no-load-shedding", "pool-smaller-than-demand", "retry-multiplication", "unbounded-queue"),
    considers=("resilience", "performance", "survives-peak"),
    effort="hours",
    experiment=overload,
)
def bounded_queue(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the bound follows patience, not the peak
    """Return the system with a bound on the queue of each service of the finding that has none.

    The bound is what an instance can finish in the time its callers still wait: Little's law again, L = rate x patience.
    """
    changed = system
    for component in concerned(system, finding):
        bound = places_worth_waiting_in(system, component)
        if bound is None or component.deployment is None or component.deployment.queue_limit is not None:
            continue
        changed = with_deployment(changed, component.name, _bounded_at(bound))
    return changed


def _bounded_at(bound: int) -> Callable[[Deployment], Deployment]:
    return lambda deployment: structs.replace(deployment, queue_limit=chosen(bound))


def places_worth_waiting_in(system: System, component: Component) -> int | None:
    """Return the length of queue that one instance can still serve in time; `None` where nothing is known to take time."""
    if component.stateful or component.kind is Kind.EXTERNAL or component.deployment is None:
        return None
    rates, times = rates_per_s(system), residence_ms(system)
    operations = [each for each in system.operations if each.component == component.name and rates[each.name] > 0]
    total = sum(rates[each.name] for each in operations)
    usual_ms = sum(rates[each.name] * times[each.name] for each in operations) / total if total else 0.0
    if usual_ms <= 0:
        return None
    cpu_ms = processor_demand(system)[component.name] / total * 1000
    cores = 1.0 if component.deployment.event_loop else mean(component.deployment.cpu_cores)
    by_workers = math.inf if component.deployment.event_loop else mean(component.deployment.workers) / usual_ms
    finished_per_ms = min(by_workers, cores / cpu_ms if cpu_ms > 0 else math.inf)
    patience_ms = min(_patience_ms(system, component.name), default=TAIL * usual_ms)
    waiting_ms = max(usual_ms, patience_ms - usual_ms)
    return None if math.isinf(finished_per_ms) else max(1, math.floor(finished_per_ms * waiting_ms))


def _patience_ms(system: System, name: str) -> list[float]:
    """Return how long the callers of a component wait: their timeouts, and the objectives of its entries."""
    waits = [
        site.step.policy.timeout_ms.value
        for site in call_sites(system)
        if site.callee == name and isinstance(site.step, Call) and site.step.policy.timeout_ms is not None
    ]
    promised = [objective_ms(system, operation) for operation in entries(system) if operation.component == name]
    return waits + [each for each in promised if not math.isinf(each)]

"""Let in no more than can be served."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, concurrency, mean, processor_demand, tidy
from backend_expert.advice.experiments import overload
from backend_expert.advice.place import RUN_IN_COPIES, concerned, replicas_of, with_deployment
from backend_expert.model import Component, Deployment, Finding, RateLimit, System
from backend_expert.model.demand import rates_per_s

FULLEST = 0.9
"""Use of its places and cores up to which an instance lets requests in: at nine tenths the mean queue of one server is nine requests long
(M/M/1), and above it grows without measure."""

BURST_S = 0.2
"""Requests that may come at once, in seconds of the rate: what stands in a queue of that length is answered while a person notices no wait
(0.1 to 0.2 s, Nielsen, Usability Engineering, 1993)."""


@remedy(
    "rate-limit",
    en="Let in no more requests than can be served, and answer 429 to the rest",
    pt="Deixe entrar só o que dá para atender e responda 429 ao resto",
    addresses=("login-without-throttle", "no-load-shedding", "pool-smaller-than-demand", "unbounded-queue"),
    considers=("resilience", "survives-peak", "security"),
    effort="hours",
    experiment=overload,
)
def rate_limit(system: System, finding: Finding, peak: float) -> System:
    """Return the system with a token bucket in front of the finding's services that the peak asks for more than they can do.

    The rate is what one instance does at `FULLEST` of its places and cores, by Little's law.
    """
    changed = system
    for component in concerned(system, finding):
        if component.kind in RUN_IN_COPIES and component.deployment is not None and component.deployment.rate_limit is None:
            most = _most_per_s(system, component)
            asked = _asked_per_s(system, component, peak) / replicas_of(component)
            if most is not None and asked > most:
                changed = with_deployment(changed, component.name, _limited(most))
    return changed


def _asked_per_s(system: System, component: Component, peak: float) -> float:
    rates = rates_per_s(system, peak)
    return sum(rates[operation.name] for operation in system.operations if operation.component == component.name)


def _most_per_s(system: System, component: Component) -> float | None:
    """Return how many requests one instance answers a second at `FULLEST`; `None` where nothing is known to take time."""
    deployment, asked = component.deployment, _asked_per_s(system, component, 1.0)
    if deployment is None or asked <= 0:
        return None
    cores = 1.0 if deployment.event_loop else mean(deployment.cpu_cores)
    places = float("inf") if deployment.event_loop else mean(deployment.workers)
    used = max(
        processor_demand(system)[component.name] / asked / max(cores, 0.01),
        concurrency(system)[component.name] / asked / max(places, 1.0),
    )
    return tidy(FULLEST / used) if used > 0 else None


def _limited(rate: float) -> Callable[[Deployment], Deployment]:
    limit = RateLimit(rate_per_s=chosen(rate), burst=chosen(max(1.0, tidy(BURST_S * rate))))
    return lambda deployment: structs.replace(deployment, rate_limit=limit)

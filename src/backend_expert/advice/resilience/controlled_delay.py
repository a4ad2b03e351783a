"""Do not serve what has stood in the queue for too long."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import overload
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Deployment, Finding, Kind, System

OF_ONES_OWN = frozenset({Kind.SERVICE, Kind.WORKER})
"""A gateway is a product of others, and none of them drops by waiting time."""


@remedy(
    "controlled-delay",
    en="Drop what has waited too long in the queue of the workers (CoDel)",
    pt="Descarte o que esperou demais na fila dos workers (CoDel)",
    addresses=("no-load-shedding", "pool-smaller-than-demand", "retry-multiplication", "unbounded-queue"),
    considers=("resilience", "survives-peak", "low-latency"),
    effort="days",
    experiment=overload,
)
def controlled_delay(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the delay allowed is the same at any load
    """Return the system in which the queues of the finding's services drop by the time that requests have waited.

    Services with worker slots only: an event loop has no queue in front of it that it could look at.
    """
    changed = system
    for component in concerned(system, finding):
        if component.kind in OF_ONES_OWN:
            changed = with_deployment(changed, component.name, _controlled)
    return changed


def _controlled(deployment: Deployment) -> Deployment:
    if deployment.queue_discipline is not None or deployment.event_loop or deployment.workers is None:
        return deployment
    return structs.replace(deployment, queue_discipline="codel")

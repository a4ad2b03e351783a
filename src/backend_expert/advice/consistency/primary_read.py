"""Read what one has just written from where it was written."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_handlers
from backend_expert.lab.states.flow import CacheGet, Flow, Handler, Invariant, Observe, Read, Step, rewrite, walk


@flow_remedy(
    "primary-read",
    en="Read what one has just written from where it was written",
    pt="Leia o que acabou de gravar de onde foi gravado",
    closes=("stale-read",),
    effort="hours",
)
def primary_read(flow: Flow, invariant: Invariant) -> Flow:
    """Send the reads behind the observation to the primary, past replicas and caches."""
    return change_handlers(flow, lambda handler: _primary(handler, invariant.of))


def _primary(handler: Handler, name: str) -> Handler:
    if not any(isinstance(step, Observe) and name in {"", step.name} for step in walk(handler.steps)):
        return handler

    def change(step: Step) -> Step:
        if isinstance(step, Read) and step.replica:
            return structs.replace(step, replica=False)
        if isinstance(step, CacheGet):
            return Read(step.column, step.into, evidence=step.evidence)
        return step

    return structs.replace(handler, steps=rewrite(handler.steps, change))

"""Never let an older value replace a newer one in the cache."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_steps
from backend_expert.lab.states.flow import CachePut, Flow, Invariant, Step


@flow_remedy(
    "versioned-cache",
    en="Never let an older value replace a newer one in the cache",
    pt="Não deixe um valor antigo substituir um mais novo no cache",
    closes=("stale-read",),
    effort="days",
)
def versioned_cache(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - every put may be the late one
    """Compare versions in every put."""

    def change(step: Step) -> Step:
        return structs.replace(step, newer_only=True) if isinstance(step, CachePut) and step.value else step

    return change_steps(flow, change)

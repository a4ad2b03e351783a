"""Let the store refuse a former holder of a lock."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_steps
from backend_expert.lab.states.flow import Flow, Invariant, Lock, Step


@flow_remedy(
    "fencing-token",
    en="Let the store refuse a former holder of a lock",
    pt="Faça o banco recusar quem já perdeu o lock",
    closes=("zombie-write", "not-conserved", "oversell"),
    effort="days",
)
def fencing_token(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - a token guards every write under the lock
    """Check a token that grows with every holder in each write under a lease."""

    def change(step: Step) -> Step:
        return structs.replace(step, fenced=True) if isinstance(step, Lock) and step.lease else step

    return change_steps(flow, change)

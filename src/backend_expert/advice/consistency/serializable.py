"""Let the store keep concurrent transactions from crossing."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_handlers, only_store
from backend_expert.lab.states.flow import Flow, Handler, Invariant, Step, Transaction, rewrite


@flow_remedy(
    "serializable",
    en="Let the store keep concurrent transactions from crossing",
    pt="Deixe o banco impedir que transações simultâneas se cruzem",
    closes=("skew", "duplicate-entity", "oversell", "not-conserved"),
    effort="days",
)
def serializable(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - crossing needs two sides, so all of them are raised
    """Raise every transaction to serializable, and make one of a line of statements that reads before it writes."""
    return change_handlers(flow, _raised)


def _raised(handler: Handler) -> Handler:
    def change(step: Step) -> Step:
        return structs.replace(step, isolation="serializable") if isinstance(step, Transaction) else step

    steps = rewrite(handler.steps, change)
    if not any(isinstance(step, Transaction) for step in steps):
        length = 0
        while length < len(steps) and only_store(steps[length]):
            length += 1
        if length > 1:
            steps = (Transaction(steps[:length], "serializable", evidence=steps[0].evidence), *steps[length:])
    return structs.replace(handler, steps=steps)

"""Let the store refuse a former holder of a lock."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Invariant, Lock, Step, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - a token guards every write under the lock
    """Check a token that grows with every holder in each write under a lease."""

    def change(step: Step) -> Step:
        return structs.replace(step, fenced=True) if isinstance(step, Lock) and step.lease else step

    return change_handlers(flow, lambda handler: structs.replace(handler, steps=rewrite(handler.steps, change)))


REMEDY = Remedy(
    id="fencing-token",
    title=Text("Fencing token", "Token de fencing"),
    closes=("zombie-write", "not-conserved", "oversell"),
    cost=2,
    does_not_fix=Text(
        "It works only if the store checks the token on every write under the lock.",
        "Só funciona se o banco checar o token em toda escrita sob o lock.",
    ),
    when_not=Text(
        "Leave it where one conditional update can replace the lock altogether.",
        "Dispense onde uma atualização condicional pode substituir o lock por completo.",
    ),
    apply=apply,
)

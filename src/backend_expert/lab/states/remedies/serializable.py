"""Let the store keep concurrent transactions from crossing."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Handler, Invariant, Step, Transaction, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers, only_store
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - crossing needs two sides, so all of them are raised
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


REMEDY = Remedy(
    id="serializable",
    title=Text("Serializable transactions", "Transações serializáveis"),
    closes=("skew", "duplicate-entity", "oversell", "not-conserved"),
    cost=2,
    does_not_fix=Text(
        "Commits can fail and must be tried again. Nothing outside the store is rolled back, repeated messages still count twice.",
        "Commits podem falhar e precisam ser repetidos. Nada fora do banco é desfeito, mensagens repetidas ainda contam duas vezes.",
    ),
    when_not=Text(
        "Leave it on long or hot transactions: most would abort; lock the row that they all touch instead.",
        "Dispense em transações longas ou muito disputadas: a maioria abortaria; bloqueie a linha que todas tocam.",
    ),
    apply=apply,
)

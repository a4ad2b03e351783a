"""Never let an older value replace a newer one in the cache."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import CachePut, Flow, Invariant, Step, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - every put may be the late one
    """Compare versions in every put."""

    def change(step: Step) -> Step:
        return structs.replace(step, newer_only=True) if isinstance(step, CachePut) and step.value else step

    return change_handlers(flow, lambda handler: structs.replace(handler, steps=rewrite(handler.steps, change)))


REMEDY = Remedy(
    id="versioned-cache",
    title=Text("Versioned cache entries", "Entradas de cache com versão"),
    closes=("stale-read",),
    cost=2,
    does_not_fix=Text(
        "An entry that was evicted has no version: a slow reader can still put its old value back. Staleness until the put stays.",
        "Uma entrada descartada não tem versão: um leitor lento ainda pode gravar o valor antigo. O atraso até a gravação continua.",
    ),
    when_not=Text(
        "Leave it where a short expiry is good enough for the reader.", "Dispense onde uma expiração curta já basta para quem lê."
    ),
    apply=apply,
)

"""Read what one has just written from where it was written."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import CacheGet, Flow, Handler, Invariant, Observe, Read, Step, rewrite, walk
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
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


REMEDY = Remedy(
    id="primary-read",
    title=Text("Read your writes from the primary", "Ler as próprias escritas no primário"),
    closes=("stale-read",),
    cost=1,
    does_not_fix=Text(
        "Other clients still see old values; only the one who wrote is promised more.",
        "Outros clientes ainda veem valores antigos; só quem escreveu recebe a promessa.",
    ),
    when_not=Text(
        "Leave it on reads that nobody compares with their own write: it takes the load off the replicas back to the primary.",
        "Dispense em leituras que ninguém compara com a própria escrita: isso devolve ao primário a carga das réplicas.",
    ),
    apply=apply,
)

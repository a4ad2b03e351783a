"""Recognise a repeated request at the API by the key that its client sends."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Handler, Insert, Invariant, Reply, Stop, Table, Transaction, walk
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers, only_store
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - a repeated request repeats everything behind it
    """Store the key in the transaction of the first row that a request inserts."""
    if not flow.bounds.retry:
        return flow
    changed = change_handlers(flow, lambda handler: _with_key(handler) if handler.entry else handler)
    if changed is flow:
        return flow
    names = [f"{handler.actor}.request_key" for handler in changed.handlers if handler not in flow.handlers]
    return structs.replace(
        changed, tables=(*flow.tables, *(Table(name, per="request", unique="request") for name in dict.fromkeys(names)))
    )


def _with_key(handler: Handler) -> Handler:
    name = f"{handler.actor}.request_key"
    if any(isinstance(step, Insert) and step.table == name for step in walk(handler.steps)):
        return handler
    status = next((step.status for step in handler.steps if isinstance(step, Reply) and step.status < 400), 200)
    key = Insert(name, on_duplicate=(Reply(status), Stop()), evidence=handler.evidence)
    for index, step in enumerate(handler.steps):
        if isinstance(step, Transaction):
            inside = structs.replace(step, steps=(key, *step.steps))
            return structs.replace(handler, steps=(*handler.steps[:index], inside, *handler.steps[index + 1 :]))
        if only_store(step) and any(isinstance(each, Insert) for each in walk((step,))):
            inside = Transaction((key, step), evidence=step.evidence)
            return structs.replace(handler, steps=(*handler.steps[:index], inside, *handler.steps[index + 1 :]))
    return handler


REMEDY = Remedy(
    id="request-key",
    title=Text("Idempotency key at the API", "Chave de idempotência na API"),
    closes=("double-effect", "duplicate-entity"),
    cost=3,
    does_not_fix=Text(
        "A lost event: alone it makes the loss permanent, because the retry is answered from the stored key. Use it with an outbox.",
        "Um evento perdido: sozinha torna a perda definitiva, pois a nova tentativa é respondida pela chave guardada. Use com outbox.",
    ),
    when_not=Text(
        "Leave it on requests that are idempotent by themselves (PUT of a whole resource, DELETE).",
        "Dispense em requisições já idempotentes (PUT do recurso inteiro, DELETE).",
    ),
    apply=apply,
)

"""Remember handled messages in the transaction of their effect."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import only_store, table_named, written
from backend_expert.lab.states.flow import Ack, Flow, Handler, Insert, Invariant, Isolation, Stop, Table, Transaction, walk


@flow_remedy(
    "inbox",
    en="Remember handled messages in the transaction of their effect",
    pt="Guarde as mensagens tratadas na transação do efeito",
    closes=("double-effect", "oversell", "not-conserved"),
    effort="days",
)
def inbox(flow: Flow, invariant: Invariant) -> Flow:
    """Give every consumer that writes the table an inbox, where its effects are in one store."""
    table = table_named(flow, invariant.of)
    handlers, tables = [], []
    for handler in flow.handlers:
        name = f"{handler.actor}.inbox"
        changed = handler
        if handler.consumes and table and name not in {each.name for each in flow.tables}:
            changed = _with_inbox(handler, table, name)
        if changed is not handler:
            tables.append(Table(name, unique="id"))
        handlers.append(changed)
    if not tables:
        return flow
    return structs.replace(flow, handlers=tuple(handlers), tables=(*flow.tables, *dict.fromkeys(tables)))


def _with_inbox(handler: Handler, table: str, inbox: str) -> Handler:
    effects = [step for step in handler.steps if not isinstance(step, Ack)]
    inside = [each for step in effects for each in (step.steps if isinstance(step, Transaction) else (step,))]
    if table not in written(tuple(effects)) or not all(only_store(step) for step in inside):
        return handler
    if any(isinstance(step, Stop) for step in walk(handler.steps)):
        return handler
    remember = Insert(inbox, on_duplicate=(Ack(), Stop()), evidence=effects[0].evidence)
    isolation: Isolation = next((step.isolation for step in effects if isinstance(step, Transaction)), "read-committed")
    together = Transaction((remember, *inside), isolation, evidence=effects[0].evidence)
    return structs.replace(handler, steps=(together, Ack()), acknowledge="explicit")

"""Remember handled messages in the transaction of their effect."""

from __future__ import annotations

from msgspec import structs

from backend_expert import model
from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import only_store, table_named, written
from backend_expert.advice.place import added, consumers, with_operations
from backend_expert.lab.states.flow import Ack, Flow, Handler, Insert, Invariant, Isolation, Stop, Table, Transaction, walk


def _remembered(flow: Flow, invariant: Invariant) -> Flow:
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


@remedy(
    "inbox",
    en="Remember handled messages in the transaction of their effect",
    pt="Guarde as mensagens tratadas na transação do efeito",
    addresses=("consumer-not-idempotent",),
    considers=("consistency",),
    effort="days",
    in_flow=_remembered,
    closes=("double-effect", "oversell", "not-conserved"),
)
def inbox(system: model.System, finding: model.Finding, peak: float) -> model.System:  # noqa: ARG001 - one second delivery is enough
    """Return the system in which the finding's consumers insert the id of the message with their first insert, in one transaction."""
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    remembering: dict[str, model.Operation] = {}
    tables = system.datasets
    for operation in consumers(system, finding):
        inserts = (step for step in operation.steps if isinstance(step, model.Query) and step.action is model.Action.INSERT)
        first = next(inserts, None)
        if first is not None and not first.dataset.endswith(".inbox"):
            store = stores[first.dataset]
            name = f"{store}/{operation.component}.inbox"
            index = model.Index(columns=("id",), unique=True, primary=True)
            tables = added(tables, model.Dataset(name=name, store=store, indexes=(index,), complete=True))
            remembering[operation.name] = _together(operation, first, name, store)
    if not remembering:
        return system
    changed = with_operations(system, remembering, lambda operation: remembering[operation.name])
    return structs.replace(changed, datasets=tables)


def _together(operation: model.Operation, first: model.Query, inbox: str, store: str) -> model.Operation:
    remembered = model.Query(dataset=inbox, action=model.Action.INSERT, evidence=first.evidence)
    inside = model.Transaction(store=store, steps=(remembered, first), evidence=first.evidence)
    return structs.replace(operation, steps=tuple(inside if step is first else step for step in operation.steps))


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

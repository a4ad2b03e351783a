"""Let the database refuse the second row."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Ack, Flow, Handler, Insert, Invariant, Reply, Step, Stop, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers, table_named
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Add a unique index on the natural key, or on the key of the request, and handle its error."""
    name = table_named(flow, invariant.of)
    if not name or flow.table(name).unique:
        return flow
    table = flow.table(name)
    unique = structs.replace(table, unique="natural" if table.natural else "request")
    tables = tuple(unique if each.name == name else each for each in flow.tables)
    return structs.replace(change_handlers(flow, lambda handler: _handled(handler, name)), tables=tables)


def _handled(handler: Handler, table: str) -> Handler:
    refused: tuple[Step, ...] = (Reply(409), Stop()) if handler.entry else (Ack(), Stop()) if handler.consumes else (Stop(),)

    def change(step: Step) -> Step:
        if isinstance(step, Insert) and step.table == table and step.on_duplicate is None:
            return structs.replace(step, on_duplicate=refused)
        return step

    return structs.replace(handler, steps=rewrite(handler.steps, change))


REMEDY = Remedy(
    id="unique-constraint",
    title=Text("Unique constraint", "Restrição de unicidade"),
    closes=("duplicate-entity", "double-effect"),
    cost=1,
    does_not_fix=Text(
        "The error path must be handled. Duplicates under new keys stay possible.",
        "O caminho de erro precisa ser tratado. Duplicatas com chaves novas continuam possíveis.",
    ),
    when_not=Text(
        "Leave it where existing rows already collide: clean them up first, then add the index concurrently.",
        "Dispense onde as linhas atuais já colidem: limpe primeiro, depois crie o índice de forma concorrente.",
    ),
    apply=apply,
)

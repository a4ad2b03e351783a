"""Let the database refuse the second row."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_handlers, table_named
from backend_expert.lab.states.flow import Ack, Flow, Handler, Insert, Invariant, Reply, Step, Stop, rewrite


@flow_remedy(
    "unique-constraint",
    en="Let the database refuse the second row",
    pt="Deixe o banco recusar a segunda linha",
    closes=("duplicate-entity", "double-effect"),
    effort="hours",
)
def unique_constraint(flow: Flow, invariant: Invariant) -> Flow:
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

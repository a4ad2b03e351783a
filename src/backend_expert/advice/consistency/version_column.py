"""Refuse a write whose row has changed since it was read."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_handlers
from backend_expert.lab.states.flow import (
    Column,
    Flow,
    Handler,
    Invariant,
    Read,
    Reply,
    Step,
    Stop,
    UpdateWhere,
    Write,
    rewrite,
    walk,
)

SEEN = "version_seen"


@flow_remedy(
    "version-column",
    en="Refuse a write whose row has changed since it was read",
    pt="Recuse a gravação quando a linha mudou desde a leitura",
    closes=("not-conserved", "oversell"),
    effort="days",
)
def version_column(flow: Flow, invariant: Invariant) -> Flow:
    """Read a version with the column and check it in the write; a client whose write is refused gets 409."""
    table, _, name = invariant.of.rpartition(".")
    columns = {column.name for each in flow.tables if each.name == table for column in each.columns}
    if name not in columns or "version" in columns:
        return flow
    changed = change_handlers(flow, lambda handler: _checked(handler, table, invariant.of))
    if changed is flow:
        return flow
    tables = tuple(
        structs.replace(each, columns=(*each.columns, Column("version"))) if each.name == table else each for each in flow.tables
    )
    return structs.replace(changed, tables=tables)


def _checked(handler: Handler, table: str, source: str) -> Handler:
    reads = any(isinstance(step, Read) and step.source == source for step in walk(handler.steps))
    blind = any(isinstance(step, Write) and step.column == source for step in walk(handler.steps))
    if not (handler.entry and reads and blind):
        return handler

    def change(step: Step) -> Step | tuple[Step, ...]:
        if isinstance(step, Read) and step.source == source:
            return (Read(f"{table}.version", SEEN, evidence=step.evidence), step)
        if isinstance(step, Write) and step.column == source:
            column = source.rpartition(".")[2]
            given = ((column, step.value), ("version", f"{SEEN} + 1"))
            return UpdateWhere(table, f"version = {SEEN}", given, (Reply(409), Stop()), evidence=step.evidence)
        return step

    return structs.replace(handler, steps=rewrite(handler.steps, change))

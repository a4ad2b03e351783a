"""Refuse a write whose row has changed since it was read."""

from __future__ import annotations

from msgspec import structs

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
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text

SEEN = "version_seen"


def apply(flow: Flow, invariant: Invariant) -> Flow:
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


REMEDY = Remedy(
    id="version-column",
    title=Text("Version column (If-Match)", "Coluna de versão (If-Match)"),
    closes=("not-conserved", "oversell"),
    cost=2,
    does_not_fix=Text(
        "Callers must handle the conflict. A repeated message or request still counts twice.",
        "Quem chama precisa tratar o conflito. Uma mensagem ou requisição repetida ainda conta duas vezes.",
    ),
    when_not=Text(
        "Leave it on hot rows: most attempts are refused; a conditional update is cheaper.",
        "Dispense em linhas muito disputadas: a maioria das tentativas é recusada; a atualização condicional custa menos.",
    ),
    apply=apply,
)

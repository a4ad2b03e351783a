"""The statements of a system: those its code sends, and those a workload counted, as operations that rules can look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from backend_expert.lab.planner.repeats import repeats
from backend_expert.lab.planner.whatif import quoted
from backend_expert.lab.planner.workload import Statement, Workload
from backend_expert.model import (
    Action,
    Certainty,
    Dataset,
    Estimate,
    Evidence,
    Operation,
    Query,
    Repeat,
    Step,
    System,
    Trigger,
    walk,
)
from backend_expert.model import Workload as Traffic
from backend_expert.model.sql import parsed
from backend_expert.review.database import Home
from backend_expert.rules.data.kinds import kind_of

APPLICATION = "application"
"""Who sends the statements of a workload that names nobody."""


class Sent(Struct, frozen=True):
    """A statement for the lab: where it stands, its text, and whether that was made from what the code asks for."""

    file: str
    line: int
    text: str
    derived: bool = False


def statements_of(system: System, datasets: Iterable[Dataset]) -> tuple[Sent, ...]:
    """Return the statements that operations send to these datasets, once for each line.

    Where the code asks an ORM and holds no SQL, the statement is made from table, filter and what is done: a plan of it is a guess
    about the real one.
    """
    known = {dataset.name: dataset for dataset in datasets}
    found: dict[tuple[str, int, str], Sent] = {}
    for operation in system.operations:
        for step in walk(operation.steps):
            if isinstance(step, Query) and step.dataset in known:
                file, line = (step.evidence[0].file, step.evidence[0].line) if step.evidence else (operation.name, 1)
                text = step.statement or derived(step, known[step.dataset])
                if text:
                    found.setdefault((file, line, text), Sent(file, line, text, derived=not step.statement))
    return tuple(found.values())


def derived(query: Query, dataset: Dataset) -> str:
    """Return the statement that an ORM would send for a query; nothing where its columns are not those of the table."""
    filters = [column.name for name in query.filter_columns if (column := dataset.column(name)) is not None]
    if query.action not in (Action.READ, Action.INSERT) and not filters:
        # An entity that is saved or removed is found by its key; the code names no column.
        filters = list(next((index.columns for index in dataset.indexes if index.primary), ()))
    if not filters and (query.filter_columns or query.action not in (Action.READ, Action.INSERT)):
        return ""
    table = quoted(dataset.table)
    where = "".join(f"{' AND' if place > 1 else ' WHERE'} {quoted(name)} = ${place}" for place, name in enumerate(filters, 1))
    if query.action is Action.READ:
        return f"SELECT * FROM {table}{where}" + (f" LIMIT ${len(filters) + 1}" if query.limited else "")  # noqa: S608
    if query.action is Action.INSERT:
        made = {name for index in dataset.indexes if index.primary and len(index.columns) == 1 for name in index.columns}
        columns = [each.name for each in dataset.columns if each.name not in made or kind_of(each.type) not in NUMBERED]
        values = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        return f"INSERT INTO {table} ({', '.join(map(quoted, columns))}) VALUES ({values})"  # noqa: S608
    if query.action is Action.DELETE:
        return f"DELETE FROM {table}{where}"  # noqa: S608
    keys = {name for index in dataset.indexes for name in (*index.columns, *index.included)}
    free = next((column.name for column in dataset.columns if column.name not in keys), "")
    return f"UPDATE {table} SET {quoted(free)} = ${len(filters) + 1}{where}" if free else ""  # noqa: S608


NUMBERED = frozenset({"int2", "int4", "int8"})
"""Kinds of keys that the database gives itself: an ORM leaves them out of an insert."""


def of_workload(system: System, home: Home, workload: Workload) -> System:
    """Return the system with one operation for each statement of a workload, as heavy as it is called.

    A lookup that runs once for each row of another statement stands in a loop of that one; a statement on other tables is left out.
    """
    tables = {dataset.table.lower(): dataset.name for dataset in system.datasets if dataset.store == home.store}
    queries = {each.fingerprint: query for each in workload.statements if (query := _query(each, tables)) is not None}
    lookups = {each.lookup.fingerprint for each in repeats(workload)}
    steps: dict[str, list[Step]] = {name: [query] for name, query in queries.items()}
    for found in repeats(workload):
        parent, lookup = found.parent.fingerprint, found.lookup.fingerprint
        if parent in steps and lookup in steps and parent not in lookups:
            steps[parent].append(Repeat(count=Estimate(found.times, 1.5, Certainty.MEASURED), steps=(queries[lookup],)))
            del steps[lookup]
    sent = [each for each in workload.statements if each.fingerprint in steps]
    operations = tuple(_operation(each, tuple(steps[each.fingerprint])) for each in sent)
    traffic = (Traffic(name=_name(each), operation=_name(each), rate_per_s=Estimate(each.calls)) for each in sent)
    return replace(system, operations=operations, workloads=tuple(traffic))


def _operation(statement: Statement, steps: tuple[Step, ...]) -> Operation:
    name = _name(statement)
    return Operation(name=name, component=APPLICATION, trigger=Trigger(kind="rpc", name=name), steps=steps, evidence=_at(statement))


def _name(statement: Statement) -> str:
    return f"{statement.file}:{statement.line}"


def _query(statement: Statement, tables: Mapping[str, str]) -> Query | None:
    tree = parsed(statement.text)
    named = (node.name.lower() for node in tree.find_all(exp.Table)) if tree is not None else ()
    dataset = next((tables[name] for name in named if name in tables), "")
    return Query(dataset=dataset, statement=statement.text, limited=_limited(tree), evidence=_at(statement)) if dataset else None


def _limited(tree: exp.Expr | None) -> bool | None:
    """Tell whether a read ends at a stated number of rows: `None` where a condition or an aggregate decides it."""
    if not isinstance(tree, exp.Select):
        return None
    if tree.args.get("limit") is not None:
        return True
    decides = any(tree.args.get(part) is not None for part in ("where", "group", "distinct", "joins"))
    return None if decides or any(each.find(exp.AggFunc) is not None for each in tree.expressions) else False


def _at(statement: Statement) -> tuple[Evidence, ...]:
    return (Evidence(statement.file, statement.line, "workload"),)

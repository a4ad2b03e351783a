"""Filters that no index serves."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Action, Dataset, Finding, Query, Severity, System, Text, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import COMPARISONS, Asked, Problem, asked_of, filters, findings, small, sure
from backend_expert.rules.wording import figure, listed


@rule(
    "filter-without-index",
    code="BE-DAT-001",
    family="data",
    severity=Severity.MEDIUM,
    en="Filter that no index serves",
    pt="Filtro que nenhum índice atende",
    since="0.2",
)
def filter_without_index(system: System) -> Iterator[Finding]:
    """Yield each table that statements filter by columns with which none of its indexes begins; small tables are left out."""
    yield from findings("filter-without-index", system, _problems(system), Severity.MEDIUM, _told, confidence=sure)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        for _, _, dataset in asked.resolver.sources:
            columns = filtered(asked, dataset)
            if not isinstance(asked.tree, exp.Insert) and _unserved(dataset, columns):
                yield asked.problem(dataset, columns)
    named = {dataset.name: dataset for dataset in system.datasets}
    for operation in system.operations:
        for step in walk(operation.steps):
            if isinstance(step, Query) and not step.statement and step.action is not Action.INSERT:
                table = named.get(step.dataset)
                columns = tuple(name for name in step.filter_columns if table is not None and table.column(name) is not None)
                if table is not None and _unserved(table, columns):
                    yield Problem(table, columns, operation, step)


def filtered(asked: Asked, dataset: Dataset) -> tuple[str, ...]:
    """Return the columns of a table that a statement compares with a value or joins by, in the order of the statement."""
    found = []
    for test in filters(asked.tree):
        sides = (test.this, test.expression) if isinstance(test, COMPARISONS) else (test.this,)
        if isinstance(test, (*COMPARISONS, exp.In, exp.Between)):
            found += [side.name for side in sides if asked.dataset(side) is dataset]
    return tuple(dict.fromkeys(found))


def _unserved(dataset: Dataset, columns: tuple[str, ...]) -> bool:
    if not columns or not dataset.complete or small(dataset):
        return False
    asked = {name.lower() for name in columns}
    return not any(index.columns and index.columns[0].lower() in asked for index in dataset.indexes)


def _told(problem: Problem) -> tuple[Text, Text]:
    table, columns, rows = problem.dataset.table, problem.columns, problem.dataset.rows
    many = rows is not None
    en = f"all {figure(rows.value, 'en')} rows" if many and rows is not None else "every row"
    pt = f"todas as {figure(rows.value, 'pt')} linhas" if many and rows is not None else "todas as linhas"
    return (
        Text(
            f"`{table}` is searched by {listed(columns, 'en')} without an index",
            f"`{table}` é consultada por {listed(columns, 'pt')} sem índice",
        ),
        Text(
            f"No index of `{table}` begins with {listed(columns, 'en')}, so the database reads {en} to find the few that are asked "
            f"for. The time grows with the table, and while it reads, the statement holds its connection and a processor.",
            f"Nenhum índice de `{table}` começa por {listed(columns, 'pt')}, então o banco lê {pt} para achar as poucas pedidas. "
            f"O tempo cresce com a tabela, e enquanto lê, o comando ocupa a conexão e um processador.",
        ),
    )

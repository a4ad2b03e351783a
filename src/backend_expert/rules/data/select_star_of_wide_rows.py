"""All columns fetched where some of them are large."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, findings
from backend_expert.rules.data.kinds import kind_of
from backend_expert.rules.wording import listed

WIDE_BYTES = 200.0
"""Mean bytes from which on a value weighs more than the rest of an ordinary row together."""


@rule(
    "select-star-of-wide-rows",
    code="BE-DAT-031",
    family="data",
    severity=Severity.LOW,
    en="All columns fetched, large ones too",
    pt="Todas as colunas buscadas, as grandes também",
    since="0.2",
)
def select_star_of_wide_rows(system: System) -> Iterator[Finding]:
    """Yield each table of which a list is fetched with `SELECT *` although it has columns with large values."""
    yield from findings("select-star-of-wide-rows", system, _problems(system), Severity.LOW, _told, confidence=lambda _: 0.7)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        if not isinstance(asked.tree, exp.Select) or _one_row(asked):
            continue
        stars = {each.table if isinstance(each, exp.Column) else "" for each in asked.tree.expressions if each.is_star}
        for query, alias, dataset in asked.resolver.sources:
            columns = wide(dataset)
            if query is asked.tree and columns and stars & {"", alias}:
                yield asked.problem(dataset, columns)


def wide(dataset: Dataset) -> tuple[str, ...]:
    """Return the columns with large values: by their measured width, or by a type that exists for documents and files."""
    return tuple(
        each.name
        for each in dataset.columns
        if (each.bytes >= WIDE_BYTES if each.bytes is not None else kind_of(each.type) == "large")
    )


def _one_row(asked: Asked) -> bool:
    """Tell whether a statement finds one row by a key: then the large value is likely what is wanted."""
    where = asked.tree.args.get("where")
    equal = {
        side.name.lower()
        for test in (where.find_all(exp.EQ) if where is not None else ())
        for side in (test.this, test.expression)
        if isinstance(side, exp.Column)
    }
    return any(
        index.unique and {name.lower() for name in index.columns} <= equal
        for _, _, dataset in asked.resolver.sources
        for index in dataset.indexes
    )


def _told(problem: Problem) -> tuple[Text, Text]:
    table = problem.dataset.table
    return (
        Text(
            f"`SELECT *` fetches {listed(problem.columns, 'en', most=4)} of every row of `{table}`",
            f"`SELECT *` busca {listed(problem.columns, 'pt', most=4)} de cada linha de `{table}`",
        ),
        Text(
            f"Large values lie outside of their row: for each row of the list the database fetches, unpacks and sends "
            f"{listed(problem.columns, 'en', most=4)}, and the client parses what it does not show. It also rules out an index-only scan.",
            f"Valores grandes ficam fora da linha: para cada linha da lista, o banco busca, descompacta e envia "
            f"{listed(problem.columns, 'pt', most=4)}, e o cliente interpreta o que não mostra. Também impede um index-only scan.",
        ),
    )

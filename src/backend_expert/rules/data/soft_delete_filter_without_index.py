"""Marks of deletion that every read filters by and no index knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, filters, findings, small

_MARK = re.compile(r"^(?:is_?)?(?:deleted|removed|archived)(?:_?(?:at|on|date|time))?$", re.IGNORECASE)


@rule(
    "soft-delete-filter-without-index",
    code="BE-DAT-032",
    family="data",
    severity=Severity.LOW,
    en="Deleted rows are filtered out one by one",
    pt="Linhas apagadas são filtradas uma a uma",
    since="0.2",
)
def soft_delete_filter_without_index(system: System) -> Iterator[Finding]:
    """Yield each mark of deletion that statements filter by and that no index of the table has as a column or condition."""
    yield from findings(
        "soft-delete-filter-without-index", system, _problems(system), Severity.LOW, _told, confidence=lambda _: 0.6
    )


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        for dataset, name in _marks(asked):
            known = any(
                name.lower() in " ".join((*index.columns, *index.included, index.condition)).lower() for index in dataset.indexes
            )
            if dataset.complete and not known and not small(dataset):
                yield asked.problem(dataset, (name,))


def _marks(asked: Asked) -> Iterator[tuple[Dataset, str]]:
    """Yield the marks of deletion that a statement keeps the living rows by."""
    for test in filters(asked.tree):
        bare = test.this if isinstance(test, exp.Not) else test
        column = bare.this if isinstance(bare, exp.Is | exp.EQ) else bare
        dataset = asked.dataset(column)
        if dataset is not None and _MARK.match(column.name):
            yield dataset, column.name


def _told(problem: Problem) -> tuple[Text, Text]:
    table, column = problem.dataset.table, problem.columns[0]
    return (
        Text(
            f"No index of `{table}` knows its deleted rows (`{column}`)",
            f"Nenhum índice de `{table}` conhece as linhas apagadas (`{column}`)",
        ),
        Text(
            f"Rows that are only marked stay in every index. A read finds them there, fetches each from the table to look at `{column}`, "
            f"and throws it away: after years of deletes most of what is read is dead. The rows that live are what an index should hold.",
            f"Linhas apenas marcadas continuam em todos os índices. Uma leitura as encontra ali, busca cada uma na tabela para olhar "
            f"`{column}` e a descarta: depois de anos de exclusões, a maior parte do que se lê está morta. As linhas vivas é que o índice "
            f"deveria guardar.",
        ),
    )

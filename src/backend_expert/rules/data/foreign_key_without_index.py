"""Foreign keys that no index serves."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Dataset, Finding, Reference, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings, small, sure
from backend_expert.rules.wording import listed


@rule(
    "foreign-key-without-index",
    code="BE-DAT-002",
    family="data",
    severity=Severity.MEDIUM,
    en="Foreign key without an index",
    pt="Chave estrangeira sem índice",
    since="0.2",
)
def foreign_key_without_index(system: System) -> Iterator[Finding]:
    """Yield each foreign key whose columns no index of its own table begins with; small tables are left out."""
    problems = (
        Problem(dataset, reference.columns, words=reference.table, part=reference)
        for dataset in system.datasets
        if dataset.complete and not small(dataset)
        for reference in dataset.references
        if not _served(dataset, reference)
    )
    yield from findings("foreign-key-without-index", system, problems, Severity.MEDIUM, _told, confidence=sure)


def _served(dataset: Dataset, reference: Reference) -> bool:
    wanted = {name.lower() for name in reference.columns}
    return any(
        {name.lower() for name in index.columns[: len(wanted)]} == wanted and not index.condition for index in dataset.indexes
    )


def _told(problem: Problem) -> tuple[Text, Text]:
    table, parent = problem.dataset.table, problem.words
    return (
        Text(
            f"`{table}` refers to `{parent}` by {listed(problem.columns, 'en')}, which has no index",
            f"`{table}` referencia `{parent}` por {listed(problem.columns, 'pt')}, que não tem índice",
        ),
        Text(
            f"The database indexes the key of `{parent}`, not the column that points to it. Every delete of a row in `{parent}`, and "
            f"every change of its key, reads all of `{table}` to check that nobody points there, and so does every join from "
            f"`{parent}`. With n rows deleted that is n times the table.",
            f"O banco indexa a chave de `{parent}`, não a coluna que aponta para ela. Cada delete de uma linha de `{parent}`, e cada "
            f"mudança da chave, lê `{table}` inteira para conferir que ninguém aponta para lá, e cada join a partir de `{parent}` "
            f"também. Com n linhas apagadas são n vezes a tabela.",
        ),
    )

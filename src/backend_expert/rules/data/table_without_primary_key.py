"""Tables without a primary key."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings


@rule(
    "table-without-primary-key",
    code="BE-DAT-009",
    family="data",
    severity=Severity.MEDIUM,
    en="Table without a primary key",
    pt="Tabela sem chave primária",
    since="0.2",
)
def table_without_primary_key(system: System) -> Iterator[Finding]:
    """Yield each table whose keys are all known and none of them is primary."""
    problems = (
        Problem(dataset, ())
        for dataset in system.datasets
        if dataset.complete and dataset.columns and not any(index.primary for index in dataset.indexes)
    )
    yield from findings("table-without-primary-key", system, problems, Severity.MEDIUM, _told)


def _told(problem: Problem) -> tuple[Text, Text]:
    table = problem.dataset.table
    return (
        Text(f"`{table}` has no primary key", f"`{table}` não tem chave primária"),
        Text(
            f"Two rows of `{table}` can be equal, and then nothing can name one of them: not an update, not a foreign key, not a client "
            f"that wants to go on where it stopped. Logical replication refuses updates and deletes on it.",
            f"Duas linhas de `{table}` podem ser iguais, e aí nada consegue nomear uma delas: nem um update, nem uma chave estrangeira, "
            f"nem um cliente que quer continuar de onde parou. A replicação lógica recusa updates e deletes nela.",
        ),
    )

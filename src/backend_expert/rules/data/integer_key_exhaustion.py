"""Keys that run out of numbers."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings
from backend_expert.rules.data.kinds import LARGEST, kind_of
from backend_expert.rules.wording import figure, percent

EXHAUSTED = 0.5
"""Share of the numbers used up from which on it is told: what took years so far leaves as long at most, and traffic grows."""


@rule(
    "integer-key-exhaustion",
    code="BE-DAT-010",
    family="data",
    severity=Severity.HIGH,
    en="Key that runs out of numbers",
    pt="Chave que fica sem números",
    since="0.2",
)
def integer_key_exhaustion(system: System) -> Iterator[Finding]:
    """Yield each column of 16 or 32 bits whose sequence has used up half of its numbers or more."""
    problems = (
        Problem(dataset, (column.name,))
        for dataset in system.datasets
        for column in dataset.columns
        if column.last_value is not None and column.last_value >= LARGEST.get(kind_of(column.type), float("inf")) * EXHAUSTED
    )
    yield from findings("integer-key-exhaustion", system, problems, Severity.HIGH, _told)


def _told(problem: Problem) -> tuple[Text, Text]:
    table, name = problem.dataset.table, problem.columns[0]
    column = problem.dataset.column(name)
    assert column is not None
    assert column.last_value is not None
    largest = LARGEST[kind_of(column.type)]
    share = column.last_value / largest
    return (
        Text(
            f"{percent(share, 'en')} of the numbers of `{table}.{name}` are used up",
            f"{percent(share, 'pt')} dos números de `{table}.{name}` já foram usados",
        ),
        Text(
            f"`{name}` is {column.type} and stands at {figure(column.last_value, 'en')} of {figure(largest, 'en')}. After the last one "
            f"every insert into `{table}` fails, and widening the column then rewrites the whole table under a lock.",
            f"`{name}` é {column.type} e está em {figure(column.last_value, 'pt')} de {figure(largest, 'pt')}. Depois do último, todo "
            f"insert em `{table}` falha, e alargar a coluna nessa hora reescreve a tabela inteira sob um lock.",
        ),
    )

"""Texts padded to a fixed length."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings
from backend_expert.rules.data.kinds import kind_of, length_of
from backend_expert.rules.wording import listed

CODE = 3
"""Longest fixed text that is likely a code of that length: countries have 2 or 3 letters (ISO 3166), currencies 3 (ISO 4217)."""


@rule(
    "padded-text",
    code="BE-DAT-030",
    family="data",
    severity=Severity.LOW,
    en="Text padded with blanks (char)",
    pt="Texto preenchido com espaços (char)",
    since="0.2",
)
def padded_text(system: System) -> Iterator[Finding]:
    """Yield each table with columns of type `char(n)`; short codes are left out."""
    problems = []
    for dataset in system.datasets:
        columns = tuple(each.name for each in dataset.columns if kind_of(each.type) == "padded" and length_of(each.type) > CODE)
        if columns:
            problems.append(Problem(dataset, columns))
    yield from findings("padded-text", system, problems, Severity.LOW, _told)


def _told(problem: Problem) -> tuple[Text, Text]:
    table = problem.dataset.table
    return (
        Text(
            f"`{table}` pads texts with blanks: {listed(problem.columns, 'en', most=4)}",
            f"`{table}` preenche textos com espaços: {listed(problem.columns, 'pt', most=4)}",
        ),
        Text(
            "`char(n)` stores every value blown up to n with blanks, ignores them when two values are compared, and counts them with "
            "LIKE and regular expressions: the same two values are equal here and different there. It is no faster than `text`.",
            "`char(n)` grava cada valor esticado até n com espaços, ignora-os quando dois valores são comparados e os conta em LIKE e "
            "expressões regulares: os mesmos dois valores são iguais aqui e diferentes ali. Não é mais rápido que `text`.",
        ),
    )

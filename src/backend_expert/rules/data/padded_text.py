"""Texts padded to a fixed length."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, by_database, tables
from backend_expert.rules.data.kinds import kind_of, length_of

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
    """Yield each database with columns of type `char(n)`; short codes are left out."""
    problems = []
    for dataset in system.datasets:
        columns = tuple(each.name for each in dataset.columns if kind_of(each.type) == "padded" and length_of(each.type) > CODE)
        if columns:
            problems.append(Problem(dataset, columns))
    yield from by_database("padded-text", system, problems, Severity.LOW, _told)


def _told(problems: list[Problem]) -> tuple[Text, Text]:
    return (
        Text(
            f"Texts are padded with blanks: {tables(problems, 'en')}",
            f"Textos são preenchidos com espaços: {tables(problems, 'pt')}",
        ),
        Text(
            "`char(n)` stores every value blown up to n with blanks, ignores them when two values are compared, and counts them with "
            "LIKE and regular expressions: the same two values are equal here and different there. It is no faster than `text`.",
            "`char(n)` grava cada valor esticado até n com espaços, ignora-os quando dois valores são comparados e os conta em LIKE e "
            "expressões regulares: os mesmos dois valores são iguais aqui e diferentes ali. Não é mais rápido que `text`.",
        ),
    )

"""Moments kept without their time zone."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, by_database, tables
from backend_expert.rules.data.kinds import kind_of
from backend_expert.rules.wording import counted

_KEEPS_THE_MOMENT = frozenset({"mysql", "mariadb"})
"""Where `timestamp` is stored as UTC and converted for each session (MySQL manual, The DATE, DATETIME, and TIMESTAMP Types)."""


@rule(
    "timestamp-without-zone",
    code="BE-DAT-012",
    family="data",
    severity=Severity.LOW,
    en="Moment stored without a time zone",
    pt="Instante gravado sem fuso horário",
    since="0.2",
)
def timestamp_without_zone(system: System) -> Iterator[Finding]:
    """Yield each database with columns of type `timestamp` in a database where that type has no zone."""
    technology = {component.name: component.technology for component in system.components}
    problems = []
    for dataset in system.datasets:
        columns = tuple(each.name for each in dataset.columns if kind_of(each.type) == "timestamp")
        if columns and technology.get(dataset.store, "") not in _KEEPS_THE_MOMENT:
            problems.append(Problem(dataset, columns))
    yield from by_database("timestamp-without-zone", system, problems, Severity.LOW, _told)


def _told(problems: list[Problem]) -> tuple[Text, Text]:
    count = sum(len(each.columns) for each in problems)
    en, pt = counted(count, "column", "columns"), counted(count, "coluna", "colunas")
    return (
        Text(
            f"Moments are kept without a time zone: {tables(problems, 'en')}",
            f"Instantes são guardados sem fuso horário: {tables(problems, 'pt')}",
        ),
        Text(
            f"`timestamp` keeps what a clock on some wall showed and forgets which wall ({en}). A service in another zone, or the same "
            f"one after the clocks change, reads another moment: tokens expire an hour early, reports count an hour twice.",
            f"`timestamp` guarda o que um relógio de parede mostrava e esquece de qual parede ({pt}). Um serviço em outro fuso, ou o "
            f"mesmo depois de uma mudança de horário, lê outro instante: tokens expiram uma hora antes, relatórios contam uma hora duas "
            f"vezes.",
        ),
    )

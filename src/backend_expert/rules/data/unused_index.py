"""Indexes that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Dataset, Finding, Index, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings
from backend_expert.rules.data.duplicate_or_prefix_index import redundant


@rule(
    "unused-index",
    code="BE-DAT-007",
    family="data",
    severity=Severity.LOW,
    en="Index that is never read",
    pt="Índice que nunca é lido",
    since="0.2",
)
def unused_index(system: System) -> Iterator[Finding]:
    """Yield each index that the statistics of the server count no read of, and that is there for speed alone."""
    problems = (Problem(dataset, index.columns, part=index) for dataset in system.datasets for index in unused(dataset))
    yield from findings("unused-index", system, problems, Severity.LOW, _told, confidence=lambda _: 0.7)


def unused(dataset: Dataset) -> Iterator[Index]:
    """Yield the indexes that were never read; those that another one makes superfluous are told elsewhere."""
    doubled = {each.index for each in redundant(dataset)}
    for index in dataset.indexes:
        if index.reads == 0 and not (index.unique or index.primary or index.required) and index not in doubled:
            yield index


def _told(problem: Problem) -> tuple[Text, Text]:
    assert isinstance(problem.part, Index)
    table, name = problem.dataset.table, problem.part.name
    return (
        Text(f"Index `{name}` of `{table}` was never read", f"O índice `{name}` de `{table}` nunca foi lido"),
        Text(
            f"Since its statistics began, the server has not read `{name}` once, and every insert into `{table}` has written it. Check "
            f"first that the statistics are old enough to have seen the month's reports, and that no replica reads it.",
            f"Desde o início das estatísticas, o servidor não leu `{name}` nenhuma vez, e cada insert em `{table}` o gravou. Confira antes "
            f"se as estatísticas são antigas o bastante para ter visto os relatórios do mês, e se nenhuma réplica o lê.",
        ),
    )

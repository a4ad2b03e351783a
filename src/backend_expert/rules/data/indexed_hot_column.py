"""Indexed columns that are written all the time."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Index, Severity, System, Text
from backend_expert.model.demand import STATED, rates_per_s
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, findings
from backend_expert.rules.wording import percent

HOT = 0.05
"""Share of all runs from which on an update counts as hot: one in twenty."""


@rule(
    "indexed-hot-column",
    code="BE-DAT-033",
    family="data",
    severity=Severity.LOW,
    en="Indexed column that is updated all the time",
    pt="Coluna indexada que é atualizada o tempo todo",
    since="0.2",
)
def indexed_hot_column(system: System) -> Iterator[Finding]:
    """Yield each column that a frequent update sets and an index holds that is there for speed alone; rates must be stated."""
    rates = rates_per_s(system, counting=STATED)
    whole = sum(rates.values())
    if not whole:
        return
    problems = []
    for asked in asked_of(system):
        share = rates[asked.operation.name] / whole
        for dataset, name in _written(asked) if share >= HOT else ():
            index = next((each for each in dataset.indexes if _holds(each, name)), None)
            if index is not None:
                problems.append(asked.problem(dataset, (name,), words=f"{index.name or ', '.join(index.columns)}\0{share}"))
    yield from findings("indexed-hot-column", system, problems, Severity.LOW, _told, confidence=lambda _: 0.7)


def _written(asked: Asked) -> Iterator[tuple[Dataset, str]]:
    """Yield the columns that an update sets."""
    if not isinstance(asked.tree, exp.Update):
        return
    for each in asked.tree.expressions:
        dataset = asked.dataset(each.this) if isinstance(each, exp.EQ) else None
        if dataset is not None:
            yield dataset, each.this.name


def _holds(index: Index, column: str) -> bool:
    if index.unique or index.primary or index.required:
        return False
    named = {name.lower() for name in (*index.columns, *index.included)}
    return column.lower() in named or column.lower() in index.condition.lower().replace("(", " ").replace(")", " ").split()


def _told(problem: Problem) -> tuple[Text, Text]:
    table, column = problem.dataset.table, problem.columns[0]
    index, _, share = problem.words.partition("\0")
    return (
        Text(
            f"`{table}.{column}` is updated all the time and indexed",
            f"`{table}.{column}` é atualizada o tempo todo e indexada",
        ),
        Text(
            f"{percent(float(share), 'en')} of the stated traffic sets `{column}`, which the index `{index}` holds. PostgreSQL can replace "
            f"a row in its page without touching any index (HOT) only if no indexed column changes: so each of these updates writes "
            f"every index of `{table}` and leaves dead entries in them.",
            f"{percent(float(share), 'pt')} do tráfego informado grava `{column}`, que o índice `{index}` contém. O PostgreSQL só consegue "
            f"trocar uma linha dentro da página sem tocar em nenhum índice (HOT) se nenhuma coluna indexada muda: assim, cada um desses "
            f"updates grava todos os índices de `{table}` e deixa entradas mortas neles.",
        ),
    )

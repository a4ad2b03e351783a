"""Indexes that another one makes superfluous."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Dataset, Finding, Index, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings
from backend_expert.rules.wording import listed


class Redundant(Struct, frozen=True):
    """An index that could go, and the one that takes over: an equal one, or a longer one that begins with the same columns."""

    index: Index
    instead: Index

    @property
    def equal(self) -> bool:
        """Tell whether both have the same columns."""
        return self.index.columns == self.instead.columns


@rule(
    "duplicate-or-prefix-index",
    code="BE-DAT-006",
    family="data",
    severity=Severity.LOW,
    en="Index that another one makes superfluous",
    pt="Índice que outro torna supérfluo",
    since="0.2",
)
def duplicate_or_prefix_index(system: System) -> Iterator[Finding]:
    """Yield each index that equals another one or is the beginning of it, and is there for speed alone."""
    problems = (
        Problem(dataset, each.index.columns, words=named(each.instead), part=each.index)
        for dataset in system.datasets
        for each in redundant(dataset)
    )
    yield from findings("duplicate-or-prefix-index", system, problems, Severity.LOW, _told)


def redundant(dataset: Dataset) -> Iterator[Redundant]:
    """Yield the indexes of a table that could go.

    Never one that is there for a rule (unique, primary, of a constraint or a replica identity); and a partial index, or one with other
    columns included, operator classes, collations or directions, is never taken for the same as another.
    """
    for index in dataset.indexes:
        if index.unique or index.primary or index.required or not index.columns:
            continue
        rivals = [each for each in dataset.indexes if each is not index]
        instead = next((each for each in rivals if _same(index, each) and _stays(each, index)), None)
        instead = instead or next((each for each in rivals if _begins(index, each)), None)
        if instead is not None:
            yield Redundant(index, instead)


def _same(index: Index, other: Index) -> bool:
    ours = (index.method, index.columns, index.kinds, index.condition)
    covers = set(index.included) <= {*other.included, *other.columns}
    return ours == (other.method, other.columns, other.kinds, other.condition) and covers


def _stays(other: Index, index: Index) -> bool:
    """Tell which of two equal indexes stays: the one with a rule, then the one that includes more, then the first by name."""
    rank = (not (other.unique or other.primary or other.required), -len(other.included), other.name)
    return rank < (True, -len(index.included), index.name)


def _begins(index: Index, other: Index) -> bool:
    """Tell whether the other index starts with all columns of this one, in the same order and kind."""
    width = len(index.columns)
    if len(other.columns) <= width or index.condition or other.condition or {index.method, other.method} - {"", "btree"}:
        return False
    ours = index.kinds or ("",) * width
    theirs = (other.kinds or ("",) * len(other.columns))[:width]
    covers = set(index.included) <= {*other.included, *other.columns}
    return other.columns[:width] == index.columns and ours == theirs and covers


def named(index: Index) -> str:
    """Return the name of an index, or its columns where it has none."""
    return index.name or f"({', '.join(index.columns)})"


def _told(problem: Problem) -> tuple[Text, Text]:
    assert isinstance(problem.part, Index)
    table, name, instead = problem.dataset.table, named(problem.part), problem.words
    return (
        Text(
            f"Index `{name}` of `{table}` does nothing that `{instead}` does not",
            f"O índice `{name}` de `{table}` não faz nada que `{instead}` não faça",
        ),
        Text(
            f"`{instead}` begins with the same {listed(problem.columns, 'en')}, in the same order, so it answers whatever `{name}` "
            f"answers. Each insert, and each update that moves a row, writes both; both take disk, memory and time to vacuum.",
            f"`{instead}` começa pelas mesmas colunas, {listed(problem.columns, 'pt')}, na mesma ordem, portanto responde tudo o que "
            f"`{name}` responde. Cada insert, e cada update que move uma linha, grava os dois; os dois ocupam disco, memória e tempo de "
            f"vacuum.",
        ),
    )

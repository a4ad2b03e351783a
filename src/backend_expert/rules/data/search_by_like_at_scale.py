"""Searches that begin with a wildcard."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, asked_of, findings, small, sure

_SERVES_PATTERNS = frozenset({"gin", "gist"})


@rule(
    "search-by-like-at-scale",
    code="BE-DAT-029",
    family="data",
    severity=Severity.MEDIUM,
    en="Search that begins with a wildcard",
    pt="Busca que começa com curinga",
    since="0.2",
)
def search_by_like_at_scale(system: System) -> Iterator[Finding]:
    """Yield each column searched with LIKE or ILIKE and a pattern that begins with `%`; small tables are left out."""
    yield from findings("search-by-like-at-scale", system, _problems(system), Severity.MEDIUM, _told, confidence=sure)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        for test in asked.tree.find_all(exp.Like, exp.ILike):
            column = test.this
            dataset = asked.dataset(column)
            if dataset is not None and not small(dataset) and _begins_open(test.expression) and not _served(dataset, column.name):
                yield asked.problem(dataset, (column.name,))


def _begins_open(pattern: exp.Expr) -> bool:
    """Tell whether a pattern begins with a wildcard: a literal, or one to which something is joined."""
    while isinstance(pattern, exp.DPipe | exp.Paren):
        pattern = pattern.this
    if isinstance(pattern, exp.Concat):
        pattern = pattern.expressions[0]
    return isinstance(pattern, exp.Literal) and pattern.this.startswith("%")


def _served(dataset: Dataset, column: str) -> bool:
    return any(
        index.method in _SERVES_PATTERNS and any(column.lower() in each.lower() for each in index.columns)
        for index in dataset.indexes
    )


def _told(problem: Problem) -> tuple[Text, Text]:
    table, column = problem.dataset.table, problem.columns[0]
    return (
        Text(
            f"`{table}.{column}` is searched with a pattern that begins with a wildcard",
            f"`{table}.{column}` é buscada com um padrão que começa com curinga",
        ),
        Text(
            f"A B-tree is sorted by the first character, and `%word` does not say the first character: every `{column}` of `{table}` is "
            f"read and matched. A search box that does this costs as much as the table is long, at every key press.",
            f"Um B-tree é ordenado pelo primeiro caractere, e `%palavra` não diz qual é o primeiro caractere: cada `{column}` de `{table}` "
            f"é lida e comparada. Um campo de busca que faz isso custa o tamanho da tabela, a cada tecla.",
        ),
    )

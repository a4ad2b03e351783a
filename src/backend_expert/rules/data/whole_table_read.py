"""Statements that return a whole large table."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, findings, small
from backend_expert.rules.wording import figure


@rule(
    "whole-table-read",
    code="BE-DAT-034",
    family="data",
    severity=Severity.MEDIUM,
    en="Statement that returns a whole table",
    pt="Comando que devolve uma tabela inteira",
    since="0.2",
)
def whole_table_read(system: System) -> Iterator[Finding]:
    """Yield each table of a known, large number of rows that a statement returns whole; routes are told by `unbounded-result`."""
    yield from findings("whole-table-read", system, _problems(system), Severity.MEDIUM, _told)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        tables = [dataset for query, _, dataset in asked.resolver.sources if query is asked.tree]
        if len(tables) == 1 and asked.operation.trigger.kind != "http" and _whole(asked):
            rows = tables[0].rows
            if rows is not None and not rows.assumed and not small(tables[0]):
                yield asked.problem(tables[0], ())


def _whole(asked: Asked) -> bool:
    tree = asked.tree
    if not isinstance(tree, exp.Select) or any(
        tree.args.get(part) is not None for part in ("where", "limit", "group", "distinct", "joins")
    ):
        return False
    return not any(each.find(exp.AggFunc) is not None for each in tree.expressions)


def _told(problem: Problem) -> tuple[Text, Text]:
    table, rows = problem.dataset.table, problem.dataset.rows
    assert rows is not None
    return (
        Text(f"A statement returns all of `{table}`", f"Um comando devolve `{table}` inteira"),
        Text(
            f"It has neither a condition nor a limit: each run reads, sends and holds {figure(rows.value, 'en')} rows, and the number "
            f"grows. The database reads the table, the network carries it, and the client keeps it in memory before the first row is used.",
            f"Ele não tem condição nem limite: cada execução lê, envia e guarda {figure(rows.value, 'pt')} linhas, e o número cresce. "
            f"O banco lê a tabela, a rede a carrega, e o cliente a mantém na memória antes de usar a primeira linha.",
        ),
    )

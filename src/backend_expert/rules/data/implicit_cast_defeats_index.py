"""Columns converted to another type for a comparison."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Finding, Rewrite, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, filters, findings, replaced, small, sql, sure
from backend_expert.rules.data.kinds import kind_of

_TEXTS = {exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR}
_FRACTIONS = {exp.DataType.Type.DECIMAL, exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT}


@rule(
    "implicit-cast-defeats-index",
    code="BE-DAT-005",
    family="data",
    severity=Severity.MEDIUM,
    en="Column converted for the comparison",
    pt="Coluna convertida para a comparação",
    since="0.2",
)
def implicit_cast_defeats_index(system: System) -> Iterator[Finding]:
    """Yield each column that is compared as text or, a whole number, with a fraction: it is converted row by row."""
    yield from findings("implicit-cast-defeats-index", system, _problems(system), Severity.MEDIUM, _told, confidence=sure)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        for test in filters(asked.tree):
            if not isinstance(test, exp.EQ | exp.In):
                continue
            column = test.this.this if _as_text(test.this) else test.this
            dataset = asked.dataset(column)
            found = dataset.column(column.name) if dataset is not None else None
            if dataset is None or found is None or small(dataset) or kind_of(found.type) in {"text", "padded"}:
                continue
            fraction = (
                isinstance(test, exp.EQ) and kind_of(found.type) in {"int2", "int4", "int8"} and _is_fraction(test.expression)
            )
            if _as_text(test.this) or fraction:
                yield asked.problem(dataset, (column.name,), _unconverted(asked, column, test, dataset.name), found.type)


def _as_text(side: exp.Expr) -> bool:
    return isinstance(side, exp.Cast) and side.to.this in _TEXTS and isinstance(side.this, exp.Column)


def _is_fraction(value: exp.Expr) -> bool:
    if isinstance(value, exp.Cast):
        return value.to.this in _FRACTIONS
    return isinstance(value, exp.Literal) and not value.is_string and "." in value.this


def _unconverted(asked: Asked, column: exp.Column, test: exp.Expr, dataset: str) -> Rewrite | None:
    """Return the comparison with the value converted instead, once: a number as it is, a parameter without its text."""
    other = test.expression
    value = other.this if isinstance(other, exp.Cast) else other
    if not isinstance(test, exp.EQ):
        return None
    if isinstance(value, exp.Literal) and re.fullmatch(r"-?\d+(?:\.0+)?", value.this):
        better = exp.EQ(this=column.copy(), expression=exp.Literal.number(value.this.split(".")[0]))
    elif isinstance(value, exp.Parameter):
        better = exp.EQ(this=column.copy(), expression=value.copy())
    else:
        return None
    return Rewrite(asked.query.statement, sql(replaced(asked.tree, test, better)), dataset, (column.name,))


def _told(problem: Problem) -> tuple[Text, Text]:
    table, column, type_ = problem.dataset.table, problem.columns[0], problem.words
    return (
        Text(f"`{table}.{column}` is converted for a comparison", f"`{table}.{column}` é convertida para uma comparação"),
        Text(
            f"`{column}` is {type_}, and the statement compares it as another type: the database converts the column of every row "
            f"instead of the one value it is compared with, and the index on `{column}`, which holds {type_}, is of no use.",
            f"`{column}` é {type_}, e o comando a compara como outro tipo: o banco converte a coluna de cada linha em vez do único "
            f"valor com que ela é comparada, e o índice em `{column}`, que guarda {type_}, não serve.",
        ),
    )

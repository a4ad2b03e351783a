"""Columns compared through a function or a sum."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Rewrite, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import COMPARISONS, Asked, Problem, asked_of, filters, findings, replaced, small, sql, sure
from backend_expert.rules.data.kinds import kind_of

_HIDING = (exp.Func, exp.Cast, exp.Add, exp.Sub)
_CONVERTED = {exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR}


@rule(
    "non-sargable-predicate",
    code="BE-DAT-004",
    family="data",
    severity=Severity.MEDIUM,
    en="Column hidden from its index by a function",
    pt="Coluna escondida do índice por uma função",
    since="0.2",
)
def non_sargable_predicate(system: System) -> Iterator[Finding]:
    """Yield each column that a filter compares through a function, a cast to a date or a sum, where no index has that expression."""
    yield from findings("non-sargable-predicate", system, _problems(system), Severity.MEDIUM, _told, confidence=sure)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        for test in filters(asked.tree):
            side = test.this if isinstance(test, (*COMPARISONS, exp.In, exp.Between)) else None
            column = _hidden(side)
            dataset = asked.dataset(column)
            if column is None or side is None or dataset is None or small(dataset) or _indexed(dataset, side):
                continue
            yield asked.problem(dataset, (column.name,), _uncovered(asked, dataset, column, test), sql(side))


def _hidden(side: exp.Expr | None) -> exp.Column | None:
    """Return the one column inside an expression that an index on the column cannot answer; casts of the type alone are no function."""
    if not isinstance(side, _HIDING) or isinstance(side, exp.AggFunc | exp.And | exp.Or | exp.Case | exp.Coalesce):
        return None
    if isinstance(side, exp.Cast) and (side.to.this in _CONVERTED or not isinstance(side.this, exp.Column)):
        return None
    columns = list(side.find_all(exp.Column))
    return columns[0] if len(columns) == 1 and side.find(exp.Select) is None else None


def _indexed(dataset: Dataset, side: exp.Expr) -> bool:
    bare = side.copy()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
    words = _plain(sql(bare))
    return any(_plain(column) == words for index in dataset.indexes for column in index.columns)


def _plain(text: str) -> str:
    return "".join(text.lower().replace('"', "").replace("::text", "").split()).strip("()").replace("(", "").replace(")", "")


def _uncovered(asked: Asked, dataset: Dataset, column: exp.Column, test: exp.Expr) -> Rewrite | None:
    better = _day(dataset, column, test) or _moved(column, test)
    if better is None:
        return None
    return Rewrite(asked.query.statement, sql(replaced(asked.tree, test, better)), dataset.name, (column.name,))


def _day(dataset: Dataset, column: exp.Column, test: exp.Expr) -> exp.Expr | None:
    """Return the range of the day that a moment is compared with through its date."""
    found = dataset.column(column.name)
    if not isinstance(test, exp.EQ) or found is None or kind_of(found.type) not in {"timestamp", "timestamptz"}:
        return None
    if not _is_day(test.this):
        return None
    value = test.expression.this if isinstance(test.expression, exp.Cast) else test.expression
    try:
        day = datetime.date.fromisoformat(value.this[:10]) if isinstance(value, exp.Literal) else None
    except ValueError:
        return None
    start: exp.Expr
    end: exp.Expr
    if day is not None:
        start, end = (exp.Literal.string(each.isoformat()) for each in (day, day + datetime.timedelta(days=1)))
    elif isinstance(value, exp.Parameter):
        start = exp.cast(value.copy(), "date")
        end = exp.Add(this=start.copy(), expression=exp.Literal.number(1))
    else:
        return None
    return exp.and_(exp.GTE(this=column.copy(), expression=start), exp.LT(this=column.copy(), expression=end))


def _is_day(wrapper: exp.Expr) -> bool:
    if isinstance(wrapper, exp.Cast):
        return bool(wrapper.to.this == exp.DataType.Type.DATE)
    if isinstance(wrapper, exp.TimestampTrunc | exp.DateTrunc):
        return str(wrapper.args.get("unit", "")).strip("'").upper() == "DAY"
    return isinstance(wrapper, exp.Date | exp.TsOrDsToDate)


def _moved(column: exp.Column, test: exp.Expr) -> exp.Expr | None:
    """Return `column > 5 - 1` for `column + 1 > 5`: only sums and differences with the column first keep the direction."""
    side = test.this
    if not isinstance(test, COMPARISONS) or not isinstance(side, exp.Add | exp.Sub) or side.this is not column:
        return None
    if test.expression.find(exp.Column) is not None:
        return None
    turned = exp.Sub if isinstance(side, exp.Add) else exp.Add
    other = turned(this=_grouped(test.expression), expression=_grouped(side.expression))
    return type(test)(this=column.copy(), expression=other)


def _grouped(node: exp.Expr) -> exp.Expr:
    return node.copy() if isinstance(node, exp.Literal | exp.Parameter) else exp.paren(node.copy())


def _told(problem: Problem) -> tuple[Text, Text]:
    table, column = problem.dataset.table, problem.columns[0]
    return (
        Text(
            f"`{problem.words}` hides `{table}.{column}` from its index", f"`{problem.words}` esconde `{table}.{column}` do índice"
        ),
        Text(
            f"An index keeps the values of `{column}`, not those of `{problem.words}`: to compare the latter, the database computes it "
            f"for every row of `{table}`, whatever indexes there are. It also does not know how many rows to expect.",
            f"Um índice guarda os valores de `{column}`, não os de `{problem.words}`: para comparar estes, o banco os calcula para cada "
            f"linha de `{table}`, existam os índices que existirem. E também não sabe quantas linhas esperar.",
        ),
    )

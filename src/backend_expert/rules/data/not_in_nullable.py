"""NOT IN over the rows of a subquery."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Rewrite, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, findings, replaced, sql


@rule(
    "not-in-nullable",
    code="BE-DAT-008",
    family="data",
    severity=Severity.MEDIUM,
    en="NOT IN over a column that may be null",
    pt="NOT IN sobre uma coluna que aceita nulos",
    since="0.2",
)
def not_in_nullable(system: System) -> Iterator[Finding]:
    """Yield each NOT IN over a subquery whose column may be null: one null and it returns no row at all."""
    yield from findings("not-in-nullable", system, _problems(system), Severity.MEDIUM, _told)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        for negation in asked.tree.find_all(exp.Not):
            inner = _subquery(negation)
            listed = inner.expressions[0] if inner is not None else None
            dataset = asked.dataset(listed)
            column = dataset.column(listed.name) if dataset is not None and listed is not None else None
            if inner is None or dataset is None or column is None or not column.nullable:
                continue
            if not _excludes_null(inner, column.name):
                yield asked.problem(dataset, (column.name,), _as_exists(asked, dataset, negation, inner))


def _subquery(negation: exp.Not) -> exp.Select | None:
    query = negation.this.args.get("query") if isinstance(negation.this, exp.In) else None
    inner = query.this if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Select) or len(inner.expressions) != 1 or not isinstance(inner.expressions[0], exp.Column):
        return None
    return inner


def _excludes_null(inner: exp.Select, column: str) -> bool:
    where = inner.args.get("where")
    tests = where.find_all(exp.Is) if where is not None else ()
    return any(
        isinstance(test.parent, exp.Not) and isinstance(test.this, exp.Column) and test.this.name == column for test in tests
    )


def _as_exists(asked: Asked, dataset: Dataset, negation: exp.Not, inner: exp.Select) -> Rewrite | None:
    """Return the NOT EXISTS form; nothing where a name moved into the subquery could mean another column."""
    listed, outer = inner.expressions[0], negation.this.this
    owner = asked.dataset(outer)
    if owner is None or inner.args.get("limit") is not None or inner.args.get("group") is not None:
        return None
    if owner is dataset and not (outer.table and listed.table):
        return None
    exists = inner.copy()
    exists.set("expressions", [exp.Literal.number(1)])
    matching = exp.EQ(this=_qualified(listed, asked), expression=_qualified(outer, asked))
    better = replaced(asked.tree, negation, exp.Not(this=exp.Exists(this=exists.where(matching))))
    return Rewrite(asked.query.statement, sql(better))


def _qualified(column: exp.Column, asked: Asked) -> exp.Expr:
    copy = column.copy()
    if not column.table:
        table = asked.dataset(column)
        copy.set("table", exp.to_identifier(next(alias for _, alias, each in asked.resolver.sources if each is table)))
    return copy


def _told(problem: Problem) -> tuple[Text, Text]:
    place = f"{problem.dataset.table}.{problem.columns[0]}"
    return (
        Text(f"NOT IN over `{place}`, which may be null", f"NOT IN sobre `{place}`, que aceita nulos"),
        Text(
            f"`x NOT IN (1, null)` is neither true nor false: as soon as one `{place}` is null the statement returns no row, without an "
            f"error. For the same reason the planner cannot turn it into an anti join, and checks the list row by row.",
            f"`x NOT IN (1, null)` não é verdadeiro nem falso: basta um `{place}` nulo e o comando não devolve linha nenhuma, sem erro. "
            f"Pela mesma razão o planner não pode transformá-lo em anti join, e confere a lista linha por linha.",
        ),
    )

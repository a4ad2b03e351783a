"""Pages reached by counting rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from backend_expert.model import Dataset, Finding, Rewrite, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Asked, Problem, asked_of, findings, small, sql, sure

DEEP = 1_000
"""Rows skipped from which on a page is felt: with 100 rows a page of 8 kB, ten pages read for nothing."""


@rule(
    "offset-pagination",
    code="BE-DAT-003",
    family="data",
    severity=Severity.MEDIUM,
    en="Pages reached by counting rows (OFFSET)",
    pt="Páginas alcançadas contando linhas (OFFSET)",
    since="0.2",
)
def offset_pagination(system: System) -> Iterator[Finding]:
    """Yield each paged statement that skips rows by a deep OFFSET or one that the request chooses; small tables are left out."""
    yield from findings("offset-pagination", system, _problems(system), Severity.MEDIUM, _told, confidence=sure)


def _problems(system: System) -> Iterator[Problem]:
    for asked in asked_of(system):
        tree = asked.tree
        offset = tree.args.get("offset") if isinstance(tree, exp.Select) else None
        order = tree.args.get("order") if isinstance(tree, exp.Select) else None
        if offset is None or order is None or not _deep(offset.expression):
            continue
        dataset = asked.dataset(order.expressions[0].this)
        if dataset is not None and not small(dataset):
            columns = tuple(each.this.name for each in order.expressions if asked.dataset(each.this) is dataset)
            yield asked.problem(dataset, columns, _after_the_last(asked, dataset))


def _deep(value: exp.Expr) -> bool:
    if isinstance(value, exp.Literal):
        return not value.is_string and float(value.this) >= DEEP
    return value.find(exp.Parameter, exp.Placeholder) is not None


def _after_the_last(asked: Asked, dataset: Dataset) -> Rewrite | None:
    """Return the page after the last row seen: ordered by a unique key, compared as one value; nothing where that is not possible."""
    page = asked.tree.copy()
    if not isinstance(page, exp.Select):
        return None
    ordered = asked.tree.args["order"].expressions
    if (
        any(asked.dataset(each.this) is not dataset for each in ordered)
        or len({bool(each.args.get("desc")) for each in ordered}) > 1
    ):
        return None
    keys = [each.this.copy() for each in ordered]
    names = {key.name.lower() for key in keys}
    unique = next((index.columns for index in dataset.indexes if index.primary), ())
    missing = [name for name in unique if name.lower() not in names]
    if not unique or any(dataset.column(name) is None for name in missing):
        return None
    keys += [exp.column(name, table=keys[0].table or None) for name in missing]
    page.set("offset", None)
    descending = bool(ordered[0].args.get("desc"))
    for name in missing:
        page.args["order"].append(
            "expressions", exp.Ordered(this=exp.column(name, table=keys[0].table or None), desc=descending or None)
        )
    first = max((int(each) for each in re.findall(r"\$(\d+)", sql(asked.tree))), default=0) + 1
    values = [exp.Parameter(this=exp.Literal.number(first + place)) for place in range(len(keys))]
    compare = exp.LT if descending else exp.GT
    many = len(keys) > 1
    test = compare(
        this=exp.Tuple(expressions=keys) if many else keys[0], expression=exp.Tuple(expressions=values) if many else values[0]
    )
    return Rewrite(asked.query.statement, sql(page.where(test)), dataset.name, tuple(key.name for key in keys))


def _told(problem: Problem) -> tuple[Text, Text]:
    table = problem.dataset.table
    return (
        Text(f"Pages of `{table}` are reached with OFFSET", f"As páginas de `{table}` são alcançadas com OFFSET"),
        Text(
            f"OFFSET n reads n rows of `{table}` in order and throws them away before it returns the first: page 500 of 20 rows reads "
            f"10,000 to show 20. Rows inserted meanwhile make a page repeat or skip some. Going on after the last row seen reads only "
            f"the page.",
            f"OFFSET n lê n linhas de `{table}` em ordem e as descarta antes de devolver a primeira: a página 500 de 20 linhas lê "
            f"10.000 para mostrar 20. Linhas inseridas nesse meio tempo fazem uma página repetir ou pular algumas. Continuar depois "
            f"da última linha vista lê só a página.",
        ),
    )

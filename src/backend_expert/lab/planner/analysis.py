"""What a statement asks of its tables: which columns it compares, ranges over, joins, sorts and groups by."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from sqlglot import exp

from backend_expert.lab.planner.catalogue import Catalogue, Table
from backend_expert.lab.planner.whatif import IndexDefinition
from backend_expert.model.sql import Resolver, parsed

_PARAMETER = re.compile(r"\$\d+")


class Predicate(Struct, frozen=True, order=True):
    """A comparison of one column: `equal`, `in`, `range`, `join`, `null`, `prefix` (LIKE 'x%'), `pattern` (LIKE '%x%'), `contains` (@>).

    `expression` is the SQL around the column when it is compared through a function; `constant` is the comparison as SQL when it
    holds no parameter and no other column, so that it could be the predicate of a partial index.
    """

    column: str
    kind: str
    expression: str = ""
    constant: str = ""


class TableUse(Struct, frozen=True):
    """What a statement asks of one table."""

    schema: str
    table: str
    predicates: tuple[Predicate, ...] = ()
    order: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    every_column: bool = False

    def columns(self, *kinds: str) -> tuple[str, ...]:
        """Return the columns compared plainly in one of these ways, in the order of the statement."""
        return tuple(dict.fromkeys(each.column for each in self.predicates if each.kind in kinds and not each.expression))

    @property
    def indexable(self) -> tuple[str, ...]:
        """Return the columns an index could help with."""
        plain = (each.column for each in self.predicates if each.kind != "contains")
        return tuple(dict.fromkeys((*plain, *self.order, *self.group)))


class Analysed(Struct, frozen=True):
    """A statement with what it does to which tables; `weight` is what one unit of its cost counts in the workload."""

    text: str
    kind: str
    uses: tuple[TableUse, ...]
    generic: bool
    calls: float = 1.0
    weight: float = 1.0
    changed: tuple[str, ...] = ()
    target: str = ""
    line: int = 0
    file: str = ""

    def could_use(self, index: IndexDefinition) -> bool:
        """Tell whether a plan of the statement could read the index: its first column is named, or any will do to count rows."""
        for use in self.uses:
            if use.table == index.table and use.schema == index.schema:
                return not use.mentioned or index.keys[0].column in use.mentioned
        return False


def analyse(
    text: str, catalogue: Catalogue, *, calls: float = 1.0, weight: float = 1.0, line: int = 0, file: str = ""
) -> Analysed | None:
    """Return what a statement asks, or nothing when it cannot be parsed or names no table of the catalogue."""
    tree = parsed(text)
    uses = tuple(_uses(tree, catalogue)) if tree is not None else ()
    if tree is None or not uses:
        return None
    target, changed = _changed(tree)
    kind = type(tree).__name__.lower() if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge) else "select"
    return Analysed(text, kind, uses, _PARAMETER.search(text) is not None, calls, weight, changed, target, line, file)


def _changed(tree: exp.Expr) -> tuple[str, tuple[str, ...]]:
    """Return the table a statement writes and the columns it sets."""
    if not isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        return "", ()
    table = tree.this.find(exp.Table) if tree.this is not None else None
    columns = tuple(
        dict.fromkeys(
            each.this.name
            for each in tree.args.get("expressions") or ()
            if isinstance(each, exp.EQ) and isinstance(each.this, exp.Column)
        )
    )
    return (table.name if table is not None else ""), columns


def _uses(tree: exp.Expr, catalogue: Catalogue) -> Iterator[TableUse]:
    resolver = Resolver(tree, catalogue.named)
    tables = {table.oid: table for _, _, table in resolver.sources}
    predicates: dict[int, list[Predicate]] = {}
    order: dict[int, list[str]] = {}
    group: dict[int, list[str]] = {}
    mentioned: dict[int, list[str]] = {}
    for column in tree.find_all(exp.Column):
        table = resolver.table(column)
        if table is None:
            continue
        mentioned.setdefault(table.oid, []).append(column.name)
        predicate = _predicate(column, resolver)
        if predicate is not None:
            predicates.setdefault(table.oid, []).append(predicate)
        elif _within(column, exp.Ordered):
            order.setdefault(table.oid, []).append(column.name)
        elif isinstance(column.parent, exp.Group):
            group.setdefault(table.oid, []).append(column.name)
    stars = any(
        isinstance(each, exp.Star) or (isinstance(each, exp.Column) and each.is_star)
        for select in tree.find_all(exp.Select)
        for each in select.expressions
    )
    for oid, table in tables.items():
        yield TableUse(
            table.schema,
            table.name,
            tuple(dict.fromkeys(predicates.get(oid, ()))),
            tuple(dict.fromkeys(order.get(oid, ()))),
            tuple(dict.fromkeys(group.get(oid, ()))),
            tuple(sorted(set(mentioned.get(oid, ())))),
            stars,
        )


def _within(node: exp.Expr, kind: type[exp.Expr]) -> bool:
    return isinstance(node.parent, kind) and isinstance(node.parent.parent, exp.Order)


_RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_TRANSPARENT = (exp.Paren, exp.Cast)


def _predicate(column: exp.Column, resolver: Resolver[Table]) -> Predicate | None:
    node: exp.Expr = column
    while isinstance(node.parent, exp.Paren):
        node = node.parent
    expression = ""
    if isinstance(node.parent, exp.Func | exp.Cast) and not isinstance(
        node.parent, exp.AggFunc | exp.And | exp.Or | exp.Exists | exp.Case
    ):
        wrapper = node.parent
        others = [each for each in wrapper.find_all(exp.Column) if each is not column]
        if not others and isinstance(wrapper.parent, (exp.EQ, *_RANGES, exp.Like)):
            expression = _bare(wrapper)
            node = wrapper
    test = node.parent
    while isinstance(test, exp.Paren):
        node, test = test, test.parent
    if test is None or not _filters(test):
        return None
    kind = _kind(test, node, resolver)
    if kind is None:
        return None
    constant = "" if kind in ("join", "pattern") or not _is_constant(test, column) else _bare(test)
    return Predicate(column.name, kind, expression, constant)


def _filters(test: exp.Expr) -> bool:
    """Tell whether a comparison decides which rows are read: it stands in WHERE or ON, not in a select list or under an OR of tables."""
    node: exp.Expr | None = test
    while node is not None:
        if isinstance(node, exp.Where | exp.Join):
            return True
        if isinstance(node, exp.Select | exp.Case | exp.Having | exp.If):
            return False
        node = node.parent
    return False


def _kind(test: exp.Expr, node: exp.Expr, resolver: Resolver[Table]) -> str | None:
    if isinstance(test, exp.EQ):
        other = test.expression if test.this is node else test.this
        return "join" if isinstance(other, exp.Column) and resolver.table(other) is not None else "equal"
    if isinstance(test, exp.In) and test.this is node:
        return "join" if test.args.get("query") is not None else "in"
    if isinstance(test, _RANGES):
        return "range"
    if isinstance(test, exp.Like | exp.ILike) and test.this is node:
        pattern = test.expression
        leading = isinstance(pattern, exp.Literal) and pattern.this.startswith(("%", "_"))
        return "pattern" if leading or isinstance(test, exp.ILike) or not isinstance(pattern, exp.Literal) else "prefix"
    if isinstance(test, exp.Is) and test.this is node:
        return "null"
    if isinstance(test, exp.ArrayContainsAll | exp.JSONBContains) and test.this is node:
        return "contains"
    if isinstance(test, exp.Distinct):
        return None
    return None


def _is_constant(test: exp.Expr, column: exp.Column) -> bool:
    others = [each for each in test.find_all(exp.Column) if each.name != column.name]
    return (
        not others
        and test.find(exp.Parameter, exp.Placeholder, exp.Select) is None
        and _PARAMETER.search(test.sql(dialect="postgres")) is None
    )


def _bare(node: exp.Expr) -> str:
    """Return the SQL of an expression with unqualified columns, as an index definition needs it."""
    copy = node.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", None)
        column.set("db", None)
    if isinstance(copy, exp.Column):
        copy.set("table", None)
    return copy.sql(dialect="postgres")

"""Statements written so that no index helps, with the form that an index serves: both are planned, with the index the second needs."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator

from msgspec import Struct
from sqlglot import exp

from backend_expert.lab.planner.analysis import Analysed, Resolver, parsed
from backend_expert.lab.planner.catalogue import Catalogue, Table
from backend_expert.lab.planner.laboratory import Lab, NotPlanned
from backend_expert.lab.planner.whatif import IndexDefinition, Key, Workbench
from backend_expert.model import Text

_DEEP_OFFSET = 1_000
_LARGE_ROWS = 10_000
_WIDE_ROW = 500


class Rewritten(Struct, frozen=True):
    """An anti-pattern in a statement; with a rewrite both planner costs, with the index `needs` visible to both (empty: none)."""

    rule: str
    file: str
    line: int
    statement: str
    text: Text
    rewrite: str = ""
    needs: str = ""
    before: float | None = None
    after: float | None = None

    @property
    def proved(self) -> bool:
        """Tell whether the planner finds the rewrite cheaper."""
        return self.before is not None and self.after is not None and self.after < self.before


class _Proposal(Struct, frozen=True):
    rule: str
    text: Text
    rewrite: exp.Expr | None = None
    table: Table | None = None
    column: str = ""


_Check = Callable[[exp.Expr, Resolver, Catalogue], Iterator[_Proposal]]


def rewritten(bench: Workbench, statements: tuple[Analysed, ...]) -> tuple[Rewritten, ...]:
    """Return the anti-patterns of the statements, each with its rewrite and both costs where there is one.

    It works on the bench that made the other indexes of the lab: only that one knows what has to be hidden.
    """
    try:
        return tuple(found for statement in statements for found in _of(bench.lab, bench, statement))
    finally:
        bench.show(())


def _of(lab: Lab, bench: Workbench, statement: Analysed) -> Iterator[Rewritten]:
    tree = parsed(statement.text)
    if tree is None:
        return
    resolver = Resolver(tree, lab.catalogue)
    for check in _CHECKS:
        for proposal in check(tree, resolver, lab.catalogue):
            yield _proved(lab, bench, statement, proposal)


def _proved(lab: Lab, bench: Workbench, statement: Analysed, proposal: _Proposal) -> Rewritten:
    plain = Rewritten(proposal.rule, statement.file, statement.line, statement.text, proposal.text)
    if proposal.rewrite is None:
        return plain
    rewrite = proposal.rewrite.sql(dialect="postgres")
    index = _needed(lab.catalogue, proposal)
    bench.show(() if index is None else (index,))
    try:
        before = lab.explain(statement.text, generic=statement.generic).cost
        after = lab.explain(rewrite, generic=re.search(r"\$\d", rewrite) is not None).cost
    except NotPlanned:
        return plain  # the form we would suggest does not suit these types: the problem stands, the rewrite is not offered
    needs = "" if index is None else str(index)
    return Rewritten(proposal.rule, statement.file, statement.line, statement.text, proposal.text, rewrite, needs, before, after)


def _needed(catalogue: Catalogue, proposal: _Proposal) -> IndexDefinition | None:
    """Return the plain index that the rewrite could use, unless the schema has one that starts with the column."""
    table = proposal.table
    if table is None or not proposal.column:
        return None
    if any(index.columns[:1] == (proposal.column,) and not index.partial for index in catalogue.indexes_of(table)):
        return None
    return IndexDefinition(table.schema, table.name, (Key(proposal.column),))


def _hidden_column(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    """Find a timestamp compared through its date, and offer the range of that day."""
    for test in list(tree.find_all(exp.EQ)):
        wrapper, other = test.this, test.expression
        column = _day_of(wrapper)
        if column is None or not (isinstance(other, exp.Literal | exp.Cast)):
            continue
        table = resolver.table(column)
        found = table.column(column.name) if table is not None else None
        day = _day(other)
        if table is None or found is None or found.base not in ("timestamp", "timestamptz") or day is None:
            continue
        after = day + datetime.timedelta(days=1)
        ranged = exp.and_(
            exp.GTE(this=column.copy(), expression=exp.Literal.string(day.isoformat())),
            exp.LT(this=column.copy(), expression=exp.Literal.string(after.isoformat())),
        )
        yield _Proposal(
            "hidden-column",
            Text(
                f"{column.name} is compared through a function, so no plain index on it can be used: compare it with a range",
                f"{column.name} é comparada através de uma função, portanto nenhum índice comum nela pode ser usado: compare "
                "com um intervalo",
            ),
            _replaced(tree, test, ranged),
            table,
            column.name,
        )


def _day_of(wrapper: exp.Expr) -> exp.Column | None:
    if isinstance(wrapper, exp.Cast) and wrapper.to.this == exp.DataType.Type.DATE and isinstance(wrapper.this, exp.Column):
        return wrapper.this
    if isinstance(wrapper, exp.Date | exp.TsOrDsToDate) and isinstance(wrapper.this, exp.Column):
        return wrapper.this
    truncated = (
        isinstance(wrapper, exp.TimestampTrunc | exp.DateTrunc) and str(wrapper.args.get("unit", "")).strip("'").upper() == "DAY"
    )
    return wrapper.this if truncated and isinstance(wrapper.this, exp.Column) else None


def _day(value: exp.Expr) -> datetime.date | None:
    literal = value.this if isinstance(value, exp.Cast) else value
    try:
        return datetime.date.fromisoformat(literal.this[:10]) if isinstance(literal, exp.Literal) else None
    except ValueError:
        return None


def _arithmetic(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    """Find `column + 1 > 5` and offer `column > 5 - 1`; only sums and differences, which keep the direction."""
    for test in list(tree.find_all(exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
        side = test.this
        if (
            not isinstance(side, exp.Add | exp.Sub)
            or not isinstance(side.this, exp.Column)
            or side.expression.find(exp.Column) is not None
        ):
            continue
        table = resolver.table(side.this)
        if table is None or test.expression.find(exp.Column) is not None:
            continue
        turned = exp.Sub if isinstance(side, exp.Add) else exp.Add
        moved = turned(this=exp.paren(test.expression.copy()), expression=exp.paren(side.expression.copy()))
        yield _Proposal(
            "hidden-column",
            Text(
                f"{side.this.name} is part of a sum in the comparison, so no index on it can be used: move the constant to the other side",
                f"{side.this.name} faz parte de uma soma na comparação, portanto nenhum índice nela pode ser usado: passe a "
                "constante para o outro lado",
            ),
            _replaced(tree, test, type(test)(this=side.this.copy(), expression=moved)),
            table,
            side.this.name,
        )


def _cast(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    """Find a number compared as text, or a whole number compared with a fraction: the column is converted, row by row."""
    for test in list(tree.find_all(exp.EQ)):
        side, other = test.this, test.expression
        column = side.this if isinstance(side, exp.Cast) and isinstance(side.this, exp.Column) else side
        table = resolver.table(column) if isinstance(column, exp.Column) else None
        found = table.column(column.name) if table is not None else None
        if found is None or found.base not in ("int2", "int4", "int8"):
            continue
        literal = other.this if isinstance(other, exp.Cast) else other
        if not isinstance(literal, exp.Literal) or not re.fullmatch(r"-?\d+(?:\.0+)?", literal.this):
            continue
        as_text = isinstance(side, exp.Cast) and side.to.this in (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR)
        fraction = isinstance(other, exp.Cast) and other.to.this == exp.DataType.Type.DECIMAL
        as_fraction = side is column and (fraction or (not literal.is_string and "." in literal.this))
        if not (as_text or as_fraction):
            continue
        plain = exp.EQ(this=column.copy(), expression=exp.Literal.number(literal.this.split(".")[0]))
        yield _Proposal(
            "converted-column",
            Text(
                f"{column.name} is {found.type} and is converted for the comparison, so its index cannot be used: compare it "
                "with a whole number",
                f"{column.name} é {found.type} e é convertida para a comparação, portanto seu índice não pode ser usado: compare "
                "com um inteiro",
            ),
            _replaced(tree, test, plain),
            table,
            column.name,
        )


def _not_in(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    """Find NOT IN over a subquery and offer NOT EXISTS: one null in the list makes NOT IN return nothing at all."""
    for negation in list(tree.find_all(exp.Not)):
        test = negation.this
        query = test.args.get("query") if isinstance(test, exp.In) else None
        inner = query.this if isinstance(query, exp.Subquery) else query
        if not isinstance(inner, exp.Select) or len(inner.expressions) != 1 or not isinstance(inner.expressions[0], exp.Column):
            continue
        listed, outer = inner.expressions[0], test.this
        table = resolver.table(listed)
        if (
            table is None
            or not isinstance(outer, exp.Column)
            or inner.args.get("limit") is not None
            or inner.args.get("group") is not None
        ):
            continue
        found = table.column(listed.name)
        owner = resolver.table(outer)
        if found is None or owner is None or (owner.oid == table.oid and not (outer.table and listed.table)):
            continue  # the same table twice: a bare name could mean either
        exists = inner.copy()
        exists.set("expressions", [exp.Literal.number(1)])
        matching = exp.EQ(this=_qualified(listed, resolver), expression=_qualified(outer, resolver))
        rewrite = exp.Not(this=exp.Exists(this=exists.where(matching)))
        nulls = " (the column may be null)" if found.nullable else ""
        nulos = " (a coluna aceita nulos)" if found.nullable else ""
        yield _Proposal(
            "not-in-subquery",
            Text(
                f"NOT IN over {table.name}.{listed.name}{nulls}: one null makes it return no row, and it cannot become an anti join; "
                "NOT EXISTS does both right",
                f"NOT IN sobre {table.name}.{listed.name}{nulos}: um único nulo faz com que não retorne linha nenhuma, e não pode virar "
                "um anti join; NOT EXISTS resolve os dois",
            ),
            _replaced(tree, negation, rewrite),
        )


def _qualified(column: exp.Column, resolver: Resolver) -> exp.Expr:
    """Return the column with the name its table goes by: moved into the subquery, a bare name could mean another one."""
    table = resolver.table(column)
    alias = next((alias for _, alias, each in resolver.sources if table is not None and each.oid == table.oid), "")
    copy = column.copy()
    if not column.table:
        copy.set("table", exp.to_identifier(alias))
    return copy


def _offset(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    """Find a deep OFFSET and offer the page after the last row seen."""
    if not isinstance(tree, exp.Select) or tree.args.get("offset") is None:
        return
    value = tree.args["offset"].expression
    deep = isinstance(value, exp.Literal) and not value.is_string and int(float(value.this)) >= _DEEP_OFFSET
    order = tree.args.get("order")
    if not deep or order is None:
        return
    first = order.expressions[0]
    column = first.this
    table = resolver.table(column) if isinstance(column, exp.Column) else None
    if table is None:
        return
    rewrite = tree.copy()
    rewrite.set("offset", None)
    number = max((int(each) for each in re.findall(r"\$(\d+)", tree.sql(dialect="postgres"))), default=0) + 1
    compare = exp.LT if first.args.get("desc") else exp.GT
    rewrite = rewrite.where(compare(this=column.copy(), expression=exp.Parameter(this=exp.Literal.number(number))))
    yield _Proposal(
        "offset-paging",
        Text(
            f"OFFSET {value.this} reads and throws away that many rows for one page: go on after the last {column.name} seen "
            "(with a unique column as a second key where it repeats)",
            f"OFFSET {value.this} lê e descarta todas essas linhas por uma página: continue depois do último {column.name} visto "
            "(com uma coluna única como segunda chave se ele se repete)",
        ),
        rewrite,
        table,
        column.name,
    )


def _wildcard(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    for test in tree.find_all(exp.Like, exp.ILike):
        pattern = test.expression
        if isinstance(test.this, exp.Column) and isinstance(pattern, exp.Literal) and pattern.this.startswith("%"):
            table = resolver.table(test.this)
            if table is not None and table.rows >= _LARGE_ROWS:
                yield _Proposal(
                    "leading-wildcard",
                    Text(
                        f"LIKE '{pattern.this[:20]}' starts with a wildcard: no B-tree helps; a trigram index (pg_trgm, "
                        f"GIN) on {test.this.name} can",
                        f"LIKE '{pattern.this[:20]}' começa com curinga: nenhum B-tree ajuda; um índice de trigramas (pg_trgm, GIN) em "
                        f"{test.this.name} pode ajudar",
                    ),
                )


def _unbounded(tree: exp.Expr, resolver: Resolver, _: Catalogue) -> Iterator[_Proposal]:
    """Find a list without a limit or a condition, and `SELECT *` over wide rows."""
    if not isinstance(tree, exp.Select):
        return
    outer = [table for query, _, table in resolver.sources if query is tree]
    large = next((table for table in outer if table.rows >= _LARGE_ROWS), None)
    free = all(tree.args.get(each) is None for each in ("where", "limit", "group", "distinct"))
    aggregate = any(each.find(exp.AggFunc) is not None for each in tree.expressions)
    if large is not None and free and not aggregate and len(outer) == 1:
        yield _Proposal(
            "unbounded-list",
            Text(
                f"all {large.rows:.0f} rows of {large.name} are returned: give the list a LIMIT and a key to go on from",
                f"todas as {large.rows:.0f} linhas de {large.name} são retornadas: dê à lista um LIMIT e uma chave para continuar",
            ),
        )
    wide = next((table for table in outer if sum(column.mean_width for column in table.columns) > _WIDE_ROW), None)
    if wide is not None and any(isinstance(each, exp.Star) for each in tree.expressions):
        width = sum(column.mean_width for column in wide.columns)
        yield _Proposal(
            "select-star",
            Text(
                f"SELECT * carries {width:.0f} bytes a row of {wide.name} and rules out an index-only scan: name the columns that are used",
                f"SELECT * carrega {width:.0f} bytes por linha de {wide.name} e impede um index-only scan: nomeie as colunas usadas",
            ),
        )


def _replaced(tree: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    """Return a copy of the tree in which `new` stands where `old`, a part of it, stood."""
    number = next(place for place, node in enumerate(tree.walk()) if node is old)
    copy = tree.copy()
    target = next(node for place, node in enumerate(copy.walk()) if place == number)
    target.replace(new)
    return copy


_CHECKS: tuple[_Check, ...] = (_hidden_column, _arithmetic, _cast, _not_in, _offset, _wildcard, _unbounded)

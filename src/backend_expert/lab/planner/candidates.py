"""Indexes worth asking the planner about, from what the statements compare, sort and group by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backend_expert.lab.planner.analysis import Analysed, Predicate, TableUse
from backend_expert.lab.planner.catalogue import Catalogue, ExistingIndex, Table
from backend_expert.lab.planner.whatif import IndexDefinition, Key

SMALLEST_ROWS = 10_000
"""Tables with fewer rows get no candidates: reading all of a table of some hundred pages is cheap, and the index has to be kept."""
_MOST_INCLUDED = 3
_PARTIAL_SHARE = 0.2
_LONG = 200
"""Mean bytes above which a column is not offered as a key: an entry of a B-tree holds at most 2,704 bytes (nbtree.h)."""
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})
_NO_BTREE = frozenset(
    {"json", "xml", "point", "box", "polygon", "path", "circle", "lseg", "line", "jsonb", "tsvector", "tsquery", "vector"}
)


def singles(statements: Iterable[Analysed], catalogue: Catalogue, smallest: float = SMALLEST_ROWS) -> tuple[IndexDefinition, ...]:
    """Return an index on every single column that a statement could use one on, without those that exist."""
    found = {
        IndexDefinition(use.schema, use.table, (Key(column),))
        for statement in statements
        for use, table in _worth(statement, catalogue, smallest)
        for column in use.indexable
        if _keyable(table, column)
    }
    return tuple(sorted(each for each in found if not exists(each, catalogue)))


def composed(
    statements: Iterable[Analysed], catalogue: Catalogue, width: int, smallest: float = SMALLEST_ROWS
) -> tuple[IndexDefinition, ...]:
    """Return what a statement would ask for by itself: equality, then one range or the order, then columns to read from the index.

    Also expression indexes for columns that are always compared through a function, partial indexes for a constant that few rows
    have, and GIN indexes for what a B-tree cannot serve.
    """
    found: set[IndexDefinition] = set()
    for statement in statements:
        for use, table in _worth(statement, catalogue, smallest):
            found.update(_of_use(use, table, width, select=statement.kind == "select"))
    return tuple(sorted(each for each in found if not exists(each, catalogue)))


def extensions(
    index: IndexDefinition, statements: Iterable[Analysed], catalogue: Catalogue, width: int
) -> tuple[IndexDefinition, ...]:
    """Return the index grown by one column: every column that some statement uses together with those it has."""
    if len(index.keys) >= width or index.method != "btree" or index.included or index.predicate:
        return ()
    table = catalogue.named(index.table, index.schema)
    assert table is not None
    columns = {
        column
        for statement in statements
        for use in statement.uses
        if (use.schema, use.table) == (index.schema, index.table) and set(index.columns) <= set(use.mentioned)
        for column in use.indexable
        if column not in index.columns and _keyable(table, column)
    }
    grown = (IndexDefinition(index.schema, index.table, (*index.keys, Key(column))) for column in sorted(columns))
    return tuple(each for each in grown if not exists(each, catalogue))


def exists(index: IndexDefinition, catalogue: Catalogue) -> bool:
    """Tell whether the schema has the index already, or one that starts with the same columns."""
    table = catalogue.named(index.table, index.schema)
    if (
        table is None
        or index.method != "btree"
        or index.predicate
        or any(key.expression or key.operator_class for key in index.keys)
    ):
        return False
    return any(_starts_with(each, index) for each in catalogue.indexes_of(table))


def _starts_with(existing: ExistingIndex, index: IndexDefinition) -> bool:
    covers = set(index.included) <= {*existing.columns, *existing.included}
    return existing.method == "btree" and existing.plain and existing.columns[: len(index.keys)] == index.columns and covers


def _worth(statement: Analysed, catalogue: Catalogue, smallest: float) -> Iterator[tuple[TableUse, Table]]:
    for use in statement.uses:
        table = catalogue.named(use.table, use.schema)
        if table is not None and table.rows >= smallest and statement.kind != "insert":
            yield use, table


def _keyable(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.base not in _NO_BTREE and not column.base.startswith("_") and column.mean_width <= _LONG


def _known_width(table: Table, name: str) -> bool:
    """Tell whether the width of a column is fixed or measured: without statistics a text may be a word or a page."""
    column = table.column(name)
    return column is not None and (column.length > 0 or column.width is not None)


def _of_use(use: TableUse, table: Table, width: int, *, select: bool) -> Iterator[IndexDefinition]:
    equal = [each for each in use.columns("equal", "join", "null") if _keyable(table, each)]
    listed = [each for each in use.columns("in") if _keyable(table, each) and each not in equal]
    ranges = [each for each in use.columns("range") if _keyable(table, each) and each not in equal]
    order = [each for each in use.order if _keyable(table, each)]
    selective = sorted(equal, key=lambda name: (-_distinct(table, name), name))
    tails: list[list[str]] = [[each] for each in ranges]
    tails += [order] if order else []
    tails += [[]]
    for start in (selective, *([each] for each in selective), [*selective, *listed], listed):
        for tail in tails:
            columns = list(dict.fromkeys((*start, *tail)))[:width]
            if not columns:
                continue
            plain = IndexDefinition(use.schema, use.table, tuple(Key(each) for each in columns))
            yield plain
            if select and width > 1 and not use.every_column:
                rest = tuple(each for each in use.mentioned if each not in columns)
                if 0 < len(rest) <= _MOST_INCLUDED and all(_known_width(table, each) for each in rest):
                    yield IndexDefinition(use.schema, use.table, plain.keys, rest)
            yield from _partial(use, table, columns)
    yield from _special(use, table)


def _distinct(table: Table, name: str) -> float:
    column = table.column(name)
    return column.different(max(1.0, table.rows)) if column is not None else 1.0


def _partial(use: TableUse, table: Table, columns: list[str]) -> Iterator[IndexDefinition]:
    """Yield the index over the few rows with a constant value that the statement asks for (a status, a mark of deletion)."""
    for predicate in use.predicates:
        column = table.column(predicate.column)
        if not predicate.constant or predicate.kind not in ("equal", "null") or predicate.expression or column is None:
            continue
        keys = [each for each in columns if each != predicate.column]
        few = predicate.kind == "null" or 1 < _distinct(table, predicate.column) <= 100
        if keys and few and (predicate.kind != "null" or _null_share(predicate, table) <= _PARTIAL_SHARE):
            yield IndexDefinition(use.schema, use.table, tuple(Key(each) for each in keys), (), predicate.constant)


def _null_share(predicate: Predicate, table: Table) -> float:
    column = table.column(predicate.column)
    share = column.null_share if column is not None else 0.0
    return 1.0 - share if "NOT" in predicate.constant.upper() else share


def _special(use: TableUse, table: Table) -> Iterator[IndexDefinition]:
    for predicate in use.predicates:
        column = table.column(predicate.column)
        if column is None:
            continue
        if predicate.expression and predicate.kind in ("equal", "range", "in"):
            if column.base not in _TEXTS:
                continue  # a date or a number under a function: the statement is to be rewritten, not served by one more index
            yield IndexDefinition(use.schema, use.table, (Key(predicate.column, predicate.expression),))
        elif predicate.kind == "prefix" and column.base in ("text", "varchar", "bpchar") and not predicate.expression:
            operators = {"text": "text_pattern_ops", "varchar": "varchar_pattern_ops", "bpchar": "bpchar_pattern_ops"}[column.base]
            yield IndexDefinition(use.schema, use.table, (Key(predicate.column, "", operators),))
        elif predicate.kind == "pattern" and column.base in ("text", "varchar", "citext") and not predicate.expression:
            yield IndexDefinition(use.schema, use.table, (Key(predicate.column, "", "gin_trgm_ops"),), (), "", "gin")
        elif predicate.kind == "contains" and column.base in ("jsonb", "_text", "_int4", "_int8", "_uuid", "_varchar"):
            yield IndexDefinition(use.schema, use.table, (Key(predicate.column),), (), "", "gin")

"""What the database of the lab holds, read from its catalogue: tables, columns, indexes, foreign keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from backend_expert.lab.planner.btree import UNKNOWN_WIDTH, KeyColumn

if TYPE_CHECKING:
    import psycopg

_NO_DEDUPLICATION = frozenset({"numeric", "float4", "float8", "jsonb"})
"""Types whose equal values may differ in bytes: their B-trees store every row (`btequalimage`, nbtree README)."""

_WIDE = 32
"""Bytes the planner assumes for a value of variable length without statistics (`get_typavgwidth`, lsyscache.c)."""


class TableColumn(Struct, frozen=True):
    """A column: its type as SQL and as a catalogue name, whether it may be null, and its statistics where restored."""

    name: str
    type: str
    base: str
    nullable: bool
    length: int
    align: int
    width: float | None = None
    distinct: float | None = None
    null_share: float = 0.0
    correlation: float | None = None

    @property
    def mean_width(self) -> float:
        """Return the mean width in bytes: measured, or fixed by the type, or what the planner assumes."""
        if self.width:
            return self.width
        return float(self.length) if self.length > 0 else _WIDE

    @property
    def key(self) -> KeyColumn:
        """Return what the size of a B-tree on this column depends on."""
        return KeyColumn(self.mean_width, self.align, self.length < 0, self.base not in _NO_DEDUPLICATION)

    def different(self, rows: float) -> float:
        """Return how many different values the column has among `rows` rows; all of them when nothing is known."""
        if self.distinct is None or self.distinct == 0:
            return rows
        return min(rows, self.distinct if self.distinct > 0 else -self.distinct * rows) if rows else 0.0


class Table(Struct, frozen=True):
    """A table, partitioned table or materialised view with its columns in order."""

    oid: int
    schema: str
    name: str
    kind: str
    rows: float
    pages: int
    file: str
    columns: tuple[TableColumn, ...]
    parent: int = 0

    @property
    def analysed(self) -> bool:
        """Tell whether the number of rows is known."""
        return self.rows >= 0

    def column(self, name: str) -> TableColumn | None:
        """Return the column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


class ExistingIndex(Struct, frozen=True):
    """An index of the schema: key columns (empty name: an expression), included columns, and what it is there for."""

    oid: int
    schema: str
    name: str
    table: int
    method: str
    columns: tuple[str, ...]
    included: tuple[str, ...]
    unique: bool
    primary: bool
    constraint: bool
    replica_identity: bool
    partial: bool
    plain: bool
    pages: int
    file: str
    kind: str
    definition: str
    options: str


class ForeignKey(Struct, frozen=True):
    """A foreign key: the columns of `table` that refer to `parent`."""

    name: str
    table: int
    parent: int
    columns: tuple[str, ...]


class Catalogue(Struct, frozen=True):
    """The tables, indexes and foreign keys of a database, ordered by name."""

    tables: tuple[Table, ...] = ()
    indexes: tuple[ExistingIndex, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    extended_statistics: bool = False

    def table(self, oid: int) -> Table:
        """Return the table of that object id; raise `KeyError` when there is none."""
        for table in self.tables:
            if table.oid == oid:
                return table
        raise KeyError(oid)

    def named(self, name: str, schema: str = "") -> Table | None:
        """Return the table of that name; without a schema the one in `public` wins, then the first."""
        found = [table for table in self.tables if table.name == name and (not schema or table.schema == schema)]
        return min(found, key=lambda table: (table.schema != "public", table.schema), default=None)

    def indexes_of(self, table: Table) -> tuple[ExistingIndex, ...]:
        """Return the indexes of a table."""
        return tuple(index for index in self.indexes if index.table == table.oid)


_USER = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'laboratory') AND n.nspname NOT LIKE 'pg_temp%'"

_TABLES = f"""
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8, c.relpages::int8,
       coalesce(pg_relation_filepath(c.oid), ''),
       coalesce((SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = c.oid LIMIT 1), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND {_USER} ORDER BY n.nspname, c.relname"""  # noqa: S608 - only the constant above goes in

_COLUMNS = f"""
SELECT c.oid::int8, a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(b.typname, t.typname)::text,
       NOT a.attnotnull, a.attlen::int4,
       CASE a.attalign WHEN 'c' THEN 1 WHEN 's' THEN 2 WHEN 'i' THEN 4 ELSE 8 END, s.avg_width, s.n_distinct::float8, s.null_frac::float8,
       s.correlation::float8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN (
  SELECT DISTINCT ON (starelid, staattnum) starelid, staattnum, stawidth AS avg_width, stadistinct AS n_distinct, stanullfrac AS null_frac,
         (SELECT k.n[1] FROM (VALUES (stakind1, stanumbers1), (stakind2, stanumbers2), (stakind3, stanumbers3), (stakind4, stanumbers4),
         (stakind5, stanumbers5)) k(kind, n) WHERE k.kind = 3) AS correlation
  FROM pg_statistic ORDER BY starelid, staattnum, stainherit) s ON s.starelid = a.attrelid AND s.staattnum = a.attnum
WHERE c.relkind IN ('r', 'm', 'p') AND {_USER} ORDER BY c.oid, a.attnum"""  # noqa: S608

_INDEXES = f"""
SELECT c.oid::int8, n.nspname::text, c.relname::text, i.indrelid::int8, m.amname::text,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey) WITH ORDINALITY k(n, o)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n AND k.n <> 0 ORDER BY k.o),
       i.indnkeyatts::int4, i.indisunique, i.indisprimary,
       EXISTS (SELECT FROM pg_constraint x WHERE x.conindid = c.oid AND x.contype IN ('p', 'u', 'x')), i.indisreplident,
       i.indpred IS NOT NULL, i.indpred IS NULL AND i.indexprs IS NULL, c.relpages::int8,
       coalesce(pg_relation_filepath(c.oid), ''), c.relkind::text, pg_get_indexdef(c.oid),
       concat_ws(' ', i.indclass::text, i.indcollation::text, i.indoption::text)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
WHERE {_USER} ORDER BY n.nspname, c.relname"""  # noqa: S608 - only the constant above goes in

_FOREIGN_KEYS = f"""
SELECT x.conname::text, x.conrelid::int8, x.confrelid::int8,
       ARRAY(SELECT a.attname::text FROM unnest(x.conkey) WITH ORDINALITY k(n, o)
             JOIN pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = k.n ORDER BY k.o)
FROM pg_constraint x JOIN pg_namespace n ON n.oid = x.connamespace WHERE x.contype = 'f' AND x.conparentid = 0 AND {_USER}
ORDER BY x.conrelid::regclass::text, x.conname"""  # noqa: S608


def read_catalogue(administrator: psycopg.Connection[tuple[Any, ...]]) -> Catalogue:
    """Return what the database holds; the statistics of columns are those restored (rows of inheritance trees come second)."""
    columns: dict[int, list[TableColumn]] = {}
    for row in administrator.execute(_COLUMNS):
        columns.setdefault(row[0], []).append(
            TableColumn(row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9] or 0.0, row[10])
        )
    tables = _summed(
        tuple(
            Table(oid, schema, name, kind, rows, pages, file, tuple(columns.get(oid, ())), parent)
            for oid, schema, name, kind, rows, pages, file, parent in administrator.execute(_TABLES)
        )
    )
    indexes = tuple(
        ExistingIndex(oid, schema, name, table, method, tuple(named[:keys]), tuple(named[keys:]), *rest)
        for oid, schema, name, table, method, named, keys, *rest in administrator.execute(_INDEXES)
    )
    keys = tuple(ForeignKey(row[0], row[1], row[2], tuple(row[3])) for row in administrator.execute(_FOREIGN_KEYS))
    extended = administrator.execute("SELECT count(*) FROM pg_statistic_ext").fetchone() != (0,)
    return Catalogue(tables, indexes, keys, extended)


def _summed(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """Give partitioned tables that were never analysed themselves the rows of their partitions: autovacuum analyses only those."""
    children: dict[int, list[Table]] = {}
    for table in tables:
        children.setdefault(table.parent, []).append(table)

    def rows(table: Table) -> float:
        if table.kind != "p" or table.rows >= 0:
            return table.rows
        return sum(max(0.0, rows(child)) for child in children.get(table.oid, ()))

    return tuple(replace(table, rows=rows(table)) if table.kind == "p" else table for table in tables)


def key_width(index: ExistingIndex, table: Table) -> float:
    """Return the mean width in bytes of the key columns of an index."""
    found = [table.column(name) for name in index.columns]
    return sum(column.mean_width if column is not None else UNKNOWN_WIDTH for column in found)

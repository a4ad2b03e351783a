"""Indexes that exist in the catalogue and hold nothing: made on an empty-looking table, then given the size they would have."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from backend_expert.lab.planner import files
from backend_expert.lab.planner.btree import KeyColumn, TreeSize, size_of
from backend_expert.lab.planner.catalogue import Table
from backend_expert.lab.planner.errors import reason_of
from backend_expert.lab.planner.laboratory import LOAD_MS, Lab, NotPlanned
from backend_expert.lab.planner.server import ADMINISTRATOR
from backend_expert.lab.planner.sizing import forget

if TYPE_CHECKING:
    import psycopg

_VACUUM_AFTER = 2_000  # changes of pg_index leave dead rows that every plan has to step over
_BOUND = f"SET statement_timeout = {LOAD_MS}".encode()
_TRIGRAM_BYTES = 10  # a posting of a GIN index over trigrams; order of magnitude only, sizes of GIN are never EXACT


class Key(Struct, frozen=True, order=True, cache_hash=True):
    """A key column of an index, or an expression over the column; `operator_class` is empty for the default."""

    column: str
    expression: str = ""
    operator_class: str = ""

    def sql(self) -> str:
        """Return the key as it stands in CREATE INDEX."""
        words = f"({self.expression})" if self.expression else quoted(self.column)
        return f"{words} {self.operator_class}".rstrip()


class IndexDefinition(Struct, frozen=True, order=True, cache_hash=True):
    """An index that could be built."""

    schema: str
    table: str
    keys: tuple[Key, ...]
    included: tuple[str, ...] = ()
    predicate: str = ""
    method: str = "btree"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the keys."""
        return tuple(key.column for key in self.keys)

    @property
    def name(self) -> str:
        """Return a name for it: table, columns, and what kind it is; at most 63 bytes, as PostgreSQL cuts names."""
        kind = {"btree": "idx"}.get(self.method, self.method)
        words = [self.table, *self.columns, *(["incl", *self.included] if self.included else [])]
        words += ["part"] if self.predicate else []
        words += ["expr"] if any(key.expression for key in self.keys) else []
        name = "_".join((*words, kind))
        if len(name.encode()) <= 60:
            return name
        short = name.encode()[:50].decode(errors="ignore")
        return f"{short}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def sql(self, name: str, *, concurrently: bool = False, only: bool = False) -> str:
        """Return the CREATE INDEX statement without a semicolon; `only` leaves out the partitions of a partitioned table."""
        using = "" if self.method == "btree" else f" USING {self.method}"
        included = f" INCLUDE ({', '.join(map(quoted, self.included))})" if self.included else ""
        where = f" WHERE {self.predicate}" if self.predicate else ""
        keys = ", ".join(key.sql() for key in self.keys)
        concurrent = " CONCURRENTLY" if concurrently else ""
        table = f"{'ONLY ' if only else ''}{quoted(self.schema)}.{quoted(self.table)}"
        return f"CREATE INDEX{concurrent} {quoted(name)} ON {table}{using} ({keys}){included}{where}"

    def __str__(self) -> str:
        keys = ", ".join(key.expression or key.column for key in self.keys)
        included = f" include ({', '.join(self.included)})" if self.included else ""
        where = f" where {self.predicate}" if self.predicate else ""
        using = "" if self.method == "btree" else f" using {self.method}"
        return f"{self.table}{using} ({keys}){included}{where}"


class Hypothetical(Struct, frozen=True):
    """An index of the lab: its object ids (one a partition), its name there, and its estimated size."""

    definition: IndexDefinition
    oids: tuple[int, ...]
    names: tuple[str, ...]
    size: TreeSize
    root: str


class Workbench:
    """Make indexes in a lab that look built, and show or hide any index to the planner."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.made: dict[IndexDefinition, Hypothetical | str] = {}
        self._administrator: psycopg.Connection[tuple[Any, ...]] | None = None
        self._made_oids: frozenset[int] = frozenset()
        self._hidden: frozenset[int] = frozenset()
        self._changes = 0

    def make(self, definitions: Iterable[IndexDefinition]) -> None:
        """Make the indexes that are not there yet, hidden; one that the server refuses is kept with its reason."""
        new: dict[tuple[str, str], list[IndexDefinition]] = {}
        for definition in sorted(set(definitions)):
            if definition not in self.made:
                new.setdefault((definition.schema, definition.table), []).append(definition)
        for (schema, name), wanted in new.items():
            table = self.lab.catalogue.named(name, schema)
            if table is None:
                self.made |= dict.fromkeys(wanted, "there is no such table")
            else:
                self._make(table, wanted)

    def found(self, definition: IndexDefinition) -> Hypothetical | None:
        """Return the index as it was made, or nothing when the server refused it."""
        self.make((definition,))
        made = self.made[definition]
        return made if isinstance(made, Hypothetical) else None

    def all_found(self, definitions: Iterable[IndexDefinition]) -> tuple[Hypothetical, ...]:
        """Return the indexes as they were made, in order, without those that the server refused."""
        return tuple(made for each in sorted(definitions) if (made := self.found(each)) is not None)

    def show(self, definitions: Iterable[IndexDefinition], without: Iterable[int] = ()) -> None:
        """Let the planner see exactly these of the made indexes, and every existing index but those with these object ids."""
        shown = {oid for each in self.all_found(definitions) for oid in each.oids}
        hidden = (self._made_oids - shown) | frozenset(without)
        self._turn(hidden ^ self._hidden)
        self._hidden = hidden

    def discard(self, definitions: Iterable[IndexDefinition]) -> None:
        """Drop made indexes: even hidden ones cost the planner time; one that is asked for again is made again."""
        gone = [made for each in sorted(set(definitions)) if isinstance(made := self.made.get(each), Hypothetical)]
        if not gone:
            return
        with self.lab.server.connect(self.lab.database) as owner:
            for made in gone:
                # The first made is the index itself; those of its partitions go with it.
                name = f"{quoted(made.definition.schema)}.{quoted(made.root)}"
                owner.execute(f"DROP INDEX {name}".encode())
                del self.made[made.definition]
        oids = frozenset(oid for made in gone for oid in made.oids)
        self._made_oids -= oids
        self._hidden -= oids

    def close(self) -> None:
        """Hide every made index, show every existing one, and close the administrator's connection."""
        self.show(())
        if self._administrator is not None:
            self._administrator.close()
            self._administrator = None

    def _turn(self, oids: frozenset[int]) -> None:
        """Hide what the planner sees of these indexes and show what it does not."""
        if not oids:
            return
        administrator = self._connection()
        administrator.execute("UPDATE pg_index SET indisvalid = NOT indisvalid WHERE indexrelid = ANY(%s::oid[])", (sorted(oids),))
        self._changes += len(oids)
        if self._changes > _VACUUM_AFTER:
            administrator.execute("VACUUM pg_index")
            self._changes = 0

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._administrator is None:
            self._administrator = self.lab.server.connect(self.lab.database, ADMINISTRATOR)
            self._administrator.execute("SET search_path = pg_catalog")
        return self._administrator

    def _make(self, table: Table, definitions: list[IndexDefinition]) -> None:
        """Create the indexes of one table while its files look empty: over its size PostgreSQL would read every page of nothing."""
        selectivity = {each: self._rows_of(table, each) for each in definitions}
        leaves = self._leaves(table)
        heaps = [self.lab.file(each.file) for each in leaves]
        lengths = [files.hide(heap) for heap in heaps]
        try:
            # A new connection: one that has planned remembers the later files of the table.
            with self.lab.server.connect(self.lab.database) as owner:
                owner.execute(_BOUND)
                created = {each: self._create(owner, each) for each in definitions}
        finally:
            for heap, length in zip(heaps, lengths, strict=True):
                files.show(heap, length)
        oids = [part[0] for parts in created.values() if not isinstance(parts, str) for part in parts]
        forget(self._connection(), oids)
        for definition, parts in created.items():
            if isinstance(parts, str):
                self.made[definition] = parts
                continue
            total = TreeSize(0, 0)
            restore: list[tuple[str, int, float]] = []
            for _, name, path, leaf in parts:
                if not path:
                    continue  # the index of a partitioned table itself has no file
                on = next(each for each in leaves if each.oid == leaf)
                share = on.rows / table.rows if table.rows > 0 else 0.0
                rows = selectivity[definition] * (share if len(leaves) > 1 else 1.0)
                size = size_of_index(definition, on, rows)
                if definition.method == "btree":
                    files.write_tree(self.lab.file(path), size.pages, size.height)
                else:
                    files.set_length(self.lab.file(path), size.pages)
                total = TreeSize(total.pages + size.pages, max(total.height, size.height), total.boundary or size.boundary)
                restore.append((name, size.pages, rows))
            own = tuple(sorted(part[0] for part in parts))
            self.made[definition] = Hypothetical(definition, own, tuple(sorted(part[1] for part in parts)), total, parts[0][1])
            if definition.predicate:
                self._density(definition.schema, restore)
        self._made_oids |= frozenset(oids)
        self._turn(frozenset(oids))
        self._hidden |= frozenset(oids)

    def _create(
        self, owner: psycopg.Connection[tuple[Any, ...]], definition: IndexDefinition
    ) -> list[tuple[int, str, str, int]] | str:
        """Create one index; return its parts (object id, name, file, object id of the table), or the reason why not."""
        import psycopg

        self.lab.made += 1
        name = f"whatif_{self.lab.made}"
        try:
            if self.lab.loaded.routines:
                owner.execute(_BOUND)  # an index on an expression runs functions of the schema, which may have changed it
            owner.execute(definition.sql(name).encode())
            return owner.execute(
                "WITH RECURSIVE part(oid) AS (SELECT to_regclass(format('%%I.%%I', %s::text, %s::text))::oid UNION ALL "
                "SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part p ON p.oid = i.inhparent) "
                "SELECT c.oid::int8, c.relname::text, coalesce(pg_catalog.pg_relation_filepath(c.oid), ''), x.indrelid::int8 FROM part p "
                "JOIN pg_catalog.pg_class c ON c.oid = p.oid JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid ORDER BY c.oid",
                (definition.schema, name),
            ).fetchall()
        except psycopg.Error as error:
            return reason_of(error)

    def _leaves(self, table: Table) -> list[Table]:
        if table.kind != "p":
            return [table]
        children = [each for each in self.lab.catalogue.tables if each.parent == table.oid]
        return [leaf for child in children for leaf in self._leaves(child)]

    def _rows_of(self, table: Table, definition: IndexDefinition) -> float:
        """Return how many rows the index holds: all, or as many as the planner expects of its predicate."""
        rows = max(0.0, table.rows)
        if not definition.predicate:
            return rows
        try:
            # Explained, never run, by the plain role.
            whole = f"{quoted(table.schema)}.{quoted(table.name)}"
            return self.lab.explain(f"SELECT 1 FROM {whole} WHERE {definition.predicate}").rows  # noqa: S608
        except NotPlanned:
            return rows  # the server will refuse the index for the same reason

    def _density(self, schema: str, parts: list[tuple[str, int, float]]) -> None:
        """Tell the planner how many rows a partial index holds: it derives them from pages and rows of the index itself."""
        with self.lab.server.connect(self.lab.database) as owner:
            for name, pages, rows in parts:
                owner.execute(
                    "SELECT pg_catalog.pg_restore_relation_stats('schemaname', %s::text, 'relname', %s::text, 'relpages', %s::integer, "
                    "'reltuples', %s::real)",
                    (schema, name, pages, rows),
                )


def size_of_index(definition: IndexDefinition, table: Table, rows: float) -> TreeSize:
    """Return the estimated size of an index over `rows` rows of a table; for other methods than B-trees only the order of magnitude."""
    key = tuple(_key_column(table, each) for each in definition.keys)
    if definition.method != "btree":
        postings = sum(max(1.0, column.width) for column in key) if definition.method == "gin" else 1.0
        per_row = _TRIGRAM_BYTES + postings * 2 if definition.method == "gin" else 24.0
        return TreeSize(max(2, int(rows * per_row / 8192) + 2), 0)
    found = [table.column(name) for name in definition.included]
    included = tuple(column.key for column in found if column is not None)
    distinct = 1.0
    for each in definition.keys:
        column = table.column(each.column)
        distinct *= max(1.0, column.different(max(1.0, table.rows))) if column is not None else max(1.0, rows)
    return size_of(rows, key, included, min(rows, distinct))


def _key_column(table: Table, key: Key) -> KeyColumn:
    column = table.column(key.column)
    return column.key if column is not None else KeyColumn(8)


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL, quoted where it has to be."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


# Appendix C of the manual: words that cannot name a column without quotes.
_RESERVED = frozenset(
    """all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently
    constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default
    deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner
    intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order
    outer overlaps placing primary references returning right select session_user similar some symmetric system_user table tablesample
    then to trailing true union unique user using variadic verbose when where window with""".split()  # noqa: SIM905 - a hundred words read better as text
)

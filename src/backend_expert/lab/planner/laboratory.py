"""A database without rows that plans like the loaded one: load the schema, restore the statistics, give every file its size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from backend_expert.lab.planner import files
from backend_expert.lab.planner.btree import TreeSize, height_of, size_of
from backend_expert.lab.planner.catalogue import Catalogue, ExistingIndex, Table, key_width, read_catalogue
from backend_expert.lab.planner.intake import Rejected, rejected
from backend_expert.lab.planner.plan import Plan, parse
from backend_expert.lab.planner.scanner import pieces
from backend_expert.lab.planner.schema import Definition, Schema
from backend_expert.lab.planner.server import ADMINISTRATOR, Server
from backend_expert.lab.planner.statistics import VALUE_TYPES, AttributeStatistics, RelationStatistics, Statistics
from backend_expert.model import Text

if TYPE_CHECKING:
    import psycopg

LOAD_MS = 5_000
"""Longest a statement of a schema may run: an honest one takes milliseconds on an empty database."""
PLAN_MS = 10_000
"""Longest the planner may think about one statement; TPC-DS derived queries need at most 60 ms."""
ASSUMED_ROWS = 100_000
"""Rows assumed for a table nobody gave a number for: large enough that an index matters, small enough not to drown the measured ones."""
_PAGE_ROOM = 8192 - 24
_ROW_OVERHEAD = 24 + 4
_MATCH = 0.9
"""Least share of the relations of an export that must be found in the schema for the level EXACT."""

_RESTORE_RELATION = (
    "SELECT pg_catalog.pg_restore_relation_stats('schemaname', %s::text, 'relname', %s::text, 'relpages', %s::integer, "
    "'reltuples', %s::real, 'relallvisible', %s::integer)"
)

# What uuid-ossp and pgcrypto are used for in schemas: defaults of columns. No row is ever inserted, so nothing calls them.
_TRIGRAMS = Definition("extension", "pg_trgm public", 0, "")
_STUBS = (
    "CREATE FUNCTION public.uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()'",
    "CREATE FUNCTION public.uuid_generate_v1() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()'",
    "CREATE FUNCTION public.uuid_generate_v1mc() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()'",
    "CREATE FUNCTION public.gen_random_bytes(integer) RETURNS bytea LANGUAGE sql VOLATILE AS 'SELECT ''''::bytea'",
    "CREATE FUNCTION public.digest(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT ''''::bytea'",
)


class NotPlanned(Exception):  # noqa: N818 - the outcome of one statement, not of the lab
    """The server could not plan a statement; the message is the server's."""


class Loaded(Struct, frozen=True):
    """How the loading went: what was rejected, the share of matched relations, tables without statistics, and failed checks."""

    rejected: tuple[Rejected, ...]
    matched: float
    guessed: tuple[str, ...]
    failures: tuple[Text, ...] = ()


class Lab:
    """One database of the lab with the connection that plans. Statements come from strangers: they are explained, never run."""

    def __init__(
        self, server: Server, database: str, catalogue: Catalogue, settings: tuple[tuple[str, str], ...], loaded: Loaded
    ) -> None:
        self.server = server
        self.database = database
        self.catalogue = catalogue
        self.settings = settings
        self.loaded = loaded
        self.calls = 0
        self.made = 0
        self._planner: psycopg.Connection[tuple[Any, ...]] | None = None

    def explain(self, statement: str, *, generic: bool = False) -> Plan:
        """Return the plan of one statement; raise `NotPlanned` with the server's reason. `generic` leaves `$1` unknown."""
        import psycopg

        if generic and sum(piece.kind == "statement" for piece in pieces(statement)) != 1:
            raise NotPlanned("several statements in one")
        connection = self._connection()
        options = "FORMAT JSON, GENERIC_PLAN" if generic else "FORMAT JSON"
        self.calls += 1
        try:
            # Again every time: planning folds immutable functions, so code of a stranger runs and may have changed them.
            connection.execute(f"SET statement_timeout = {PLAN_MS}; SET default_transaction_read_only = on")
            # Binary results ask for the extended protocol, which takes one statement only; GENERIC_PLAN is not possible in it.
            row = connection.cursor(binary=not generic).execute(_bytes(f"EXPLAIN ({options}) {statement}")).fetchone()
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self._planner = None
            raise NotPlanned(reason_of(error)) from None
        assert row is not None
        return parse(row[0])

    def close(self) -> None:
        """Close the planning connection; the next plan opens a new one."""
        if self._planner is not None:
            self._planner.close()
            self._planner = None

    def file(self, relation: str) -> Path:
        """Return the first file of a relation from its path in the catalogue."""
        return self.server.data / relation

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._planner is None:
            import psycopg

            self._planner = self.server.connect(self.database)
            for name, value in self.settings:
                try:
                    self._planner.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
                except psycopg.Error:
                    continue  # checked and reported when the lab was opened
        return self._planner


def _bytes(statement: str) -> bytes:
    return statement.encode("utf-8", errors="replace").replace(b"\0", b" ")


def reason_of(error: Exception) -> str:
    """Return the server's message on one line, without the position and the hints."""
    diagnosis = getattr(error, "diag", None)
    message = getattr(diagnosis, "message_primary", None) or str(error)
    return " ".join(str(message).split())[:200]


@contextmanager
def opened(
    server: Server, schema: Schema, statistics: Statistics | None = None, rows: Mapping[str, float] | None = None
) -> Iterator[Lab]:
    """Yield a lab on a new database with the schema, the statistics and the sizes; `rows` are row counts assumed for tables without any.

    The self-check has run: `lab.loaded.failures` says what does not hold, and no cost may be reported when it is not empty.
    """
    known = statistics or Statistics()
    database = server.create_database(known.collation)
    left_out = [*_load(server, database, schema)]
    with _administrator(server, database) as administrator:
        before = read_catalogue(administrator)
        with server.connect(database) as owner:
            left_out += _restore(owner, before, known)
            guessed = _guess(owner, before, known, rows or {})
            settings, refused = _settings(owner, known)
            left_out += refused
        catalogue = read_catalogue(administrator)
        administrator.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache WITH SCHEMA laboratory")
        forget(administrator, [index.oid for index in catalogue.indexes if index.file])
    # Every connection is closed: no buffer and no open file remembers the old sizes.
    heights = _resize(server, catalogue, known)
    with _administrator(server, database) as administrator:
        failures = _check(administrator, catalogue, heights)
        catalogue = read_catalogue(administrator)
    matched = _matched(before, known)
    lab = Lab(server, database, catalogue, settings, Loaded(tuple(left_out), matched, guessed, failures))
    lab.loaded = Loaded(lab.loaded.rejected, matched, guessed, (*failures, *_check_estimates(lab)))
    try:
        yield lab
    finally:
        lab.close()


@contextmanager
def _administrator(server: Server, database: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Yield the superuser's connection, on which no name is looked up in a schema of strangers."""
    with server.connect(database, ADMINISTRATOR) as connection:
        connection.execute("SET search_path = pg_catalog")
        connection.execute("CREATE SCHEMA IF NOT EXISTS laboratory")
        yield connection


def _load(server: Server, database: str, schema: Schema) -> Iterator[Rejected]:
    import psycopg

    yield from schema.rejected
    with server.connect(database) as owner:
        # Functions are checked when they are called, and nothing calls them.
        owner.execute("SET check_function_bodies = off; SET client_min_messages = error")
        for stub in _STUBS:
            owner.execute(stub)
        for definition in (*schema.definitions, _TRIGRAMS):
            try:
                owner.execute(f"SET statement_timeout = {LOAD_MS}")
                owner.execute(_bytes(_as_sql(definition)))
            except psycopg.Error as error:
                if owner.closed:
                    raise
                reason = reason_of(error)
                yield rejected(
                    definition.file,
                    definition.line,
                    definition.text,
                    f"PostgreSQL refuses it: {reason}",
                    f"o PostgreSQL o recusa: {reason}",
                )


def _as_sql(definition: Definition) -> str:
    if definition.kind == "search_path":
        return f"SET search_path = {definition.text}"
    if definition.kind == "extension":
        name, _, schema = definition.text.partition(" ")
        inside = f' WITH SCHEMA "{schema}"' if re.fullmatch(r"[A-Za-z_]\w*", schema) else ""
        return f'CREATE EXTENSION IF NOT EXISTS "{name}"{inside}'
    return definition.text


def _restore(owner: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, statistics: Statistics) -> Iterator[Rejected]:
    """Restore what the export says about relations the schema has, as the plain owner; yield what could not be restored."""
    names = _names(catalogue)
    said: list[str] = []
    owner.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    yield from statistics.rejected
    for relation in statistics.relations:
        if (relation.schema, relation.name) not in names:
            yield _unmatched(relation)
        elif relation.tuples >= 0:
            yield from _restored(owner, *_relation_call(relation), relation.line, relation.name, said)
    for attribute in statistics.attributes:
        if (attribute.schema, attribute.relation) in names:
            subject = f"{attribute.relation}.{attribute.attribute or attribute.number}"
            yield from _restored(owner, *_attribute_call(attribute), attribute.line, subject, said)


def _relation_call(relation: RelationStatistics) -> tuple[str, list[Any]]:
    return _RESTORE_RELATION, [relation.schema, relation.name, _signed(relation.pages), relation.tuples, _signed(relation.visible)]


def _signed(blocks: int) -> int:
    """Return a number of blocks as `relpages` stores it: a signed word, read as unsigned."""
    return blocks - 2**32 if blocks >= 2**31 else blocks


def _attribute_call(attribute: AttributeStatistics) -> tuple[str, list[Any]]:
    words = ["'schemaname', %s::text, 'relname', %s::text"]
    values: list[Any] = [attribute.schema, attribute.relation]
    if attribute.attribute:
        words.append("'attname', %s::text")
        values.append(attribute.attribute)
    else:
        words.append("'attnum', %s::smallint")
        values.append(attribute.number)
    words.append("'inherited', %s::boolean")
    values.append(attribute.inherited)
    for name, value in attribute.values:
        words.append(f"'{name}', %s::{VALUE_TYPES[name]}")  # the name is one of ours
        values.append(value)
    return f"SELECT pg_catalog.pg_restore_attribute_stats({', '.join(words)})", values


def _restored(
    owner: psycopg.Connection[tuple[Any, ...]], call: str, values: list[Any], line: int, subject: str, said: list[str]
) -> Iterator[Rejected]:
    import psycopg

    said.clear()
    try:
        owner.execute(f"SET statement_timeout = {LOAD_MS}")
        owner.execute(call, values)
    except psycopg.Error as error:
        said.append(reason_of(error))
    if said:
        reason = said[0]
        yield rejected("statistics", line, subject, f"PostgreSQL refuses it: {reason}", f"o PostgreSQL o recusa: {reason}")


def _unmatched(relation: RelationStatistics) -> Rejected:
    return rejected(
        "statistics",
        relation.line,
        f"{relation.schema}.{relation.name}",
        "the schema has no such table or index",
        "o esquema não tem essa tabela ou esse índice",
    )


def _names(catalogue: Catalogue) -> set[tuple[str, str]]:
    tables = {(table.schema, table.name) for table in catalogue.tables}
    return tables | {(index.schema, index.name) for index in catalogue.indexes}


def _matched(catalogue: Catalogue, statistics: Statistics) -> float:
    names = _names(catalogue)
    if not statistics.relations:
        return 0.0
    return sum((each.schema, each.name) in names for each in statistics.relations) / len(statistics.relations)


def _guess(
    owner: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, statistics: Statistics, rows: Mapping[str, float]
) -> tuple[str, ...]:
    """Give tables without statistics a size from a stated or assumed number of rows; return their names."""
    measured = {(each.schema, each.name) for each in statistics.relations if each.tuples >= 0}
    guessed = []
    counts: dict[int, float] = {}
    for table in catalogue.tables:
        if table.kind == "p" or (table.schema, table.name) in measured:
            continue
        guessed.append(f"{table.schema}.{table.name}")
        count = max(0.0, float(rows.get(table.name, rows.get(f"{table.schema}.{table.name}", ASSUMED_ROWS))))
        width = _ROW_OVERHEAD + sum(column.mean_width for column in table.columns)
        pages = min(files.MOST_BLOCKS, max(1, -(-int(count) // max(1, int(_PAGE_ROOM / width)))))
        counts[table.oid] = count
        owner.execute(*_relation_call(RelationStatistics(table.schema, table.name, pages, count, pages)))
    _guess_references(owner, catalogue, counts)
    return tuple(sorted(guessed))


def _guess_references(owner: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, counts: dict[int, float]) -> None:
    """Let a foreign key of a guessed table take as many values as its parent has rows: the default of the planner is 200."""
    for key in catalogue.foreign_keys:
        if key.table not in counts or key.parent not in counts or len(key.columns) != 1:
            continue
        table = catalogue.table(key.table)
        column = table.column(key.columns[0])
        distinct = min(counts[key.table], counts[key.parent])
        if column is not None and distinct >= 1:
            values = (("null_frac", "0"), ("avg_width", str(round(column.mean_width))), ("n_distinct", str(distinct)))
            owner.execute(*_attribute_call(AttributeStatistics(table.schema, table.name, column.name, 0, False, values)))


def _settings(
    owner: psycopg.Connection[tuple[Any, ...]], statistics: Statistics
) -> tuple[tuple[tuple[str, str], ...], tuple[Rejected, ...]]:
    import psycopg

    accepted, refused = [], []
    for name, value in statistics.settings:
        try:
            owner.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
            accepted.append((name, value))
        except psycopg.Error as error:
            reason = reason_of(error)
            refused.append(
                rejected(
                    "statistics", 0, f"{name} = {value}", f"PostgreSQL refuses it: {reason}", f"o PostgreSQL o recusa: {reason}"
                )
            )
    return tuple(accepted), tuple(refused)


def tree_of(index: ExistingIndex, table: Table, *, measured: bool) -> TreeSize:
    """Return size and height of an existing B-tree: from its measured pages, or from the rows of its table."""
    columns = [table.column(name) for name in index.columns]
    key = tuple(column.key for column in columns if column is not None)
    rows = max(0.0, table.rows)
    distinct = 1.0
    for column in columns:
        distinct *= max(1.0, column.different(rows)) if column is not None else max(1.0, rows)
    distinct = rows if index.unique else min(rows, distinct)
    if measured:
        # Where the rows of one key fill more than a posting list, pivots keep a row pointer (see `size_of`).
        wide = bool(key) and not index.unique and distinct > 0 and rows / distinct > 130 and not index.included
        return TreeSize(max(1, index.pages), height_of(max(1, index.pages), key_width(index, table), wide=wide))
    included = tuple(column.key for column in (table.column(name) for name in index.included) if column is not None)
    return size_of(rows, key, included, distinct)


def _resize(server: Server, catalogue: Catalogue, statistics: Statistics) -> dict[int, int]:
    """Give every file its size and every B-tree its height; return the pages by object id, and -height - 1 by negative object id."""
    measured = {(each.schema, each.name) for each in statistics.relations if each.pages > 0}
    sizes: dict[int, int] = {}
    for table in catalogue.tables:
        if table.file:
            pages = _unsigned(table.pages)
            files.set_length(server.data / table.file, pages)
            sizes[table.oid] = pages
    for index in catalogue.indexes:
        if not index.file:
            continue
        table = catalogue.table(index.table)
        tree = tree_of(index, table, measured=(index.schema, index.name) in measured)
        if index.method == "btree":
            files.write_tree(server.data / index.file, tree.pages, tree.height)
            sizes[-index.oid] = tree.height
            sizes[index.oid] = max(tree.pages, tree.height + 2)
        else:
            current = files.length(server.data / index.file)
            sizes[index.oid] = max(current, tree.pages)
            files.set_length(server.data / index.file, sizes[index.oid])
    return sizes


def _unsigned(pages: int) -> int:
    return pages + 2**32 if pages < 0 else pages


def forget(administrator: psycopg.Connection[tuple[Any, ...]], oids: list[int]) -> None:
    """Drop the pages of indexes from the buffers: a page that a plan or a foreign key has looked at would hide the one on disk."""
    administrator.execute("SELECT laboratory.pg_buffercache_evict_relation(o::oid::regclass) FROM unnest(%s::int8[]) o", (oids,))


def _check(administrator: psycopg.Connection[tuple[Any, ...]], catalogue: Catalogue, sizes: dict[int, int]) -> tuple[Text, ...]:
    """Ask the server itself for block size, version, the size of every relation and the height of every B-tree."""
    failures: list[Text] = []
    row = administrator.execute(
        "SELECT current_setting('block_size')::int, current_setting('server_version_num')::int / 10000"
    ).fetchone()
    if row != (8192, 18):
        failures.append(Text(f"the server has block size and version {row}", f"o servidor tem tamanho de bloco e versão {row}"))
    names = {table.oid: f"{table.schema}.{table.name}" for table in catalogue.tables}
    names |= {index.oid: f"{index.schema}.{index.name}" for index in catalogue.indexes}
    wanted = {oid: pages for oid, pages in sizes.items() if oid > 0}
    asked = administrator.execute(
        "SELECT o, pg_relation_size(o::oid) / 8192 FROM unnest(%s::int8[]) o", (sorted(wanted),)
    ).fetchall()
    for oid, pages in asked:
        if pages != wanted[oid]:
            failures.append(
                Text(
                    f"{names[oid]} has {pages} pages instead of {wanted[oid]}",
                    f"{names[oid]} tem {pages} páginas em vez de {wanted[oid]}",
                )
            )
    trees = {-oid: height for oid, height in sizes.items() if oid < 0}
    if trees:
        administrator.execute("CREATE EXTENSION IF NOT EXISTS pageinspect WITH SCHEMA laboratory")
        levels = administrator.execute(
            "SELECT o, (laboratory.bt_metap(o::oid::regclass::text)).fastlevel FROM unnest(%s::int8[]) o", (sorted(trees),)
        ).fetchall()
        failures += [
            Text(
                f"{names[oid]} reports height {level} instead of {trees[oid]}",
                f"{names[oid]} informa altura {level} em vez de {trees[oid]}",
            )
            for oid, level in levels
            if level != trees[oid]
        ]
    return tuple(failures)


def _check_estimates(lab: Lab) -> Iterator[Text]:
    """Ask the planner how many rows it expects in every table: what was restored, within the rounding of a density."""
    for table in lab.catalogue.tables:
        if table.kind == "p" or table.rows < 0 or table.pages == 0:
            continue
        name = f'"{table.schema}"."{table.name}"'.replace("\0", "")
        if '"' in table.name or '"' in table.schema:
            continue  # a quoted quote: the sizes were checked above
        try:
            estimated = lab.explain(f"SELECT * FROM ONLY {name}").rows  # noqa: S608 - explained, not run, by the plain role
        except NotPlanned as error:
            yield Text(f"{name} cannot be planned: {error}", f"{name} não pode ser planejada: {error}")
            continue
        if abs(estimated - table.rows) > max(1.0, table.rows * 1e-3):
            yield Text(
                f"the planner expects {estimated:.0f} rows in {name} instead of {table.rows:.0f}",
                f"o planner espera {estimated:.0f} linhas em {name} em vez de {table.rows:.0f}",
            )

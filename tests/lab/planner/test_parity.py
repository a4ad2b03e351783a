"""The crux: a database without rows plans like the loaded one, with the indexes it has and with those it could have."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import loaded_shop
import pytest
from real_database import exported, really_loaded

from backend_expert.lab.planner.binaries import find_binaries
from backend_expert.lab.planner.evidence import Level, of_lab
from backend_expert.lab.planner.experiment import advise
from backend_expert.lab.planner.export import export_statement
from backend_expert.lab.planner.laboratory import Lab, opened
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import OWNER, Server
from backend_expert.lab.planner.statistics import Statistics, read_statistics
from backend_expert.lab.planner.whatif import IndexDefinition, Key, Workbench
from backend_expert.lab.planner.workload import read_workload


@pytest.fixture(scope="module")
def real(server: Server) -> Iterator[Lab]:
    """Yield the loaded shop, seen through the same eyes as the lab."""
    found = really_loaded(server, loaded_shop.SCHEMA, loaded_shop.DATA, "VACUUM ANALYZE")
    yield found
    found.close()


@pytest.fixture(scope="module")
def statistics(real: Lab) -> Statistics:
    return exported(real)


@pytest.fixture(scope="module")
def lab(real: Lab, statistics: Statistics) -> Iterator[Lab]:
    with opened(real.server, read_schema(loaded_shop.SCHEMA, "schema.sql"), statistics) as found:
        yield found


def plans(lab: Lab, *, renamed: dict[str, str] | None = None) -> list[Plan]:
    return [lab.explain(query) for query in loaded_shop.QUERIES]


def shape(plan: Plan) -> str:
    return re.sub(r"whatif_\d+", "candidate", repr(plan.shape))


def test_every_relation_is_restored_and_every_check_holds(lab: Lab) -> None:
    assert lab.loaded.rejected == ()
    assert lab.loaded.matched == 1.0
    assert lab.loaded.guessed == ()
    assert lab.loaded.failures == ()


def test_plans_and_costs_are_those_of_the_loaded_server(real: Lab, lab: Lab) -> None:
    for query, loaded, empty in zip(loaded_shop.QUERIES, plans(real), plans(lab), strict=True):
        assert shape(empty) == shape(loaded), query
        assert empty.cost == pytest.approx(loaded.cost, rel=0.001), query


def test_without_sizes_the_plans_are_others(real: Lab, server: Server) -> None:
    """Statistics alone are not enough: this is what the sparse files are for."""
    with opened(
        server, read_schema(loaded_shop.SCHEMA, "schema.sql"), None, rows={"purchase": 10, "line": 10, "customer": 10}
    ) as bare:
        assert any(shape(a) != shape(b) for a, b in zip(plans(real), plans(bare), strict=True))


@pytest.mark.parametrize(
    ("table", "columns"), loaded_shop.CANDIDATES, ids=lambda value: "-".join(value) if isinstance(value, tuple) else value
)
def test_an_index_that_could_be_built_is_costed_like_the_built_one(
    real: Lab, lab: Lab, table: str, columns: tuple[str, ...]
) -> None:
    definition = IndexDefinition("public", table, tuple(Key(column) for column in columns))
    bench = Workbench(lab)
    made = bench.found(definition)
    assert made is not None
    bench.show((definition,))
    expected = plans(lab)
    bench.show(())
    bench.close()
    with real.server.connect(real.database) as owner:
        owner.execute(definition.sql("candidate").encode())
        row = owner.execute("SELECT pg_relation_size('candidate')").fetchone()
        try:
            built = plans(real)
        finally:
            owner.execute("DROP INDEX candidate")
    assert row is not None
    assert made.size.bytes == pytest.approx(row[0], rel=0.15)
    for query, ours, theirs in zip(loaded_shop.QUERIES, expected, built, strict=True):
        assert shape(ours) == shape(theirs), query
        assert ours.cost == pytest.approx(theirs.cost, rel=0.01), query


def test_hidden_indexes_leave_the_base_plans_alone(real: Lab, lab: Lab) -> None:
    bench = Workbench(lab)
    bench.make(
        [IndexDefinition("public", table, tuple(Key(column) for column in columns)) for table, columns in loaded_shop.CANDIDATES]
    )
    bench.show(())
    assert [shape(plan) for plan in plans(lab)] == [shape(plan) for plan in plans(real)]
    bench.close()


def test_exact_is_said_only_of_what_is_exact(statistics: Statistics) -> None:
    text = "SELECT * FROM purchase WHERE id = 5; SELECT * FROM purchase WHERE customer_id = $1"
    answer = advise(read_schema(loaded_shop.SCHEMA, "schema.sql"), statistics, read_workload(text, "w.sql"))
    assert {query.statement[-2:]: query.level for query in answer.queries} == {"$1": Level.APPROX, " 5": Level.EXACT}


def test_a_dump_of_statistics_plans_like_the_export(real: Lab, lab: Lab, statistics: Statistics) -> None:
    """Both formats hold the same, but for the settings, which pg_dump leaves out."""
    command = [
        str(find_binaries().folder / "pg_dump"),
        "--statistics-only",
        "-h",
        str(real.server.directory),
        "-U",
        OWNER,
        real.database,
    ]
    dump = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout
    dumped = read_statistics(dump, "stats.sql")
    assert len(dumped.attributes) == len(statistics.attributes)
    assert {(each.schema, each.name, each.pages, each.tuples) for each in dumped.relations} == {
        (each.schema, each.name, each.pages, each.tuples) for each in statistics.relations
    }
    with opened(real.server, read_schema(loaded_shop.SCHEMA, "schema.sql"), dumped) as other:
        assert other.loaded.rejected == ()
        assert [(shape(plan), plan.cost) for plan in plans(other)] == [(shape(plan), plan.cost) for plan in plans(lab)]
        assert (of_lab(lab, statistics).level, of_lab(other, dumped).level) == (Level.EXACT, Level.APPROX)


def test_hidden_texts_are_not_in_the_export_and_lower_the_level(real: Lab) -> None:
    with real.server.connect(real.database) as owner:
        row = owner.execute(export_statement(redact=True).encode()).fetchone()
    assert row is not None
    assert "example.com" not in row[0]
    assert "paid" not in row[0]
    hidden = read_statistics(row[0], "stats.json")
    with opened(real.server, read_schema(loaded_shop.SCHEMA, "schema.sql"), hidden) as lab:
        assert lab.loaded.failures == ()
        assert lab.loaded.rejected == ()
        assert of_lab(lab, hidden).level is Level.APPROX

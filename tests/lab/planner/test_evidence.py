"""The level of a plan falls with what it touches: ends of a column, heights near a boundary, assumed sizes; failed checks stop advice."""

from __future__ import annotations

from collections.abc import Iterator

import loaded_shop
import pytest
from real_database import exported, really_loaded

from backend_expert.lab.planner import sizing
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.answer import Level
from backend_expert.lab.planner.btree import KeyColumn, TreeSize, size_of
from backend_expert.lab.planner.evidence import Evidence, of_plan
from backend_expert.lab.planner.experiment import advise
from backend_expert.lab.planner.laboratory import Lab, opened
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import Server
from backend_expert.lab.planner.statistics import AttributeStatistics, RelationStatistics, Statistics
from backend_expert.lab.planner.whatif import IndexDefinition, Key, Workbench
from backend_expert.lab.planner.workload import read_workload

SCHEMA = """CREATE TABLE visit (id bigint PRIMARY KEY, day date NOT NULL, "Weight" numeric(8,2), plain integer);
CREATE INDEX visit_day ON visit (day); CREATE INDEX visit_weight ON visit ("Weight");"""


def column(name: str, bounds: str) -> AttributeStatistics:
    values = (("null_frac", "0"), ("avg_width", "8"), ("n_distinct", "-1"), ("histogram_bounds", bounds), ("correlation", "0.1"))
    return AttributeStatistics("public", "visit", name, 0, False, values)


STATISTICS = Statistics(
    relations=(
        RelationStatistics("public", "visit", 10_000, 1_000_000, 10_000),
        *(RelationStatistics("public", name, 2_800, 1_000_000) for name in ("visit_pkey", "visit_day", "visit_weight")),
    ),
    attributes=(
        column("id", "{1,250000,500000,750000,1000000}"),
        column("day", "{2024-01-01,2024-04-01,2024-07-01,2024-10-01,2024-12-31}"),
        column("Weight", "{-5.50,10.00,20.00,30.00,99.99}"),
        column("plain", "{1,250000,500000,750000,1000000}"),
    ),
    settings=(("work_mem", "4096"),),
    version=18,
)


@pytest.fixture(scope="module")
def lab(server: Server) -> Iterator[Lab]:
    with opened(server, read_schema(SCHEMA, "s"), STATISTICS) as found:
        assert found.loaded.failures == ()
        yield found


def evidence(lab: Lab, query: str, index: IndexDefinition | None = None) -> Evidence:
    bench = Workbench(lab)
    wanted = () if index is None else (index,)
    try:
        bench.show(wanted)
        statement = analyse(query, lab.catalogue)
        assert statement is not None
        return of_plan(Evidence(Level.EXACT), statement, lab.explain(query), lab, bench.all_found(wanted))
    finally:
        bench.close()


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("id > 999990", ["visit.id"]),
        ("id > 600000 AND id < 600100", []),
        ("id < 10", ["visit.id"]),
        ("id > 2000000", ["visit.id"]),
        ("day >= '2024-11-05'", ["visit.day"]),
        ("day BETWEEN '2024-05-01' AND '2024-05-03'", []),
        ("day > date '2024-12-31' - interval '20 days'", ["visit.day"]),
        ('"Weight" > 31', ["visit.Weight"]),
        ('"Weight" < -5', ["visit.Weight"]),
        ('"Weight" > 20.5 AND "Weight" < 20.6', []),
        ("plain > 999990", []),
        ("id = 999999", []),
    ],
)
def test_a_constant_at_the_end_of_an_indexed_column_is_approximate(lab: Lab, condition: str, columns: list[str]) -> None:
    found = evidence(lab, f"SELECT * FROM visit WHERE {condition}")
    assert [reason.en.split(" is compared")[0] for reason in found.reasons] == columns
    assert found.level is (Level.APPROX if columns else Level.EXACT)


def test_the_end_counts_for_an_index_that_could_be_built_too(lab: Lab) -> None:
    index = IndexDefinition("public", "visit", (Key("plain"),))
    found = evidence(lab, "SELECT * FROM visit WHERE plain > 999990", index)
    assert [reason.en.split(" is compared")[0] for reason in found.reasons] == ["visit.plain"]


def test_the_ends_are_those_of_the_loaded_server(server: Server) -> None:
    """What the label is for: at the end of a column the loaded server knows better, from the second bucket on both agree."""
    rows = "INSERT INTO visit SELECT i, '2024-01-01'::date + i / 100, i % 100, i FROM generate_series({}, {}) i"
    real = really_loaded(server, SCHEMA, rows.format(1, 30_000), "VACUUM ANALYZE")
    statistics = exported(real)
    with server.connect(real.database) as owner:
        owner.execute(rows.format(30_001, 30_300).encode())
    with opened(server, read_schema(SCHEMA, "s"), statistics) as lab:
        for query, agrees in (("SELECT * FROM visit WHERE id > 29990", False), ("SELECT * FROM visit WHERE id < 9000", True)):
            assert (lab.explain(query).rows == pytest.approx(real.explain(query).rows, rel=0.02)) == agrees, query
            assert (evidence(lab, query).level is Level.EXACT) == agrees
    real.close()


def test_near_a_boundary_the_dearer_tree_is_costed_and_said(lab: Lab) -> None:
    full = next(rows for rows in range(100_000, 200_000, 500) if size_of(rows, (KeyColumn(4, 4),)).boundary)
    assert size_of(full, (KeyColumn(4, 4),)).height == size_of(full * 1.2, (KeyColumn(4, 4),)).height == 2
    assert size_of(full * 0.8, (KeyColumn(4, 4),)).height == 1
    index = IndexDefinition("public", "visit", (Key("plain"),))
    bench = Workbench(lab)
    made = bench.found(index)
    assert made is not None
    bench.made[index] = type(made)(index, made.oids, made.names, TreeSize(made.size.pages, made.size.height, True), made.root)
    statement = analyse("SELECT * FROM visit WHERE plain = 5", lab.catalogue)
    assert statement is not None
    found = of_plan(Evidence(Level.EXACT), statement, lab.explain(statement.text), lab, bench.all_found((index,)))
    bench.close()
    assert found.level is Level.APPROX
    assert "one level lower" in found.reasons[0].en


def test_a_failed_self_check_gives_no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "height_of", lambda *_, **__: 5)
    honest = sizing.files.write_tree
    monkeypatch.setattr(sizing.files, "write_tree", lambda file, pages, height: honest(file, pages, 1))
    answer = advise(read_schema(SCHEMA, "s"), STATISTICS, read_workload("SELECT * FROM visit WHERE plain = 5", "w"))
    assert "reports height 1 instead of 5" in " ".join(each.en for each in answer.refused)
    assert (answer.indexes, answer.queries, answer.frontier) == ((), (), ())


def test_an_assumed_size_is_a_guess(server: Server) -> None:
    with opened(server, read_schema(loaded_shop.SCHEMA, "s"), None) as lab:
        statement = analyse("SELECT * FROM purchase", lab.catalogue)
        assert statement is not None
        found = of_plan(Evidence(Level.EXACT), statement, lab.explain(statement.text), lab, ())
    assert found.level is Level.GUESS

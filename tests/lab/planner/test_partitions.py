"""Partitioned tables and materialised views plan like the loaded ones, with the indexes they have and with those they could have."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from real_database import exported, really_loaded

from backend_expert.lab.planner.answer import Level
from backend_expert.lab.planner.experiment import advise
from backend_expert.lab.planner.laboratory import Lab, opened
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import Server
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.lab.planner.whatif import IndexDefinition, Key, Workbench
from backend_expert.lab.planner.workload import read_workload

SCHEMA = """
CREATE TABLE reading (
    sensor integer NOT NULL, taken date NOT NULL, kind text NOT NULL, value double precision, PRIMARY KEY (sensor, taken)
) PARTITION BY RANGE (taken);
CREATE TABLE reading_2024 PARTITION OF reading FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE reading_2025 PARTITION OF reading FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (sensor);
CREATE TABLE reading_2025_0 PARTITION OF reading_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE reading_2025_1 PARTITION OF reading_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX reading_taken ON reading (taken);
CREATE MATERIALIZED VIEW daily AS SELECT sensor, taken, avg(value) AS mean, count(*) AS number FROM reading GROUP BY sensor, taken;
CREATE INDEX daily_taken ON daily (taken);
"""
DATA = """
INSERT INTO reading SELECT s, '2024-01-01'::date + d, (ARRAY['heat','heat','heat','wind','rain'])[1 + (s + d) % 5], s * d % 1000
    FROM generate_series(1, 120) s, generate_series(0, 700) d;
REFRESH MATERIALIZED VIEW daily;
VACUUM ANALYZE;
"""
QUERIES = (
    "SELECT * FROM reading WHERE sensor = 7 AND taken = '2025-03-03'",
    "SELECT count(*) FROM reading",
    "SELECT kind, avg(value) FROM reading WHERE taken >= '2024-12-01' AND taken < '2025-02-01' GROUP BY kind",
    "SELECT * FROM reading WHERE kind = 'rain' AND sensor BETWEEN 3 AND 5 ORDER BY taken LIMIT 10",
    "SELECT * FROM reading_2025_1 WHERE sensor = 8",
    "SELECT * FROM daily WHERE taken = '2025-01-07'",
    "SELECT * FROM daily WHERE mean > 995 ORDER BY mean DESC LIMIT 5",
    "SELECT d.mean, r.value FROM daily d JOIN reading r USING (sensor, taken) WHERE d.taken = '2024-02-29'",
)


@pytest.fixture(scope="module")
def real(server: Server) -> Iterator[Lab]:
    found = really_loaded(server, SCHEMA, DATA)
    yield found
    found.close()


@pytest.fixture(scope="module")
def statistics(real: Lab) -> Statistics:
    return exported(real)


@pytest.fixture(scope="module")
def lab(real: Lab, statistics: Statistics) -> Iterator[Lab]:
    with opened(real.server, read_schema(SCHEMA, "schema.sql"), statistics) as found:
        yield found


def shape(plan: Plan) -> str:
    return re.sub(r"whatif_\d+\w*|reading\w*_kind\w*|candidate\w*|daily_mean\w*", "candidate", repr(plan.shape))


def assert_same(lab: Lab, real: Lab) -> None:
    for query in QUERIES:
        ours, theirs = lab.explain(query), real.explain(query)
        assert shape(ours) == shape(theirs), query
        assert ours.cost == pytest.approx(theirs.cost, rel=0.01), query


def test_partitions_and_materialised_views_are_restored_and_sized(lab: Lab) -> None:
    assert lab.loaded.rejected == ()
    assert lab.loaded.failures == ()
    assert lab.loaded.guessed == ()
    assert {table.kind for table in lab.catalogue.tables} == {"r", "p", "m"}


def test_plans_and_costs_are_those_of_the_loaded_server(lab: Lab, real: Lab) -> None:
    assert_same(lab, real)


@pytest.mark.parametrize(("table", "columns"), [("reading", ("kind", "sensor")), ("reading", ("value",)), ("daily", ("mean",))])
def test_an_index_that_could_be_built_is_costed_like_the_built_one(
    lab: Lab, real: Lab, table: str, columns: tuple[str, ...]
) -> None:
    definition = IndexDefinition("public", table, tuple(map(Key, columns)))
    bench = Workbench(lab)
    made = bench.found(definition)
    assert made is not None
    with real.server.connect(real.database) as owner:
        owner.execute(definition.sql("candidate").encode())
        parts = owner.execute(
            "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('candidate') WHERE isleaf UNION ALL "
            "SELECT pg_relation_size('candidate')"
        ).fetchall()
        try:
            bench.show((definition,))
            assert_same(lab, real)
        finally:
            bench.show(())
            bench.close()
            owner.execute("DROP INDEX candidate")
    assert made.size.bytes == pytest.approx(float(max(row[0] or 0 for row in parts)), rel=0.15)
    assert_same(lab, real)


@pytest.mark.parametrize("parent_analysed", [True, False])
def test_advice_on_a_partitioned_table(real: Lab, statistics: Statistics, parent_analysed: bool) -> None:
    """Autovacuum never analyses the parent; and PostgreSQL builds no index of a partitioned table concurrently, only those of its parts."""
    kept = tuple(each for each in statistics.relations if parent_analysed or each.pages >= 0)
    workload = read_workload("SELECT * FROM reading WHERE value = 995.5", "w.sql")
    answer = advise(read_schema(SCHEMA, "schema.sql"), replace(statistics, relations=kept), workload)
    (index,) = answer.indexes
    assert index.create[1:3] == (
        "CREATE INDEX reading_value_idx ON ONLY public.reading (value);",
        "CREATE INDEX CONCURRENTLY reading_2024_value_idx ON public.reading_2024 (value);",
    )
    with real.server.connect(real.database) as owner:
        for statement in index.create:
            owner.execute(statement.encode())
        built = "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indexrelid::regclass::text LIKE 'reading%value_idx'"
        assert owner.execute(built).fetchone() == (5, True)
        for statement in index.drop:
            owner.execute(statement.encode())
        assert owner.execute(built).fetchone() == (0, None)
    assert answer.queries[0].after < answer.queries[0].before / 5
    assert answer.queries[0].level in (Level.EXACT, Level.APPROX)
    assert answer.guessed == ()

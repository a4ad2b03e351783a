"""Compare the lab with a really loaded server (TPC-H derived): plans, what-if indexes, and what building the advice does to times.

    python benchmarks/planner/parity.py FOLDER --scale 0.2 [--execute]

FOLDER holds `tpch-sf10-schema.sql` and `tpch-queries.json` (a list of [number, SQL]); the rows come from `tpchgen-cli`
(pip install tpchgen-cli).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics as stats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from backend_expert.lab.planner.advisor import Options, frontier
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.candidates import singles
from backend_expert.lab.planner.experiment import _risk
from backend_expert.lab.planner.export import export_statement
from backend_expert.lab.planner.intake import read_text
from backend_expert.lab.planner.laboratory import Lab, Loaded, opened
from backend_expert.lab.planner.oracle import Oracle
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import Server, running
from backend_expert.lab.planner.statistics import read_statistics
from backend_expert.lab.planner.whatif import IndexDefinition, Workbench

KEYS = """
ALTER TABLE public.region ADD PRIMARY KEY (r_regionkey); ALTER TABLE public.nation ADD PRIMARY KEY (n_nationkey);
ALTER TABLE public.part ADD PRIMARY KEY (p_partkey); ALTER TABLE public.supplier ADD PRIMARY KEY (s_suppkey);
ALTER TABLE public.partsupp ADD PRIMARY KEY (ps_partkey, ps_suppkey); ALTER TABLE public.customer ADD PRIMARY KEY (c_custkey);
ALTER TABLE public.orders ADD PRIMARY KEY (o_orderkey); ALTER TABLE public.lineitem ADD PRIMARY KEY (l_orderkey, l_linenumber);
"""
TABLES = ("region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem")
LONGEST_MS = 15_000


def load(server: Server, database: str, schema: str, scale: float) -> None:
    with tempfile.TemporaryDirectory() as folder, server.connect(database) as owner:
        generator = Path(sys.executable).with_name("tpchgen-cli")
        subprocess.run([str(generator), "csv", "-s", str(scale), "--output-dir", folder], check=True, capture_output=True)
        for each in read_schema(schema, "schema").definitions:
            if each.kind == "statement":
                owner.execute(each.text.encode())
        for table in TABLES:
            with (
                (Path(folder) / f"{table}.csv").open("rb") as rows,
                owner.cursor().copy(f"COPY public.{table} FROM STDIN (FORMAT csv, HEADER)".encode()) as copy,
            ):
                while piece := rows.read(1 << 20):
                    copy.write(piece)
        owner.execute(KEYS.encode())
        owner.execute("VACUUM ANALYZE")


def shape(plan: Plan) -> str:
    return re.sub(r"whatif_\d+|candidate", "candidate", repr(plan.shape))


def compare(name: str, ours: list[Plan], theirs: list[Plan]) -> None:
    same = sum(shape(a) == shape(b) for a, b in zip(ours, theirs, strict=True))
    errors = sorted(abs(a.cost / b.cost - 1) for a, b in zip(ours, theirs, strict=True))
    within = sum(error <= 0.01 for error in errors)
    p99 = errors[min(len(errors) - 1, int(len(errors) * 0.99))]
    print(
        f"{name}: {len(ours)} plans, same shape {same / len(ours):.1%}, cost within 1 % {within / len(ours):.1%}, "
        f"error median {stats.median(errors):.2e}, p99 {p99:.2e}, largest {errors[-1]:.2e}"
    )


def timed(real: Lab, queries: list[str]) -> list[float]:
    """Return the best of two times of each query in seconds, capped; the first run warms the caches."""
    spent = []
    with real.server.connect(real.database) as owner:
        owner.execute(f"SET statement_timeout = {LONGEST_MS}")
        for query in queries:
            best = LONGEST_MS / 1000
            for _ in range(2):
                start = time.perf_counter()
                try:
                    owner.execute(query.encode()).fetchall()
                except psycopg.errors.QueryCanceled:
                    break
                best = min(best, time.perf_counter() - start)
            spent.append(best)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--execute", action="store_true")
    arguments = parser.parse_args()
    schema = read_text(arguments.folder / "tpch-sf10-schema.sql")
    queries = [
        text.strip().rstrip(";") for _, text in json.loads((arguments.folder / "tpch-queries.json").read_text(encoding="utf-8"))
    ]
    with running() as server:
        database = server.create_database()
        load(server, database, schema, arguments.scale)
        real = Lab(server, database, None, (), Loaded((), 1.0, ()))  # type: ignore[arg-type]
        with server.connect(database) as owner:
            row = owner.execute(export_statement().encode()).fetchone()
        assert row is not None
        found = read_statistics(row[0], "stats.json")
        with opened(server, read_schema(f"{schema}\n{KEYS}", "schema"), found) as lab:
            assert not lab.loaded.failures, lab.loaded.failures
            base = [real.explain(query) for query in queries]
            compare("existing indexes", [lab.explain(query) for query in queries], base)
            statements = tuple(each for each in (analyse(query, lab.catalogue) for query in queries) if each is not None)
            what_if(lab, real, queries, list(singles(statements, lab.catalogue)))
            if arguments.execute:
                execute(lab, real, queries, Oracle(lab, statements))
        real.close()


def what_if(lab: Lab, real: Lab, queries: list[str], candidates: list[IndexDefinition]) -> None:
    bench = Workbench(lab)
    pairs = [
        IndexDefinition(a.schema, a.table, (*a.keys, *b.keys))
        for a in candidates
        for b in candidates
        if a.table == b.table and a < b
    ]
    chosen = [*candidates, *pairs[:: max(1, len(pairs) // 14)]]
    ours, theirs, sizes = [], [], []
    for index in chosen:
        made = bench.found(index)
        assert made is not None, index
        bench.show((index,))
        ours += [lab.explain(query) for query in queries]
        with real.server.connect(real.database) as owner:
            owner.execute(index.sql("candidate").encode())
            row = owner.execute("SELECT pg_relation_size('public.candidate')").fetchone()
            assert row is not None
            real.close()
            theirs += [real.explain(query) for query in queries]
            owner.execute("DROP INDEX public.candidate")
        sizes.append((abs(made.size.bytes / row[0] - 1), str(index)))
    bench.show(())
    bench.close()
    compare(f"what-if against built, {len(chosen)} indexes", ours, theirs)
    errors = sorted(sizes)
    print(
        f"size of new indexes: error median {stats.median(error for error, _ in errors):.1%}, p90 {errors[int(len(errors) * 0.9)][0]:.1%}, "
        f"worst {errors[-1][0]:.1%} {errors[-1][1]}"
    )


def execute(lab: Lab, real: Lab, queries: list[str], oracle: Oracle) -> None:
    """Build the advice, time every query before and after, and see which regressions the risk flag caught."""
    advice = frontier(oracle, (sum(table.pages for table in lab.catalogue.tables) * 8192 * 0.25,), Options())[0]
    chosen = frozenset(advice.indexes)
    plans = [(oracle.plan(number), oracle.plan(number, chosen)) for number in range(len(queries))]
    flagged = [_risk(before, after, oracle.used(after, chosen)) is not None for before, after in plans]
    before = timed(real, queries)
    start = time.perf_counter()
    with real.server.connect(real.database) as owner:
        for number, index in enumerate(advice.indexes):
            owner.execute(index.sql(f"advised_{number}").encode())
        owner.execute("ANALYZE")
    print(f"built in {time.perf_counter() - start:.1f} s: " + "; ".join(map(str, advice.indexes)))
    after = timed(real, queries)
    print(f"all {len(queries)} queries: {sum(before):.1f} s -> {sum(after):.1f} s (each capped at {LONGEST_MS / 1000:.0f} s)")
    slower = [
        number for number in range(len(queries)) if after[number] > before[number] * 1.1 and after[number] - before[number] > 0.01
    ]
    for number, (was, now) in enumerate(zip(before, after, strict=True)):
        mark = ("slower " if number in slower else "") + ("flagged" if flagged[number] else "")
        ratio = plans[number][1].cost / plans[number][0].cost
        print(f"Q{number + 1:<3} {was:8.3f} s {now:8.3f} s  time x{now / was:.2f}  cost x{ratio:.2f}  {mark}")
    caught = sum(flagged[number] for number in slower)
    print(f"slower by more than 10 %: {len(slower)}, of which flagged: {caught}; flagged in all: {sum(flagged)}")


if __name__ == "__main__":
    main()

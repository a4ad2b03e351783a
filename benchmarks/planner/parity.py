"""Compare the lab with a really loaded server (TPC-H derived): plans, what-if indexes, and what building the advice does to times.

    python benchmarks/planner/parity.py FOLDER --scale 0.2 [--execute 0.1 0.25 0.5]

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
from typing import Any

import psycopg

from backend_expert.lab.planner.advisor import Options, frontier
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.candidates import singles
from backend_expert.lab.planner.export import export_statement
from backend_expert.lab.planner.intake import read_text
from backend_expert.lab.planner.laboratory import Lab, Loaded, opened
from backend_expert.lab.planner.oracle import Oracle
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.risk import risk
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import ADMINISTRATOR, Server, running
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
ROUNDS = 3


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


def timed(owner: psycopg.Connection[tuple[Any, ...]], query: str) -> float:
    """Return the time of one run in seconds, capped."""
    start = time.perf_counter()
    try:
        owner.execute(query.encode()).fetchall()
    except psycopg.errors.QueryCanceled:
        return LONGEST_MS / 1000
    return time.perf_counter() - start


def turned(real: Lab, queries: list[str]) -> list[tuple[float, float]]:
    """Return the best times of each query without and with the advised indexes, run by turns: what else the machine does hits both."""
    hide = "UPDATE pg_index SET indisvalid = %s WHERE indexrelid::regclass::text LIKE 'advised%%'"
    found = []
    with real.server.connect(real.database) as owner, real.server.connect(real.database, ADMINISTRATOR) as administrator:
        owner.execute(f"SET statement_timeout = {LONGEST_MS}".encode())
        for query in queries:
            times: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(ROUNDS):
                for visible in (False, True):
                    if LONGEST_MS / 1000 not in times[visible]:
                        administrator.execute(hide, (visible,))
                        times[visible].append(timed(owner, query))
            found.append((min(times[False]), min(times[True])))
        administrator.execute(hide, (True,))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--execute", type=float, nargs="*", help="budgets to build and time, as shares of the tables")
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
                for share in arguments.execute:
                    oracle = Oracle(lab, statements)
                    execute(lab, real, queries, oracle, share)
                    oracle.bench.close()
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


def execute(lab: Lab, real: Lab, queries: list[str], oracle: Oracle, share: float) -> None:
    """Build the advice for a share of the tables' bytes, time every query with and without it, and see what the risk flag caught."""
    advice = frontier(oracle, (sum(table.pages for table in lab.catalogue.tables) * 8192 * share,), Options())[0]
    chosen = frozenset(advice.indexes)
    plans = [(oracle.plan(number), oracle.plan(number, chosen)) for number in range(len(queries))]
    names = {name for made in oracle.bench.all_found(chosen) for name in made.names}
    flagged = [risk(before, after, names) is not None for before, after in plans]
    start = time.perf_counter()
    with real.server.connect(real.database) as owner:
        for number, index in enumerate(advice.indexes):
            owner.execute(index.sql(f"advised_{number}").encode())
        owner.execute("ANALYZE")
    print(
        f"\nbudget {share:.0%} of the tables, built in {time.perf_counter() - start:.1f} s: " + "; ".join(map(str, advice.indexes))
    )
    times = turned(real, queries)
    total = [sum(each) for each in zip(*times, strict=True)]
    print(f"all {len(queries)} queries: {total[0]:.1f} s -> {total[1]:.1f} s (each capped at {LONGEST_MS / 1000:.0f} s)")
    same = [before.shape == after.shape for before, after in plans]
    noise = [abs(now / was - 1) for (was, now), unchanged in zip(times, same, strict=True) if unchanged]
    print(f"{sum(same)} queries keep their plan; their times differ by up to {max(noise, default=0.0):.0%}: that is noise")
    slower = [number for number, (was, now) in enumerate(times) if not same[number] and now > was * 1.1 and now - was > 0.01]
    for number, (was, now) in enumerate(times):
        mark = "same plan" if same[number] else ("slower " if number in slower else "") + ("flagged" if flagged[number] else "")
        ratio = plans[number][1].cost / plans[number][0].cost
        print(f"Q{number + 1:<3} {was:8.3f} s {now:8.3f} s  time x{now / was:.2f}  cost x{ratio:.2f}  {mark}")
    with real.server.connect(real.database) as owner:
        for number in range(len(advice.indexes)):
            owner.execute(f"DROP INDEX advised_{number}".encode())
    caught = sum(flagged[number] for number in slower)
    print(f"slower by more than 10 %: {len(slower)}, of which flagged: {caught}; flagged in all: {sum(flagged)}")


if __name__ == "__main__":
    main()

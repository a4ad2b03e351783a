"""Measure start, loading, advice, memory and disk on a made-up schema of 100 tables and 100 statements.

python benchmarks/planner/speed.py
"""

from __future__ import annotations

import os
import tempfile
import time

from processes import memory_mb, processor_s

from backend_expert.lab.planner.advisor import Options, frontier
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.laboratory import opened
from backend_expert.lab.planner.oracle import Oracle
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import Server, running
from backend_expert.lab.planner.statistics import AttributeStatistics, RelationStatistics, Statistics

TABLES = 100
COLUMNS = ("id", "owner", "state", "made", "amount", "note")


def made_up() -> tuple[str, Statistics]:
    schema, relations, attributes = [], [], []
    for number in range(TABLES):
        name = f"table_{number:03}"
        rows = 1_000_000 * (1 + number % 7)
        schema.append(
            f"CREATE TABLE {name} (id bigint PRIMARY KEY, owner bigint NOT NULL, state text NOT NULL, made timestamptz NOT NULL, "
            "amount numeric(10,2) NOT NULL, note text);"
        )
        relations.append(RelationStatistics("public", name, rows // 80, rows, rows // 80))
        relations.append(RelationStatistics("public", f"{name}_pkey", rows // 360, rows))
        for column, distinct, width in zip(COLUMNS, ("-1", "20000", "5", "-0.9", "5000", "-0.5"), (8, 8, 6, 8, 6, 40), strict=True):
            values = (("null_frac", "0"), ("avg_width", str(width)), ("n_distinct", distinct), ("correlation", "0.1"))
            attributes.append(AttributeStatistics("public", name, column, 0, False, values))
    return "\n".join(schema), Statistics(tuple(relations), tuple(attributes), (("work_mem", "4096"),), 18)


def statements() -> list[str]:
    """Return 100 statements over 17 tables: one candidate or two for each of three shapes a table, about 50 in all."""
    found = []
    for number in range(100):
        name, other = f"table_{number % 17:03}", f"table_{(number + 5) % 17:03}"
        found.append(
            (
                f"SELECT * FROM {name} WHERE owner = {number}",
                f"SELECT id, amount FROM {name} WHERE owner = {number} AND made > '2025-01-01' ORDER BY made DESC LIMIT 20",
                f"SELECT a.id FROM {name} a JOIN {other} b ON b.owner = a.id WHERE a.state = 'open' AND a.owner = {number}",
                f"UPDATE {name} SET amount = amount + 1 WHERE id = {number}",
                f"SELECT count(*) FROM {name} WHERE owner = {number} AND state = 'open'",
            )[number % 5]
        )
    return found


def starts() -> None:
    """Print the time of a first start, which makes the data directory, and of one from the cached template."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        for name in ("first start", "start from the template"):
            start, cpu = time.perf_counter(), sum(os.times()[:4])
            with running():
                spent = time.perf_counter() - start
            print(f"{name}: {spent:.2f} s; with its end {sum(os.times()[:4]) - cpu:.2f} s of processor time")


def disk_mb(server: Server) -> float:
    return sum(each.stat().st_blocks * 512 for each in server.data.rglob("*") if each.is_file()) / 1e6


def four_terabytes(server: Server) -> None:
    """Print what a table of 4 TB costs on disk."""
    before = disk_mb(server)
    huge = Statistics((RelationStatistics("public", "t", 4 * 2**40 // 8192, 4e10),), (), (("work_mem", "4096"),), 18)
    start = time.perf_counter()
    with opened(server, read_schema("CREATE TABLE t (id bigint PRIMARY KEY, body text);", "schema"), huge) as lab:
        rows = lab.explain("SELECT * FROM t").rows
        print(
            f"a table of 4 TB ({rows:.0f} rows): {time.perf_counter() - start:.2f} s, {disk_mb(server) - before:.0f} MB of disk with its "
            f"database, {disk_mb(server):.0f} MB in all"
        )


def main() -> None:
    starts()
    with running() as server:
        schema, statistics = made_up()
        start = time.perf_counter()
        with opened(server, read_schema(schema, "schema"), statistics) as lab:
            checks = lab.loaded.failures or "all checks hold"
            print(f"load, restore, size and check {TABLES} tables: {time.perf_counter() - start:.2f} s; {checks}")
            found = (analyse(text, lab.catalogue) for text in statements())
            oracle = Oracle(lab, tuple(each for each in found if each is not None))
            calls, start, cpu = lab.calls, time.perf_counter(), processor_s(server)
            advice = frontier(oracle, (0.5e9, 2e9), Options())[-1]
            spent, used = time.perf_counter() - start, processor_s(server) - cpu
            print(
                f"advise on {len(oracle.statements)} statements, {len(oracle.bench.made)} indexes, {lab.calls - calls} plans: "
                f"{spent:.1f} s ({used:.1f} s of "
                f"processor time, ours and the server's); {len(advice.indexes)} indexes, cost {advice.ratio:.1%}"
            )
            oracle.bench.close()
            print(f"memory of the server {memory_mb(server):.0f} MB (proportional), disk {disk_mb(server):.0f} MB")
        four_terabytes(server)


if __name__ == "__main__":
    main()

"""Compare the advisor with the published table of the index-selection evaluation of the Hasso Plattner Institute (TPC-H derived, SF10).

    python benchmarks/planner/published.py FOLDER ["width 2" | all-visible]

The second argument picks runs by the start of their name; `all-visible` plans as if every table had been vacuumed. FOLDER holds
`tpch-sf10-schema.sql`, `tpch-sf10-statistics.sql` and `tpch-queries.json` (a list of [number, SQL]).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from backend_expert.lab.planner.advisor import Options, frontier
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.intake import read_text
from backend_expert.lab.planner.laboratory import opened
from backend_expert.lab.planner.oracle import Oracle
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import running
from backend_expert.lab.planner.statistics import read_statistics
from backend_expert.lab.planner.whatif import IndexDefinition

LEFT_OUT = (2, 17, 20)
PUBLISHED = {
    0.25: (99.09, 99.70, 100, 100),
    0.5: (97.60, 99.42, 100, 100),
    1: (95.06, 98.69, 100, 100),
    1.5: (94.15, 96.68, 100, 100),
    2: (80.62, 95.58, 83.03, 83.03),
    2.5: (79.63, 93.97, 80.29, 83.03),
    3: (77.18, 80.61, 80.29, 83.03),
    4.25: (71.71, 77.11, 76.83, 71.89),
    5: (71.49, 76.55, 76.83, 71.89),
    5.75: (69.03, 76.32, 76.83, 71.69),
    10: (69.03, 74.09, 70.31, 71.44),
}
"""Budget in GB -> workload cost in % of that without indexes: Extend, DB2Advis, AutoAdmin, Drop."""


def main(folder: Path) -> None:
    schema = read_schema(read_text(folder / "tpch-sf10-schema.sql"), "schema")
    statistics = read_statistics(read_text(folder / "tpch-sf10-statistics.sql"), "statistics")
    if "all-visible" in sys.argv:
        relations = tuple(replace(each, visible=each.pages) for each in statistics.relations)
        statistics = replace(statistics, relations=relations)
    queries = json.loads((folder / "tpch-queries.json").read_text(encoding="utf-8"))
    with running() as server, opened(server, schema, statistics) as lab:
        found = (analyse(text.strip().rstrip(";"), lab.catalogue) for number, text in queries if number not in LEFT_OUT)
        statements = tuple(each for each in found if each is not None)
        rows = {table.name: table for table in lab.catalogue.tables}

        def like_hypopg(index: IndexDefinition) -> float:
            """HypoPG counts no deduplication: rows * 1.306 * (16 + widths + 8 if more than one column)."""
            table = rows[index.table]
            width = sum(column.mean_width for column in table.columns if column.name in index.columns)
            return table.rows * 1.306 * (16 + width + (8 if len(index.keys) > 1 else 0))

        options = {
            "width 2, HypoPG-like sizes": (Options(width=2, cap=1.0, least_gain=0.0005, special=False), like_hypopg),
            "width 3, HypoPG-like sizes": (Options(width=3, cap=1.0, least_gain=0.0005, special=False), like_hypopg),
            "width 3, PostgreSQL 18 sizes": (Options(width=3, cap=1.0, least_gain=0.0005, special=True), None),
        }
        for name, (option, size) in options.items():
            if sys.argv[2:] and sys.argv[2] != "all-visible" and not name.startswith(sys.argv[2]):
                continue
            oracle = Oracle(lab, statements)
            calls, start, cpu = lab.calls, time.perf_counter(), time.process_time()
            advice = frontier(oracle, [budget * 1e9 for budget in PUBLISHED], option, size)
            spent, own = time.perf_counter() - start, time.process_time() - cpu
            print(
                f"\n{name}: {spent:.1f} s ({own:.1f} s of our own processor time), {lab.calls - calls} plans for {oracle.requests} requests"
            )
            print("budget GB   ours  Extend  DB2Advis  AutoAdmin   Drop  indexes")
            area = theirs = last = 0.0
            for (budget, columns), each in zip(PUBLISHED.items(), advice, strict=True):
                area, theirs, last = area + (budget - last) * each.ratio * 100, theirs + (budget - last) * columns[0], budget
                numbers = "".join(f"{column:9.2f}" for column in columns)
                print(f"{budget:9} {each.ratio * 100:6.2f}{numbers}   {'; '.join(map(str, each.indexes))}")
            print(f"area under the curve: ours {area:.1f}, Extend {theirs:.1f}")
            oracle.bench.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

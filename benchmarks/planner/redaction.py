"""What `export-sql --redact` costs: plans of a loaded shop against the lab with whole and with redacted statistics.

    python benchmarks/planner/redaction.py

The shop and its statements are those of the suite (tests/lab/planner/loaded_shop.py): 162,000 rows, 16 statements.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "lab" / "planner"))

import loaded_shop

from backend_expert.lab.planner.export import export_statement
from backend_expert.lab.planner.laboratory import Lab, Loaded, opened
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import running
from backend_expert.lab.planner.statistics import read_statistics


def main() -> None:
    with running() as server:
        database = server.create_database()
        exports = {}
        with server.connect(database) as owner:
            owner.execute(loaded_shop.SCHEMA)
            owner.execute(loaded_shop.DATA)
            owner.execute("VACUUM ANALYZE")
            for redact in (False, True):
                row = owner.execute(export_statement(redact=redact).encode()).fetchone()
                assert row is not None
                exports[redact] = row[0]
        real = Lab(server, database, None, (), Loaded((), 1.0, ()))
        loaded = [real.explain(query) for query in loaded_shop.QUERIES]
        real.close()
        print("statistics  same shape  cost within 1 %  largest cost ratio")
        for redact, name in ((False, "whole"), (True, "redacted")):
            statistics = read_statistics(exports[redact], "export")
            with opened(server, read_schema(loaded_shop.SCHEMA, "schema.sql"), statistics) as lab:
                plans = [lab.explain(query) for query in loaded_shop.QUERIES]
            pairs = list(zip(loaded, plans, strict=True))
            ratios = [max(a.cost, b.cost) / max(1e-9, min(a.cost, b.cost)) for a, b in pairs]
            shapes = sum(a.shape == b.shape for a, b in pairs)
            print(
                f"{name:<10}  {shapes:>7}/{len(pairs)}  {sum(ratio <= 1.01 for ratio in ratios):>12}/{len(pairs)}  {max(ratios):.2f}"
            )


if __name__ == "__main__":
    main()

"""What the statements of a workload cost without an index that could go, and the statements that drop it and bring it back."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from backend_expert.lab.planner import files
from backend_expert.lab.planner.advisor import Problem
from backend_expert.lab.planner.answer import IndexRemoval, Reason
from backend_expert.lab.planner.catalogue import ExistingIndex
from backend_expert.lab.planner.oracle import NOTHING, Oracle
from backend_expert.lab.planner.whatif import quoted


class Superfluous(Struct, frozen=True):
    """An index that could go: why, and the index that takes over (empty: none)."""

    schema: str
    name: str
    reason: Reason
    instead: str = ""


def removals(oracle: Oracle, problem: Problem, superfluous: Iterable[Superfluous]) -> tuple[IndexRemoval, ...]:
    """Return each index with the cost of the workload when it alone is hidden, by table and name; an unknown name is left out."""
    existing = {(index.schema, index.name): index for index in oracle.lab.catalogue.indexes}
    found = [(existing[each.schema, each.name], each) for each in superfluous if (each.schema, each.name) in existing]
    return tuple(_removal(oracle, problem, index, each) for index, each in sorted(found, key=lambda pair: pair[0].oid))


def _removal(oracle: Oracle, problem: Problem, index: ExistingIndex, why: Superfluous) -> IndexRemoval:
    table = oracle.lab.catalogue.table(index.table)
    touching = [number for number in problem.numbers if any(use.table == table.name for use in oracle.statements[number].uses)]
    gone = (index.oid,)
    changed = sum(problem.weights[number] * (oracle.plan(number, NOTHING, gone).cost - problem.base[number]) for number in touching)
    concurrently = "" if index.kind == "I" else "CONCURRENTLY "
    return IndexRemoval(
        index=index.name,
        table=f"{table.schema}.{table.name}",
        kind=why.reason,
        instead=why.instead,
        bytes=files.length(oracle.lab.file(index.file)) * 8192 if index.file else 0,
        cost_ratio=1 + changed / problem.base_total if problem.base_total else 1.0,
        drop=("SET lock_timeout = '5s';", f"DROP INDEX {concurrently}{quoted(index.schema)}.{quoted(index.name)};"),
        create=(f"{index.definition.replace('CREATE INDEX', f'CREATE INDEX {concurrently}'.rstrip(), 1)};",),
    )

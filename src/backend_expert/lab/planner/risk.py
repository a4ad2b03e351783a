"""Statements that may get slower although their cost falls: costs follow time only so far (rank correlation 0.5 to 0.6, TPC-H derived)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from backend_expert.lab.planner.plan import Node, Plan
from backend_expert.model import Text

_SMALL_GAIN = 0.9
"""A new plan that costs more than this share of the old one gains less than the planner's own error."""
_ERROR = 3.0
"""Factor by which an estimate of rows may be too low: once for the table, once more for every join below it.

For PostgreSQL 16 % of the estimates over one join, 32 % over two and 52 % over three are off tenfold or worse (Leis and others, How Good
Are Query Optimizers, Really?, VLDB 2015).
"""
_PROCESSES = 3.0
"""Processes of a parallel plan at default settings: two workers and the leader (max_parallel_workers_per_gather)."""
_SOURCES = {0: ("a table", "uma tabela"), 1: ("a join", "uma junção")}


def risk(before: Plan, after: Plan, new: Collection[str]) -> Text | None:
    """Return why a statement may get slower with indexes of these names, or nothing when little speaks for it."""
    if after.shape == before.shape or set(new).isdisjoint(after.indexes):
        return None
    if after.cost > before.cost * _SMALL_GAIN:
        return Text(
            "the gain is within the planner's own error: measure it after the build",
            "o ganho está dentro do erro do próprio planner: meça depois de criar o índice",
        )
    joins = max((_joins(outer) for outer in _looked_up_for(after.root, new)), default=-1)
    if joins >= 0 and before.cost < after.cost * _ERROR ** (1 + joins):
        rows, linhas = _SOURCES.get(joins, (f"{joins} joins", f"{joins} junções"))
        return Text(
            f"the index is looked up once for every row of {rows}: should the planner expect too few of them, it gets slower; measure it "
            "after the build",
            f"o índice é consultado uma vez para cada linha de {linhas}: se o planner espera linhas de menos, fica mais lento; meça depois "
            "de criar o índice",
        )
    if before.cost < after.cost * _ERROR and any(_drives(node, new) for node in after.root.walk()):
        return Text(
            "rows now come in the order of the index, and what is looked up for each may lie scattered: measure it after the build",
            "as linhas agora vêm na ordem do índice, e o que se busca para cada uma pode estar espalhado: meça depois de criar o índice",
        )
    if before.cost < after.cost * _PROCESSES and _parallel(before) and not _parallel(after):
        return Text(
            "one process does what several did: where rows cost more than the planner thinks, it gets slower; measure it after the build",
            "um só processo faz o que vários faziam: se as linhas custam mais do que o planner supõe, fica mais lento; meça depois de "
            "criar o índice",
        )
    return None


def _looked_up_for(root: Node, new: Collection[str]) -> Iterator[Node]:
    """Yield the parts of the plan for each of whose rows a new index is read: the outer sides of nested loops and of subplans."""
    for node in root.walk():
        repeated = [child for child in node.children if child.role == "SubPlan" or (child.role == "Inner" and _loops(node))]
        if any(_reads(child, new) for child in repeated):
            yield next((child for child in node.children if child.role == "Outer"), node)


def _drives(node: Node, new: Collection[str]) -> bool:
    """Tell whether the rows of a nested loop come through a new index."""
    return _loops(node) and any(child.role == "Outer" and _reads(child, new) for child in node.children)


def _loops(node: Node) -> bool:
    return node.kind.startswith("Nested Loop")


def _reads(node: Node, new: Collection[str]) -> bool:
    return any(each.index in new for each in node.walk())


def _joins(outer: Node) -> int:
    return sum("Join" in node.kind or _loops(node) for node in outer.walk())


def _parallel(plan: Plan) -> bool:
    return any(node.kind.startswith("Gather") for node in plan.root.walk())

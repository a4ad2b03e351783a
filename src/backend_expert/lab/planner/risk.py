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
        return Text(
            f"the index is looked up once for every row of a part of the plan with {joins} joins: should the planner expect too few rows "
            "there, it gets slower; measure it after the build",
            f"o índice é consultado uma vez para cada linha de uma parte do plano com {joins} junções: se o planner espera linhas de menos "
            "ali, fica mais lento; meça depois de criar o índice",
        )
    return None


def _looked_up_for(root: Node, new: Collection[str]) -> Iterator[Node]:
    """Yield the parts of the plan for each of whose rows a new index is read: the outer sides of nested loops and of subplans."""
    for node in root.walk():
        repeated = [
            child
            for child in node.children
            if child.role == "SubPlan" or (child.role == "Inner" and node.kind.startswith("Nested Loop"))
        ]
        if any(each.index in new for child in repeated for each in child.walk()):
            yield next((child for child in node.children if child.role == "Outer"), node)


def _joins(outer: Node) -> int:
    return sum("Join" in node.kind or node.kind.startswith("Nested Loop") for node in outer.walk())

"""A plan as the server explains it, and its shape: what has to agree for two plans to be the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

_SHAPE = (
    "Node Type",
    "Join Type",
    "Relation Name",
    "Alias",
    "Index Name",
    "Strategy",
    "Scan Direction",
    "Parallel Aware",
    "Partial Mode",
    "Subplan Name",
    "CTE Name",
)


class Node(Struct, frozen=True):
    """One node of a plan with what it costs up to here, in the planner's unit (one page read in sequence is 1).

    `role` is what the node is to the one above: `Outer`, `Inner`, `SubPlan`, `InitPlan`, `Member`, or nothing for the root.
    """

    kind: str
    relation: str
    index: str
    cost: float
    rows: float
    detail: str
    children: tuple[Node, ...] = ()
    role: str = ""

    def walk(self) -> Iterator[Node]:
        """Yield the node and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class Plan(Struct, frozen=True):
    """A plan: its total cost in the planner's unit, the indexes and tables it reads, and its nodes."""

    cost: float
    rows: float
    indexes: tuple[str, ...]
    relations: tuple[str, ...]
    shape: tuple[Any, ...]
    root: Node

    def lines(self, names: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
        """Return the plan as text, a line a node; `names` says what an index of the lab stands for."""
        return tuple(_lines(self.root, 0, names))


def parse(explained: Any) -> Plan:
    """Return the plan in the decoded answer of `EXPLAIN (FORMAT JSON)`."""
    top = explained[0]["Plan"]
    root = _node(top)
    nodes = list(root.walk())
    return Plan(
        top["Total Cost"],
        top["Plan Rows"],
        tuple(sorted({node.index for node in nodes if node.index})),
        tuple(sorted({node.relation for node in nodes if node.relation})),
        _shape(top),
        root,
    )


def _node(explained: dict[str, Any]) -> Node:
    conditions = ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter", "Sort Key", "Group Key")
    detail = "; ".join(f"{name}: {_text(explained[name])}" for name in conditions if name in explained)
    return Node(
        explained["Node Type"]
        + (f" ({explained['Scan Direction'].lower()})" if explained.get("Scan Direction") == "Backward" else ""),
        explained.get("Relation Name", ""),
        explained.get("Index Name", ""),
        explained["Total Cost"],
        explained["Plan Rows"],
        detail,
        tuple(_node(child) for child in explained.get("Plans", ())),
        explained.get("Parent Relationship", ""),
    )


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _shape(explained: dict[str, Any]) -> tuple[Any, ...]:
    own = tuple(explained.get(name) for name in _SHAPE)
    return (*own, tuple(_shape(child) for child in explained.get("Plans", ())))


def _lines(node: Node, depth: int, names: Mapping[str, str]) -> Iterator[str]:
    where = f" on {node.relation}" if node.relation else ""
    index = f"[{names[node.index]}]" if node.index in names else node.index
    using = f" using {index}" if index else ""
    arrow = "  " * depth + ("-> " if depth else "")
    yield f"{arrow}{node.kind}{using}{where}  cost {node.cost:.2f}  rows {node.rows:.0f}"
    if node.detail:
        yield "  " * depth + ("     " if depth else "  ") + node.detail
    for child in node.children:
        yield from _lines(child, depth + 1, names)

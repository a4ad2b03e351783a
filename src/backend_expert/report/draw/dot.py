"""A scene in the DOT language: sizes and structure only, for a layout program."""

from __future__ import annotations

from backend_expert.report.draw import svg
from backend_expert.report.draw.scene import Scene
from backend_expert.report.hostile import one_line
from backend_expert.report.words import words
from backend_expert.review.result import Node

NAME_SIZE = 13
DETAIL_SIZE = 10.5
BADGE_SIZE = 10.5
NODE_HEIGHT = 46
_NARROWEST, _WIDEST = 96, 196
_MOST_MARKS = 3


def dot(scene: Scene, language: str, direction: str) -> str:
    """Return the graph with nodes `n0`, `n1` … and edges `e0` … in the order of the scene; no name of the system enters it."""
    lines = [
        "digraph {",
        f"  graph [rankdir={direction} nodesep=0.32 ranksep=0.62 labeljust=l fontname=Helvetica fontsize=11]",
        f'  node [shape=box fixedsize=true height={NODE_HEIGHT / 72:.3f} label=""]',
        "  edge [arrowsize=0.7 fontname=Helvetica]",
    ]
    for index, (group, members) in enumerate(groups(scene.nodes)):
        indent = "  "
        if group:
            lines.append(f'  subgraph cluster_{index} {{ label="{"x" * min(len(group), 24)}" margin=14')
            indent = "    "
        lines += [f"{indent}n{place} [width={_width(node, language) / 72:.3f}]" for place, node in members]
        if group:
            lines.append("  }")
    place = {node.name: index for index, node in enumerate(scene.nodes)}
    for index, edge in enumerate(scene.edges):
        marks = scene.marks(edge)
        room = f' label="{"x" * len(badge_text(marks))}xx" fontsize={BADGE_SIZE}' if marks else ""
        lines.append(f"  n{place[edge.caller]} -> n{place[edge.callee]} [id=e{index}{room}]")
    return "\n".join([*lines, "}", ""])


def groups(nodes: tuple[Node, ...]) -> list[tuple[str, list[tuple[int, Node]]]]:
    """Return the groups in order of name with their nodes and places; a group of one is no group."""
    members: dict[str, list[tuple[int, Node]]] = {}
    for index, node in enumerate(nodes):
        members.setdefault(node.group, []).append((index, node))
    alone = [item for name, items in members.items() for item in items if not name or len(items) == 1 or len(members) == 1]
    together = [(name, items) for name, items in sorted(members.items()) if name and len(items) > 1 and len(members) > 1]
    return [("", sorted(alone, key=lambda item: item[0])), *together]


def detail(node: Node, language: str) -> str:
    """Return the second line of a node: its technology, or its kind, and how many of it run."""
    parts = [node.technology or words(language)(node.kind)]
    if node.replicas and node.replicas != "1":
        parts.append(f"×{node.replicas}" if node.replicas[0].isdigit() else node.replicas)
    return " · ".join(one_line(part) for part in parts)


def badge_text(marks: tuple[str, ...]) -> str:
    """Return the numbers of a badge, the first three of them and how many more there are."""
    return " ".join(marks[:_MOST_MARKS]) + (f" +{len(marks) - _MOST_MARKS}" if len(marks) > _MOST_MARKS else "")


def _width(node: Node, language: str) -> float:
    name = svg.text_width(one_line(node.name), NAME_SIZE, bold=True)
    return min(max(max(name, svg.text_width(detail(node, language), DETAIL_SIZE)) + 30, _NARROWEST), _WIDEST)

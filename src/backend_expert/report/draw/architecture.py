"""The architecture of the reviewed system with the findings on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape

from msgspec import Struct, structs

from backend_expert.model import Severity
from backend_expert.report.draw import svg
from backend_expert.report.draw.layout import Box, Layout, LayoutError, Point, Spline, layout
from backend_expert.report.hostile import one_line
from backend_expert.report.order import Order
from backend_expert.report.words import words
from backend_expert.review.result import Edge, Node, Result

_NAME_SIZE = 13
_DETAIL_SIZE = 10.5
_BADGE_SIZE = 10.5
_BADGE_HEIGHT = 16
_NODE_HEIGHT = 46
_NARROWEST, _WIDEST = 96, 196
_MARGIN = 14

# The text column of the page is this wide (pixels); past about this height a drawing no longer fits a screen.
_PAGE_WIDTH, _PAGE_HEIGHT = 1040, 860
# Text of 13 px stays readable down to the first scale; below it the drawing scrolls instead of shrinking.
_SCALES = (0.68, 1.2)

# Above this a drawing of everything shows nothing; the overview and the surroundings of the worst components take its place.
LARGEST_WHOLE = 60
_SURROUNDINGS = 6
_MOST_NEIGHBOURS = 24


class Drawing(Struct, frozen=True):
    """A picture with the sentence that stands under it."""

    caption: str
    svg: str


class Scene(Struct, frozen=True):
    """What one picture shows: nodes, edges, and the labels of the findings on each."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    order: Order

    def marks(self, item: Node | Edge) -> tuple[str, ...]:
        """Return the labels of the findings to show on an item: what an edge shows is not said again by its ends."""
        shown = set(item.findings)
        if isinstance(item, Node):
            for edge in self.edges:
                shown.difference_update(edge.findings)
        return tuple(label for finding, label in self.order.labels.items() if finding in shown)

    def worst(self, item: Node | Edge) -> Severity | None:
        """Return the worst severity among the findings that an item shows."""
        marks = set(self.marks(item))
        found = [finding.severity for finding in self.order.findings if self.order.label(finding.id) in marks]
        return min(found, key=list(Severity).index, default=None)


def drawings(result: Result, order: Order, language: str) -> tuple[Drawing, ...]:
    """Return the drawings of a system: one of everything, or for a large one an overview and the worst places.

    Raise `LayoutError` when this machine has no program that can lay a graph out.
    """
    w = words(language)
    whole = scene_of(result, order)
    if not whole.nodes:
        return ()
    if len(whole.nodes) <= LARGEST_WHOLE:
        return (Drawing("", draw(whole, language, w("Architecture of {system}", system=result.system))),)
    overview = Drawing(w("Overview by group"), draw(grouped(whole, language), language, w("Overview by group")))
    return (overview, *(_around(whole, node, language) for node in _worst_nodes(whole)))


def draw(scene: Scene, language: str, label: str) -> str:
    """Return the SVG of a scene, laid out in the direction that fills the page better; raise `LayoutError` when nothing can."""
    placed = [layout(dot(scene, language, direction)) for direction in ("LR", "TB")]
    best = max(placed, key=_scale)
    return _picture(scene, best, language, label)


def _scale(candidate: Layout) -> float:
    return min(1, _PAGE_WIDTH / max(candidate.width, 1), _PAGE_HEIGHT / max(candidate.height, 1))


def scene_of(result: Result, order: Order) -> Scene:
    """Return everything of a Result: one edge between two components, whatever the number of protocols they speak."""
    names = {node.name for node in result.nodes}
    return Scene(result.nodes, _joined(edge for edge in result.edges if {edge.caller, edge.callee} <= names), order)


def _joined(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    joined: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        ends = (edge.caller, edge.callee)
        known = joined.get(ends)
        joined[ends] = edge if known is None else _both(known, edge)
    return tuple(joined[ends] for ends in sorted(joined))


def _both(one: Edge, other: Edge) -> Edge:
    return structs.replace(
        one,
        protocol=", ".join(dict.fromkeys((*one.protocol.split(", "), other.protocol))),
        synchronous=one.synchronous or other.synchronous,
        certainty=other.certainty if one.certainty == "assumed" else one.certainty,
        findings=tuple(dict.fromkeys((*one.findings, *other.findings))),
    )


def dot(scene: Scene, language: str, direction: str) -> str:
    """Return the graph in the DOT language: sizes and structure only, no name of the reviewed system enters it."""
    lines = [
        "digraph {",
        f"  graph [rankdir={direction} nodesep=0.32 ranksep=0.62 labeljust=l fontname=Helvetica fontsize=11]",
        f'  node [shape=box fixedsize=true height={_NODE_HEIGHT / 72:.3f} label=""]',
        "  edge [arrowsize=0.7 fontname=Helvetica]",
    ]
    for index, (group, members) in enumerate(_groups(scene.nodes)):
        indent = "  "
        if group:
            lines.append(f'  subgraph cluster_{index} {{ label="{"x" * min(len(group), 24)}" margin=14')
            indent = "    "
        lines += [f"{indent}n{place} [width={_node_width(node, language) / 72:.3f}]" for place, node in members]
        if group:
            lines.append("  }")
    place = {node.name: index for index, node in enumerate(scene.nodes)}
    for index, edge in enumerate(scene.edges):
        marks = scene.marks(edge)
        room = f' label="{"x" * len(_badge_text(marks))}xx" fontsize={_BADGE_SIZE}' if marks else ""
        lines.append(f"  n{place[edge.caller]} -> n{place[edge.callee]} [id=e{index}{room}]")
    return "\n".join([*lines, "}", ""])


def _groups(nodes: tuple[Node, ...]) -> list[tuple[str, list[tuple[int, Node]]]]:
    """Return the groups in order of name with their nodes and places; a group of one is no group."""
    members: dict[str, list[tuple[int, Node]]] = {}
    for index, node in enumerate(nodes):
        members.setdefault(node.group, []).append((index, node))
    alone = [item for name, items in members.items() for item in items if not name or len(items) == 1 or len(members) == 1]
    together = [(name, items) for name, items in sorted(members.items()) if name and len(items) > 1 and len(members) > 1]
    return [("", sorted(alone, key=lambda item: item[0])), *together]


def _detail(node: Node, language: str) -> str:
    parts = [node.technology or words(language)(node.kind)]
    if node.replicas and node.replicas != "1":
        parts.append(f"×{node.replicas}" if node.replicas[0].isdigit() else node.replicas)
    return " · ".join(one_line(part) for part in parts)


def _node_width(node: Node, language: str) -> float:
    name = svg.text_width(one_line(node.name), _NAME_SIZE, bold=True)
    detail = svg.text_width(_detail(node, language), _DETAIL_SIZE)
    return min(max(max(name, detail) + 30, _NARROWEST), _WIDEST)


def _picture(scene: Scene, places: Layout, language: str, label: str) -> str:
    width, height = places.width + 2 * _MARGIN, places.height + 2 * _MARGIN
    pieces = [_cluster(name, places.clusters[f"cluster_{index}"]) for index, (name, _) in enumerate(_groups(scene.nodes)) if name]
    badges = []
    for index, edge in enumerate(scene.edges):
        spline = places.edges[f"e{index}"]
        pieces.append(_edge(edge, spline, scene, language))
        badges.append(_badge(scene.marks(edge), scene.worst(edge), _badge_place(spline)))
    for index, node in enumerate(scene.nodes):
        box = places.nodes[f"n{index}"]
        pieces.append(_node(node, box, scene, language))
        badges.append(_badge(scene.marks(node), scene.worst(node), (box.x + box.width - 12, box.y - 3), align_right=True))
    content = svg.element("g", "".join(pieces + badges), transform=f"translate({_MARGIN} {_MARGIN})")
    return svg.picture(content, width, height, label, "architecture", _SCALES)


def _cluster(name: str, box: Box) -> str:
    frame = svg.element("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=10.0, css="group")
    return frame + svg.text(svg.shortened(name, 11, box.width - 20), box.x + 11, box.y + 17, "group-name")


def _edge(edge: Edge, spline: Spline, scene: Scene, language: str) -> str:
    worst = scene.worst(edge)
    css = ["edge", f"severity-{worst}" if worst else "", "" if edge.synchronous else "asynchronous"]
    css.append("assumed" if edge.certainty == "assumed" else "")
    start, *rest = spline.points
    path = f"M{_at(start)}C" + " ".join(_at(point) for point in rest)
    how = words(language)("waits for the answer" if edge.synchronous else "does not wait for the answer")
    told = svg.title(f"{edge.caller} → {edge.callee}: {edge.protocol}, {how}")
    content = told + svg.element("path", d=path)
    if spline.head:
        content += svg.element("path", d=_arrow(rest[-1], spline.head), css="arrow")
    return svg.element("g", content, css=" ".join(filter(None, css)))


def _at(point: Point) -> str:
    return f"{svg.number(point[0])},{svg.number(point[1])}"


def _arrow(foot: Point, tip: Point) -> str:
    across = ((tip[1] - foot[1]) * 0.42, (foot[0] - tip[0]) * 0.42)
    left, right = (foot[0] + across[0], foot[1] + across[1]), (foot[0] - across[0], foot[1] - across[1])
    return f"M{_at(left)}L{_at(tip)}L{_at(right)}Z"


def _badge_place(spline: Spline) -> Point:
    """Return the point of an edge that is nearest to the room the layout kept for its label."""
    way = list(_way(spline))
    if spline.label is None:
        return way[len(way) // 2]
    x, y = spline.label
    return min(way, key=lambda point: math.hypot(point[0] - x, point[1] - y))


def _way(spline: Spline) -> Iterator[Point]:
    """Yield points along an edge, eight for each of its Bézier curves."""
    for start in range(0, len(spline.points) - 3, 3):
        a, b, c, d = spline.points[start : start + 4]
        for t in (step / 8 for step in range(1, 9)):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            yield (
                math.fsum(w * point[0] for w, point in zip(weights, (a, b, c, d), strict=True)),
                math.fsum(w * point[1] for w, point in zip(weights, (a, b, c, d), strict=True)),
            )


def _node(node: Node, box: Box, scene: Scene, language: str) -> str:
    worst = scene.worst(node)
    css = " ".join(filter(None, ("node", f"kind-{node.kind}", f"severity-{worst}" if worst else "")))
    middle = box.x + box.width / 2
    lower = 3 if node.kind in ("database", "cache") else 0
    name = svg.shortened(node.name, _NAME_SIZE, box.width - 20, bold=True)
    detail = svg.shortened(_detail(node, language), _DETAIL_SIZE, box.width - 16)
    content = svg.title(f"{node.name}: {words(language)(node.kind)}, {_detail(node, language)}") + _shape(node, box)
    content += svg.text(name, middle, box.y + 20 + lower, "node-name", "middle")
    content += svg.text(detail, middle, box.y + 35 + lower, "node-detail", "middle")
    return svg.element("g", content, css=css)


def _shape(node: Node, box: Box) -> str:
    if node.kind in ("database", "cache"):
        return _cylinder(box)
    radius = box.height / 2 if node.kind in ("broker", "client") else 7.0
    return svg.element("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=radius, css="shape")


def _cylinder(box: Box) -> str:
    rim = 5.0
    left, right, top, bottom = box.x, box.x + box.width, box.y + rim, box.y + box.height - rim
    half = svg.number(box.width / 2)
    arc = f"A{half},{svg.number(rim)} 0 0"
    body = f"M{_at((left, top))}{arc} 1 {_at((right, top))}V{svg.number(bottom)}{arc} 1 {_at((left, bottom))}Z"
    front = f"M{_at((left, top))}{arc} 0 {_at((right, top))}"
    return svg.element("path", d=body, css="shape") + svg.element("path", d=front, css="rim")


def _badge_text(marks: tuple[str, ...]) -> str:
    return " ".join(marks[:3]) + (f" +{len(marks) - 3}" if len(marks) > 3 else "")


def _badge(marks: tuple[str, ...], worst: Severity | None, at: Point, *, align_right: bool = False) -> str:
    if not marks:
        return ""
    text = _badge_text(marks)
    width = svg.text_width(text, _BADGE_SIZE, bold=True) + 12
    x, y = at[0] - (width - 18 if align_right else width / 2), at[1] - _BADGE_HEIGHT / 2
    content = svg.element("rect", x=x, y=y, width=width, height=float(_BADGE_HEIGHT), rx=_BADGE_HEIGHT / 2)
    content += svg.element("text", escape(text), x=x + width / 2, y=y + 11.8, text_anchor="middle")
    return svg.element("a", content, href=f"#{marks[0]}", css=f"badge severity-{worst}")


def grouped(scene: Scene, language: str) -> Scene:
    """Return a scene with one node a group (or a kind, where no group is known) and the edges between them."""
    w = words(language)
    group_of = {node.name: node.group or w(node.kind) for node in scene.nodes}
    nodes = []
    for group in sorted(set(group_of.values())):
        members = [node for node in scene.nodes if group_of[node.name] == group]
        findings = dict.fromkeys(finding for node in members for finding in node.findings)
        count = w("{n} components", n=len(members)) if len(members) > 1 else w("1 component")
        nodes.append(Node(name=group, kind="service", technology=count, replicas="", findings=tuple(findings)))
    between = (
        structs.replace(edge, caller=group_of[edge.caller], callee=group_of[edge.callee], findings=())
        for edge in scene.edges
        if group_of[edge.caller] != group_of[edge.callee]
    )
    return Scene(tuple(nodes), _joined(between), scene.order)


def _worst_nodes(scene: Scene) -> list[Node]:
    severities = list(Severity)
    concerned = [node for node in scene.nodes if node.findings and node.worst]
    concerned.sort(key=lambda node: (severities.index(node.worst or Severity.INFO), -len(node.findings), node.name))
    return concerned[:_SURROUNDINGS]


def _around(scene: Scene, centre: Node, language: str) -> Drawing:
    near = [edge for edge in scene.edges if centre.name in (edge.caller, edge.callee)]
    near.sort(key=lambda edge: (not edge.findings, edge.caller, edge.callee))
    names = {centre.name} | {name for edge in near[:_MOST_NEIGHBOURS] for name in (edge.caller, edge.callee)}
    nodes = tuple(structs.replace(node, group="") for node in scene.nodes if node.name in names)
    edges = tuple(edge for edge in near[:_MOST_NEIGHBOURS])
    caption = words(language)("Around {name}", name=one_line(centre.name))
    return Drawing(caption, draw(Scene(nodes, edges, scene.order), language, caption))


__all__ = ["Drawing", "LayoutError", "Scene", "dot", "draw", "drawings", "grouped", "scene_of"]

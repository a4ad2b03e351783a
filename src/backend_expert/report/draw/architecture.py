"""The architecture of the reviewed system with the findings on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from msgspec import Struct

from backend_expert.model import Severity
from backend_expert.report.draw import svg
from backend_expert.report.draw.dot import BADGE_SIZE, DETAIL_SIZE, NAME_SIZE, badge_text, detail, dot, groups
from backend_expert.report.draw.layout import Box, Layout, Point, Spline, layout
from backend_expert.report.draw.scene import LARGEST_WHOLE, Scene, around, connected, folded, grouped, scene_of, worst_nodes
from backend_expert.report.hostile import one_line
from backend_expert.report.order import Order
from backend_expert.report.words import words
from backend_expert.review.result import Edge, Node, Result

_BADGE_HEIGHT = 16
_MARGIN = 14

# The text column of the page is this wide (pixels); past about this height a drawing no longer fits a screen.
_PAGE_WIDTH, _PAGE_HEIGHT = 1040, 860
# Text of 13 px stays readable down to the first scale; below it the drawing scrolls instead of shrinking.
_SCALES = (0.68, 1.2)


class Drawing(Struct, frozen=True):
    """A picture with the sentence that stands under it."""

    caption: str
    svg: str


class Architecture(Struct, frozen=True):
    """The drawings of a system, and what they leave to words.

    `widespread` holds the findings that concern so much of it that they are not marked; `apart` the components that no dependency
    touches.
    """

    drawings: tuple[Drawing, ...] = ()
    widespread: tuple[str, ...] = ()
    apart: tuple[Node, ...] = ()


def architecture(result: Result, order: Order, language: str) -> Architecture:
    """Return one drawing of everything that is connected, or for a large system an overview and the worst places.

    Raises `LayoutError` when this machine has no program that can lay a graph out.
    """
    w = words(language)
    whole, apart = connected(scene_of(result, order))
    whole = folded(whole, language)
    if not whole.nodes:
        drawings: tuple[Drawing, ...] = ()
    elif len(whole.nodes) <= LARGEST_WHOLE:
        drawings = (Drawing("", draw(whole, language, w("Architecture of {system}", system=result.system))),)
    else:
        overview = Drawing(w("Overview by group"), draw(grouped(whole, language), language, w("Overview by group")))
        drawings = (overview, *(_surroundings(whole, node, language) for node in worst_nodes(whole)))
    return Architecture(drawings, whole.widespread, apart)


def _surroundings(scene: Scene, centre: Node, language: str) -> Drawing:
    caption = words(language)("Around {name}", name=one_line(centre.name))
    return Drawing(caption, draw(around(scene, centre), language, caption))


def draw(scene: Scene, language: str, label: str) -> str:
    """Return the SVG of a scene, laid out in the direction that fills the page better; raise `LayoutError` when nothing can."""
    placed = [layout(dot(scene, language, direction)) for direction in ("LR", "TB")]
    best = max(placed, key=_scale)
    return _picture(scene, best, language, label)


def _scale(candidate: Layout) -> float:
    return min(1, _PAGE_WIDTH / max(candidate.width, 1), _PAGE_HEIGHT / max(candidate.height, 1))


def _picture(scene: Scene, places: Layout, language: str, label: str) -> str:
    width, height = places.width + 2 * _MARGIN, places.height + 2 * _MARGIN
    pieces = [_cluster(name, places.clusters[f"cluster_{index}"]) for index, (name, _) in enumerate(groups(scene.nodes)) if name]
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
    name = svg.shortened(node.name, NAME_SIZE, box.width - 20, bold=True)
    second = svg.shortened(detail(node, language), DETAIL_SIZE, box.width - 16)
    alike = scene.folds.get(node.name)
    told = ", ".join(alike) if alike else f"{node.name}: {words(language)(node.kind)}, {detail(node, language)}"
    behind = _shape(node, Box(box.x + 5, box.y - 5, box.width, box.height)) if alike else ""
    content = svg.title(told) + behind + _shape(node, box)
    content += svg.text(name, middle, box.y + 20 + lower, "node-name", "middle")
    content += svg.text(second, middle, box.y + 35 + lower, "node-detail", "middle")
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


def _badge(marks: tuple[str, ...], worst: Severity | None, at: Point, *, align_right: bool = False) -> str:
    if not marks:
        return ""
    text = badge_text(marks)
    width = svg.text_width(text, BADGE_SIZE, bold=True) + 12
    x, y = at[0] - (width - 18 if align_right else width / 2), at[1] - _BADGE_HEIGHT / 2
    content = svg.element("rect", x=x, y=y, width=width, height=float(_BADGE_HEIGHT), rx=_BADGE_HEIGHT / 2)
    content += svg.element("text", escape(text), x=x + width / 2, y=y + 11.8, text_anchor="middle")
    return svg.element("a", content, href=f"#{marks[0]}", css=f"badge severity-{worst}")

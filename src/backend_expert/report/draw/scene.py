"""What one architecture drawing shows: which components and calls, and which findings are marked on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, structs

from backend_expert.model import Severity
from backend_expert.report.order import Order
from backend_expert.report.words import words
from backend_expert.review.result import Edge, Node, Result

# Above this a drawing of everything shows nothing; the overview and the surroundings of the worst components take its place.
LARGEST_WHOLE = 60
_SURROUNDINGS = 6
_MOST_NEIGHBOURS = 24

# A finding with more places than this, and on more than a third of the components, is said once instead of marked everywhere.
_MOST_PLACES = 5
_MOST_SHARE = 1 / 3

# So many components without a mark that have the same kind, callers and callees are drawn as one.
_FOLDED_FROM = 5


class Scene(Struct, frozen=True):
    """The nodes and edges of one drawing; findings in `widespread` are not marked on it.

    `folds` holds the names of the components that one node stands for, where it stands for several.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    order: Order
    widespread: tuple[str, ...] = ()
    folds: dict[str, tuple[str, ...]] = {}

    def marks(self, item: Node | Edge) -> tuple[str, ...]:
        """Return the numbers of the findings to show on an item: what an edge shows is not said again by its ends."""
        shown = set(item.findings)
        if isinstance(item, Node):
            for edge in self.edges:
                shown.difference_update(edge.findings)
        return tuple(label for finding, label in self.order.labels.items() if finding in shown and finding not in self.widespread)

    def worst(self, item: Node | Edge) -> Severity | None:
        """Return the worst severity among the findings that an item shows."""
        return min((self.order.severity(mark) for mark in self.marks(item)), key=list(Severity).index, default=None)


def scene_of(result: Result, order: Order) -> Scene:
    """Return everything of a Result: one edge between two components, whatever the number of protocols they speak."""
    names = {node.name for node in result.nodes}
    scene = Scene(result.nodes, _joined(edge for edge in result.edges if {edge.caller, edge.callee} <= names), order)
    items: tuple[Node | Edge, ...] = (*scene.nodes, *scene.edges)
    places = Counter(mark for item in items for mark in scene.marks(item))
    most = max(_MOST_PLACES, _MOST_SHARE * len(scene.nodes))
    widespread = tuple(finding for finding, label in order.labels.items() if places[label] > most)
    return structs.replace(scene, widespread=widespread)


def connected(scene: Scene) -> tuple[Scene, tuple[Node, ...]]:
    """Return the scene without the components that no edge touches, and those components."""
    touched = {name for edge in scene.edges for name in (edge.caller, edge.callee)}
    inside = tuple(node for node in scene.nodes if node.name in touched)
    return structs.replace(scene, nodes=inside), tuple(node for node in scene.nodes if node.name not in touched)


def folded(scene: Scene, language: str) -> Scene:
    """Return the scene with components that nothing tells apart (kind, callers, callees, no mark) drawn as one."""
    alike: dict[object, list[Node]] = {}
    for node in scene.nodes:
        calls = tuple((edge.callee, edge.synchronous, edge.certainty) for edge in scene.edges if edge.caller == node.name)
        callers = tuple((edge.caller, edge.synchronous, edge.certainty) for edge in scene.edges if edge.callee == node.name)
        alike.setdefault((node.kind, node.group, calls, callers, scene.marks(node) or None), []).append(node)
    w = words(language)
    stands_for: dict[str, Node] = {}
    for members in alike.values():
        if len(members) >= _FOLDED_FROM and not scene.marks(members[0]) and not _marked(scene, members[0]):
            name = w("{name} and {n} more", name=members[0].name, n=len(members) - 1)
            one = structs.replace(members[0], name=name, technology=w("{n} components", n=len(members)), replicas="", findings=())
            stands_for.update((member.name, one) for member in members)
    nodes = {node.name: node for node in (stands_for.get(each.name, each) for each in scene.nodes)}
    edges = (
        structs.replace(edge, caller=_name(edge.caller, stands_for), callee=_name(edge.callee, stands_for)) for edge in scene.edges
    )
    folds = {one.name: tuple(name for name, other in stands_for.items() if other == one) for one in stands_for.values()}
    return structs.replace(scene, nodes=tuple(nodes.values()), edges=_joined(edges), folds=folds)


def _marked(scene: Scene, node: Node) -> bool:
    return any(scene.marks(edge) for edge in scene.edges if node.name in (edge.caller, edge.callee))


def _name(name: str, stands_for: dict[str, Node]) -> str:
    return stands_for[name].name if name in stands_for else name


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
    return structs.replace(scene, nodes=tuple(nodes), edges=_joined(between))


def worst_nodes(scene: Scene) -> tuple[Node, ...]:
    """Return the components that show the worst findings, at most six, the worst first."""
    severities = list(Severity)
    ranked = []
    for node in scene.nodes:
        touching: tuple[Node | Edge, ...] = (node, *(edge for edge in scene.edges if node.name in (edge.caller, edge.callee)))
        worst = min((severities.index(found) for item in touching if (found := scene.worst(item))), default=None)
        if worst is not None:
            ranked.append((worst, -len(touching), node.name, node))
    return tuple(node for *_, node in sorted(ranked, key=lambda entry: entry[:3])[:_SURROUNDINGS])


def around(scene: Scene, centre: Node) -> Scene:
    """Return the scene of a component and those it touches, calls with findings first where there are many."""
    near = [edge for edge in scene.edges if centre.name in (edge.caller, edge.callee)]
    near = sorted(near, key=lambda edge: (not edge.findings, edge.caller, edge.callee))[:_MOST_NEIGHBOURS]
    names = {centre.name} | {name for edge in near for name in (edge.caller, edge.callee)}
    nodes = tuple(structs.replace(node, group="") for node in scene.nodes if node.name in names)
    return structs.replace(scene, nodes=nodes, edges=tuple(near))


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

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hostile_result import hostile
from msgspec import structs
from sample_result import sample

from backend_expert.model import Severity
from backend_expert.report.draw import layout as layout_module
from backend_expert.report.draw.architecture import Architecture, architecture
from backend_expert.report.draw.dot import dot
from backend_expert.report.draw.layout import LayoutError, layout
from backend_expert.report.draw.scene import Scene, scene_of
from backend_expert.report.order import arrange
from backend_expert.review.result import Edge, Node, Result

GOLDEN = Path(__file__).parent / "shop.dot"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _forget_layouts() -> None:
    layout.cache_clear()


def scene(result: Result) -> Scene:
    return scene_of(result, arrange(result))


def large(nodes: int, edges: int) -> Result:
    """Return a system of that size in ten groups, every seventh component with a finding."""
    base = sample()
    finding = base.findings[0]
    found = tuple(structs.replace(finding, id=f"x{n}", subject=f"s{n}") for n in range(0, nodes, 7))
    return structs.replace(
        base,
        findings=found,
        recommendations=(),
        nodes=tuple(
            Node(
                name=f"service-{n:03}",
                kind="service",
                technology="go",
                replicas="1",
                group=f"group {n % 10}",
                findings=(f"x{n}",) if n % 7 == 0 else (),
                worst=Severity.HIGH if n % 7 == 0 else None,
            )
            for n in range(nodes)
        ),
        edges=tuple(
            Edge(
                caller=f"service-{n % nodes:03}",
                callee=f"service-{(n * 7 + 3) % nodes:03}",
                protocol="http",
                synchronous=True,
                certainty="declared",
            )
            for n in range(edges)
        ),
    )


def test_the_graph_is_the_golden_one() -> None:
    assert dot(scene(sample()), "en", "LR") == GOLDEN.read_text()


def test_no_name_of_the_system_enters_the_graph() -> None:
    text = dot(scene(hostile()), "en", "LR")
    assert "alert" not in text
    assert "orders" not in text
    assert text.isascii()


def test_every_component_and_every_call_is_drawn() -> None:
    result = sample()
    (drawing,) = architecture(result, arrange(result), "en").drawings
    root = ElementTree.fromstring(drawing.svg)
    groups = [element.get("class", "") for element in root.iter(f"{SVG}g")]
    assert sum(css.startswith("node") for css in groups) == len(result.nodes)
    assert sum(css.startswith("edge") for css in groups) == len(result.edges)
    names = {element.text for element in root.iter(f"{SVG}text") if element.get("class") == "node-name"}
    assert names == {node.name for node in result.nodes}


def test_findings_stand_where_they_are_and_are_said_once() -> None:
    result = sample()
    shown = scene(result)
    order = shown.order
    call = next(edge for edge in result.edges if (edge.caller, edge.callee) == ("orders", "payment"))
    assert shown.marks(call) == ("F1", "F2")
    assert shown.worst(call) is Severity.CRITICAL
    orders = next(node for node in result.nodes if node.name == "orders")
    assert shown.marks(orders) == ()
    postgres = next(node for node in result.nodes if node.name == "postgres")
    assert shown.marks(postgres) == ("F3", "F5")
    (drawing,) = architecture(result, order, "en").drawings
    badges = list(ElementTree.fromstring(drawing.svg).iter(f"{SVG}a"))
    assert {badge.get("href") for badge in badges} == {"#F1", "#F2", "#F3", "#F4", "#F6", "#F7", "#F8"}


def test_boxes_do_not_overlap_and_stay_in_the_picture() -> None:
    places = layout(dot(scene(sample()), "en", "LR"))
    boxes = list(places.nodes.values())
    assert len(boxes) == len(sample().nodes)
    for index, box in enumerate(boxes):
        assert box.x >= 0
        assert box.x + box.width <= places.width + 0.01
        assert box.y >= 0
        assert box.y + box.height <= places.height + 0.01
        for other in boxes[index + 1 :]:
            apart = box.x + box.width <= other.x or other.x + other.width <= box.x
            assert apart or box.y + box.height <= other.y or other.y + other.height <= box.y


def test_a_large_system_becomes_an_overview_and_the_worst_places() -> None:
    result = large(200, 320)
    pictures = architecture(result, arrange(result), "en").drawings
    assert pictures[0].caption == "Overview by group"
    assert len(pictures) == 7
    assert all(picture.caption.startswith("Around service-") for picture in pictures[1:])
    assert sum(len(picture.svg) for picture in pictures) < 250_000


def test_sixty_components_are_still_one_drawing() -> None:
    result = large(60, 100)
    assert len(architecture(result, arrange(result), "en").drawings) == 1


def test_an_edge_to_nowhere_is_left_out() -> None:
    result = sample()
    lost = structs.replace(result.edges[0], callee="nobody")
    drawn = structs.replace(result, edges=(*result.edges, lost))
    assert architecture(drawn, arrange(drawn), "en") == architecture(result, arrange(result), "en")


def test_no_component_is_no_drawing() -> None:
    empty = structs.replace(sample(), nodes=(), edges=())
    assert architecture(empty, arrange(empty), "en") == Architecture()


def test_the_next_program_is_asked_when_the_first_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    (real, *_) = layout_module.programs()
    monkeypatch.setattr(layout_module, "programs", lambda: ("/no/such/program", real))
    assert layout("digraph { a -> b [id=e0] }").nodes.keys() == {"a", "b"}


def test_each_way_to_fail_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "programs", tuple)
    with pytest.raises(LayoutError, match="neither graphviz-pure nor dot is installed"):
        layout("digraph {}")
    monkeypatch.setattr(layout_module, "programs", lambda: ("/bin/false",))
    with pytest.raises(LayoutError, match="ended with 1"):
        layout("digraph { a }")
    monkeypatch.setattr(layout_module, "programs", lambda: ("/bin/true",))
    with pytest.raises(LayoutError, match="could not be read"):
        layout("digraph { b }")

    def slow(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("dot", 10)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(LayoutError, match="took more than 10 s"):
        layout("digraph { c }")

from xml.etree import ElementTree

from hostile_result import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from sample_result import CHARGED_TWICE

from backend_expert.model import Text
from backend_expert.report.draw.sequence import lanes_of, mermaid_sequence, sequence
from backend_expert.review.result import History, HistoryEvent, Lane

SVG = "{http://www.w3.org/2000/svg}"


def groups(drawing: str, css: str) -> list[ElementTree.Element]:
    return [
        element for element in ElementTree.fromstring(drawing).iter(f"{SVG}g") if (element.get("class") or "").split()[:1] == [css]
    ]


def test_lanes_stand_in_the_order_of_their_first_part() -> None:
    assert [lane.name for lane in lanes_of(CHARGED_TWICE)] == ["client", "orders", "payment", "bank"]


def test_stated_lanes_come_first_and_say_what_they_are() -> None:
    history = structs.replace(CHARGED_TWICE, lanes=(Lane("client", "client"), Lane("payment", "service"), Lane("bank", "external")))
    assert [lane.name for lane in lanes_of(history)] == ["client", "payment", "bank", "orders"]
    heads = groups(sequence(history, "pt-BR"), "external")
    assert [element.text for head in heads for element in head.iter(f"{SVG}text")] == ["bank", "externo"]
    assert "actor p0 as client" in mermaid_sequence(history, "en")


def test_every_step_is_drawn_and_the_fault_is_marked() -> None:
    drawing = sequence(CHARGED_TWICE, "en")
    events = groups(drawing, "event")
    assert len(events) == len(CHARGED_TWICE.events)
    assert [index for index, event in enumerate(events) if "fault" in (event.get("class") or "")] == [3]
    numbers = [element.text for event in events for element in event.iter(f"{SVG}text") if element.get("class") == "number"]
    assert numbers == ["1", "2", "3", "4", "5", "6", "7"]


def test_mermaid_tells_the_same_steps() -> None:
    text = mermaid_sequence(CHARGED_TWICE, "pt-BR")
    assert text.startswith("sequenceDiagram\n  autonumber\n  participant p0 as client\n")
    assert "p2--xp1: a resposta chega tarde demais" in text
    assert "Note over p2: falha #40;timeout#41;" in text
    assert text.count(">>") == 6


def test_hostile_names_stay_text() -> None:
    events = tuple(HistoryEvent(actor=name, target=HOSTILE[0], text=Text(name, name), fault=name) for name in HOSTILE)
    history = History(title=Text(HOSTILE[1], HOSTILE[1]), events=events)
    assert {element.tag for element in ElementTree.fromstring(sequence(history, "en")).iter()} == {
        SVG + tag for tag in ("svg", "title", "g", "line", "rect", "text", "path", "circle")
    }
    for line in mermaid_sequence(history, "en").splitlines()[2:]:
        assert "<" not in line
        assert "{{" not in line


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"), st.booleans()), max_size=30))
def test_everything_stays_inside_the_picture(steps: list[tuple[str, str, bool]]) -> None:
    events = tuple(
        HistoryEvent(actor=a, target=b, text=Text("does it", "faz"), fault="crash" if bad else "") for a, b, bad in steps
    )
    root = ElementTree.fromstring(sequence(History(title=Text("t", "t"), events=events), "en"))
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    for line in root.iter(f"{SVG}line"):
        assert all(0 <= float(line.get(name, "0")) <= width for name in ("x1", "x2"))
        assert all(0 <= float(line.get(name, "0")) <= height for name in ("y1", "y2"))

"""Names of a reviewed system stay text on the page of its flows, whatever they hold."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hostile_result import HOSTILE

from backend_expert.model import Text
from backend_expert.report.consistency import render_consistency
from backend_expert.review.consistency import Cell, ConsistencyStudy, Explored, Fix, FlowStudy, Rung
from backend_expert.review.result import History, HistoryEvent, Lane


def study(name: str) -> ConsistencyStudy:
    said = Text(name, name)
    history = History(
        title=said,
        events=(HistoryEvent(actor=name, target=name, text=said, fault=name),),
        final=((name, name),),
        lanes=(Lane(name, "store"),),
        left_out=1,
    )
    answer = Explored(
        flow=name, anomaly=name, invariant=name, meaning=said, verdict="violated", answer=said, states=1, history=history
    )
    rung = Rung(remedies=(), cells=(Cell(invariant=name, verdict="violated", depth=1, states=1),))
    flow = FlowStudy(
        name=name, answers=(answer,), assumptions=(said,), fix=Fix(remedies=(), rungs=(rung,), minimal=True, residue=(name,))
    )
    return ConsistencyStudy(system=name, command=name, flows=(flow,))


class Elements(HTMLParser):
    """Collect the names of the elements and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}


def elements(page: str) -> set[str]:
    parser = Elements()
    parser.feed(page)
    return parser.found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_no_element_and_no_attribute(name: str) -> None:
    assert elements(render_consistency(study(name), "html", "en")) == elements(render_consistency(study("plain"), "html", "en"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_starts_no_line_of_its_own(name: str) -> None:
    assert "\x1b" not in render_consistency(study(name), "text", "en")
    fences = render_consistency(study(name), "markdown", "en").count("```")
    assert fences == render_consistency(study("plain"), "markdown", "en").count("```")

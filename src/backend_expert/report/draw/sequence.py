"""A history as a sequence diagram: lanes, numbered arrows, and what went wrong in red."""

from __future__ import annotations

from html import escape

from backend_expert.model import Text
from backend_expert.report.draw import svg
from backend_expert.report.draw.mermaid import escaped
from backend_expert.report.words import words
from backend_expert.review.result import History, HistoryEvent, Lane

_MARGIN = 12
_LANE_WIDTH = 196
_HEAD_HEIGHT = 40
_ROW_HEIGHT = 44
_TEXT_SIZE = 12
_NUMBER_RADIUS = 9
KINDS = {
    "client": Text("client", "cliente"),
    "service": Text("service", "serviço"),
    "store": Text("store", "banco"),
    "broker": Text("broker", "broker"),
    "external": Text("outside", "externo"),
}
"""What stands under the name of a lane."""

# Text of 12 px stays readable down to the first scale; below it the drawing scrolls instead of shrinking.
_SCALES = (0.72, 1.0)


def sequence(history: History, language: str) -> str:
    """Return the SVG of a history, one row a step."""
    lanes = lanes_of(history)
    middle = {lane.name: _MARGIN + _LANE_WIDTH * (place + 0.5) for place, lane in enumerate(lanes)}
    top = _MARGIN + _HEAD_HEIGHT
    foot = top + _ROW_HEIGHT * len(history.events) + 18
    pieces = [_lane(lane, middle[lane.name], foot, language) for lane in lanes]
    for row, event in enumerate(history.events):
        y = top + _ROW_HEIGHT * (row + 1) - 8
        pieces.append(_event(event, row + 1, y, middle, language))
    width = 2 * _MARGIN + _LANE_WIDTH * max(len(lanes), 1)
    return svg.picture("".join(pieces), width, foot + _MARGIN, history.title.in_language(language), "sequence", _SCALES)


def mermaid_sequence(history: History, language: str) -> str:
    """Return the history as a Mermaid sequence diagram."""
    lanes = lanes_of(history)
    name = {lane.name: f"p{place}" for place, lane in enumerate(lanes)}
    heads = (f"  {_mermaid_head(lane)} {name[lane.name]} as {escaped(lane.name)}" for lane in lanes)
    lines = ["sequenceDiagram", "  autonumber", *heads]
    for event in history.events:
        actor, target = name[event.actor], name[event.target or event.actor]
        lines.append(f"  {actor}{'--x' if event.fault else '->>'}{target}: {escaped(event.text.in_language(language))}")
        if event.fault:
            lines.append(f"  Note over {actor}: {escaped(_fault(event, language))}")
    return "\n".join(lines) + "\n"


def lanes_of(history: History) -> tuple[Lane, ...]:
    """Return who takes part, as the history says it, else services in the order in which they first act or are reached."""
    taking_part = dict.fromkeys(name for event in history.events for name in (event.actor, event.target) if name)
    known = {lane.name for lane in history.lanes}
    return (*history.lanes, *(Lane(name, "service") for name in taking_part if name not in known))


def _mermaid_head(lane: Lane) -> str:
    return "actor" if lane.kind == "client" else "participant"


def _lane(lane: Lane, x: float, foot: float, language: str) -> str:
    wide = _LANE_WIDTH - 20
    line = svg.element("line", x1=x, x2=x, y1=_MARGIN + _HEAD_HEIGHT, y2=foot, css="lifeline")
    head = svg.element("rect", x=x - wide / 2, y=_MARGIN, width=wide, height=_HEAD_HEIGHT, rx=7, css="head")
    text = svg.text(svg.shortened(lane.name, _TEXT_SIZE, wide - 12, bold=True), x, _MARGIN + 17.5, "lane", "middle")
    kind = svg.text(KINDS[lane.kind].in_language(language), x, _MARGIN + 32, "kind", "middle")
    return svg.element("g", svg.title(lane.name) + line + head + text + kind, css=lane.kind)


def _event(event: HistoryEvent, number: int, y: float, middle: dict[str, float], language: str) -> str:
    start = middle[event.actor]
    end = middle[event.target or event.actor]
    told = event.text.in_language(language)
    # What happens inside a lane may be told over the next one, too, where there is one.
    room = _LANE_WIDTH * (1 if start == max(middle.values()) else 2) - 44
    body = _inside(told, start, y, room) if start == end else _arrow(told, start, end, y)
    if event.fault:
        told = f"{_fault(event, language)}: {told}"
        wide = abs(end - start) - 2 * _NUMBER_RADIUS - 8 if start != end else _LANE_WIDTH - 44
        at, anchor = ((start + end) / 2, "middle") if start != end else (start + _NUMBER_RADIUS + 6, None)
        below = y + 15 if start != end else y + 25
        body += svg.text(svg.shortened(_fault(event, language), _TEXT_SIZE, wide), at, below, "what", anchor)
    badge = svg.element("circle", cx=start, cy=y, r=_NUMBER_RADIUS)
    badge += svg.element("text", str(number), x=start, y=y + 3.8, text_anchor="middle", css="number")
    return svg.element("g", svg.title(told) + body + badge, css="event fault" if event.fault else "event")


def _fault(event: HistoryEvent, language: str) -> str:
    return f"{words(language)('fault')} ({event.fault})"


def _arrow(told: str, start: float, end: float, y: float) -> str:
    direction = 1 if end > start else -1
    tip = end - direction * 2
    label = svg.shortened(told, _TEXT_SIZE, abs(end - start) - 2 * _NUMBER_RADIUS - 8)
    line = svg.element("line", x1=start, x2=tip - direction * 7, y1=y, y2=y, css="arrow")
    points = ((tip, y), (tip - direction * 9, y - 4.5), (tip - direction * 9, y + 4.5))
    head = svg.element("path", d="M" + "L".join(f"{svg.number(x)},{svg.number(h)}" for x, h in points) + "Z", css="tip")
    return line + head + svg.text(label, (start + end) / 2, y - 7, "message", "middle")


def _inside(told: str, x: float, y: float, room: float) -> str:
    label = svg.shortened(told, _TEXT_SIZE, room)
    width = svg.text_width(label, _TEXT_SIZE) + 14
    box = svg.element("rect", x=x + 2, y=y - 12, width=width + _NUMBER_RADIUS, height=24, rx=6, css="inside")
    return box + svg.element("text", escape(label), x=x + _NUMBER_RADIUS + 6, y=y + 4.2, css="message")

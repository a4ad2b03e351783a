"""The architecture as Mermaid text: what GitHub and GitLab draw, and what is left where no layout program runs."""

from __future__ import annotations

from backend_expert.report.draw.scene import LARGEST_WHOLE, Scene, folded, grouped, scene_of
from backend_expert.report.hostile import one_line
from backend_expert.report.order import Order
from backend_expert.review.result import Node, Result

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-_/:,+·×")
_BRACKETS = {
    "database": ("[(", ")]"),
    "cache": ("[(", ")]"),
    "broker": ("([", "])"),
    "client": ("([", "])"),
    "external": ("[/", "/]"),
}
_LONGEST_LABEL = 60


def mermaid(result: Result, order: Order, language: str) -> str:
    """Return the architecture as a Mermaid flowchart; a system of more than 60 components is shown by group."""
    scene = scene_of(result, order)
    scene = folded(scene, language)
    if len(scene.nodes) > LARGEST_WHOLE:
        scene = grouped(scene, language)
    place = {node.name: f"n{index}" for index, node in enumerate(scene.nodes)}
    lines = ["flowchart LR", *(f"  {place[node.name]}{_box(node, scene)}" for node in scene.nodes)]
    for edge in scene.edges:
        marks = " ".join(scene.marks(edge))
        arrow = "-->" if edge.synchronous else "-.->"
        lines.append(f"  {place[edge.caller]} {arrow}{f'|{marks}|' if marks else ''} {place[edge.callee]}")
    for severity, colour in (("critical", "#b3261e"), ("high", "#b54708"), ("medium", "#8a6100")):
        marked = [place[node.name] for node in scene.nodes if scene.worst(node) == severity]
        if marked:
            lines += [f"  classDef {severity} stroke:{colour},stroke-width:2px", f"  class {','.join(marked)} {severity}"]
    return "\n".join(lines) + "\n"


def _box(node: Node, scene: Scene) -> str:
    opening, closing = _BRACKETS.get(node.kind, ("[", "]"))
    marks = " ".join(scene.marks(node))
    label = "<br/>".join(escaped(part) for part in (node.name, node.technology, marks) if part)
    return f'{opening}"{label}"{closing}'


def escaped(text: str) -> str:
    """Return a text that can stand between quotes in Mermaid: every other character as its number (`;` as `#59;`)."""
    text = one_line(text)
    text = text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
    return "".join(character if character in _PLAIN or character.isalpha() else f"#{ord(character)};" for character in text)

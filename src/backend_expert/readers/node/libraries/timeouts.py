"""Timeouts that code builds beside a call and never gives to it: a controller, a signal, options with a limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.node.syntax import FUNCTIONS, text, walk

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call

_BUILT = re.compile(r"^new AbortController\(|^AbortSignal\.timeout\(|^\{[^{}]*\b(?:\w*[tT]imeout(?:Ms|MS)?|signal)\s*[:,}]")


def unused(call: Call) -> tuple[Evidence, ...]:
    """Return the lines of the timeouts that are built in the function around a call and that no call is given."""
    around = _function_around(call.node)
    if around is None or ("imeout" not in text(around) and "Abort" not in text(around)):
        return ()
    found = []
    for declarator in walk(around, "variable_declarator"):
        name, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
        built = name is not None and name.type == "identifier" and _BUILT.match(text(value))
        if name is not None and built and not _is_passed(text(name), declarator, around):
            found.append(call.frame.place(declarator))
    return tuple(found)


def _is_passed(name: str, declared: Node, around: Node) -> bool:
    """Tell whether what a name holds, or its signal, goes anywhere: ending a controller by a timer is no such use."""
    for each in walk(around, "identifier", "shorthand_property_identifier"):
        if text(each) != name or declared.start_byte <= each.start_byte < declared.end_byte:
            continue
        above = each.parent
        part = above.child_by_field_name("property") if above is not None and above.type == "member_expression" else None
        if part is None or text(part) != "abort":
            return True
    return False


def _function_around(node: Node) -> Node | None:
    current = node.parent
    while current is not None and current.type not in FUNCTIONS:
        current = current.parent
    return current

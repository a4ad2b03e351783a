"""What is waited for, what runs at once, and what nobody waits for."""

from __future__ import annotations

from tree_sitter import Node

from backend_expert.model import Estimate
from backend_expert.readers.node import calls, expressions, names
from backend_expert.readers.node.drafts import Draft, Kind, inner, leaves, takes_time
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.syntax import FUNCTIONS, arguments, children, plain, text
from backend_expert.readers.node.values import (
    UNKNOWN,
    Function,
    Input,
    Listing,
    Outcome,
    Pending,
    Resource,
    Value,
    either,
    is_open,
)

_CHAINED = frozenset({"then", "catch", "finally", "subscribe"})
_ENDING = frozenset({Kind.REPLY, Kind.ACK, Kind.BEGIN, Kind.COMMIT})
"""What a promise that nobody waits for is still the way of the handler for: it answers, acknowledges or ends a transaction inside."""

TOGETHER = frozenset({"all", "allSettled", "race", "any"})


def together(node: Node, name: str, frame: Frame) -> Value:
    """Add the steps of `Promise.all([...])` as branches that run at once."""
    given = arguments(node)
    inside = plain(given[0]) if given else None
    if inside is None:
        return UNKNOWN
    if inside.type != "array":
        value = expressions.evaluate(inside, frame)
        if isinstance(value, Listing):
            return Listing([settled(each, frame) for each in value.items])
        return settled(value, frame)
    branches: list[list[Draft]] = []
    values: list[Value] = []
    for each in children(inside):
        target = next(children(each), None) if each.type == "spread_element" else each
        branches.append(
            calls.captured(frame, lambda target=target: values.append(settled(expressions.evaluate(target, frame), frame)))
        )
    busy = [branch for branch in branches if leaves(branch)]
    if len(busy) > 1:
        frame.block.append(
            Draft(Kind.PARALLEL, frame.evidence(node), blocks=busy, count=Estimate(1) if name in {"race", "any"} else None)
        )
    else:
        for branch in branches:
            frame.block.extend(branch)
    return Listing(values)


def settled(value: Value, frame: Frame) -> Value:
    """Return the value of a promise that is waited for here, its steps moved to this place."""
    if not isinstance(value, Pending):
        return value
    if value.holder.blocks and value.holder.blocks[0]:
        value.holder.blocks = [[]]
        frame.block.extend(value.drafts)
    return settled(value.value, frame)


def unawaited(node: Node, frame: Frame, meant: bool = False) -> None:
    """Add the steps of a call that is a statement by itself: nobody waits for its promise, unless it answers or is answered inside."""
    kept: list[Value] = []
    drafts = calls.captured(frame, lambda: kept.append(expressions.evaluate(node, frame)))
    if len(drafts) == 1 and drafts[0].kind is Kind.DETACHED:
        drafts[0].handled = drafts[0].handled or meant or _handled(node)
    elif takes_time(drafts) and not frame.unit.starting and not frame.unit.resolving:
        loose = meant or is_own_promise(node, frame) or _is_promise(node, kept[0], drafts)
        if loose and not any(draft.kind in _ENDING for draft in inner(drafts)):
            drafts = [Draft(Kind.DETACHED, frame.evidence(node), blocks=[drafts], handled=meant or _handled(node))]
    frame.block.extend(drafts)


def _is_promise(node: Node, value: Value, drafts: list[Draft]) -> bool:
    """Tell whether a call gives back a promise of its own steps, and not what a callback is told later."""
    if _method(node) in _CHAINED:
        return True
    return isinstance(value, Outcome) and not _calls_back(node) and any(draft is value.draft for draft in inner(drafts))


def _calls_back(node: Node) -> bool:
    return any(plain(each).type in FUNCTIONS for each in arguments(node))


def _handled(node: Node) -> bool:
    """Tell whether a chain of promises ends in something that takes an error."""
    current: Node | None = node
    while current is not None and current.type == "call_expression":
        name, given = _method(current), arguments(current)
        if name in {"catch", "subscribe"} or (name == "then" and len(given) > 1):
            return True
        called = current.child_by_field_name("function")
        current = called.child_by_field_name("object") if called is not None else None
    return False


def _method(node: Node) -> str:
    called = node.child_by_field_name("function")
    return text(called.child_by_field_name("property")) if called is not None and called.type == "member_expression" else ""


def promise(call: calls.Call) -> Value:
    """Return what `new Promise((resolve, reject) => ...)` is resolved with."""
    executor = call.argument(0)
    if not isinstance(executor, Function):
        return UNKNOWN
    resolved = Resource("promise.resolve", {"values": []})
    call.frame.unit.resolving += 1
    try:
        call.run(executor, resolved, Resource("promise.reject", {"values": []}))
    finally:
        call.frame.unit.resolving -= 1
    values = resolved.facts["values"]
    value: Value = UNKNOWN
    for each in values if isinstance(values, list) else ():
        value = either(value, each)
    return value


def is_own_promise(node: Node, frame: Frame) -> bool:
    """Tell whether a call is that of an own asynchronous function, found without running it."""
    found = named_by(node, frame)
    return isinstance(found, Function) and is_asynchronous(found.node)


def named_by(node: Node, frame: Frame) -> Value:
    """Return what a call calls, found without running anything."""
    called = node.child_by_field_name("function")
    called = plain(called) if called is not None else None
    if called is not None and called.type == "identifier":
        return names.lookup(text(called), frame)
    owner = called.child_by_field_name("object") if called is not None and called.type == "member_expression" else None
    if called is None or owner is None or owner.type not in {"identifier", "this", "member_expression"}:
        return UNKNOWN
    holder = _quiet(owner, frame)
    if is_open(holder) or isinstance(holder, Outcome | Input):
        return UNKNOWN
    return names.member(holder, text(called.child_by_field_name("property")), frame)


def _quiet(node: Node, frame: Frame) -> Value:
    """Return the value of a name or a chain of fields, without steps."""
    if "(" in text(node):
        return UNKNOWN
    kept: list[Value] = []
    calls.captured(frame, lambda: kept.append(expressions.evaluate(node, frame)))
    return kept[0] if kept else UNKNOWN


def perhaps_pending(node: Node, frame: Frame) -> Value:
    """Return a promise that is kept in a variable and waited for later, or the value of what is no promise."""
    kept: list[Value] = []
    drafts = calls.captured(frame, lambda: kept.append(expressions.evaluate(node, frame)))
    value = kept[0] if kept else UNKNOWN
    waits = takes_time(drafts) and not isinstance(value, Pending) and not _calls_back(node)
    if not waits or not (isinstance(value, Outcome) or is_own_promise(node, frame)):
        frame.block.extend(drafts)
        return value
    holder = Draft(Kind.DETACHED, frame.evidence(node), blocks=[drafts], handled=_handled(node))
    frame.block.append(holder)
    return Pending(drafts, holder, value)


def is_asynchronous(definition: Node) -> bool:
    """Tell whether a function says `async`."""
    return any(child.type == "async" for child in definition.children)


def promised(callback: Function, drafts: list[Draft]) -> bool:
    """Tell whether a callback gives back a promise: it says `async`, or what it does takes time and it is one expression."""
    inside = callback.node.child_by_field_name("body")
    return takes_time(drafts) and (is_asynchronous(callback.node) or (inside is not None and inside.type != "statement_block"))

"""Buses inside one process: commands, queries and events of @nestjs/cqrs, events of an emitter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.node.values import UNKNOWN, Blueprint, Foreign, Instance, Resource, Unknown, Value, word

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"@nestjs/cqrs", "@nestjs/event-emitter", "eventemitter2"})
KINDS = frozenset({"bus", "emitter"})


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the bus that a parameter of such a type is."""
    if kind.name in {"CommandBus", "QueryBus", "EventBus"}:
        return Resource("bus", {}, frame.evidence(node))
    if kind.name == "EventEmitter2":
        return Resource("emitter", {}, frame.evidence(node))
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Follow a command, query or event to its handlers in the same process."""
    unit = call.frame.unit
    if owner.kind == "emitter":
        if name in {"emit", "emitAsync"}:
            for handler in unit.container.listeners(word(call.argument(0))):
                call.run(handler, *call.arguments[1:])
        return UNKNOWN
    if name in {"execute", "publish", "publishAll"}:
        first = call.argument(0)
        message = first.blueprint if isinstance(first, Instance) else None
        value: Value = UNKNOWN
        for handler in unit.container.handlers_of(message) if isinstance(message, Blueprint) else ():
            value = call.run(handler, first)
        return value
    return UNKNOWN


def member(_: Resource, name: str, __: Frame) -> Value:
    """Return a field of a bus; none of them matters."""
    return Unknown(name)

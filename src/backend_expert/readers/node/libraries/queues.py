"""Job queues on Redis (Bull, BullMQ, bee-queue) and queues of clouds (SQS, SNS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.node.connections import Connection, connection
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.values import (
    UNKNOWN,
    Foreign,
    Function,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    literal,
    number,
    word,
)
from backend_expert.readers.node.values import member as field_of

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"bull", "bullmq", "bee-queue", "@nestjs/bull", "@nestjs/bullmq"})
KINDS = frozenset({"queue"})


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the queue that `new Queue(name)` makes, or start the handler that `new Worker(name, handler)` is."""
    name = literal(call.argument(0))
    if maker.name in {"Queue", "bull", "bee-queue", "default"}:
        return _queue(name, call)
    if maker.name == "Worker" and name:
        handler = call.argument(1)
        made = _connection(call.argument(2), call)
        target = call.frame.unit.channel_target(made, channel=name, evidence=call.frame.evidence(call.node))
        if isinstance(handler, Function):
            limit = number(field_of(call.argument(2), "concurrency"))
            call.frame.unit.consume(target, name, handler, call, concurrency=limit or 1.0, after=True)
        return UNKNOWN
    return None


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the queue that `Bull(name)` makes."""
    if callee.package == "bull" and not callee.path:
        return _queue(literal(call.argument(0)), call)
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return a queue that only its type tells of; its name stands in a decorator."""
    if kind.name == "Queue":
        return Resource("queue", {"connection": frame.unit.connection("redis"), "name": ""}, frame.evidence(node))
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a queue gives back."""
    known = owner.facts.get("connection")
    made = known if isinstance(known, Connection) else Connection("redis")
    channel = str(owner.facts.get("name") or "")
    if name in {"add", "addBulk", "createJob"}:
        target = call.frame.unit.channel_target(made, channel=channel, evidence=call.frame.evidence(call.node))
        return call.emit(Draft(Kind.PUBLISH, target=target, confirmed=True, persistent=True, key=word(call.argument(0))))
    if name == "process":
        handler = call.callback
        if handler is not None and channel:
            target = call.frame.unit.channel_target(made, channel=channel, evidence=call.frame.evidence(call.node))
            limit = next((found for each in call.arguments if (found := number(each)) is not None), None)
            call.frame.unit.consume(target, channel, handler, call, concurrency=limit or 1.0, after=True)
        return UNKNOWN
    return UNKNOWN


def member(_: Resource, name: str, __: Frame) -> Value:
    """Return a field of a queue; none of them matters."""
    return Unknown(name)


def _queue(name: str, call: Call) -> Resource:
    options = next((each for each in call.arguments[1:] if not is_open(each)), UNKNOWN)
    return Resource("queue", {"connection": _connection(options, call), "name": name}, call.frame.evidence(call.node))


def _connection(options: Value, call: Call) -> Connection:
    inner = field_of(options, "connection", "redis")
    if isinstance(inner, Resource):
        known = inner.facts.get("connection")
        if isinstance(known, Connection):
            return known
    if isinstance(options, Record) and is_open(inner):
        return call.frame.unit.connection("redis")
    return connection("redis", options if is_open(inner) else inner, call.frame.evidence(call.node))

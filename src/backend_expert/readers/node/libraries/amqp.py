"""RabbitMQ: amqplib, amqp-connection-manager, and the module of golevelup for NestJS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Mechanism
from backend_expert.readers.node.connections import Connection, connection
from backend_expert.readers.node.drafts import Draft, Kind, Protection
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Constant,
    Foreign,
    Function,
    Listing,
    Record,
    Resource,
    Unknown,
    Value,
    has,
    is_open,
    known,
    literal,
    number,
    pieces,
    truth,
)
from backend_expert.readers.node.values import member as field_of

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset(
    {"amqplib", "amqplib/callback_api", "amqp-connection-manager", "@golevelup/nestjs-rabbitmq", "amqp", "rabbitmq-client"}
)
KINDS = frozenset({"amqp.connection", "amqp.channel", "amqp.queue"})


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the connection that `connect(url)` makes."""
    if callee.name in {"connect", "createConnection"}:
        made = connection("amqp", call.argument(0), call.frame.evidence(call.node))
        call.frame.unit.connected(made)
        found = Resource("amqp.connection", {"connection": made}, made.evidence)
        if isinstance(call.callback, Function):
            call.run(call.callback, NOTHING, found)
        return found
    return None


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the connection of the rabbitmq-client package."""
    if maker.package == "rabbitmq-client" and maker.name == "Connection":
        made = connection("amqp", call.argument(0), call.frame.evidence(call.node))
        call.frame.unit.connected(made)
        return Resource("amqp.connection", {"connection": made}, made.evidence)
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the channel or connection that a parameter of such a type is."""
    made = frame.unit.connection("amqp")
    if kind.name in {"Channel", "ConfirmChannel", "ChannelWrapper", "AmqpConnection"}:
        confirms = kind.name in {"ConfirmChannel", "ChannelWrapper", "AmqpConnection"}
        facts: dict[str, object] = {"connection": made, "confirms": confirms or None, "prefetch": None}
        return Resource("amqp.channel", facts, frame.evidence(node))
    if kind.name in {"Connection", "ChannelModel", "AmqpConnectionManager"}:
        return Resource("amqp.connection", {"connection": made}, frame.evidence(node))
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a connection or channel gives back."""
    if owner.kind == "amqp.connection":
        return _of_connection(owner, name, call)
    if owner.kind == "amqp.queue":
        return None
    match name:
        case "publish" | "sendToQueue":
            return _publish(owner, name, call)
        case "assertExchange" | "checkExchange" | "exchangeDeclare":
            _exchange(owner, call)
            return _named(call, "exchange")
        case "assertQueue" | "checkQueue" | "queueDeclare":
            return _queue(call)
        case "bindQueue":
            call.frame.unit.bind(
                literal(call.argument(0)) or _dynamic(call.argument(0)),
                _channel_name(call.argument(1)),
                _channel_name(call.argument(2)),
                call.frame.evidence(call.node),
            )
            return UNKNOWN
        case "prefetch":
            owner.facts["prefetch"] = number(call.argument(0))
            return UNKNOWN
        case "consume":
            return _consume(owner, call)
        case "ack" | "ackAll":
            call.emit(Draft(Kind.ACK))
            return UNKNOWN
        case "addSetup":
            return call.run(call.callback, owner)
        case _:
            return (
                UNKNOWN
                if name in {"nack", "reject", "waitForConfirms", "close", "get", "cancel", "on", "once", "waitForConnect"}
                else None
            )


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field of a declared queue or of a connection."""
    if owner.kind == "amqp.queue":
        found = owner.facts.get("name")
        return Constant(found) if name == "queue" and isinstance(found, str) else Unknown(name)
    return owner if name in {"channel", "connection", "managedChannel"} else Unknown(name)


def _of_connection(owner: Resource, name: str, call: Call) -> Value | None:
    if name in {"createChannel", "createConfirmChannel"}:
        options = call.argument(0)
        confirms = name == "createConfirmChannel" or isinstance(field_of(options, "setup"), Function)
        channel = Resource("amqp.channel", {"connection": owner.facts.get("connection"), "confirms": confirms, "prefetch": None})
        setup = field_of(options, "setup")
        if isinstance(setup, Function):
            call.run(setup, channel)
        elif isinstance(call.callback, Function):
            call.run(call.callback, NOTHING, channel)
        return channel
    return None


def _publish(owner: Resource, name: str, call: Call) -> Value:
    exchange = call.argument(0) if name == "publish" else UNKNOWN
    key = call.argument(1 if name == "publish" else 0)
    options = call.argument(3 if name == "publish" else 2)
    persistent = truth(field_of(options, "persistent"))
    if number(field_of(options, "deliveryMode")) is not None:
        persistent = number(field_of(options, "deliveryMode")) == 2
    if persistent is None and known(options) and not has(options, "persistent", "deliveryMode"):
        persistent = False
    confirms = owner.facts.get("confirms")
    target = call.frame.unit.channel_target(
        _known(owner),
        exchange=_channel_name(exchange) if name == "publish" else "",
        channel=_channel_name(key),
        evidence=call.frame.evidence(call.node),
    )
    draft = Draft(
        Kind.PUBLISH,
        target=target,
        confirmed=confirms if isinstance(confirms, bool) else None,
        persistent=persistent,
        immediate=True,
        protection=Protection(absent={Mechanism.TIMEOUT}, evidence=(call.frame.place(call.node),)),
    )
    call.emit(draft)
    return UNKNOWN


def _exchange(owner: Resource, call: Call) -> None:
    options = call.argument(2)
    durable = truth(field_of(options, "durable"))
    if durable is None and known(options) and not has(options, "durable"):
        durable = True  # amqplib: durable unless told otherwise
    call.frame.unit.declare_exchange(
        _channel_name(call.argument(0)), literal(call.argument(1)), durable, call.frame.evidence(call.node), _known(owner)
    )


def _named(call: Call, name: str) -> Value:
    return Record({name: call.argument(0)})


def _queue(call: Call) -> Value:
    given = call.argument(0)
    options = call.argument(1)
    name = literal(given) or _dynamic(given, call)
    told = known(options)
    # A queue of one connection ends with it, whatever else is said.
    durable = False if truth(field_of(options, "exclusive")) else truth(field_of(options, "durable"))
    inner = field_of(options, "arguments")
    dead = not is_open(field_of(options, "deadLetterExchange")) or not is_open(field_of(inner, "x-dead-letter-exchange"))
    limit = number(field_of(inner, "x-delivery-limit"))
    call.frame.unit.declare_queue(
        name,
        durable if durable is not None else True if told and not has(options, "durable") else None,
        True if dead else False if told else None,
        int(limit) + 1 if limit is not None else None,
        call.frame.evidence(call.node),
    )
    found = Resource("amqp.queue", {"name": name})
    if isinstance(call.callback, Function):
        call.run(call.callback, NOTHING, found)
    return found


def _dynamic(value: Value, call: Call | None = None) -> str:
    """Return a name for a queue that the broker names itself, or that only settings name."""
    shown = _channel_name(value)
    if shown:
        return shown
    return f"queue of {call.frame.place(call.node)}" if call is not None else ""


def _channel_name(value: Value) -> str:
    """Return the name of a channel; a setting is named by its default, what only a request knows by `*`."""
    if is_open(value):
        return ""
    found = []
    for piece in pieces(value):
        if piece.variable:
            found.append("".join(part.text for part in piece.default) if piece.default else f"${{{piece.variable}}}")
        else:
            found.append(piece.text or "*")
    name = "".join(found)
    return "" if name == "*" else name


def _known(owner: Resource) -> Connection:
    made = owner.facts.get("connection")
    return made if isinstance(made, Connection) else Connection("amqp")


def _consume(owner: Resource, call: Call) -> Value:
    handler = call.argument(1)
    queue = literal(call.argument(0)) or _dynamic(call.argument(0))
    if not isinstance(handler, Function) or not queue:
        return UNKNOWN
    options = call.argument(2)
    unit = call.frame.unit
    target = unit.channel_target(_known(owner), channel=queue, evidence=call.frame.evidence(call.node))
    prefetch = owner.facts.get("prefetch")
    unit.consume(
        target,
        queue,
        handler,
        call,
        concurrency=prefetch if isinstance(prefetch, float) else None,
        automatic=truth(field_of(options, "noAck")) is True,
    )
    return UNKNOWN


def subscription(options: Value) -> tuple[str, str, tuple[str, ...]]:
    """Return the queue, the exchange and the keys of a subscription of golevelup."""
    keys = field_of(options, "routingKey")
    patterns = tuple(_channel_name(each) for each in keys.items) if isinstance(keys, Listing) else (_channel_name(keys),)
    return _channel_name(field_of(options, "queue")), _channel_name(field_of(options, "exchange")), patterns

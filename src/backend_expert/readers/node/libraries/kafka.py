"""Kafka: kafkajs and its successors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.node.connections import Connection
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.libraries.amqp import _channel_name as channel_name
from backend_expert.readers.node.values import (
    UNKNOWN,
    Foreign,
    Function,
    Listing,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    number,
    pieces,
    truth,
)
from backend_expert.readers.node.values import member as field_of

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"kafkajs", "@confluentinc/kafka-javascript"})
KINDS = frozenset({"kafka.client", "kafka.producer", "kafka.consumer"})


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the client that `new Kafka({brokers})` makes."""
    if maker.name != "Kafka":
        return None
    made = connection_of(call.argument(0), call)
    return Resource("kafka.client", {"connection": made}, made.evidence)


def connection_of(options: Value, call: Call) -> Connection:
    """Return the brokers that options name."""
    brokers = field_of(options, "brokers")
    first = brokers.items[0] if isinstance(brokers, Listing) and brokers.items else brokers
    made = Connection("kafka", pieces(first) if not is_open(first) else (), evidence=call.frame.evidence(call.node))
    call.frame.unit.connected(made)
    return made


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the client, producer or consumer that a parameter of such a type is."""
    kinds = {"Kafka": "kafka.client", "Producer": "kafka.producer", "Consumer": "kafka.consumer"}
    found = kinds.get(kind.name)
    return Resource(found, {"connection": frame.unit.connection("kafka")}, frame.evidence(node)) if found else None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a client, producer or consumer gives back."""
    if owner.kind == "kafka.client":
        if name in {"producer", "consumer"}:
            return Resource(f"kafka.{name}", {**owner.facts, "options": call.argument(0)}, owner.evidence)
        return UNKNOWN if name == "admin" else None
    if owner.kind == "kafka.producer":
        return _produce(owner, name, call)
    if name == "subscribe":
        options = call.argument(0)
        topics = field_of(options, "topics")
        found = [*(topics.items if isinstance(topics, Listing) else []), field_of(options, "topic")]
        known = owner.facts.setdefault("topics", [])
        if isinstance(known, list):
            known.extend(name for each in found if (name := channel_name(each)))
        return UNKNOWN
    if name == "run":
        _consume(owner, call)
        return UNKNOWN
    return UNKNOWN if name in {"connect", "disconnect", "on", "commitOffsets", "stop"} else None


def member(_: Resource, name: str, __: Frame) -> Value:
    """Return a field of a client; none of them matters."""
    return Unknown(name)


def _produce(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "transaction":
        return owner
    if name == "send":
        return _publish(owner, call.argument(0), call)
    if name == "sendBatch":
        batch = field_of(call.argument(0), "topicMessages")
        for each in batch.items if isinstance(batch, Listing) else (call.argument(0),):
            _publish(owner, each, call)
        return UNKNOWN
    return UNKNOWN if name in {"connect", "disconnect", "on", "commit", "abort"} else None


def _publish(owner: Resource, record: Value, call: Call) -> Value:
    known = owner.facts.get("connection")
    target = call.frame.unit.channel_target(
        known if isinstance(known, Connection) else Connection("kafka"),
        channel=channel_name(field_of(record, "topic")),
        evidence=call.frame.evidence(call.node),
    )
    acks = number(field_of(record, "acks"))
    # kafkajs waits for all replicas in sync unless told otherwise; 0 waits for nobody.
    return call.emit(Draft(Kind.PUBLISH, target=target, confirmed=acks != 0, persistent=True))


def _consume(owner: Resource, call: Call) -> None:
    options = call.argument(0)
    handler = field_of(options, "eachMessage", "eachBatch")
    topics = owner.facts.get("topics")
    known = owner.facts.get("connection")
    if not isinstance(handler, Function) or not isinstance(topics, list):
        return
    unit = call.frame.unit
    settings = owner.facts.get("options")
    group = channel_name(field_of(settings if isinstance(settings, Record) else UNKNOWN, "groupId"))
    automatic = truth(field_of(options, "autoCommit"))
    for topic in topics:
        target = unit.channel_target(
            known if isinstance(known, Connection) else Connection("kafka"), channel=topic, evidence=call.frame.evidence(call.node)
        )
        unit.consume(
            target,
            topic,
            handler,
            call,
            concurrency=number(field_of(options, "partitionsConsumedConcurrently")) or 1.0,
            group=group,
            after=automatic is not False,
        )

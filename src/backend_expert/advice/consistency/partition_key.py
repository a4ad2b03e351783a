"""Let all messages about one thing come in the order in which they were published."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import table_named, written
from backend_expert.lab.states import Flow, Handler, Invariant, Observe
from backend_expert.lab.states.flow import walk


@flow_remedy(
    "partition-key",
    en="Send all messages about one thing through one partition, in order",
    pt="Envie as mensagens sobre a mesma coisa pela mesma partição, em ordem",
    closes=("stale-read", "illegal-transition"),
    effort="hours",
)
def partition_key(flow: Flow, invariant: Invariant) -> Flow:
    """Key the topics of the consumers that the invariant is about by the row that these write."""
    keys = {
        handler.consumes: key for handler in flow.handlers if handler.consumes and (key := _aggregate(flow, handler, invariant))
    }
    topics = tuple(
        structs.replace(topic, ordered=keys[topic.name]) if topic.name in keys and not topic.ordered else topic
        for topic in flow.topics
    )
    return flow if topics == flow.topics else structs.replace(flow, topics=topics)


def _aggregate(flow: Flow, handler: Handler, invariant: Invariant) -> str:
    """Return the table whose order matters to a consumer: that of the invariant, or the one it writes when it observes something."""
    tables = written(handler.steps)
    table = table_named(flow, invariant.of)
    if table:
        return table if table in tables else ""
    observes = any(isinstance(step, Observe) and invariant.of in {"", step.name} for step in walk(handler.steps))
    return next(iter(tables), "") if observes else ""

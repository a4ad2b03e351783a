"""Put a message that cannot be handled aside, where somebody looks at it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import added, consumers, with_operations
from backend_expert.model import Finding, Operation, System, Topic

DELIVERIES = 20
"""The delivery limit of a quorum queue of RabbitMQ 4.0 where none is set (manual, "Poison Message Handling")."""


@remedy(
    "dead-letter-queue",
    en="Bound the deliveries and put what fails into a dead-letter queue",
    pt="Limite as entregas e mande o que falha para uma fila de dead letter",
    addresses=("consumer-without-dead-letter",),
    considers=("resilience", "asynchronous-communication", "observability"),
    effort="hours",
)
def dead_letter_queue(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - one bad message is enough
    """Return the system in which the finding's consumers give up after some deliveries and keep the message in a queue of its own."""
    bare = [each for each in consumers(system, finding) if each.trigger.dead_letter is not True]
    topics = system.topics
    for topic in sorted({each.trigger.name for each in bare}):
        broker = next((each.broker for each in system.topics if each.name == topic), "")
        topics = added(topics, Topic(name=f"{topic}.dead", broker=broker, durable=True))
    return with_operations(structs.replace(system, topics=topics) if bare else system, {each.name for each in bare}, _bounded)


def _bounded(operation: Operation) -> Operation:
    trigger = operation.trigger
    limit = trigger.maximum_deliveries or DELIVERIES
    return structs.replace(operation, trigger=structs.replace(trigger, dead_letter=True, maximum_deliveries=limit))

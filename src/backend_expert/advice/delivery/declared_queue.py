"""Create queues before anybody sends."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.model import Finding, Publish, System, call_sites


@remedy(
    "declared-queue",
    en="Declare the queue on both sides, or once at deploy",
    pt="Declare a fila dos dois lados, ou uma vez no deploy",
    addresses=("consumer-declares-queue",),
    considers=("asynchronous-communication", "durability"),
    effort="hours",
)
def declared_queue(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a missing queue is missing at any load
    """Return the system in which the senders of the finding create what they publish to."""
    senders: dict[str, set[str]] = {}
    for site in call_sites(system):
        if isinstance(site.step, Publish) and site.link in finding.links:
            senders.setdefault(site.step.topic, set()).add(site.caller)
    topics = tuple(
        structs.replace(topic, declared_by=tuple(sorted({*topic.declared_by, *senders[topic.name]})))
        if topic.name in senders and topic.declared_by is not None
        else topic
        for topic in system.topics
    )
    return system if topics == system.topics else structs.replace(system, topics=topics)

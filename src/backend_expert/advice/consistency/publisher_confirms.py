"""Go on only when the broker has the message and keeps it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_steps
from backend_expert.advice.place import with_steps
from backend_expert.lab import states
from backend_expert.model import Finding, Operation, Publish, Step, System


def in_flow(flow: states.Flow, invariant: states.Invariant) -> states.Flow:
    """Turn on publisher confirms, and make the topic durable."""
    topics = {topic.name for topic in flow.topics}
    wanted = {invariant.of} & topics or topics

    def change(step: states.Step) -> states.Step:
        if isinstance(step, states.Publish) and step.topic in wanted and not step.confirmed:
            return structs.replace(step, confirmed=True)
        return step

    changed = change_steps(flow, change)
    durable = tuple(structs.replace(topic, durable=True) if topic.name in wanted else topic for topic in flow.topics)
    return changed if durable == flow.topics else structs.replace(changed, topics=durable)


@remedy(
    "publisher-confirms",
    en="Publish with confirms, persistent messages and durable queues",
    pt="Publique com confirms, mensagens persistentes e filas duráveis",
    addresses=("publish-not-confirmed",),
    considers=("consistency", "asynchronous-communication"),
    effort="hours",
    in_flow=in_flow,
    closes=("lost-event", "stuck", "half-compensated"),
)
def publisher_confirms(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - one lost message is enough
    """Return the system in which the finding's publishes are confirmed and persistent, and their topics durable, where they are not."""
    links = {(link.caller, link.callee) for link in finding.links}
    brokers = {topic.name: topic.broker for topic in system.topics}
    sent: set[str] = set()

    def sure(operation: Operation, step: Step) -> Step:
        if not isinstance(step, Publish) or (operation.component, brokers.get(step.topic)) not in links:
            return step
        sent.add(step.topic)
        return structs.replace(
            step,
            confirmed=True if step.confirmed is False else step.confirmed,
            persistent=True if step.persistent is False else step.persistent,
        )

    changed = with_steps(system, sure)
    transient = [topic for topic in system.topics if topic.name in sent and topic.durable is False]
    if not transient:
        return changed
    kept = tuple(structs.replace(each, durable=True) if each in transient else each for each in changed.topics)
    return structs.replace(changed, topics=kept)

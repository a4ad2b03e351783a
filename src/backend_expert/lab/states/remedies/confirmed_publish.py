"""Wait until the broker has stored the message, in a queue that survives it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Invariant, Publish, Step, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Turn on publisher confirms, and make the topic durable."""
    topics = {topic.name for topic in flow.topics}
    wanted = {invariant.of} & topics or topics

    def change(step: Step) -> Step:
        if isinstance(step, Publish) and step.topic in wanted and not step.confirmed:
            return structs.replace(step, confirmed=True)
        return step

    changed = change_handlers(flow, lambda handler: structs.replace(handler, steps=rewrite(handler.steps, change)))
    durable = tuple(structs.replace(topic, durable=True) if topic.name in wanted else topic for topic in flow.topics)
    return changed if durable == flow.topics else structs.replace(changed, topics=durable)


REMEDY = Remedy(
    id="confirmed-publish",
    title=Text("Publisher confirms and a durable queue", "Confirmação de publicação e fila durável"),
    closes=("lost-event", "stuck", "half-compensated"),
    cost=1,
    does_not_fix=Text(
        "A crash of the publisher between its commit and the publish: that needs an outbox.",
        "Uma queda de quem publica entre o commit e a publicação: para isso é preciso outbox.",
    ),
    when_not=Text(
        "Leave it for messages that are stale within seconds anyway (presence, telemetry).",
        "Dispense para mensagens que envelhecem em segundos de qualquer forma (presença, telemetria).",
    ),
    apply=apply,
)

"""Write the event into the same transaction as the row, and let a relay publish it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Handler, Insert, Invariant, Publish, Step, Transaction, walk
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers, only_store
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Move every direct publish into the transaction of the row that it tells of."""
    topics = {topic.name for topic in flow.topics}
    wanted = {invariant.of} & topics or topics
    return change_handlers(flow, lambda handler: _with_outbox(handler, wanted))


def _with_outbox(handler: Handler, topics: set[str]) -> Handler:
    for step in walk(handler.steps):
        if isinstance(step, Publish) and not step.via and step.topic in topics and step in handler.steps:
            rest = tuple(each for each in handler.steps if each is not step)
            moved = _stored(rest, structs.replace(step, via="outbox"))
            if moved is not None:
                return _with_outbox(structs.replace(handler, steps=moved), topics)
    return handler


def _stored(steps: tuple[Step, ...], publish: Publish) -> tuple[Step, ...] | None:
    """Return the steps with the publish beside the insert: in its transaction, or in a new one."""
    for index, step in enumerate(steps):
        if isinstance(step, Transaction) and any(isinstance(each, Insert) for each in walk((step,))):
            return (*steps[:index], structs.replace(step, steps=(*step.steps, publish)), *steps[index + 1 :])
    inserts = [index for index, step in enumerate(steps) if isinstance(step, Insert)]
    if not inserts:
        return None
    start = inserts[-1]
    end = start + 1
    while end < len(steps) and only_store(steps[end]):
        end += 1
    together = Transaction((*steps[start:end], publish), evidence=steps[start].evidence)
    return (*steps[:start], together, *steps[end:])


REMEDY = Remedy(
    id="outbox",
    title=Text("Transactional outbox", "Outbox transacional"),
    closes=("lost-event", "phantom-event", "stuck", "half-compensated"),
    cost=3,
    does_not_fix=Text(
        "It opens duplicates: the relay may die after it publishes and before it marks the row. Consumers need an inbox or a key.",
        "Abre duplicatas: o relay pode morrer depois de publicar e antes de marcar a linha. Os consumidores precisam de inbox ou de chave.",
    ),
    when_not=Text(
        "Leave it where losing the event costs nothing (a cache hint, a metric), or where the store already feeds a change stream.",
        "Dispense onde perder o evento não custa nada (um aviso de cache, uma métrica) ou onde o banco já alimenta um fluxo de mudanças.",
    ),
    apply=apply,
)

"""Queues that exist only once a consumer has started."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CallSite, Finding, Publish, Severity, System, Text, Topic, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


@rule(
    "consumer-declares-queue",
    code="BE-CON-028",
    family="consistency",
    severity=Severity.HIGH,
    en="Queue declared by its consumer only",
    pt="Fila declarada só pelo consumidor",
)
def consumer_declares_queue(system: System) -> Iterator[Finding]:
    """Yield, for each broker, the topics that are published to by components that do not create what keeps the messages."""
    consumers: dict[str, list[str]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "message":
            consumers.setdefault(operation.trigger.name, []).append(operation.component)
    publishers: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        if isinstance(site.step, Publish):
            publishers.setdefault(site.step.topic, []).append(site)
    found: dict[str, list[Topic]] = {}
    for topic in system.topics:
        declared = set(topic.declared_by or ())
        senders = {site.caller for site in publishers.get(topic.name, ())}
        if declared and senders and declared <= set(consumers.get(topic.name, ())) and not declared & senders:
            found.setdefault(topic.broker, []).append(topic)
    for broker, topics in sorted(found.items()):
        yield _finding(broker, topics, publishers)


def _finding(broker: str, topics: list[Topic], publishers: dict[str, list[CallSite]]) -> Finding:
    names = [topic.name for topic in topics]
    sites = [site for name in names for site in publishers[name]]
    senders = tuple(sorted({site.caller for site in sites}))
    declarers = tuple(sorted({name for topic in topics for name in topic.declared_by or ()}))
    return Finding(
        rule="consumer-declares-queue",
        severity=Severity.HIGH,
        subject=names[0] if len(names) == 1 else f"{broker} queues",
        components=distinct((*senders, *declarers, broker)),
        links=tuple(sorted({site.link for site in sites})),
        title=Text(
            f"{listed(names, 'en', most=3)} {'exists' if len(names) == 1 else 'exist'} only once {listed(declarers, 'en', most=3)} "
            f"{'has' if len(declarers) == 1 else 'have'} started",
            f"{listed(names, 'pt', most=3)} só {'existe' if len(names) == 1 else 'existem'} depois que "
            f"{listed(declarers, 'pt', most=3)} {'sobe' if len(declarers) == 1 else 'sobem'}",
        ),
        why=Text(
            f"{listed(senders, 'en', most=3)} {'publishes' if len(senders) == 1 else 'publish'} without creating the queue and its "
            f"binding; an exchange without a queue drops what it cannot route, silently. Everything sent before the first start of "
            f"the consumer is lost, in a new environment and after every loss of the broker's data.",
            f"{listed(senders, 'pt', most=3)} {'publica' if len(senders) == 1 else 'publicam'} sem criar a fila e o binding; um "
            f"exchange sem fila descarta em silêncio o que não consegue rotear. Tudo o que foi enviado antes da primeira subida do "
            f"consumidor se perde, em um ambiente novo e sempre que o broker perde seus dados.",
        ),
        evidence=distinct(
            (*(place for site in sites for place in places(site.step)), *(place for topic in topics for place in topic.evidence))
        ),
        confidence=0.85,
    )

"""Messages that are published and that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CallSite, Certainty, Finding, Publish, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import places_apart
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import counted, listed


@rule(
    "event-never-consumed",
    code="BE-CON-029",
    family="consistency",
    severity=Severity.LOW,
    en="Message that nobody reads",
    pt="Mensagem que ninguém lê",
)
def event_never_consumed(system: System) -> Iterator[Finding]:
    """Yield, for each broker with known consumers, the topics that are published to and that no operation reads."""
    consumed = {operation.trigger.name for operation in system.operations if operation.trigger.kind == "message"}
    brokers = {topic.name: topic.broker for topic in system.topics}
    with_consumers = {brokers[name] for name in consumed if name in brokers}
    found: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        topic = site.step.topic if isinstance(site.step, Publish) and site.step.certainty is not Certainty.ASSUMED else None
        if topic is not None and topic not in consumed and brokers[topic] in with_consumers:
            found.setdefault(brokers[topic], []).append(site)
    for broker in sorted(found):
        yield _finding(broker, found[broker])


def _finding(broker: str, sites: list[CallSite]) -> Finding:
    topics = distinct(site.step.topic for site in sites if isinstance(site.step, Publish))
    senders = tuple(sorted({site.caller for site in sites}))
    return Finding(
        rule="event-never-consumed",
        severity=Severity.LOW,
        subject=f"{broker} unread",
        components=(*senders, broker),
        links=tuple(sorted({site.link for site in sites})),
        title=Text(
            f"{counted(len(topics), 'message', 'messages')} of {listed(senders, 'en', most=3)} that nobody reads: "
            f"{listed(topics, 'en', most=3)}",
            f"{counted(len(topics), 'mensagem', 'mensagens')} de {listed(senders, 'pt', most=3)} que ninguém lê: "
            f"{listed(topics, 'pt', most=3)}",
        ),
        why=Text(
            "Consumers of other messages were found, of these none. Either a consumer is missing or listens to another name, or the "
            "message is a promise that is kept alive for nobody: its format cannot change, and nobody knows whether it is right.",
            "Foram encontrados consumidores de outras mensagens, destas nenhum. Ou falta um consumidor, ou ele escuta outro nome, ou a "
            "mensagem é uma promessa mantida para ninguém: seu formato não pode mudar, e ninguém sabe se está certa.",
        ),
        evidence=places_apart(site.step for site in sites),
        confidence=0.6,
    )

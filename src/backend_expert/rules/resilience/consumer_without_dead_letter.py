"""Consumers that one bad message can stop."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Link, Operation, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import figure, listed


@rule(
    "consumer-without-dead-letter",
    code="BE-RES-023",
    family="resilience",
    severity=Severity.MEDIUM,
    en="Consumer without a dead letter",
    pt="Consumidor sem dead letter",
)
def consumer_without_dead_letter(system: System) -> Iterator[Finding]:
    """Yield, for each component and broker, the subscriptions known to have no dead letter, where a message can fail at all."""
    brokers = {topic.name: topic.broker for topic in system.topics}
    found: dict[Link, list[Operation]] = {}
    for operation in system.operations:
        trigger = operation.trigger
        if trigger.kind == "message" and trigger.dead_letter is False and trigger.acknowledge != "auto":
            found.setdefault(Link(operation.component, brokers.get(trigger.name, "")), []).append(operation)
    for link in sorted(found):
        yield _finding(link, found[link])


def _effect(operation: Operation) -> Text:
    """Say what becomes of a message that cannot be handled."""
    trigger = operation.trigger
    if trigger.maximum_deliveries is not None:
        return Text(
            f"A message that fails {trigger.maximum_deliveries} times is dropped: what it asked for never happens, and there is "
            f"nothing left to look at or to send again.",
            f"Uma mensagem que falha {trigger.maximum_deliveries} vezes é descartada: o que ela pedia nunca acontece, e não sobra "
            f"nada para olhar ou mandar de novo.",
        )
    if trigger.acknowledge == "before":
        return Text(
            "A message whose handling fails is gone, because it was acknowledged before, and there is nothing left to look at.",
            "Uma mensagem cujo tratamento falha some, porque foi confirmada antes, e não sobra nada para olhar.",
        )
    slots = Text("a few such messages", "algumas mensagens dessas")
    if trigger.concurrency is not None:
        en, pt = figure(trigger.concurrency.value, "en"), figure(trigger.concurrency.value, "pt")
        slots = Text(
            f"{en} such messages (one for each of its {en} places)", f"{pt} mensagens dessas (uma para cada um dos {pt} lugares)"
        )
    return Text(
        f"A message that can never be handled comes back for ever: {slots.en} are enough to stop everything behind them.",
        f"Uma mensagem que nunca pode ser tratada volta para sempre: {slots.pt} bastam para parar tudo o que vem atrás.",
    )


def _finding(link: Link, operations: list[Operation]) -> Finding:
    names = [operation.name for operation in operations]
    return Finding(
        rule="consumer-without-dead-letter",
        severity=Severity.MEDIUM,
        subject=str(link),
        components=tuple(name for name in (link.caller, link.callee) if name),
        links=(link,) if link.callee else (),
        title=Text(
            f"{listed(names, 'en', most=3)} {'has' if len(names) == 1 else 'have'} no dead letter",
            f"{listed(names, 'pt', most=3)} {'não tem' if len(names) == 1 else 'não têm'} dead letter",
        ),
        why=_effect(operations[0]),
        evidence=distinct(place for operation in operations for place in operation.evidence[:1]),
        confidence=0.95,
    )

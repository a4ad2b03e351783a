"""A store and a broker written one after the other, with nothing that makes the two one."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import (
    Certainty,
    Finding,
    Link,
    Operation,
    Publish,
    Query,
    Severity,
    System,
    Text,
    Transaction,
    walk,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import best_effort, common_places, in_order, together, writes
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


class Pair(Struct, frozen=True):
    """A write and a publish of one run, in the order of the program."""

    operation: Operation
    write: Query
    publish: Publish
    inside: bool


@rule(
    "dual-write",
    code="BE-CON-001",
    family="consistency",
    severity=Severity.HIGH,
    en="Store and broker written separately",
    pt="Banco e broker gravados separadamente",
)
def dual_write(system: System) -> Iterator[Finding]:
    """Yield, for each component and broker, the operations that change a store and publish without an outbox."""
    found: dict[Link, list[Pair]] = {}
    brokers = {topic.name: topic.broker for topic in system.topics}
    for operation in system.operations:
        for pair in _pairs(operation):
            found.setdefault(Link(operation.component, brokers.get(pair.publish.topic, "")), []).append(pair)
    for link in sorted(found):
        yield _finding(system, link, found[link])


def _pairs(operation: Operation) -> Iterator[Pair]:
    """Yield the first write for each publish, unless an outbox or a redelivery makes up for the gap."""
    redelivered = operation.trigger.kind == "message" and operation.trigger.acknowledge == "after"
    steps = [(step, choice) for step, choice in in_order(operation.steps) if step.certainty is not Certainty.ASSUMED]
    changes = [(step, choice) for step, choice in steps if isinstance(step, Query) and writes(step)]
    if redelivered or any("outbox" in step.dataset.lower() for step, _ in changes):
        return
    in_transaction = {
        id(inner) for step, _ in steps if isinstance(step, Transaction) for inner in walk(step.steps) if isinstance(inner, Publish)
    }
    background = best_effort(operation)
    for publish, choice in steps:
        if isinstance(publish, Publish) and id(publish) not in background:
            write = next((step for step, other in changes if together(choice, other)), None)
            if write is not None:
                yield Pair(operation, write, publish, id(publish) in in_transaction)


def _finding(system: System, link: Link, pairs: list[Pair]) -> Finding:
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    first = pairs[0]
    operations = tuple(dict.fromkeys(pair.operation.name for pair in pairs))
    touched = tuple(sorted({stores.get(pair.write.dataset, "") for pair in pairs} - {"", link.callee})) or (link.callee,)
    written, sent = first.write.dataset, first.publish.topic
    if all(pair.inside for pair in pairs):
        gap = Text(
            f"`{sent}` is published before the transaction on `{written}` commits: when the commit fails, consumers act on "
            f"something that never happened.",
            f"`{sent}` é publicado antes do commit da transação em `{written}`: se o commit falha, os consumidores agem sobre "
            f"algo que nunca aconteceu.",
        )
    else:
        gap = Text(
            f"Between the write to `{written}` and the publish to `{sent}` lies a gap in which a crash, a deploy or a broker that "
            f"is away leaves one without the other, and nothing notices.",
            f"Entre a gravação em `{written}` e a publicação em `{sent}` existe um intervalo em que uma queda, um deploy ou um "
            f"broker fora do ar deixa um sem o outro, e nada percebe.",
        )
    return Finding(
        rule="dual-write",
        severity=Severity.HIGH,
        subject=str(link),
        components=distinct((link.caller, *touched, link.callee)),
        links=distinct((*(Link(link.caller, store) for store in touched), link)),
        title=Text(
            f"`{link.caller}` writes {listed(touched, 'en')} and publishes to `{link.callee}` without an outbox",
            f"`{link.caller}` grava em {listed(touched, 'pt')} e publica no `{link.callee}` sem outbox",
        ),
        why=Text(
            f"{gap.en} It concerns {listed(operations, 'en', most=5)}.",
            f"{gap.pt} Isso vale para {listed(operations, 'pt', most=5)}.",
        ),
        evidence=distinct(place for pair in pairs for place in common_places((pair.write, pair.publish))),
        confidence=0.9,
    )

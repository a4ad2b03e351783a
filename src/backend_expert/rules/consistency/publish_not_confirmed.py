"""Messages that are sent without knowing whether the broker has and keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Link, Operation, Publish, Severity, System, Text, Topic, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import places_apart, writes
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


@rule(
    "publish-not-confirmed",
    code="BE-CON-035",
    family="consistency",
    severity=Severity.HIGH,
    en="Publish without confirmation or persistence",
    pt="Publicação sem confirmação ou sem persistência",
)
def publish_not_confirmed(system: System) -> Iterator[Finding]:
    """Yield, for each component and broker, the publishes that are known to be unconfirmed, transient, or to a transient topic."""
    topics = {topic.name: topic for topic in system.topics}
    found: dict[Link, list[tuple[Operation, Publish]]] = {}
    for operation in system.operations:
        for step in walk(operation.steps):
            if isinstance(step, Publish) and step.topic in topics and _gaps(step, topics[step.topic]):
                found.setdefault(Link(operation.component, topics[step.topic].broker), []).append((operation, step))
    for link in sorted(found):
        yield _finding(link, found[link], topics)


def _gaps(step: Publish, topic: Topic) -> tuple[Text, ...]:
    """Return what is known to be missing between the sender and a message that survives."""
    gaps = []
    if step.confirmed is False:
        gaps.append(Text("the broker does not confirm that it took it", "o broker não confirma que recebeu"))
    if step.persistent is False:
        gaps.append(Text("it is not marked persistent", "ela não é marcada como persistente"))
    if topic.durable is False:
        gaps.append(Text("its queue is not durable", "a fila dela não é durável"))
    return tuple(gaps)


def _finding(link: Link, sent: list[tuple[Operation, Publish]], topics: dict[str, Topic]) -> Finding:
    gaps = tuple(dict.fromkeys(gap for _, step in sent for gap in _gaps(step, topics[step.topic])))
    names = tuple(dict.fromkeys(step.topic for _, step in sent))
    matters = any(writes(step) for operation, _ in sent for step in walk(operation.steps))
    unknown = any(step.confirmed is False for _, step in sent)
    en, pt = "; ".join(gap.en for gap in gaps), "; ".join(gap.pt for gap in gaps)
    lost = Text(
        "a restart of the broker empties the queue of everything that was waiting",
        "um reinício do broker esvazia a fila de tudo o que estava esperando",
    )
    if unknown:
        lost = Text(
            "a broker that blocks, restarts or has no such queue drops the message, and the sender goes on as if it had been sent",
            "um broker que bloqueia, reinicia ou não tem essa fila descarta a mensagem, e quem enviou segue como se tivesse "
            "enviado",
        )
    return Finding(
        rule="publish-not-confirmed",
        severity=Severity.HIGH if matters else Severity.MEDIUM,
        subject=str(link),
        components=(link.caller, link.callee),
        links=(link,),
        title=Text(
            f"`{link.caller}` publishes {listed(names, 'en', most=3)} without knowing that it arrived"
            if unknown
            else f"Messages of `{link.caller}` do not survive a restart of `{link.callee}`",
            f"`{link.caller}` publica {listed(names, 'pt', most=3)} sem saber se chegou"
            if unknown
            else f"Mensagens de `{link.caller}` não sobrevivem a um reinício do `{link.callee}`",
        ),
        why=Text(
            f"Of a message to {listed(names, 'en', most=3)} it is known that {en}. So {lost.en}.",
            f"De uma mensagem para {listed(names, 'pt', most=3)} sabe-se que {pt}. Assim, {lost.pt}.",
        ),
        evidence=distinct((*(step.evidence[0] for _, step in sent if step.evidence), *places_apart(step for _, step in sent))),
        confidence=0.95,
    )

"""Messages that are sent without knowing whether the broker has and keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, CallSite, Finding, Publish, Severity, System, Text, Topic, call_sites, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import by_cause, effects_behind, places_apart, writes
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
    """Yield, for each broker, the publishes that are known to be unconfirmed, transient, or to a transient topic."""
    topics = {topic.name: topic for topic in system.topics}
    unsure = [site for site in call_sites(system) if isinstance(site.step, Publish) and _gaps(site.step, topics[site.step.topic])]
    for sites in by_cause(unsure):
        yield _finding(system, sites)


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


def _finding(system: System, sites: tuple[CallSite, ...]) -> Finding:
    topics = {topic.name: topic for topic in system.topics}
    sent = [site.step for site in sites if isinstance(site.step, Publish)]
    callers, broker = tuple(sorted({site.caller for site in sites})), sites[0].callee
    gaps = tuple(dict.fromkeys(gap for step in sent for gap in _gaps(step, topics[step.topic])))
    names = tuple(dict.fromkeys(step.topic for step in sent))
    others = [step for name in {site.operation for site in sites} for step in walk(system.operation(name).steps)]
    matters = any(writes(step) or (isinstance(step, Call) and effects_behind(system, step.operation)) for step in others)
    unknown = any(step.confirmed is False for step in sent)
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
    who_en, who_pt = listed(callers, "en", most=4), listed(callers, "pt", most=4)
    if unknown:
        title = Text(
            f"{who_en} {'publishes' if len(callers) == 1 else 'publish'} {listed(names, 'en', most=3)} without knowing that it arrived",
            f"{who_pt} {'publica' if len(callers) == 1 else 'publicam'} {listed(names, 'pt', most=3)} sem saber se chegou",
        )
    else:
        title = Text(
            f"Messages of {who_en} do not survive a restart of `{broker}`",
            f"Mensagens de {who_pt} não sobrevivem a um reinício do `{broker}`",
        )
    return Finding(
        rule="publish-not-confirmed",
        severity=Severity.HIGH if matters else Severity.MEDIUM,
        subject=f"{', '.join(callers)} → {broker}",
        components=(*callers, broker),
        links=tuple(sorted({site.link for site in sites})),
        title=title,
        why=Text(
            f"Of a message to {listed(names, 'en', most=3)} it is known that {en}. So {lost.en}.",
            f"De uma mensagem para {listed(names, 'pt', most=3)} sabe-se que {pt}. Assim, {lost.pt}.",
        ),
        evidence=distinct((*(step.evidence[0] for step in sent if step.evidence), *places_apart(sent))),
        confidence=0.95,
    )

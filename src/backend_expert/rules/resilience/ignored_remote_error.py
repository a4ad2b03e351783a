"""Errors of writes and messages that are caught, and answered as a success."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Action, CallSite, Finding, Kind, Publish, Query, Severity, System, Text, walk
from backend_expert.model.graph import callee
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import best_effort, by_cause, places_apart
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


@rule(
    "ignored-remote-error",
    code="BE-RES-039",
    family="resilience",
    severity=Severity.HIGH,
    en="Failed write or message answered as a success",
    pt="Falha de gravação ou mensagem respondida como sucesso",
)
def ignored_remote_error(system: System) -> Iterator[Finding]:
    """Yield, for each store or broker, the writes and messages whose error is caught and goes no further; one for a shared helper.

    A cache that cannot be written is a miss later on, so its errors may be swallowed.
    """
    for sites in by_cause(_swallowed(system)):
        yield _finding(sites)


def _swallowed(system: System) -> Iterator[CallSite]:
    kinds = {component.name: component.kind for component in system.components}
    for operation in system.operations:
        background = best_effort(operation)
        for step in walk(operation.steps):
            if isinstance(step, Publish | Query) and step.policy.optional and id(step) not in background:
                peer = callee(system, step)
                changes = isinstance(step, Publish) or (step.action is not Action.READ and kinds.get(peer) is not Kind.CACHE)
                if changes and peer != operation.component:
                    yield CallSite(operation.component, peer, operation.name, step)


def _finding(sites: tuple[CallSite, ...]) -> Finding:
    callers = tuple(sorted({site.caller for site in sites}))
    peer = sites[0].callee
    operations = distinct(site.operation for site in sites)
    targets = distinct(site.step.topic if isinstance(site.step, Publish) else getattr(site.step, "dataset", "") for site in sites)
    message = any(isinstance(site.step, Publish) for site in sites)
    what = Text("the message", "a mensagem") if message else Text("the write", "a gravação")
    return Finding(
        rule="ignored-remote-error",
        severity=Severity.HIGH if message else Severity.MEDIUM,
        subject=f"{', '.join(callers)} → {peer}",
        components=(*callers, peer),
        links=tuple(sorted({site.link for site in sites})),
        title=Text(
            f"{listed(callers, 'en', most=4)} {'goes' if len(callers) == 1 else 'go'} on as if nothing had happened when `{peer}` "
            f"refuses {what.en}",
            f"{listed(callers, 'pt', most=4)} {'segue' if len(callers) == 1 else 'seguem'} como se nada tivesse acontecido quando "
            f"`{peer}` recusa {what.pt}",
        ),
        why=Text(
            f"The error of {what.en} to {listed(targets, 'en', most=4)} is caught and at most logged; "
            f"{listed(operations, 'en', most=5)} then {'answers' if len(operations) == 1 else 'answer'} with success. While "
            f"`{peer}` is away everything is lost that should have gone there, and neither the caller nor a retry learns of it.",
            f"O erro de {what.pt} em {listed(targets, 'pt', most=4)} é capturado e no máximo vai para o log; "
            f"{listed(operations, 'pt', most=5)} então {'responde' if len(operations) == 1 else 'respondem'} com sucesso. Enquanto "
            f"`{peer}` está fora, perde-se tudo o que devia ir para lá, e nem quem chamou nem um retry fica sabendo.",
        ),
        evidence=distinct(
            (*(place for site in sites for place in site.step.policy.evidence[:1]), *places_apart(site.step for site in sites))
        ),
        confidence=0.85,
    )

"""Errors of writes and messages that are caught, and answered as a success."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Action, CallSite, Finding, Kind, Publish, Query, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import common_places
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
    """Yield, for each component and store or broker, the writes and messages whose error is caught and goes no further."""
    found: dict[tuple[str, str], list[CallSite]] = {}
    for site in call_sites(system):
        changes = isinstance(site.step, Publish) or (isinstance(site.step, Query) and site.step.action is not Action.READ)
        if changes and site.step.policy.optional:
            found.setdefault((site.caller, site.callee), []).append(site)
    for _, sites in sorted(found.items()):
        yield _finding(system, sites)


def _finding(system: System, sites: list[CallSite]) -> Finding:
    link = sites[0].link
    operations = distinct(site.operation for site in sites)
    targets = distinct(site.step.topic if isinstance(site.step, Publish) else getattr(site.step, "dataset", "") for site in sites)
    message = system.component(link.callee).kind is Kind.BROKER or any(isinstance(site.step, Publish) for site in sites)
    what = Text("the message", "a mensagem") if message else Text("the write", "a gravação")
    return Finding(
        rule="ignored-remote-error",
        severity=Severity.HIGH if message else Severity.MEDIUM,
        subject=str(link),
        components=(link.caller, link.callee),
        links=(link,),
        title=Text(
            f"`{link.caller}` goes on as if nothing had happened when `{link.callee}` refuses {what.en}",
            f"`{link.caller}` segue como se nada tivesse acontecido quando `{link.callee}` recusa {what.pt}",
        ),
        why=Text(
            f"The error of {what.en} to {listed(targets, 'en', most=4)} is caught and at most logged; "
            f"{listed(operations, 'en', most=5)} then {'answers' if len(operations) == 1 else 'answer'} with success. While "
            f"`{link.callee}` is away everything is lost that should have gone there, and neither the caller nor a retry learns of it.",
            f"O erro de {what.pt} em {listed(targets, 'pt', most=4)} é capturado e no máximo vai para o log; "
            f"{listed(operations, 'pt', most=5)} então {'responde' if len(operations) == 1 else 'respondem'} com sucesso. Enquanto "
            f"`{link.callee}` está fora, perde-se tudo o que devia ir para lá, e nem quem chamou nem um retry fica sabendo.",
        ),
        evidence=distinct(place for site in sites for place in (*site.step.policy.evidence[:1], *common_places((site.step,)))),
        confidence=0.85,
    )

"""Third parties that a user waits for."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, CallSite, Certainty, Finding, Kind, Link, Mechanism, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import policy_places
from backend_expert.rules.paths import distinct, on_request_path
from backend_expert.rules.wording import listed


@rule(
    "external-in-request-path",
    code="BE-STR-010",
    family="structure",
    severity=Severity.MEDIUM,
    en="Third party in the request path",
    pt="Terceiro no caminho da requisição",
)
def external_in_request_path(system: System) -> Iterator[Finding]:
    """Yield each third party that requests wait for without both a timeout and a breaker, and without being optional."""
    kinds = {component.name: component.kind for component in system.components}
    background = {operation.name for operation in system.operations if operation.trigger.kind in {"message", "schedule", "start"}}
    needed = on_request_path(system)
    found: dict[Link, list[CallSite]] = {}
    for site in call_sites(system):
        policy = site.step.policy
        protected = policy.timeout_ms is not None and (policy.breaker is not None or policy.optional is True)
        if (
            not isinstance(site.step, Call)
            or site.step.certainty is Certainty.ASSUMED
            or protected
            or site.step.address == "request"
        ):
            continue
        if kinds.get(site.callee) is Kind.EXTERNAL and site.caller in needed and site.operation not in background:
            found.setdefault(site.link, []).append(site)
    for link in sorted(found):
        yield _finding(system, link, found[link])


def _finding(system: System, link: Link, sites: list[CallSite]) -> Finding:
    operations = tuple(dict.fromkeys(site.operation for site in sites))
    bare = any(site.step.policy.lacks(Mechanism.TIMEOUT) for site in sites)
    no_breaker = all(site.step.policy.lacks(Mechanism.BREAKER) for site in sites)
    read = all(system.operation(site.operation).certainty is not Certainty.ASSUMED for site in sites)
    known = Text("", "")
    if bare and no_breaker:
        known = Text(
            " The call has no timeout and no breaker, so its bad hour becomes yours.",
            " A chamada não tem timeout nem breaker, então a hora ruim dele vira a sua.",
        )
    elif bare:
        known = Text(
            " The call has no timeout, so its bad hour becomes yours.",
            " A chamada não tem timeout, então a hora ruim dele vira a sua.",
        )
    elif no_breaker:
        known = Text(
            " There is no breaker, so every request pays the full timeout while it is down.",
            " Não há breaker, então cada requisição paga o timeout inteiro enquanto ele estiver fora.",
        )
    return Finding(
        rule="external-in-request-path",
        severity=Severity.HIGH if bare else Severity.MEDIUM,
        subject=str(link),
        components=(link.caller, link.callee),
        links=(link,),
        title=Text(
            f"Requests of `{link.caller}` wait for `{link.callee}`, which somebody else runs",
            f"Requisições de `{link.caller}` esperam `{link.callee}`, que é operado por terceiros",
        ),
        why=Text(
            f"{listed(operations, 'en', most=4)} cannot be better than `{link.callee}`: at 99.9 % that alone is 8.8 h a year "
            f"(0.001 × 8,760 h), at hours that you do not choose and with nobody to page.{known.en}",
            f"Nada em {listed(operations, 'pt', most=4)} pode ser melhor que `{link.callee}`: a 99,9 %, só isso são 8,8 h por ano "
            f"(0,001 × 8.760 h), em horas que você não escolhe e sem ninguém para chamar.{known.pt}",
        ),
        evidence=distinct(place for site in sites for place in policy_places(site.step)),
        confidence=0.85 if read else 0.6,
    )

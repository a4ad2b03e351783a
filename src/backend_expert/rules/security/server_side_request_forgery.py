"""Outbound calls to an address that the sender of the request chooses."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, CallSite, Finding, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


@rule(
    "server-side-request-forgery",
    code="BE-SEC-010",
    family="security",
    severity=Severity.HIGH,
    en="Address of a call taken from the request",
    pt="Endereço de uma chamada vindo da requisição",
)
def server_side_request_forgery(system: System) -> Iterator[Finding]:
    """Yield, for each component, the calls whose host comes from the body, the path or the query of a request."""
    found: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        if isinstance(site.step, Call) and site.step.address == "request":
            found.setdefault(site.caller, []).append(site)
    for component in sorted(found):
        yield _finding(component, found[component])


def _finding(component: str, sites: list[CallSite]) -> Finding:
    operations = distinct(site.operation for site in sites)
    return Finding(
        rule="server-side-request-forgery",
        severity=Severity.HIGH,
        subject=f"{component} outbound address",
        components=(component,),
        links=tuple(sorted({site.link for site in sites})),
        title=Text(
            f"{listed(operations, 'en', most=3)} {'calls' if len(operations) == 1 else 'call'} an address that the request names",
            f"{listed(operations, 'pt', most=3)} {'chama' if len(operations) == 1 else 'chamam'} um endereço que vem na requisição",
        ),
        why=Text(
            f"Whoever sends the request lets `{component}` call from inside the network: other services that trust it, admin ports, "
            f"the metadata service of the cloud with its credentials (169.254.169.254). Checking the text of the URL is not enough, "
            f"for names can resolve to inner addresses and answers can redirect.",
            f"Quem envia a requisição faz `{component}` chamar por dentro da rede: outros serviços que confiam nele, portas de "
            f"administração, o serviço de metadados da nuvem com suas credenciais (169.254.169.254). Conferir o texto da URL não "
            f"basta, porque nomes podem resolver para endereços internos e respostas podem redirecionar.",
        ),
        evidence=distinct(place for site in sites for place in places(site.step)),
        confidence=0.8,
    )

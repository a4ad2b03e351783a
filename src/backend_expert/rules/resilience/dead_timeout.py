"""Timeouts that are built and never given to the call."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CallSite, Finding, Mechanism, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import policy_places
from backend_expert.rules.paths import distinct, on_request_path
from backend_expert.rules.wording import listed


@rule(
    "dead-timeout",
    code="BE-RES-002",
    family="resilience",
    severity=Severity.HIGH,
    en="Timeout that is built and never used",
    pt="Timeout criado e nunca usado",
)
def dead_timeout(system: System) -> Iterator[Finding]:
    """Yield, for each caller, the calls beside which a timeout or a deadline is made that they are never given."""
    found: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        unused = {Mechanism.TIMEOUT, Mechanism.DEADLINE} & set(site.step.policy.unused)
        if site.synchronous and unused and site.step.policy.timeout_ms is None:
            found.setdefault(site.caller, []).append(site)
    for caller in sorted(found):
        yield _finding(system, caller, found[caller])


def _finding(system: System, caller: str, sites: list[CallSite]) -> Finding:
    links = tuple(sorted({site.link for site in sites}))
    callees = [link.callee for link in links]
    operations = distinct(site.operation for site in sites)
    return Finding(
        rule="dead-timeout",
        severity=Severity.HIGH if caller in on_request_path(system) else Severity.MEDIUM,
        subject=str(links[0]) if len(links) == 1 else f"{caller} calls",
        components=(caller, *callees),
        links=links,
        title=Text(
            f"`{caller}` builds a timeout for {listed(callees, 'en', most=3)} and does not pass it on",
            f"`{caller}` cria um timeout para {listed(callees, 'pt', most=3)} e não o repassa",
        ),
        why=Text(
            f"The code reads as if {listed(operations, 'en', most=3)} were protected, so nobody looks again; the call runs without "
            f"a limit, and the limit runs out without a call. It is found in the hour in which {listed(callees, 'en', most=3)} "
            f"{'hangs' if len(callees) == 1 else 'hang'}.",
            f"O código dá a entender que {listed(operations, 'pt', most=3)} está protegido, então ninguém olha de novo; a chamada "
            f"roda sem limite, e o limite se esgota sem chamada. Descobre-se isso na hora em que {listed(callees, 'pt', most=3)} "
            f"{'trava' if len(callees) == 1 else 'travam'}.",
        ),
        evidence=distinct(place for site in sites for place in policy_places(site.step)),
        confidence=0.9,
    )

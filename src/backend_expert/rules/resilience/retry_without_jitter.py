"""Retries that all callers make at the same moment."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CallSite, Finding, Link, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import policy_places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import duration, listed


@rule(
    "retry-without-jitter",
    code="BE-RES-005",
    family="resilience",
    severity=Severity.LOW,
    en="Retry without jitter",
    pt="Retry sem jitter",
)
def retry_without_jitter(system: System) -> Iterator[Finding]:
    """Yield one finding for all calls whose pauses between attempts are stated and fixed."""
    found: dict[Link, CallSite] = {}
    for site in call_sites(system):
        retry = site.step.policy.retry
        if retry is not None and retry.attempts.value > 1 and retry.backoff_ms is not None and retry.jitter == "none":
            found.setdefault(site.link, site)
    if found:
        yield _finding([found[link] for link in sorted(found)])


def _finding(sites: list[CallSite]) -> Finding:
    links = [str(site.link) for site in sites]
    pause = next((site.step.policy.retry.backoff_ms for site in sites if site.step.policy.retry is not None), None)
    milliseconds = 0.0 if pause is None else pause.value
    return Finding(
        rule="retry-without-jitter",
        severity=Severity.LOW,
        subject=links[0] if len(links) == 1 else "retries with fixed pauses",
        components=tuple(dict.fromkeys((*(site.caller for site in sites), *(site.callee for site in sites)))),
        links=tuple(site.link for site in sites),
        title=Text(
            f"{listed(links, 'en', most=3)} {'retries' if len(links) == 1 else 'retry'} after fixed pauses",
            f"{listed(links, 'pt', most=3)} {'repete' if len(links) == 1 else 'repetem'} depois de pausas fixas",
        ),
        why=Text(
            f"Everyone who failed together comes back together: after a hiccup all retries of `{sites[0].caller}` arrive "
            f"{duration(milliseconds, 'en')} later as one wave, and the next one as another, which can fail like the first. "
            f"Random pauses spread the same retries over the whole interval.",
            f"Quem falhou junto volta junto: depois de um soluço, todos os retries de `{sites[0].caller}` chegam "
            f"{duration(milliseconds, 'pt')} mais tarde numa onda só, e a seguinte em outra, que pode falhar como a primeira. "
            f"Pausas aleatórias espalham os mesmos retries pelo intervalo inteiro.",
        ),
        evidence=distinct(place for site in sites for place in policy_places(site.step)),
        confidence=0.8,
    )

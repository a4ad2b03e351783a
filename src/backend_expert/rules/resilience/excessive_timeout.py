"""Timeouts longer than anybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, CallSite, Certainty, Finding, Kind, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import policy_places
from backend_expert.rules.paths import distinct, on_request_path
from backend_expert.rules.wording import duration, figure, listed

PATIENCE_MS = 30_000.0
"""From here on the caller's caller has most likely gone: AWS API Gateway gives up after 29 s (its quotas), Heroku after 30 s (H12),
users after 10 s (Nielsen, Response Times)."""


@rule(
    "excessive-timeout",
    code="BE-RES-038",
    family="resilience",
    severity=Severity.MEDIUM,
    en="Timeout longer than anybody waits",
    pt="Timeout mais longo do que alguém espera",
)
def excessive_timeout(system: System) -> Iterator[Finding]:
    """Yield, for each caller, the calls of requests that may wait for half a minute or more."""
    background = {operation.name for operation in system.operations if operation.trigger.kind in {"message", "schedule", "start"}}
    # A proxy waits for whatever stands behind it, so its limit is only the last resort.
    services = {component.name for component in system.components if component.kind is not Kind.GATEWAY} & on_request_path(system)
    found: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        timeout = site.step.policy.timeout_ms
        waited_for = isinstance(site.step, Call) and site.operation not in background and site.caller in services
        if waited_for and timeout is not None and not timeout.assumed and timeout.value >= PATIENCE_MS:
            found.setdefault(site.caller, []).append(site)
    for caller in sorted(found):
        yield _finding(system, caller, found[caller])


def _finding(system: System, caller: str, sites: list[CallSite]) -> Finding:
    links = tuple(sorted({site.link for site in sites}))
    callees = [link.callee for link in links]
    longest = max(_worst_ms(site) for site in sites)
    in_a_row: dict[str, float] = {}
    for site in sites:
        if system.operation(site.operation).certainty is Certainty.ASSUMED:  # no handler was read: the calls may be those of many
            in_a_row[site.operation] = max(in_a_row.get(site.operation, 0.0), _worst_ms(site))
        else:
            in_a_row[site.operation] = in_a_row.get(site.operation, 0.0) + _worst_ms(site)
    name, worst = max(in_a_row.items(), key=lambda each: (each[1], each[0]))
    number = sum(1 for site in sites if site.operation == name) if worst > longest else 1
    return Finding(
        rule="excessive-timeout",
        severity=Severity.MEDIUM,
        subject=str(links[0]) if len(links) == 1 else f"{caller} calls",
        components=(caller, *callees),
        links=links,
        title=Text(
            f"`{caller}` waits up to {duration(longest, 'en')} for {listed(callees, 'en', most=3)}",
            f"`{caller}` espera até {duration(longest, 'pt')} por {listed(callees, 'pt', most=3)}",
        ),
        why=Text(
            f"`{name}` may hold its place for {duration(worst, 'en')}{f' ({number} calls in a row)' if number > 1 else ''}. Whoever "
            f"asked has gone long before: users wait about 10 s, most gateways 30 s. By Little's law a place that is held for "
            f"{duration(longest, 'en')} instead of 1 s needs {figure(longest / 1000, 'en')} times as many of them while the callee "
            f"hangs.",
            f"`{name}` pode segurar seu lugar por {duration(worst, 'pt')}{f' ({number} chamadas em fila)' if number > 1 else ''}. "
            f"Quem pediu já foi embora muito antes: usuários esperam uns 10 s, a maioria dos gateways 30 s. Pela lei de Little, um "
            f"lugar ocupado por {duration(longest, 'pt')} em vez de 1 s exige {figure(longest / 1000, 'pt')} vezes mais lugares "
            f"enquanto o serviço chamado trava.",
        ),
        evidence=distinct(place for site in sites for place in policy_places(site.step)),
        confidence=0.9,
    )


def _worst_ms(site: CallSite) -> float:
    """Return how long a call may take with all its attempts."""
    policy = site.step.policy
    timeout = policy.timeout_ms.value if policy.timeout_ms is not None else 0.0
    return timeout * (policy.retry.attempts.value if policy.retry is not None else 1.0)

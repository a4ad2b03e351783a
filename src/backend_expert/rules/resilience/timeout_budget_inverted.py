"""Callers that give up before what they wait for can have ended."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, CallSite, Finding, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import policy_places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import duration, figure


@rule(
    "timeout-budget-inverted",
    code="BE-RES-003",
    family="resilience",
    severity=Severity.MEDIUM,
    en="Inner timeouts longer than the outer one",
    pt="Timeouts internos maiores que o externo",
)
def timeout_budget_inverted(system: System) -> Iterator[Finding]:
    """Yield each call whose timeout is shorter than what one call behind it may take, and the longest such call."""
    behind: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        if site.synchronous and site.step.policy.timeout_ms is not None:
            behind.setdefault(site.operation, []).append(site)
    told: set[tuple[str, str, str]] = set()
    for outer in call_sites(system):
        timeout = outer.step.policy.timeout_ms
        if timeout is None or not isinstance(outer.step, Call) or not behind.get(outer.step.operation):
            continue
        inner = max(behind[outer.step.operation], key=longest_ms)
        names = (outer.caller, outer.callee, inner.callee)
        if longest_ms(inner) > timeout.value and names not in told:
            told.add(names)
            yield _finding(outer, inner)


def longest_ms(site: CallSite) -> float:
    """Return the longest that a call can take: all attempts to their timeouts, and the longest pauses between them."""
    policy = site.step.policy
    timeout = 0.0 if policy.timeout_ms is None else policy.timeout_ms.value
    if policy.retry is None:
        return timeout
    attempts = max(1, round(policy.retry.attempts.value))
    first = 0.0 if policy.retry.backoff_ms is None else policy.retry.backoff_ms.value
    cap = float("inf") if policy.retry.backoff_cap_ms is None else policy.retry.backoff_cap_ms.value
    return attempts * timeout + sum(min(cap, first * 2.0**retry) for retry in range(attempts - 1))


def _finding(outer: CallSite, inner: CallSite) -> Finding:
    policy = inner.step.policy
    given = 0.0 if outer.step.policy.timeout_ms is None else outer.step.policy.timeout_ms.value
    each = 0.0 if policy.timeout_ms is None else policy.timeout_ms.value
    attempts = 1 if policy.retry is None else max(1, round(policy.retry.attempts.value))
    longest = longest_ms(inner)
    pauses = longest - attempts * each
    sums = []
    for language in ("en", "pt"):
        text = f"{figure(attempts, language)} × {duration(each, language)}" if attempts > 1 else duration(each, language)
        sums.append(text + (f" + {duration(pauses, language)}" if pauses else ""))
    return Finding(
        rule="timeout-budget-inverted",
        severity=Severity.MEDIUM,
        subject=f"{outer.caller} → {outer.callee} → {inner.callee}",
        components=distinct((outer.callee, outer.caller, inner.callee)),
        links=distinct((outer.link, inner.link)),
        title=Text(
            f"`{outer.caller}` gives up after {duration(given, 'en')}, `{outer.callee}` waits for `{inner.callee}` up to "
            f"{duration(longest, 'en')}",
            f"`{outer.caller}` desiste em {duration(given, 'pt')}, `{outer.callee}` espera `{inner.callee}` por até "
            f"{duration(longest, 'pt')}",
        ),
        why=Text(
            f"`{outer.callee}` may work on for {duration(longest, 'en')} ({sums[0]}) for a caller that left after "
            f"{duration(given, 'en')}: up to {duration(longest - given, 'en')} of a worker for an answer that nobody reads, and "
            f"if the caller tries again, twice at the same time.",
            f"`{outer.callee}` pode seguir trabalhando por {duration(longest, 'pt')} ({sums[1]}) para quem foi embora em "
            f"{duration(given, 'pt')}: até {duration(longest - given, 'pt')} de um worker por uma resposta que ninguém lê, e, se "
            f"quem chamou tentar de novo, duas vezes ao mesmo tempo.",
        ),
        evidence=distinct((*policy_places(outer.step), *policy_places(inner.step))),
        confidence=0.95,
    )

"""Calls that are repeated although a repeat does it twice."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import (
    Action,
    Call,
    CallSite,
    Certainty,
    Finding,
    Kind,
    Link,
    Mechanism,
    Publish,
    Query,
    Severity,
    Step,
    System,
    Text,
    call_sites,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import effects_behind, methods, policy_places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import figure, listed

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""HTTP methods that may be repeated by definition (RFC 9110, section 9.2.2)."""

REPEATABLE = frozenset({Action.READ, Action.DELETE, Action.GUARDED_UPDATE})
"""What a statement may do twice with the result of once."""


@rule(
    "retry-of-non-idempotent-call",
    code="BE-RES-006",
    family="resilience",
    severity=Severity.HIGH,
    en="Retry of a call that is not idempotent",
    pt="Retry de uma chamada que não é idempotente",
)
def retry_of_non_idempotent_call(system: System) -> Iterator[Finding]:
    """Yield, for each link, the retried calls that are known to carry no key and that insert, publish or ask a third party."""
    found: dict[Link, list[tuple[CallSite, tuple[str, ...]]]] = {}
    for site in call_sites(system):
        policy = site.step.policy
        if policy.retry is None or policy.retry.attempts.value <= 1 or not policy.lacks(Mechanism.IDEMPOTENCY_KEY):
            continue
        doubled = _doubled(system, site)
        if doubled:
            found.setdefault(site.link, []).append((site, doubled))
    for link in sorted(found):
        yield _finding(link, found[link])


def _doubled(system: System, site: CallSite) -> tuple[str, ...]:
    """Return the datasets, topics and third parties on which a second attempt has its effect a second time."""
    if not isinstance(site.step, Call):
        return ()
    called = system.operation(site.step.operation)
    if methods(called) & IDEMPOTENT_METHODS:
        return ()
    if system.component(called.component).kind is Kind.EXTERNAL:
        return (called.component,)
    targets = (_target(system, step) for _, step in effects_behind(system, called.name) if step.certainty is not Certainty.ASSUMED)
    return tuple(dict.fromkeys(target for target in targets if target))


def _target(system: System, step: Step) -> str:
    """Return what a step changes anew each time, or nothing where a repeat is harmless."""
    match step:
        case Query():
            return "" if step.action in REPEATABLE else step.dataset
        case Publish():
            return step.topic
        case Call():
            called = system.operation(step.operation)
            return "" if methods(called) & IDEMPOTENT_METHODS else called.component
        case _:
            return ""


def _finding(link: Link, sites: list[tuple[CallSite, tuple[str, ...]]]) -> Finding:
    most = max(policy.attempts.value for site, _ in sites if (policy := site.step.policy.retry) is not None)
    called = tuple(dict.fromkeys(site.step.operation for site, _ in sites if isinstance(site.step, Call)))
    doubled = tuple(dict.fromkeys(target for _, targets in sites for target in targets))
    return Finding(
        rule="retry-of-non-idempotent-call",
        severity=Severity.HIGH,
        subject=str(link),
        components=(link.caller, link.callee),
        links=(link,),
        title=Text(
            f"A retry of `{link}` can do the same thing {figure(most, 'en')} times",
            f"Um retry de `{link}` pode fazer a mesma coisa {figure(most, 'pt')} vezes",
        ),
        why=Text(
            f"`{link.caller}` repeats {listed(called, 'en', most=3)} up to {figure(most, 'en')} times and sends no key to know a "
            f"repeat by. An attempt whose answer is lost or late has done its work: the next one does it again on "
            f"{listed(doubled, 'en', most=4)}.",
            f"`{link.caller}` repete {listed(called, 'pt', most=3)} até {figure(most, 'pt')} vezes e não manda nenhuma chave que "
            f"permita reconhecer a repetição. Uma tentativa cuja resposta se perdeu ou atrasou já fez o trabalho: a seguinte faz "
            f"de novo em {listed(doubled, 'pt', most=4)}.",
        ),
        evidence=distinct(place for site, _ in sites for place in policy_places(site.step)),
        confidence=0.85,
    )

"""Retry at one layer, with pauses that differ and a budget."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, step_ms, tidy
from backend_expert.advice.experiments import slow_callee
from backend_expert.advice.place import synchronous_sites, with_policies
from backend_expert.model import CallSite, Finding, Link, Mechanism, Policy, Retry, System

ATTEMPTS = 3
"""The most attempts of one request: the per-request limit in "Handling Overload", Site Reliability Engineering (O'Reilly 2016)."""

BUDGET = 0.1
"""The share of calls that may be retries: the per-client limit of the same chapter, which keeps the worst load at 1.1 times."""

SHORTEST_PAUSE_MS = 10.0
"""A pause under a scheduler's time slice separates nothing."""


@remedy(
    "retry-with-budget",
    en="Retry at one layer only, with jittered backoff and a retry budget",
    pt="Faça retry em uma única camada, com backoff, jitter e um orçamento de retries",
    addresses=("retry-multiplication", "retry-without-jitter", "timeout-budget-inverted"),
    considers=("resilience", "fault-tolerance"),
    effort="hours",
    experiment=slow_callee,
)
def retry_with_budget(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a budget is a share of any load
    """Return the system with retries kept only next to the callee that fails, and there jittered and within a budget.

    For a finding about one call and not a path (no jitter), every retry stays and gets jitter and a budget.
    """
    retried = tuple(site for site in synchronous_sites(system, finding) if _attempts(site) > 1)
    kept = _nearest_to_the_callee(finding, retried) if finding.rule != "retry-without-jitter" else frozenset(finding.links)

    def restrained(site: CallSite) -> Policy:
        policy = site.step.policy
        if policy.retry is None or site.link not in kept:
            return structs.replace(policy, retry=None, absent=tuple(dict.fromkeys((*policy.absent, Mechanism.RETRY))))
        pause = tidy(max(SHORTEST_PAUSE_MS, step_ms(system, site.step)))
        retry = Retry(
            attempts=chosen(min(ATTEMPTS, _attempts(site))),
            backoff_ms=policy.retry.backoff_ms or chosen(pause),
            backoff_cap_ms=policy.retry.backoff_cap_ms or chosen(10 * (policy.retry.backoff_ms or chosen(pause)).value),
            jitter="full",
            budget=policy.retry.budget or chosen(BUDGET),
        )
        return structs.replace(policy, retry=retry)

    return with_policies(system, retried, restrained)


def _attempts(site: CallSite) -> int:
    retry = site.step.policy.retry
    return 1 if retry is None else round(retry.attempts.value)


def _nearest_to_the_callee(finding: Finding, retried: tuple[CallSite, ...]) -> frozenset[Link]:
    """Return the last link of the finding's path that retries: it repeats the least work."""
    links = {site.link for site in retried}
    ordered = [link for link in finding.links if link in links] or sorted(links)
    return frozenset(ordered[-1:])

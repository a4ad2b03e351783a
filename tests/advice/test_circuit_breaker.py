"""A breaker comes with its timeout, and only where there are calls enough to judge by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.advice.resilience.circuit_breaker import circuit_breaker
from backend_expert.model import Breaker, Estimate, Mechanism, Policy, call_sites

if TYPE_CHECKING:
    from conftest import Builder, FindingOf


def test_a_breaker_brings_the_timeout_it_needs(two_callees: Builder, finding_of: FindingOf) -> None:
    changed = circuit_breaker(two_callees(), finding_of("call-without-timeout", "front>risky"), 3)
    risky, steady = (next(site.step.policy for site in call_sites(changed) if site.callee == name) for name in ("risky", "steady"))
    assert risky.breaker == Breaker(Estimate(0.5), Estimate(10), Estimate(10), Estimate(5), Estimate(1))
    assert risky.timeout_ms == Estimate(230)
    assert risky.absent == (Mechanism.RETRY,)
    assert steady == Policy()


def test_a_timeout_that_is_there_stays(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees(risky=Policy(timeout_ms=Estimate(700)))
    changed = circuit_breaker(before, finding_of("slow-dependency-without-breaker", "front>risky"), 3)
    assert next(site.step.policy.timeout_ms for site in call_sites(changed) if site.callee == "risky") == Estimate(700)


def test_calls_too_rare_to_judge_by_get_none(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees(rate=1.9)  # 0.95/s to `risky`: fewer than ten in ten seconds
    assert circuit_breaker(before, finding_of("call-without-timeout", "front>risky"), 3) is before


def test_a_call_that_has_a_breaker_is_left_alone(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees(risky=Policy(breaker=Breaker(Estimate(0.2))))
    assert circuit_breaker(before, finding_of("slow-dependency-without-breaker", "front>risky"), 3) is before


def test_statements_get_no_breaker(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store()
    assert circuit_breaker(before, finding_of("call-without-timeout", "shop>db"), 3) is before

"""Timeouts come from one budget, top down, and only where none is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from backend_expert.advice.budget import pauses_ms, timeouts_ms
from backend_expert.advice.resilience.timeout_budget import timeout_budget
from backend_expert.model import Estimate, Mechanism, Objective, Policy, Retry, System, call_sites, rewrite_system

if TYPE_CHECKING:
    from conftest import Builder, FindingOf


def timeout_of(system: System, callee: str) -> float | None:
    sites = [site for site in call_sites(system) if site.callee == callee]
    timeouts = {site.step.policy.timeout_ms for site in sites}
    assert len(timeouts) == 1
    timeout = timeouts.pop()
    return None if timeout is None else timeout.value


def test_a_call_gets_a_retransmission_above_the_mean_of_its_callee(two_callees: Builder, finding_of: FindingOf) -> None:
    changed = timeout_budget(two_callees(), finding_of("call-without-timeout", "front>risky"), 3)
    # 20 ms of work and 1 ms of network: 200 + 21, rounded up, is longer than ln(1000) x 21.
    assert timeout_of(changed, "risky") == 230
    site = next(site for site in call_sites(changed) if site.callee == "risky")
    assert not site.step.policy.lacks(Mechanism.TIMEOUT)
    assert site.step.policy.lacks(Mechanism.RETRY)


def test_nothing_else_changes(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees()
    changed = timeout_budget(before, finding_of("call-without-timeout", "front>risky"), 3)
    assert timeout_of(changed, "steady") is None
    assert structs.replace(changed, operations=before.operations) == before

    def undone(_: object, step: object) -> object:
        policy = getattr(step, "policy", None)
        return structs.replace(step, policy=Policy()) if policy is not None else step  # type: ignore[type-var]

    assert rewrite_system(changed, undone) == rewrite_system(before, undone)  # type: ignore[arg-type]


def test_the_objective_bounds_the_timeout(two_callees: Builder, finding_of: FindingOf) -> None:
    tight = structs.replace(two_callees(), objectives=(Objective(name="tight", latency_p99_ms=150),))
    changed = timeout_budget(tight, finding_of("call-without-timeout", "front>risky"), 3)
    assert timeout_of(changed, "risky") == 150


def test_all_attempts_share_the_budget(two_callees: Builder, finding_of: FindingOf) -> None:
    policy = Policy(retry=Retry(Estimate(2), backoff_ms=Estimate(50)))
    changed = timeout_budget(two_callees(risky=policy), finding_of("call-without-timeout", "front>risky"), 3)
    # Two attempts and one pause in 500 ms: (500 - 50) / 2.
    assert timeout_of(changed, "risky") == 225


def test_an_objective_out_of_reach_does_not_cut_good_answers(two_callees: Builder, finding_of: FindingOf) -> None:
    hopeless = structs.replace(two_callees(), objectives=(Objective(name="hopeless", latency_p99_ms=25),))
    changed = timeout_budget(hopeless, finding_of("call-without-timeout", "front>risky"), 3)
    assert timeout_of(changed, "risky") == 230


def test_a_call_that_has_a_timeout_keeps_it(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees(risky=Policy(timeout_ms=Estimate(9000)))
    assert timeout_budget(before, finding_of("call-without-timeout", "front>risky"), 3) is before


@pytest.mark.parametrize(("present", "expected"), [(9000, 230), (100, 100)])
def test_an_inverted_budget_shortens_what_is_too_long(
    two_callees: Builder, finding_of: FindingOf, present: float, expected: float
) -> None:
    before = two_callees(risky=Policy(timeout_ms=Estimate(present)))
    changed = timeout_budget(before, finding_of("timeout-budget-inverted", "front>risky"), 3)
    assert timeout_of(changed, "risky") == expected


def test_a_link_that_is_not_there_changes_nothing(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees()
    assert timeout_budget(before, finding_of("call-without-timeout", "front>nowhere"), 3) is before


def test_a_callee_gets_no_more_than_its_caller_was_given(with_store: Builder) -> None:
    limits = timeouts_ms(with_store(query_ms=100))
    # ln(1000) x 101 ms would be 700 ms; 500 ms are promised, and 1 ms is the service's own.
    assert set(limits.values()) == {499}


def test_pauses_double_up_to_the_cap() -> None:
    assert pauses_ms(Retry(Estimate(4), backoff_ms=Estimate(100), backoff_cap_ms=Estimate(250))) == 100 + 200 + 250
    assert pauses_ms(None) == 0

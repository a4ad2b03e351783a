"""Stop calling a dependency that does not answer, and look for it again after a pause."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.budget import timeouts_ms
from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen
from backend_expert.advice.experiments import silent_callee
from backend_expert.advice.place import component_of, replicas_of, synchronous_sites, with_policies
from backend_expert.model import Breaker, Call, CallSite, Finding, Mechanism, Policy, System
from backend_expert.model.demand import executions, rates_per_s

FAILURE_RATIO = 0.5
"""The default of resilience4j (failureRateThreshold) and opossum (errorThresholdPercentage)."""

WINDOW_S = 10.0
"""The default rolling window of opossum (rollingCountTimeout)."""

MINIMUM_CALLS = 10
"""Ten calls of which one in twenty fails as a matter of course are half failures with a probability of 6 in 100,000 (binomial)."""

OPEN_S = 5.0
"""The default of Polly's circuit breaker strategy (BreakDuration): a short pause, as probes are few and cheap."""

PROBES = 1
"""One call tells whether the dependency answers; a herd of them may knock it over again."""


@remedy(
    "circuit-breaker",
    en="Open a circuit breaker on the call, so that a dead dependency fails at once",
    pt="Abra um circuit breaker na chamada, para que uma dependência morta falhe na hora",
    addresses=(
        "call-without-timeout",
        "critical-path-on-optional-dependency",
        "external-in-request-path",
        "long-synchronous-chain",
        "slow-dependency-without-breaker",
    ),
    considers=("resilience", "fault-tolerance"),
    effort="days",
    experiment=silent_callee,
)
def circuit_breaker(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - it must act at the usual load too
    """Return the system with breakers on the finding's calls to services that have none.

    A breaker counts failures, and a call that never ends never fails: where the call has no timeout, the breaker brings one from
    the request's budget. Calls too rare to fill the window with enough samples get no breaker.
    """
    rates = rates_per_s(system)
    limits = timeouts_ms(system)
    often = {
        (operation.name, step.operation): rates[operation.name] * times
        for operation in system.operations
        for step, times in executions(operation.steps)
        if isinstance(step, Call)
    }

    def calls_in_window(site: CallSite) -> float:
        target = site.step.operation if isinstance(site.step, Call) else ""
        return WINDOW_S * often.get((site.operation, target), 0.0) / replicas_of(component_of(system, site.caller))

    def guarded(site: CallSite) -> Policy:
        policy = site.step.policy
        breaker = Breaker(chosen(FAILURE_RATIO), chosen(WINDOW_S), chosen(MINIMUM_CALLS), chosen(OPEN_S), chosen(PROBES))
        absent = tuple(each for each in policy.absent if each not in {Mechanism.BREAKER, Mechanism.TIMEOUT})
        return structs.replace(policy, timeout_ms=policy.timeout_ms or chosen(limits[site]), breaker=breaker, absent=absent)

    fitting = tuple(
        site
        for site in synchronous_sites(system, finding)
        if isinstance(site.step, Call)
        and site.step.policy.breaker is None
        and site in limits
        and calls_in_window(site) >= MINIMUM_CALLS
    )
    return with_policies(system, fitting, guarded)

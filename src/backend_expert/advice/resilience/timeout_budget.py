"""Give every call a timeout out of one budget for the whole request."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.budget import timeouts_ms
from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen
from backend_expert.advice.experiments import silent_callee
from backend_expert.advice.place import synchronous_sites, with_policies
from backend_expert.model import CallSite, Finding, Mechanism, Policy, System

TOO_LONG = frozenset({"timeout-budget-inverted", "excessive-timeout"})


@remedy(
    "timeout-budget",
    en="Give each call a timeout from one budget for the whole request",
    pt="Dê a cada chamada um timeout tirado de um único orçamento para toda a requisição",
    addresses=("call-without-timeout", "dead-timeout", "excessive-timeout", "long-synchronous-chain", "timeout-budget-inverted"),
    considers=("resilience", "fault-tolerance", "low-latency"),
    effort="hours",
    experiment=silent_callee,
)
def timeout_budget(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a timeout does not follow the load
    """Return the system with timeouts on the finding's calls that have none, or a longer one where the finding is about that."""
    limits = timeouts_ms(system)

    def limited(site: CallSite) -> Policy:
        policy = site.step.policy
        limit = limits.get(site)
        present = policy.timeout_ms
        if limit is None or (present is not None and (finding.rule not in TOO_LONG or present.value <= limit)):
            return policy
        return structs.replace(
            policy, timeout_ms=chosen(limit), absent=tuple(each for each in policy.absent if each is not Mechanism.TIMEOUT)
        )

    return with_policies(system, synchronous_sites(system, finding), limited)

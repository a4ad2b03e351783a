"""Hand the deadline of a request down, and stop working when it has passed."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.budget import timeouts_ms
from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen
from backend_expert.advice.experiments import slow_callee
from backend_expert.advice.place import RUN_IN_COPIES, component_of, synchronous_sites, with_deployment, with_policies
from backend_expert.model import Call, CallSite, Deployment, Finding, Mechanism, Policy, System

NOW_THERE = frozenset({Mechanism.TIMEOUT, Mechanism.DEADLINE})


@remedy(
    "deadline-propagation",
    en="Hand the deadline of the request down, and drop what nobody waits for any more",
    pt="Repasse o deadline da requisição e descarte o que ninguém mais espera",
    addresses=("long-synchronous-chain", "retry-multiplication", "timeout-budget-inverted"),
    considers=("resilience", "fault-tolerance", "low-latency"),
    effort="days",
    experiment=slow_callee,
)
def deadline_propagation(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a deadline does not follow the load
    """Return the system in which the finding's calls carry the time that is left and are cancelled with their caller.

    The queues of the callees drop what is past its deadline. A deadline begins with a timeout: a call without one gets it from the
    request's budget.
    """
    limits = timeouts_ms(system)
    sites = tuple(
        site
        for site in synchronous_sites(system, finding)
        if isinstance(site.step, Call) and not site.step.policy.deadline_propagated
    )

    def dated(site: CallSite) -> Policy:
        policy = site.step.policy
        if policy.timeout_ms is None and site not in limits:
            return policy
        return structs.replace(
            policy,
            timeout_ms=policy.timeout_ms or chosen(limits[site]),
            deadline_propagated=True,
            cancels=True,
            absent=tuple(each for each in policy.absent if each not in NOW_THERE),
        )

    changed = with_policies(system, sites, dated)
    for name in sorted({site.callee for site in sites}) if changed is not system else ():
        component = component_of(changed, name)
        if component is not None and component.kind in RUN_IN_COPIES:
            changed = with_deployment(changed, name, _dropping)
    return changed


def _dropping(deployment: Deployment) -> Deployment:
    if deployment.queue_discipline is not None or deployment.event_loop:
        return deployment
    return structs.replace(deployment, queue_discipline="deadline")

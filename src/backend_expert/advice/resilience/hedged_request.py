"""Ask a second instance when the first takes longer than it should."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, mean, residence_ms, tidy
from backend_expert.advice.experiments import one_slow_instance
from backend_expert.advice.place import RUN_IN_COPIES, component_of, replicas_of, synchronous_sites, with_policies
from backend_expert.model import Action, Call, CallSite, Finding, Hedge, Policy, Publish, Query, System, walk

LATE = math.log(20)
"""The 95th percentile of an exponential law in units of its mean (3.0).

Waiting for it keeps the second requests at one in twenty ("The Tail at Scale", Dean and Barroso, CACM 56(2), 2013).
"""


@remedy(
    "hedged-request",
    en="Send slow reads a second time to another instance, and take the first answer",
    pt="Mande leituras lentas uma segunda vez a outra instância e fique com a primeira resposta",
    addresses=("call-without-timeout", "long-synchronous-chain"),
    considers=("low-latency", "performance"),
    effort="days",
    experiment=one_slow_instance,
)
def hedged_request(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the delay follows the usual time
    """Return the system in which the finding's calls that only read, to services with several instances, are hedged."""
    times = residence_ms(system)
    round_trip = 2 * mean(system.network_ms)

    def hedged(site: CallSite) -> Policy:
        usual = times[site.step.operation] + round_trip if isinstance(site.step, Call) else 0.0
        return structs.replace(site.step.policy, hedge=Hedge(chosen(tidy(LATE * usual))), cancels=True)

    sites = tuple(
        site for site in synchronous_sites(system, finding) if site.step.policy.hedge is None and _may_go_twice(system, site, times)
    )
    return with_policies(system, sites, hedged)


def _may_go_twice(system: System, site: CallSite, times: Mapping[str, float]) -> bool:
    """Tell whether a second request finds another instance, costs something worth waiting for, and changes nothing."""
    callee = component_of(system, site.callee)
    if not isinstance(site.step, Call) or callee is None or callee.kind not in RUN_IN_COPIES or replicas_of(callee) < 2:
        return False
    return times.get(site.step.operation, 0.0) > 0 and _reads_only(system, site.step.operation, frozenset())


def _reads_only(system: System, name: str, above: frozenset[str]) -> bool:
    if name in above:
        return True
    operation = next((each for each in system.operations if each.name == name), None)
    if operation is None or not operation.steps:
        return False
    for step in walk(operation.steps):
        if isinstance(step, Publish) or (isinstance(step, Query) and step.action is not Action.READ):
            return False
        if isinstance(step, Call) and not _reads_only(system, step.operation, above | {name}):
            return False
    return True

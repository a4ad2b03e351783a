"""Size a pool by Little's law for the peak, each dependency with a pool of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, concurrency, connections_held, mean, places_for
from backend_expert.advice.experiments import peak_traffic
from backend_expert.advice.place import component_of, concerned, replicas_of, synchronous_sites, with_deployment, with_policies
from backend_expert.model import CallSite, Deployment, Finding, Policy, System


@remedy(
    "right-sized-pool",
    en="Size workers and connection pools for the peak by Little's law",
    pt="Dimensione workers e pools de conexões para o pico pela lei de Little",
    addresses=("pool-shared-by-dependencies", "pool-smaller-than-demand"),
    considers=("performance", "scalability", "resilience"),
    effort="hours",
    experiment=peak_traffic,
)
def right_sized_pool(system: System, finding: Finding, peak: float) -> System:
    """Return the system with the pool of the finding's calls large enough for the peak, or else the workers of its components.

    A pool towards a store stops growing where all its callers together would hold more connections than the store works on at once:
    beyond that the queue only moves from the caller into the store.
    """
    if finding.links:
        return _with_pools(system, finding, connections_held(system, peak))
    changed = system
    busy = concurrency(system, peak)
    for component in concerned(system, finding):
        deployment = component.deployment
        if deployment is None or component.stateful or deployment.event_loop:
            continue
        workers = places_for(busy[component.name] / replicas_of(component))
        if workers > mean(deployment.workers):
            changed = with_deployment(changed, component.name, _with_workers(workers))
    return changed


def _with_workers(workers: int) -> Callable[[Deployment], Deployment]:
    return lambda deployment: structs.replace(deployment, workers=chosen(workers))


def _with_pools(system: System, finding: Finding, held: Mapping[tuple[str, str], float]) -> System:
    def sized(site: CallSite) -> Policy:
        policy = site.step.policy
        caller, store = component_of(system, site.caller), component_of(system, site.callee)
        if policy.pool is None or caller is None or store is None or not store.stateful or store.deployment is None:
            return policy
        instances = sum(replicas_of(component_of(system, name)) for name, target in held if target == store.name)
        fair_share = math.floor(mean(store.deployment.workers) * replicas_of(store) / max(1.0, instances))
        size = min(places_for(held.get((caller.name, store.name), 0.0) / replicas_of(caller)), fair_share)
        return (
            policy
            if size <= policy.pool.size.value
            else structs.replace(policy, pool=structs.replace(policy.pool, size=chosen(size)))
        )

    return with_policies(system, synchronous_sites(system, finding), sized)

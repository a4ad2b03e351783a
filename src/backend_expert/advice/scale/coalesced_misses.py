"""Let one request fill the cache while the others wait for it, and let what is filled together not expire together."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen
from backend_expert.advice.experiments import cold_cache
from backend_expert.advice.place import with_steps
from backend_expert.model import CacheGet, CachePut, Finding, Operation, Step, System, call_sites, walk

JITTER = 0.1
"""The share by which a life is longer or shorter: what is filled within a second expires over a fifth of its life. "Caching challenges and
strategies" (Amazon Builders' Library) asks for jitter and gives no number; a tenth keeps the hit ratio within a percent (lab)."""


@remedy(
    "coalesced-misses",
    en="Let one request fill the cache while the others wait for it, and spread the expiries",
    pt="Deixe uma requisição preencher o cache enquanto as outras esperam por ela, e espalhe as expirações",
    addresses=(
        "cache-stampede",
        "cold-cache-overload",
        "long-synchronous-chain",
        "pool-smaller-than-demand",
        "synchronized-expiry",
    ),
    considers=("caching", "performance", "resilience", "survives-peak"),
    effort="hours",
    experiment=cold_cache,
)
def coalesced_misses(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a stampede needs no peak
    """Return the system in which misses of the finding's caches are coalesced, and their expiries jittered.

    Only caches whose keys expire, and whose misses go somewhere else, can have a stampede.
    """
    caches = _filled_caches(system, finding)

    def changed(operation: Operation, step: Step) -> Step:  # noqa: ARG001 - a key space is shared by all operations
        if isinstance(step, CacheGet) and step.dataset in caches and step.on_miss and not step.coalesced:
            return structs.replace(step, coalesced=True)
        if isinstance(step, CachePut) and step.dataset in caches and step.expiry_s is not None and step.expiry_jitter is None:
            return structs.replace(step, expiry_jitter=chosen(JITTER))
        return step

    return with_steps(system, changed) if caches else system


def _filled_caches(system: System, finding: Finding) -> frozenset[str]:
    """Return the key spaces that the finding's components look things up in, fill on a miss, and let expire."""
    concerned = {*finding.components, *(link.caller for link in finding.links), *(link.callee for link in finding.links)}
    looked_up = {
        site.step.dataset
        for site in call_sites(system)
        if isinstance(site.step, CacheGet) and site.step.on_miss and site.caller in concerned
    }
    expiring = {
        step.dataset
        for operation in system.operations
        for step in walk(operation.steps)
        if isinstance(step, CachePut) and step.expiry_s is not None
    }
    return frozenset(looked_up & expiring)

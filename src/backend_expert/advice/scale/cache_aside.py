"""Answer repeated reads from a cache beside the store."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import peak_traffic
from backend_expert.advice.place import added, component_of, free_name, synchronous_sites, with_steps
from backend_expert.model import (
    Action,
    CacheGet,
    CachePut,
    Certainty,
    Component,
    Dataset,
    Deployment,
    Estimate,
    Finding,
    Kind,
    Operation,
    Query,
    Step,
    System,
    Transaction,
    walk,
)

HIT_RATIO = Estimate(0.8, 1.15, Certainty.ASSUMED)
"""How often the cache answers. The lowest of five Facebook pools was 81.4 % (Atikoglu and others, SIGMETRICS 2012).

It is a guess about this system, so the experiments draw it between 0.7 and 0.92.
"""


@remedy(
    "cache-aside",
    en="Answer repeated reads from a cache beside the store",
    pt="Responda leituras repetidas a partir de um cache ao lado do banco",
    addresses=("long-synchronous-chain", "pool-smaller-than-demand"),
    considers=("caching", "performance", "low-latency"),
    effort="days",
    experiment=peak_traffic,
)
def cache_aside(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - what can be cached does not follow the load
    """Return the system with a cache in front of the finding's plain reads of databases.

    Only reads that somebody saw count: an assumed handler says nothing about what it reads. Reads inside a transaction, and of
    datasets that the same operation writes, stay where they are, for they must see the latest row.
    """
    cached = cacheable(system, finding)
    if not cached:
        return system
    caches = [component.name for component in system.components if component.kind is Kind.CACHE]
    cache = caches[0] if caches else free_name(system, "cache")
    changed = system
    for _, query in cached:
        key_space = Dataset(name=_key_space(cache, query), store=cache)
        changed = structs.replace(changed, datasets=added(changed.datasets, key_space))
    if not caches:
        new = Component(name=cache, kind=Kind.CACHE, technology="redis", deployment=Deployment())
        changed = structs.replace(changed, components=added(changed.components, new))

    def looked_up(operation: Operation, step: Step) -> Step:
        if not isinstance(step, Query) or (operation.name, step) not in cached:
            return step
        key_space = _key_space(cache, step)
        return CacheGet(dataset=key_space, hit_ratio=HIT_RATIO, on_miss=(step, CachePut(dataset=key_space)), evidence=step.evidence)

    return with_steps(changed, looked_up)


def cacheable(system: System, finding: Finding) -> frozenset[tuple[str, Query]]:
    """Return the finding's plain reads of databases that may be a moment old, each with the name of its operation."""
    found = set()
    for site in synchronous_sites(system, finding):
        operation, store = system.operation(site.operation), component_of(system, site.callee)
        query = site.step
        if not isinstance(query, Query) or query.action is not Action.READ or store is None or store.kind is not Kind.DATABASE:
            continue
        seen = operation.certainty is not Certainty.ASSUMED and query.certainty is not Certainty.ASSUMED
        if seen and query not in _must_be_fresh(operation):
            found.add((operation.name, query))
    return frozenset(found)


def _must_be_fresh(operation: Operation) -> frozenset[Step]:
    """Return the queries that are cached already, stand in a transaction, or read what the operation writes."""
    steps = tuple(walk(operation.steps))
    written = {step.dataset for step in steps if isinstance(step, Query) and step.action is not Action.READ}
    held: set[Step] = {step for step in steps if isinstance(step, Query) and step.dataset in written}
    for step in steps:
        if isinstance(step, Transaction):
            held.update(walk(step.steps))
        elif isinstance(step, CacheGet):
            held.update(walk(step.on_miss))
    return frozenset(held)


def _key_space(cache: str, query: Query) -> str:
    return f"{cache}/{query.dataset.rpartition('/')[2]}"

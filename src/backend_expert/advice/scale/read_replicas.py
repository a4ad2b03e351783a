"""Answer reads that may be a moment old from copies of the store."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen
from backend_expert.advice.experiments import peak_traffic
from backend_expert.advice.place import component_of, replicas_of, with_deployment
from backend_expert.advice.scale.cache_aside import cacheable
from backend_expert.model import Component, Deployment, Finding, Kind, System

REPLICATED = frozenset({"mariadb", "mongodb", "mysql", "oracle", "postgresql", "sqlserver"})
"""Stores that ship a way to stream their changes to copies that answer reads."""

COPIES = 2
"""Copies beside the primary: one of them may go, and the reads still do not come back to the primary."""


@remedy(
    "read-replicas",
    en="Answer reads that may be a moment old from copies of the store",
    pt="Responda a partir de cópias do banco as leituras que podem estar um instante atrasadas",
    addresses=("long-synchronous-chain", "pool-smaller-than-demand", "shared-datastore"),
    considers=("scalability", "scales-horizontally", "performance"),
    effort="days",
    experiment=peak_traffic,
)
def read_replicas(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the copies are for any load
    """Return the system whose finding's databases have two copies that answer the reads outside transactions.

    It fits databases of which somebody saw a plain read: one outside a transaction, of a dataset that the same operation does not write.
    How old a copy is stays unknown, so the experiments draw it.
    """
    read = {system.dataset(query.dataset).store for _, query in cacheable(system, finding)}
    changed = system
    for store in _stores(system, finding):
        deployment = store.deployment
        if store.name in read and store.technology in REPLICATED and deployment is not None and deployment.reads is None:
            changed = with_deployment(changed, store.name, _copied)
    return changed


def _stores(system: System, finding: Finding) -> Iterator[Component]:
    for name in dict.fromkeys((*finding.components, *(link.callee for link in finding.links))):
        component = component_of(system, name)
        if component is not None and component.kind is Kind.DATABASE and replicas_of(component) < 1 + COPIES:
            yield component


def _copied(deployment: Deployment) -> Deployment:
    return structs.replace(
        deployment,
        replicas=chosen(1 + COPIES),
        reads="replicas",
    )

"""Keep a second copy of a store that takes over."""

from __future__ import annotations

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, in_copies, replicas_of, with_deployment
from backend_expert.model import Finding, System

COPIES = 2.0
"""One that serves and one that follows; brokers and stores that vote need a third."""

QUORUM = 3.0
VOTING = frozenset({"rabbitmq", "kafka", "mongodb", "elasticsearch", "opensearch", "cockroachdb", "etcd", "zookeeper", "nats"})
"""Stores whose copies elect a leader by majority: two of them cannot lose one."""


@remedy(
    "standby-store",
    en="Run a standby of the store that takes over by itself",
    pt="Rode um standby do banco que assume sozinho",
    addresses=("single-instance-on-critical-path",),
    considers=("availability", "fault-tolerance"),
    effort="weeks",
)
def standby_store(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a standby adds no capacity
    """Return the system with the copies that the finding's stores and brokers need to lose one.

    The load lab lets the next copy take over at once and with all data, which no real one does: it would prove too much, so no lab
    decides this one. Memcached is left alone: it keeps nothing that a second copy could save.
    """
    changed = system
    for component in concerned(system, finding):
        copies = QUORUM if component.technology in VOTING else COPIES
        if component.stateful and component.technology != "memcached" and replicas_of(component) < copies:
            changed = with_deployment(changed, component.name, in_copies(copies))
    return changed

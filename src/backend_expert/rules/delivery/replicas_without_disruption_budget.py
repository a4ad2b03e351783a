"""Several instances that one node drain may take away together."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import instances
from backend_expert.rules.paths import BESIDE_REQUESTS, distinct, most_needed_first, place_of
from backend_expert.rules.wording import listed

CLUSTER_READERS = frozenset({"kubernetes", "helm"})
"""Readers of the formats in which a disruption budget can be written."""


@rule(
    "replicas-without-disruption-budget",
    code="BE-DEL-027",
    family="delivery",
    severity=Severity.LOW,
    en="Replicas without a disruption budget",
    pt="Réplicas sem disruption budget",
)
def replicas_without_disruption_budget(system: System) -> Iterator[Finding]:
    """Yield one finding for all components of a cluster with several instances and no disruption budget."""
    bare = most_needed_first(system, [component for component in system.components if _unbudgeted(component)])
    if not bare:
        return
    names = [each.name for each in bare]
    yield Finding(
        rule="replicas-without-disruption-budget",
        severity=Severity.LOW,
        subject=names[0] if len(names) == 1 else "components with replicas",
        components=tuple(names),
        title=Text(
            f"No disruption budget found for {listed(names, 'en', most=4)}",
            f"Nenhum disruption budget encontrado para {listed(names, 'pt', most=4)}",
        ),
        why=Text(
            f"The replicas of {listed(names, 'en', most=8)} protect from a crash, but an upgrade of the cluster drains nodes on "
            f"purpose: without a budget the eviction of all of them is allowed at once, and two that share a node go together.",
            f"As réplicas de {listed(names, 'pt', most=8)} protegem de uma queda, mas uma atualização do cluster esvazia nós de "
            f"propósito: sem um budget, a remoção de todas é permitida de uma vez, e duas que dividem um nó saem juntas.",
        ),
        evidence=distinct(place for each in bare for place in place_of(each)),
        confidence=0.85,
    )


def _unbudgeted(component: Component) -> bool:
    deployment = component.deployment
    if deployment is None or not deployment.complete or deployment.disruption_budget or component.kind in BESIDE_REQUESTS:
        return False
    in_cluster = any(place.reader in CLUSTER_READERS for place in component.evidence)
    least = deployment.autoscaling.minimum if deployment.autoscaling is not None else instances(deployment.replicas)
    return in_cluster and least is not None and least > 1

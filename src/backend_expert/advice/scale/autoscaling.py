"""Let the number of instances follow the processor."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import growing_traffic
from backend_expert.advice.place import RUN_IN_COPIES, concerned, replicas_of, with_deployment
from backend_expert.advice.scale.more_replicas import instances_for
from backend_expert.model import Autoscaling, Component, Deployment, Finding, System

TARGET = 60.0
"""Percent of the processor: with start-up times of the order of half a minute, the other 40 % carry the growth until help has come."""

READERS = frozenset({"helm", "kubernetes"})
"""Readers of the formats in which an autoscaler can be written."""


@remedy(
    "autoscaling",
    en="Let the instances follow the load, within bounds worked out for the peak",
    pt="Deixe as instâncias seguirem a carga, dentro de limites calculados para o pico",
    addresses=("pool-smaller-than-demand",),
    considers=("scalability", "scales-horizontally", "cost"),
    effort="hours",
    experiment=growing_traffic,
)
def autoscaling(system: System, finding: Finding, peak: float) -> System:
    """Return the system with an autoscaler on the finding's services of a cluster that have none and need more than they run.

    The upper bound carries the peak with one instance to spare, the lower one is what runs today, but at least two.
    """
    changed = system
    wanted = instances_for(system, peak)
    for component in concerned(system, finding):
        in_cluster = any(place.reader in READERS for place in component.evidence)
        most = wanted.get(component.name, 1) + 1
        if component.kind in RUN_IN_COPIES and in_cluster and most > max(2, replicas_of(component)):
            changed = with_deployment(changed, component.name, _scaled(component, most))
    return changed


def _scaled(component: Component, most: int) -> Callable[[Deployment], Deployment]:
    least = max(2, round(replicas_of(component)))

    def scaled(deployment: Deployment) -> Deployment:
        if deployment.autoscaling is not None:
            return deployment
        return structs.replace(deployment, autoscaling=Autoscaling(minimum=least, maximum=most, metric="cpu", target=TARGET))

    return scaled

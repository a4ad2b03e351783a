"""Run enough instances that one of them may go."""

from __future__ import annotations

import math

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import concurrency, mean, processor_demand, servers_for
from backend_expert.advice.experiments import lost_instance, peak_traffic
from backend_expert.advice.place import RUN_IN_COPIES, concerned, in_copies, replicas_of, with_deployment
from backend_expert.lab.load import Scenario
from backend_expert.model import Component, Finding, System


def _loss_or_peak(system: System, finding: Finding, peak: float) -> Scenario:
    """Return the peak alone for what is too small for it, and the loss of an instance for what stands alone."""
    return (peak_traffic if finding.rule == "pool-smaller-than-demand" else lost_instance)(system, finding, peak)


@remedy(
    "more-replicas",
    en="Run one instance more than the peak needs",
    pt="Rode uma instância a mais do que o pico exige",
    addresses=("pool-smaller-than-demand", "single-instance-on-critical-path"),
    considers=("availability", "fault-tolerance", "scalability", "scales-horizontally"),
    effort="hours",
    experiment=_loss_or_peak,
)
def more_replicas(system: System, finding: Finding, peak: float) -> System:
    """Return the system with N + 1 instances of the finding's services that keep no data.

    N carries the peak: its places and its cores, each with a queue that adds at most a tenth (Erlang C). Stores and brokers
    are left alone: a second copy of data is another remedy.
    """
    changed = system
    carrying = instances_for(system, peak)
    for component in concerned(system, finding):
        if component.kind not in RUN_IN_COPIES or component.deployment is None:
            continue
        wanted = carrying[component.name] + 1
        if wanted > replicas_of(component):
            changed = with_deployment(changed, component.name, in_copies(wanted))
    return changed


def instances_for(system: System, peak: float) -> dict[str, int]:
    """Return how many instances of each component carry the peak, by its places and its cores."""
    places, cores = concurrency(system, peak), processor_demand(system, peak)
    return {each.name: _carrying(each, places[each.name], cores[each.name]) for each in system.components}


def _carrying(component: Component, places: float, cores: float) -> int:
    deployment = component.deployment
    if deployment is None:
        return 1
    cores_each = 1.0 if deployment.event_loop else max(mean(deployment.cpu_cores), 0.01)
    processors = servers_for(cores / min(1.0, cores_each))
    by_cores = math.ceil(processors / max(1.0, cores_each))
    by_places = 1 if deployment.event_loop else math.ceil(servers_for(places) / max(1.0, mean(deployment.workers)))
    return max(by_cores, by_places)

"""The scenarios in which problems bite: a callee that falls silent, one that slows down, a lost instance, a peak.

Traffic is at the peak while something is broken: that is when it breaks, and a fault at an idle hour shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from backend_expert.advice.demand import concurrency, executions, mean, rates_per_s
from backend_expert.advice.place import RUN_IN_COPIES, component_of, concerned, replicas_of, synchronous_sites
from backend_expert.lab import load
from backend_expert.model import Finding, Kind, System

BEFORE_S, AFTER_S = 10.0, 40.0
"""Seconds of usual traffic in front of a disturbance, and after it for the recovery.

A system that is still bad when its trigger has been gone for as long as it lasted is metastable (Bronson and others, HotOS 2021).
"""

SILENT_S = 40.0
"""How long a lost machine stays in the list of addresses: node-monitor-grace-period of kube-controller-manager, 40 s by default."""

RESTART_S = 20.0
"""How long a crashed container is away: the first back-off of the kubelet (10 s) and a start of about the same length."""

SLOW_S = 10.0
"""The trigger of the metastability cases of Bronson and others, ten seconds."""

PEAK_S = 30.0
"""Long enough for every queue of the model to reach its plateau or to show that it has none."""

OVERLOAD = 2.0
"""A slowed component is asked for twice what it can do: enough to fill every queue in front of it within the trigger."""

LEAST_SLOWDOWN, MOST_SLOWDOWN = 4.0, 1000.0


def peak_traffic(system: System, finding: Finding, peak: float) -> load.Scenario:  # noqa: ARG001 - the peak is for the whole system
    """Return the peak, with nothing broken."""
    return load.Scenario(duration_s=BEFORE_S + PEAK_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, PEAK_S))


def silent_callee(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return the loss of the machine that runs the finding's busiest callee: it says nothing at all, in the peak."""
    name = busiest(system, (site.callee for site in synchronous_sites(system, finding)), finding)
    fault = load.crash(name, BEFORE_S, SILENT_S, silent=True, instances=None)
    return load.Scenario(BEFORE_S + SILENT_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, SILENT_S), faults=(fault,))


def slow_callee(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return a slowdown of the last callee of the finding's path to half the speed that the peak needs."""
    sites = synchronous_sites(system, finding)
    ends = [finding.links[-1].callee] if finding.links else [site.callee for site in sites]
    name = busiest(system, ends, finding)
    fault = load.slow(name, slowdown(system, name, peak), BEFORE_S, SLOW_S)
    return load.Scenario(BEFORE_S + PEAK_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, PEAK_S), faults=(fault,))


def lost_instance(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return the crash of one instance of the finding's busiest component that keeps no data, in the peak."""
    names = [component.name for component in concerned(system, finding) if component.kind in RUN_IN_COPIES]
    fault = load.crash(busiest(system, names, finding), BEFORE_S, RESTART_S)
    return load.Scenario(BEFORE_S + RESTART_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, RESTART_S), faults=(fault,))


def slowdown(system: System, name: str, peak: float) -> float:
    """Return by how much a component must slow down to be asked for `OVERLOAD` times what it can do at the peak."""
    component = component_of(system, name)
    if component is None or component.deployment is None or component.kind is Kind.EXTERNAL:
        return LEAST_SLOWDOWN
    places = mean(component.deployment.workers) * replicas_of(component)
    load_on_it = concurrency(system, peak).get(name, 0.0) / max(places, 1e-9)
    return min(MOST_SLOWDOWN, max(LEAST_SLOWDOWN, OVERLOAD / load_on_it if load_on_it > 0 else LEAST_SLOWDOWN))


def busiest(system: System, names: Iterable[str], finding: Finding) -> str:
    """Return the named component that is called most often, the first by name among equals; else the finding's first component."""
    asked = dict.fromkeys(names, 0.0)
    rates = rates_per_s(system)
    for operation in system.operations:
        if operation.component in asked:
            asked[operation.component] += rates[operation.name]
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    for operation in system.operations:
        for step, times in executions(operation.steps):
            store = stores.get(getattr(step, "dataset", ""), "")
            if store in asked:
                asked[store] += rates[operation.name] * times
    return min(asked, key=lambda name: (-asked[name], name)) if asked else finding.components[0]

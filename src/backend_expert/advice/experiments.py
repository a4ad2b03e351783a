"""The scenarios in which problems bite: a callee that falls silent, one that slows down, a lost instance, a peak.

Traffic is at the peak while something is broken: that is when it breaks, and a fault at an idle hour shows nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from backend_expert.advice.demand import concurrency, mean, processor_demand, residence_ms
from backend_expert.advice.place import RUN_IN_COPIES, component_of, concerned, replicas_of, synchronous_sites
from backend_expert.lab import load
from backend_expert.model import CacheGet, Component, Finding, Kind, System, call_sites
from backend_expert.model.demand import executions, rates_per_s

BEFORE_S, AFTER_S = 5.0, 20.0
"""Seconds of usual traffic in front of a disturbance, and after it for the recovery.

Twice the 10 s for which users wait: every request of the disturbance is over by then, so a system that is still bad keeps itself so.
"""

SILENT_S = 30.0
"""The part that is tried of the time for which a lost machine stays in the list of addresses (node-monitor-grace-period of
kube-controller-manager, 40 s by default): three times the 10 s for which users wait, so that what fills up is full."""

RESTART_S = 20.0
"""How long a crashed container is away: the first back-off of the kubelet (10 s) and a start of about the same length."""

SLOW_S = 20.0
"""Twice the 10 s for which users wait, so that nobody can wait it out."""

PEAK_S = 30.0
"""Three times the 10 s for which users wait: a queue that grows shows what it does to them, and a system that was slowed down has
to get up again under load."""

GROWTH_S = 120.0
"""Eight looks of an autoscaler, once in 15 s; a jump within one look is over before an instance has started, and shows nothing."""

OVERLOAD = 2.0
"""A slowed component is asked for twice what it can do: enough to fill every queue in front of it within the trigger."""

LONGEST_MS = 5000.0
"""How long a slowed component takes at the most: half of the 10 s for which users wait. What is slower is as good as silent."""

LEAST_SLOWDOWN = 4.0
"""The slowdown of the metastability cases of Bronson and others."""


def peak_traffic(system: System, finding: Finding, peak: float) -> load.Scenario:  # noqa: ARG001 - the peak is for the whole system
    """Return the peak, with nothing broken."""
    return load.Scenario(duration_s=BEFORE_S + PEAK_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, PEAK_S))


def silent_callee(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return the loss of the machine that runs the finding's busiest callee: it says nothing at all, in the peak."""
    name = busiest(system, (site.callee for site in synchronous_sites(system, finding)), finding)
    fault = load.crash(name, BEFORE_S, SILENT_S, silent=True, instances=None)
    return load.Scenario(BEFORE_S + SILENT_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, SILENT_S), faults=(fault,))


def slow_callee(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return a slowdown of the last callee of the finding's path, in the peak."""
    sites = synchronous_sites(system, finding)
    ends = [finding.links[-1].callee] if finding.links else [site.callee for site in sites]
    name = busiest(system, ends, finding)
    fault = load.slow(name, slowdown(system, name, peak), BEFORE_S, SLOW_S)
    return load.Scenario(BEFORE_S + PEAK_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, PEAK_S), faults=(fault,))


def overload(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return the trigger of a retry storm where the finding is about one, and the peak alone otherwise."""
    return (slow_callee if finding.rule == "retry-multiplication" else peak_traffic)(system, finding, peak)


def one_slow_instance(system: System, finding: Finding, peak: float) -> load.Scenario:  # noqa: ARG001 - at the peak a hedge adds load
    """Return a slowdown of one instance of the finding's busiest callee that runs in several, in usual traffic."""
    callees = [site.callee for site in synchronous_sites(system, finding)]
    name = busiest(system, (each for each in callees if replicas_of(component_of(system, each)) > 1), finding)
    fault = load.slow(name, slowdown(system, name, 1.0), BEFORE_S, SLOW_S, instances=1)
    return load.Scenario(BEFORE_S + SLOW_S + AFTER_S, faults=(fault,))


def cold_cache(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return a flush of the finding's busiest cache, in the peak: every popular key is missed by many at once, and expires at once."""
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    looked_up = [site for site in call_sites(system) if isinstance(site.step, CacheGet)]
    mine = {*finding.components, *(link.caller for link in finding.links), *(link.callee for link in finding.links)}
    names = [stores[site.step.dataset] for site in looked_up if site.caller in mine and site.step.dataset in stores]  # type: ignore[union-attr]
    fault = load.flush(busiest(system, names, finding), BEFORE_S)
    return load.Scenario(BEFORE_S + PEAK_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, PEAK_S), faults=(fault,))


def one_slow_consumer(system: System, finding: Finding, peak: float) -> load.Scenario:  # noqa: ARG001 - messages wait at any load
    """Return a slowdown of one instance of the finding's busiest consumer that runs in several, in usual traffic."""
    names = [link.caller for link in finding.links] or list(finding.components)
    name = busiest(system, (each for each in names if replicas_of(component_of(system, each)) > 1), finding)
    fault = load.slow(name, LEAST_SLOWDOWN, BEFORE_S, SLOW_S, instances=1)
    return load.Scenario(BEFORE_S + SLOW_S + AFTER_S, faults=(fault,))


def growing_traffic(system: System, finding: Finding, peak: float) -> load.Scenario:  # noqa: ARG001 - the peak is for the whole system
    """Return traffic that climbs to the peak in `GROWTH_S` and stays there for `PEAK_S`."""
    return load.Scenario(BEFORE_S + GROWTH_S + PEAK_S, arrivals=load.ramp(peak, BEFORE_S, GROWTH_S))


def lost_instance(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return the crash of one instance of the finding's busiest component that keeps no data, in the peak."""
    names = [component.name for component in concerned(system, finding) if component.kind in RUN_IN_COPIES]
    fault = load.crash(busiest(system, names, finding), BEFORE_S, RESTART_S)
    return load.Scenario(BEFORE_S + RESTART_S + AFTER_S, arrivals=load.spike(peak, BEFORE_S, RESTART_S), faults=(fault,))


def slowdown(system: System, name: str, peak: float) -> float:
    """Return by how much a component must slow down to hurt.

    It is asked for `OVERLOAD` times what it can do at the peak, or every attempt of a caller runs twice into its timeout, whichever
    comes first; but it never takes longer than `LONGEST_MS`.
    """
    component = component_of(system, name)
    times = residence_ms(system)
    usual_ms = max((times[each.name] for each in system.operations if each.component == name), default=0.0)
    usual_ms = usual_ms or max(
        (mean(getattr(site.step, "time_ms", None)) for site in call_sites(system) if site.callee == name), default=0.0
    )
    if component is None or component.deployment is None or usual_ms <= 0:
        return LEAST_SLOWDOWN
    limits = [site.step.policy.timeout_ms for site in call_sites(system) if site.callee == name]
    by_timeout = max((2 * limit.value / usual_ms for limit in limits if limit is not None), default=math.inf)
    by_load = OVERLOAD / max(_utilisation(system, component, peak), 1e-9)
    return round(max(LEAST_SLOWDOWN, min(by_timeout, by_load, LONGEST_MS / usual_ms)), 1)


def _utilisation(system: System, component: Component, peak: float) -> float:
    deployment = component.deployment
    if deployment is None or component.kind is Kind.EXTERNAL:
        return 0.0
    copies = replicas_of(component)
    cores = 1.0 if deployment.event_loop else mean(deployment.cpu_cores)
    by_places = concurrency(system, peak)[component.name] / max(mean(deployment.workers) * copies, 1e-9)
    return max(by_places, processor_demand(system, peak)[component.name] / max(cores * copies, 1e-9))


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

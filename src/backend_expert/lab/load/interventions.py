"""Turn the faults of a scenario, and the autoscalers of a system, into scheduled interventions of the kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from backend_expert.lab.load.places import value
from backend_expert.lab.load.scenario import Crash, Errors, Flush, Loss, ModelError, Partition, Scenario, Slow, Steal
from backend_expert.lab.load.vocabulary import Control
from backend_expert.model import Component, System

EXIT_NOTICED_MS = 1000.0
"""A process that exits is noticed when the kubelet next lists the containers, once a second (PLEG relist period)."""

PROBE_FAILURES = 3
"""Failed probes before an instance is out: Kubernetes `failureThreshold` and Compose `retries` are both 3 unless set."""

PROBE_PERIOD_S = 10.0
"""Kubernetes `periodSeconds` where it is not set."""

SCALING_PERIOD_MS = 15_000.0
SCALING_HOLD_MS = 300_000.0
STARTUP_S = 30.0
"""Horizontal pod autoscaler: sync period 15 s, scale-down stabilisation 300 s; a new pod is given 30 s until it is ready."""


class Interventions(NamedTuple):
    """Rows of the kernel's tables; a control with a negative time is scheduled by another one."""

    controls: list[tuple[Any, ...]]
    scalers: list[tuple[Any, ...]]
    outliers: list[tuple[Any, ...]]


def intervene(
    system: System,
    scenario: Scenario,
    group_of: Mapping[str, int],
    groups: Sequence[tuple[Any, ...]],
    links: Mapping[tuple[str, str], int],
    caches: Mapping[str, int],
) -> Interventions:
    """Return the interventions of a scenario; row 0 of the controls closes the slices."""
    warm = scenario.warmup_s * 1000.0
    controls: list[tuple[Any, ...]] = [(warm, 0.0, int(Control.SLICE), 0, 0)]
    components = {component.name: component for component in system.components}
    stores = {dataset.name: dataset.store for dataset in system.datasets}

    def instances(component: str, how_many: int | None) -> range:
        first, count = groups[group_of[component]][2], groups[group_of[component]][3]
        return range(first, first + (count if how_many is None else min(how_many, count)))

    def add(time: float, op: Control, a: int, b: int = 0, x: float = 0.0) -> None:
        controls.append((time, x, int(op), a, b))

    def forgets(component: str, time: float) -> None:
        for dataset, row in caches.items():
            if stores.get(dataset) == component:
                add(time, Control.FLUSH, row)

    for fault in scenario.faults:
        start = warm + fault.at_s * 1000.0
        end = start + fault.lasting_s * 1000.0
        match fault:
            case Slow():
                for row in instances(fault.component, fault.instances):
                    add(start, Control.SLOW, row, x=fault.by)
                    add(end, Control.SLOW, row, x=1.0 / fault.by)
            case Steal():
                for row in instances(fault.component, fault.instances):
                    add(start, Control.STEAL, row, x=1.0 / (1.0 - fault.share))
                    add(end, Control.STEAL, row, x=1.0 - fault.share)
            case Crash():
                forgets(fault.component, start)
                noticed = noticed_after_ms(components[fault.component], fault.silent)
                for row in instances(fault.component, fault.instances):
                    add(start, Control.CRASH, row, int(fault.silent))
                    if noticed is not None and start + noticed < end:
                        add(start + noticed, Control.EJECT, row)
                    add(end, Control.RESTART, row)
                    add(end, Control.READMIT, row)
            case Partition() | Loss():
                ratio = 1.0 if isinstance(fault, Partition) else fault.ratio
                pair = (min(fault.component, fault.other), max(fault.component, fault.other))
                if pair not in links:
                    raise ModelError(f"No traffic passes between {fault.component} and {fault.other}: the fault would do nothing.")
                add(start, Control.LINK, links[pair], x=ratio)
                add(end, Control.LINK, links[pair], x=0.0)
            case Errors():
                add(start, Control.ERRORS, group_of[fault.component], x=fault.ratio)
                add(end, Control.ERRORS, group_of[fault.component], x=0.0)
            case Flush():
                forgets(fault.component, start)
    scalers = _scalers(system, group_of, groups, controls)
    outliers = _outliers(system, group_of, groups, controls)
    return Interventions(controls, scalers, outliers)


def _scalers(
    system: System, group_of: Mapping[str, int], groups: Sequence[tuple[Any, ...]], controls: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    scalers: list[tuple[Any, ...]] = []
    for component in system.components:
        deployment = component.deployment
        scaling = deployment.autoscaling if deployment is not None else None
        if deployment is None or scaling is None or scaling.metric != "cpu" or component.stateful:
            continue
        group = group_of[component.name]
        first, count = groups[group][2], groups[group][3]
        admissions = len(controls)
        controls.extend((-1.0, 0.0, int(Control.READMIT), first + place, 1) for place in range(count))
        startup = (deployment.startup_s.value if deployment.startup_s is not None else STARTUP_S) * 1000.0
        replicas = round(deployment.replicas.value) if deployment.replicas is not None else 1
        control = len(controls)
        controls.append((SCALING_PERIOD_MS, 0.0, int(Control.SCALE), len(scalers), 0))
        target = (scaling.target or 80.0) / 100.0
        scalers.append(
            (SCALING_PERIOD_MS, target, startup, 0.0, SCALING_HOLD_MS, 0.0, group, max(1, scaling.minimum), scaling.maximum,
             max(1, replicas), control, admissions)
        )  # fmt: skip
    return scalers


def _outliers(
    system: System, group_of: Mapping[str, int], groups: Sequence[tuple[Any, ...]], controls: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    outliers: list[tuple[Any, ...]] = []
    for component in system.components:
        ejection = component.deployment.outliers if component.deployment is not None else None
        first, count = groups[group_of[component.name]][2], groups[group_of[component.name]][3]
        if ejection is None or count < 2:
            continue
        admissions = len(controls)
        controls.extend((-1.0, 0.0, int(Control.READMIT), first + place, 0) for place in range(count))
        period = 1000.0 * value(ejection.period_s, 0.0)
        control = len(controls)
        controls.append((period, 0.0, int(Control.JUDGE), len(outliers), 0))
        outliers.append(
            (period, 1000.0 * value(ejection.ejected_s, 0.0), value(ejection.error_ratio, math.inf), value(ejection.slower, math.inf),
             value(ejection.maximum_share, 0.0), first, count, control, admissions)
        )  # fmt: skip
    return outliers


def noticed_after_ms(component: Component, silent: bool) -> float | None:
    """Return after how long nobody sends to a crashed instance any more; `None`: nothing ever notices.

    An exit is seen by whoever runs the container. An instance that hangs is seen only by a probe.
    """
    if not silent:
        return EXIT_NOTICED_MS
    probes = component.deployment.probes if component.deployment is not None else ()
    periods = [(probe.period_s or PROBE_PERIOD_S) for probe in probes if probe.kind != "startup"]
    return min(periods) * PROBE_FAILURES * 1000.0 if periods else None

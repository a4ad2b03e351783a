"""The objects that say how a workload is kept running: autoscalers, disruption budgets, network policies."""

from __future__ import annotations

from backend_expert.model import Autoscaling
from backend_expert.model.positions import Mapping, Node
from backend_expert.readers.kubernetes.containers import quantity
from backend_expert.readers.kubernetes.exposure import selects
from backend_expert.readers.kubernetes.manifests import Manifest, entries, evidence, mapping, number, same_space, string

KEDA_MINIMUM = 0
KEDA_MAXIMUM = 100
"""What a ScaledObject does where it does not say (KEDA manual, "Scaling Deployments": minReplicaCount, maxReplicaCount)."""


def autoscaling(workload: Manifest, of_kind: dict[str, tuple[Manifest, ...]], reader: str) -> Autoscaling | None:
    """Return the autoscaler of a workload (HorizontalPodAutoscaler v1 and v2, or the ScaledObject of KEDA)."""
    for each in (*of_kind.get("HorizontalPodAutoscaler", ()), *of_kind.get("ScaledObject", ())):
        if not same_space(each, workload):
            continue
        target = mapping(each.spec, "scaleTargetRef")
        if string(target, "name") != workload.name or (string(target, "kind") or workload.kind) != workload.kind:
            continue
        here = evidence(each.file, each.line, reader)
        if each.kind == "ScaledObject":
            metric = next((string(trigger, "type") for trigger in entries(each.spec, "triggers")), "")
            lowest, highest = number(each.spec, "minReplicaCount"), number(each.spec, "maxReplicaCount")
            minimum = KEDA_MINIMUM if lowest is None else lowest
            return Autoscaling(
                minimum=minimum, maximum=KEDA_MAXIMUM if highest is None else highest, metric=metric or "cpu", evidence=here
            )
        metric, wanted = _metric(each.spec)
        lowest, highest = number(each.spec, "minReplicas"), number(each.spec, "maxReplicas")
        # One is the documented default (Kubernetes API reference, HorizontalPodAutoscalerSpec: minReplicas).
        minimum = 1 if lowest is None else lowest
        return Autoscaling(minimum=minimum, maximum=max(highest or minimum, minimum), metric=metric, target=wanted, evidence=here)
    return None


def disruption_budget(workload: Manifest, labels: dict[str, str], of_kind: dict[str, tuple[Manifest, ...]]) -> bool:
    """Tell whether a PodDisruptionBudget covers the pods of a workload."""
    return any(
        same_space(each, workload) and selects(mapping(each.spec, "selector"), labels)
        for each in of_kind.get("PodDisruptionBudget", ())
    )


def network_policies(workload: Manifest, labels: dict[str, str], of_kind: dict[str, tuple[Manifest, ...]]) -> tuple[str, ...]:
    """Return the NetworkPolicies that restrict the pods of a workload, as `networkpolicy/<name>`; an empty selector picks all."""
    found = []
    for each in of_kind.get("NetworkPolicy", ()):
        if same_space(each, workload):
            selector = mapping(each.spec, "podSelector")
            if not selector.pairs or selects(selector, labels):
                found.append(f"networkpolicy/{each.name}")
    return tuple(sorted(found))


def _metric(spec: Mapping) -> tuple[str, float | None]:
    """Return the first metric of an autoscaler and its target, in the unit of the metric (percent of the request for `cpu`)."""
    old = number(spec, "targetCPUUtilizationPercentage")
    if old is not None:
        return "cpu", float(old)
    for each in entries(spec, "metrics"):
        source = _first_mapping(each)
        name = string(source, "name") or string(source, "metric", "name") or "cpu"
        target = mapping(source, "target")
        for key in ("averageUtilization", "averageValue", "value"):
            amount = quantity(string(target, key))
            if amount is not None:
                return name, amount
        wanted = number(source, "targetAverageUtilization")
        return name, None if wanted is None else float(wanted)
    return "cpu", None


def _first_mapping(node: Mapping) -> Node | None:
    return next((value for _, value in node.pairs if isinstance(value, Mapping)), None)

"""The components and dependencies of a Result: what the architecture drawing and its table show."""

from __future__ import annotations

from backend_expert.model import Certainty, Component, Severity, System, dependencies
from backend_expert.review.result import Edge, Node, ReportedFinding


def nodes_of(system: System, findings: tuple[ReportedFinding, ...]) -> tuple[Node, ...]:
    """Return the components with the findings that name them."""
    nodes = []
    for component in system.components:
        mine = tuple(finding for finding in findings if component.name in finding.components)
        nodes.append(
            Node(
                name=component.name,
                kind=component.kind.value,
                technology=component.technology,
                replicas=_replicas(component),
                findings=tuple(finding.id for finding in mine),
                worst=_worst(mine),
                evidence=component.evidence,
            )
        )
    return tuple(nodes)


def edges_of(system: System, findings: tuple[ReportedFinding, ...]) -> tuple[Edge, ...]:
    """Return the dependencies with the findings whose links name them."""
    edges = []
    for each in dependencies(system):
        mine = tuple(finding for finding in findings if each.link in finding.links)
        edges.append(
            Edge(
                caller=each.caller,
                callee=each.callee,
                protocol=each.protocol,
                synchronous=each.synchronous,
                certainty=each.certainty.value,
                findings=tuple(finding.id for finding in mine),
                worst=_worst(mine),
                evidence=each.evidence,
            )
        )
    return tuple(edges)


def _replicas(component: Component) -> str:
    deployment = component.deployment
    if deployment is None:
        return ""
    if deployment.autoscaling is not None:
        return f"{deployment.autoscaling.minimum}–{deployment.autoscaling.maximum}"
    if deployment.replicas is None or deployment.replicas.certainty is Certainty.ASSUMED:
        return ""
    return f"{deployment.replicas.value:g}"


def _worst(findings: tuple[ReportedFinding, ...]) -> Severity | None:
    order = list(Severity)
    return min((finding.severity for finding in findings if finding.status != "asked"), key=order.index, default=None)

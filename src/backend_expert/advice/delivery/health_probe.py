"""Let the platform see whether an instance can serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Component, Deployment, Finding, Probe, System

COMMANDS: Mapping[str, str] = {
    # The tools that the official images ship for this.
    "mariadb": "healthcheck.sh --connect --innodb_initialized",
    "mongodb": "mongosh --quiet --eval 'db.adminCommand(\"ping\").ok'",
    "mysql": "mysqladmin ping -h 127.0.0.1",
    "postgresql": "pg_isready",
    "rabbitmq": "rabbitmq-diagnostics -q ping",
    "redis": "redis-cli ping",
    "valkey": "valkey-cli ping",
}

PERIOD_S, TIMEOUT_S = 10.0, 1.0
"""The defaults of a Kubernetes probe (periodSeconds, timeoutSeconds)."""


@remedy(
    "health-probe",
    en="Add health probes, so that no traffic goes to what cannot serve",
    pt="Adicione health checks, para que o tráfego não vá para quem não consegue atender",
    addresses=("no-health-endpoint",),
    considers=("availability", "observability", "fault-tolerance"),
    effort="hours",
)
def health_probe(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a probe asks at any load
    """Return the system with a probe on each component of the finding that has none: what its deployment format calls one."""
    changed = system
    for component in concerned(system, finding):
        if component.deployment is not None and not component.deployment.probes:
            changed = with_deployment(changed, component.name, _probed(_probes(component)))
    return changed


def _probed(probes: tuple[Probe, ...]) -> Callable[[Deployment], Deployment]:
    return lambda deployment: structs.replace(deployment, probes=probes)


def _probes(component: Component) -> tuple[Probe, ...]:
    mechanism, target = _question(component, component.deployment or Deployment())
    in_kubernetes = any(each.reader in {"kubernetes", "helm"} for each in component.evidence)
    kinds: tuple[Literal["healthcheck", "liveness", "readiness"], ...] = (
        ("readiness", "liveness") if in_kubernetes else ("healthcheck",)
    )
    return tuple(Probe(kind=kind, mechanism=mechanism, target=target, period_s=PERIOD_S, timeout_s=TIMEOUT_S) for kind in kinds)


def _question(component: Component, deployment: Deployment) -> tuple[Literal["http", "tcp", "command"], str]:
    command = COMMANDS.get(component.technology)
    port = deployment.ports[0].number if deployment.ports else None
    if command is not None:
        return "command", command
    if component.stateful and port is not None:
        return "tcp", str(port)
    return ("http", f":{port}/health") if port is not None else ("command", "")

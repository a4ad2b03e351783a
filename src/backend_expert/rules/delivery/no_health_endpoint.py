"""Components that nothing watches."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Finding, Kind, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import container_of, distinct, most_needed_first, on_request_path, serves_only_telemetry
from backend_expert.rules.wording import listed

WATCHED = frozenset({Kind.SERVICE, Kind.GATEWAY, Kind.WORKER, Kind.DATABASE, Kind.CACHE, Kind.BROKER})
PROBED = frozenset({"helm", "kubernetes"})
"""Readers of what the kubelet runs."""

RUNS_TO_ITS_END = frozenset({"Never", "OnFailure"})
"""Restart policies of a Kubernetes Job: it ends by itself, and its exit code is its health."""


@rule(
    "no-health-endpoint",
    code="BE-DEL-006",
    family="delivery",
    severity=Severity.MEDIUM,
    en="No probe and no healthcheck",
    pt="Sem probe e sem healthcheck",
)
def no_health_endpoint(system: System) -> Iterator[Finding]:
    """Yield one finding for all components without any probe, where every place that could hold one was read."""
    blind = most_needed_first(system, [component for component in system.components if _unwatched(system, component)])
    if not blind:
        return
    names = [each.name for each in blind]
    needed = [name for name in names if name in on_request_path(system)]
    serving = [each.name for each in blind if each.kind in {Kind.SERVICE, Kind.GATEWAY}]
    watched = sum(1 for component in system.components if component.deployment is not None and component.deployment.probes)
    contrast = Text(
        f" {watched} other{'s' * (watched > 1)} of this system {'has' if watched == 1 else 'have'} one." if watched else "",
        f" {watched} outro{'s' * (watched > 1)} deste sistema {'tem' if watched == 1 else 'têm'}." if watched else "",
    )
    # The kubelet runs probes and ignores a HEALTHCHECK, and a Compose file may hold one beside the manifests that are described here.
    kubelet = all(place.reader in PROBED for each in blind for place in container_of(each))
    what = Text("probe", "probe") if kubelet else Text("probe or healthcheck", "probe ou healthcheck")
    yield Finding(
        rule="no-health-endpoint",
        severity=Severity.MEDIUM if serving else Severity.LOW,
        subject=names[0] if len(names) == 1 else "components without a probe",
        components=tuple(names),
        title=Text(
            f"No {what.en} found for {listed(names, 'en', most=4)}",
            f"Nenhum {what.pt} encontrado para {listed(names, 'pt', most=4)}",
        ),
        why=Text(
            f"Nothing tells the platform when {listed(needed or names, 'en', most=12)} can take work. A process that has started "
            f"but is not ready gets traffic at every deploy, and one that hangs without exiting is never restarted.{contrast.en}",
            f"Nada diz à plataforma quando {listed(needed or names, 'pt', most=12)} "
            f"{'pode' if len(needed or names) == 1 else 'podem'} receber trabalho. Um processo que subiu mas não está pronto "
            f"recebe tráfego a cada deploy, e um que trava sem sair nunca é reiniciado.{contrast.pt}",
        ),
        evidence=distinct(place for each in blind for place in container_of(each)),
        confidence=0.85,
    )


def _unwatched(system: System, component: Component) -> bool:
    deployment = component.deployment
    if deployment is None or not deployment.complete or deployment.probes or component.kind not in WATCHED:
        return False
    if deployment.restart in RUNS_TO_ITS_END or serves_only_telemetry(system, component.name):
        return False
    triggers = {operation.trigger.kind for operation in system.operations if operation.component == component.name}
    return not triggers or not triggers <= {"schedule", "start"}

"""Containers that hold the keys of the machine they run on."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Finding, Severity, System, Text, Volume
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import container_of, distinct
from backend_expert.rules.wording import listed

ENGINE_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "podman.sock")
"""Names of the sockets through which a container engine takes its orders."""


@rule(
    "container-platform-escape",
    code="BE-SEC-030",
    family="security",
    severity=Severity.HIGH,
    en="Container that can take over its machine",
    pt="Contêiner que pode tomar a máquina",
)
def container_platform_escape(system: System) -> Iterator[Finding]:
    """Yield one finding for all components that mount the socket of the container engine."""
    holders = [(component, volume) for component in system.components for volume in _sockets(component)]
    if holders:
        yield _finding(holders)


def _sockets(component: Component) -> tuple[Volume, ...]:
    volumes = component.deployment.volumes if component.deployment is not None else ()
    return tuple(volume for volume in volumes if volume.source.endswith(ENGINE_SOCKETS) or volume.path.endswith(ENGINE_SOCKETS))


def _finding(holders: list[tuple[Component, Volume]]) -> Finding:
    names = distinct(component.name for component, _ in holders)
    return Finding(
        rule="container-platform-escape",
        severity=Severity.HIGH,
        subject=names[0] if len(names) == 1 else "containers with the engine socket",
        components=names,
        title=Text(
            f"{listed(names, 'en', most=4)} can give orders to the container engine",
            f"{listed(names, 'pt', most=4)} {'pode' if len(names) == 1 else 'podem'} dar ordens ao motor de contêineres",
        ),
        why=Text(
            "Whoever can write to the socket can start a container that mounts the whole disk of the machine as root: a hole in this "
            "one program is a hole in everything that runs beside it. A read-only mount changes nothing, for orders are not writes to "
            "the file.",
            "Quem pode escrever no socket pode iniciar um contêiner que monta o disco inteiro da máquina como root: uma falha neste "
            "programa é uma falha em tudo o que roda ao lado. Montar como somente leitura não muda nada, pois ordens não são escritas "
            "no arquivo.",
        ),
        evidence=distinct(place for component, volume in holders for place in (volume.evidence or container_of(component))),
        confidence=0.95,
    )

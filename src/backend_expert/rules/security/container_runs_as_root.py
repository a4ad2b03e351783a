"""Containers that are told to run as root."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import container_of, distinct
from backend_expert.rules.wording import listed


@rule(
    "container-runs-as-root",
    code="BE-SEC-031",
    family="security",
    severity=Severity.MEDIUM,
    en="Container told to run as root",
    pt="Contêiner configurado para rodar como root",
)
def container_runs_as_root(system: System) -> Iterator[Finding]:
    """Yield one finding for all components whose user is written down as root; a user that is not written down is not judged."""
    rooted = [component for component in system.components if _root(component)]
    if not rooted:
        return
    names = [each.name for each in rooted]
    yield Finding(
        rule="container-runs-as-root",
        severity=Severity.MEDIUM,
        subject=names[0] if len(names) == 1 else "containers as root",
        components=tuple(names),
        title=Text(
            f"{listed(names, 'en', most=4)} {'is' if len(names) == 1 else 'are'} told to run as root",
            f"{listed(names, 'pt', most=4)} {'está configurado' if len(names) == 1 else 'estão configurados'} para rodar como root",
        ),
        why=Text(
            f"User 0 in the container is user 0 of the kernel: whoever takes over the process of {listed(names, 'en', most=4)} "
            f"can write to everything mounted, and needs one hole in the runtime to own the node and its neighbours.",
            f"O usuário 0 no contêiner é o usuário 0 do kernel: quem tomar o processo de {listed(names, 'pt', most=4)} pode "
            f"gravar em tudo o que está montado, e só precisa de uma falha no runtime para tomar o nó e os vizinhos.",
        ),
        evidence=distinct(place for each in rooted for place in container_of(each)),
        confidence=0.95,
    )


def _root(component: Component) -> bool:
    user = component.deployment.user.partition(":")[0] if component.deployment is not None else ""
    return user in {"0", "root"}

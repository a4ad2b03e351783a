"""Take the socket of the container engine out of a container."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Deployment, Finding, System


@remedy(
    "no-engine-socket",
    en="Take the engine's socket out of the container, or put a proxy in front of it",
    pt="Tire o socket do motor de dentro do contêiner, ou ponha um proxy na frente dele",
    addresses=("container-platform-escape",),
    considers=("security",),
    effort="hours",
)
def no_engine_socket(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a mount does not follow the load
    """Return the system in which none of the finding's components mounts a socket."""
    changed = system
    for component in concerned(system, finding):
        changed = with_deployment(changed, component.name, _without_sockets)
    return changed


def _without_sockets(deployment: Deployment) -> Deployment:
    kept = tuple(each for each in deployment.volumes if not f"{each.source} {each.path}".count(".sock"))
    return structs.replace(deployment, volumes=kept)

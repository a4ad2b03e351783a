"""Take a store's port off the outside."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Deployment, Finding, Port, System


@remedy(
    "private-network",
    en="Keep the store's port inside the private network",
    pt="Mantenha a porta do banco dentro da rede privada",
    addresses=("datastore-port-published",),
    considers=("security",),
    effort="hours",
)
def private_network(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - exposure does not follow the load
    """Return the system with no port of the finding's components published; they stay reachable for the services."""
    changed = system
    for component in concerned(system, finding):
        changed = with_deployment(changed, component.name, _closed)
    return changed


def _closed(deployment: Deployment) -> Deployment:
    return structs.replace(deployment, ports=tuple(_inside(port) for port in deployment.ports))


def _inside(port: Port) -> Port:
    return structs.replace(port, published=None, address="")

"""Give a store a disk that outlives its container."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Component, Deployment, Finding, System, Volume

DATA_DIRECTORIES: Mapping[str, str] = {
    # The directories that the official images name in their VOLUME instruction or documentation.
    "cassandra": "/var/lib/cassandra",
    "elasticsearch": "/usr/share/elasticsearch/data",
    "mariadb": "/var/lib/mysql",
    "mongodb": "/data/db",
    "mysql": "/var/lib/mysql",
    "opensearch": "/usr/share/opensearch/data",
    "postgresql": "/var/lib/postgresql/data",
    "rabbitmq": "/var/lib/rabbitmq",
    "redis": "/data",
    "valkey": "/data",
}


@remedy(
    "persistent-volume",
    en="Put the store's data on a volume that outlives the container",
    pt="Guarde os dados em um volume que sobrevive ao contêiner",
    addresses=("store-without-persistence",),
    considers=("durability", "fault-tolerance"),
    effort="hours",
)
def persistent_volume(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a loss does not follow the load
    """Return the system with a named volume on the data directory of the finding's stores whose directory is known."""
    changed = system
    for component in concerned(system, finding):
        volume = _volume(component)
        if volume is not None:
            changed = with_deployment(changed, component.name, _on_disk(volume))
    return changed


def _volume(component: Component) -> Volume | None:
    directory = DATA_DIRECTORIES.get(component.technology)
    if not component.stateful or directory is None or component.deployment is None:
        return None
    if any(volume.persistent and volume.path == directory for volume in component.deployment.volumes):
        return None
    return Volume(path=directory, source=f"{component.name}-data")


def _on_disk(volume: Volume) -> Callable[[Deployment], Deployment]:
    def mounted(deployment: Deployment) -> Deployment:
        others = tuple(each for each in deployment.volumes if each.path != volume.path)
        return structs.replace(deployment, volumes=(*others, volume))

    return mounted

"""Stores and brokers whose data goes with the container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from backend_expert.model import (
    Action,
    Component,
    Evidence,
    Finding,
    Kind,
    Query,
    Severity,
    System,
    Text,
    Volume,
    call_sites,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import (
    carries_messages,
    dependents,
    distinct,
    most_needed_first,
    place_of,
    serves_only_telemetry,
    users_of,
)
from backend_expert.rules.wording import listed

KEEPS_NOTHING = frozenset({"memcached", "nats"})
"""Technologies that hold nothing on disk unless told otherwise (memcached never, NATS without JetStream)."""

DATA_DIRECTORIES = {
    "postgres": ("/var/lib/postgresql",),
    "mysql": ("/var/lib/mysql",),
    "mariadb": ("/var/lib/mysql",),
    "mongo": ("/data/db",),
    "redis": ("/data",),
    "valkey": ("/data",),
    "rabbitmq": ("/var/lib/rabbitmq",),
}
"""Where each official image writes, by the last word of the image's name (the images' pages on Docker Hub)."""

_SETTINGS = frozenset(
    {".acl", ".cnf", ".conf", ".crt", ".env", ".ini", ".js", ".json", ".key", ".pem", ".properties", ".sh", ".sql", ".yaml", ".yml"}
)


@rule(
    "store-without-persistence",
    code="BE-RES-029",
    family="resilience",
    severity=Severity.HIGH,
    en="Store without persistence",
    pt="Armazenamento sem persistência",
)
def store_without_persistence(system: System) -> Iterator[Finding]:
    """Yield the stores that keep their data inside the container, and the volumes that stand beside the data."""
    bare: list[Component] = []
    only_copy: list[Component] = []
    for component in system.components:
        deployment = component.deployment
        if not component.stateful or deployment is None or not deployment.complete:
            continue
        if component.technology in KEEPS_NOTHING or serves_only_telemetry(system, component.name):
            continue
        kept = [volume for volume in deployment.volumes if volume.persistent and not holds_settings(volume)]
        if kept:
            yield from _beside_the_data(component, kept)
        elif component.kind is not Kind.CACHE:
            bare.append(component)
        elif not carries_messages(component) and owners_without_another_store(system, component):
            only_copy.append(component)
    if bare:
        yield _bare(system, most_needed_first(system, bare))
    for component in only_copy:
        yield _only_copy(system, component)


def holds_settings(volume: Volume) -> bool:
    """Tell whether a volume is there to bring files in (configuration, seeds, keys), not to keep data."""
    path = PurePosixPath(volume.path)
    return path.suffix in _SETTINGS or "docker-entrypoint-initdb.d" in path.parts or path.parts[:2] == ("/", "etc")


def owners_without_another_store(system: System, cache: Component) -> tuple[str, ...]:
    """Return the users of a cache that are shown to write to it as a store, or else those that use no other store."""
    stores = {component.name for component in system.components if component.kind in {Kind.DATABASE, Kind.CACHE}}
    writes = [
        site.caller
        for site in call_sites(system)
        if site.callee == cache.name and isinstance(site.step, Query) and site.step.action is not Action.READ
    ]
    if writes:
        return tuple(sorted(set(writes)))
    users = sorted({each.caller for each in users_of(system, cache.name) if each.certainty != "assumed"})
    used = {user: {site.callee for site in call_sites(system) if site.caller == user} & stores for user in users}
    return tuple(user for user in users if used[user] <= {cache.name})


def _places(component: Component) -> tuple[Evidence, ...]:
    volumes = component.deployment.volumes if component.deployment is not None else ()
    lost = tuple(place for volume in volumes if not volume.persistent for place in volume.evidence)
    return (*place_of(component), *lost)


def _bare(system: System, stores: tuple[Component, ...]) -> Finding:
    names = [each.name for each in stores]
    behind = sorted(set().union(*(dependents(system)[name] for name in names)))
    databases = [each.name for each in stores if each.kind is Kind.DATABASE]
    lost = Text("every queued message", "toda mensagem na fila")
    if databases:
        lost = Text(f"everything in {listed(databases, 'en')}", f"tudo o que está em {listed(databases, 'pt')}")
        if len(databases) < len(names):
            lost = Text(f"{lost.en} and every queued message", f"{lost.pt} e toda mensagem na fila")
    users = Text("", "")
    if behind:
        users = Text(
            f" {listed(behind, 'en', most=8)} {'builds' if len(behind) == 1 else 'build'} on it.",
            f" {listed(behind, 'pt', most=8)} {'depende' if len(behind) == 1 else 'dependem'} disso.",
        )
    return Finding(
        rule="store-without-persistence",
        severity=Severity.HIGH if databases else Severity.MEDIUM,
        subject=names[0] if len(names) == 1 else "stores and brokers",
        components=tuple(names),
        title=Text(
            f"{listed(names, 'en', most=4)} {'keeps its' if len(names) == 1 else 'keep their'} data inside the container",
            f"{listed(names, 'pt', most=4)} {'guarda' if len(names) == 1 else 'guardam'} os dados dentro do contêiner",
        ),
        why=Text(
            f"No volume that outlives the container is mounted: at the next upgrade, eviction or `docker compose down`, {lost.en} "
            f"is gone, and a replica or a backup tool has nothing to start from.{users.en}",
            f"Nenhum volume que sobreviva ao contêiner está montado: na próxima atualização, remoção do pod ou `docker compose "
            f"down`, {lost.pt} se perde, e não sobra nada de onde uma réplica ou um backup possa partir.{users.pt}",
        ),
        evidence=distinct(place for each in stores for place in _places(each)),
        confidence=0.9,
    )


def _only_copy(system: System, cache: Component) -> Finding:
    owners = owners_without_another_store(system, cache)
    shown = any(
        site.callee == cache.name and isinstance(site.step, Query) and site.step.action is not Action.READ
        for site in call_sites(system)
    )
    reason = Text(
        f"{listed(owners, 'en')} {'uses' if len(owners) == 1 else 'use'} no other store",
        f"{listed(owners, 'pt')} não {'usa' if len(owners) == 1 else 'usam'} outro armazenamento",
    )
    if shown:
        reason = Text(
            f"{listed(owners, 'en')} {'writes' if len(owners) == 1 else 'write'} to it as a store",
            f"{listed(owners, 'pt')} {'grava' if len(owners) == 1 else 'gravam'} nele como banco",
        )
    return Finding(
        rule="store-without-persistence",
        severity=Severity.HIGH if shown else Severity.MEDIUM,
        subject=cache.name,
        components=(cache.name, *owners),
        title=Text(
            f"`{cache.name}` holds the only copy for {listed(owners, 'en')}, without a volume",
            f"`{cache.name}` guarda a única cópia de {listed(owners, 'pt')}, sem volume",
        ),
        why=Text(
            f"{reason.en}, and nothing that outlives the container is mounted: every restart of `{cache.name}` is an empty store, "
            f"not a cold cache, because there is nothing to fill it from. If it holds only what can be computed again, say so in "
            f"system.yaml.",
            f"{reason.pt}, e nada que sobreviva ao contêiner está montado: cada reinício de `{cache.name}` é um armazenamento "
            f"vazio, não um cache frio, porque não há de onde recarregar. Se ali só há o que pode ser recalculado, diga isso no "
            f"system.yaml.",
        ),
        evidence=distinct(_places(cache)),
        confidence=0.9 if shown else 0.7,
    )


def _beside_the_data(component: Component, kept: list[Volume]) -> Iterator[Finding]:
    """Yield a finding where the volumes of an official image all stand beside the directory it writes to."""
    image = component.image.partition("@")[0].rpartition("/")
    expected = DATA_DIRECTORIES.get(image[2].partition(":")[0])
    official = image[0] in {"", "library", "docker.io", "docker.io/library"}
    if expected is None or not official:
        return
    values = " ".join(setting.value for setting in component.settings)
    for volume in kept:
        path = volume.path.rstrip("/")
        if path in values or any(_within(path, place) or _within(place, path) for place in expected):
            return
    name, mounted = component.name, [volume.path for volume in kept]
    yield Finding(
        rule="store-without-persistence",
        severity=Severity.MEDIUM,
        subject=f"{name} volume",
        components=(name,),
        title=Text(
            f"The volume of `{name}` is not where the image keeps its data",
            f"O volume de `{name}` não está onde a imagem guarda os dados",
        ),
        why=Text(
            f"{listed(mounted, 'en')} is mounted, but `{component.image}` writes to {listed(expected, 'en')} unless its command "
            f"says otherwise: the volume stays empty and the data goes with the container.",
            f"O que está montado é {listed(mounted, 'pt')}, mas `{component.image}` grava em {listed(expected, 'pt')} se o "
            f"comando não disser outra coisa: o volume fica vazio e os dados vão embora com o contêiner.",
        ),
        evidence=distinct((*(place for volume in kept for place in volume.evidence), *place_of(component))),
        confidence=0.7,
    )


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")

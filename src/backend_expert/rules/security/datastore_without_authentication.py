"""Stores and brokers that are told to let everybody in."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Finding, Setting, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import distinct, place_of
from backend_expert.rules.wording import listed

OPEN_DOORS = {
    "POSTGRES_HOST_AUTH_METHOD": frozenset({"trust"}),
    "MYSQL_ALLOW_EMPTY_PASSWORD": frozenset({"1", "yes", "true"}),
    "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": frozenset({"1", "yes", "true"}),
    "ALLOW_EMPTY_PASSWORD": frozenset({"yes", "true"}),
    "ALLOW_PLAINTEXT_LISTENER": frozenset({"yes", "true"}),
    "ALLOW_ANONYMOUS_LOGIN": frozenset({"yes", "true"}),
    "XPACK.SECURITY.ENABLED": frozenset({"false"}),
    "PLUGINS.SECURITY.DISABLED": frozenset({"true"}),
    "DISABLE_SECURITY_PLUGIN": frozenset({"true"}),
    "NEO4J_AUTH": frozenset({"none"}),
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": frozenset({"true"}),
}
"""Settings that switch authentication off, and the values that do it (the images' pages: PostgreSQL, MySQL, MariaDB, Bitnami,
Elasticsearch, OpenSearch, Neo4j, Weaviate)."""


@rule(
    "datastore-without-authentication",
    code="BE-SEC-018",
    family="security",
    severity=Severity.MEDIUM,
    en="Store without authentication",
    pt="Banco sem autenticação",
)
def datastore_without_authentication(system: System) -> Iterator[Finding]:
    """Yield one finding for all stores and brokers with a setting that lets everybody in; high where a port is published."""
    open_ones = [(component, door) for component in system.components if component.stateful for door in _doors(component)]
    if not open_ones:
        return
    names = tuple(dict.fromkeys(component.name for component, _ in open_ones))
    published = tuple(dict.fromkeys(component.name for component, _ in open_ones if _reachable(component)))
    settings = tuple(f"{door.name}={door.value}" for _, door in open_ones)
    outside = Text("", "")
    if published:
        outside = Text(
            f" {listed(published, 'en')} {'has' if len(published) == 1 else 'have'} a published port besides: nothing is left in "
            f"between.",
            f" Além disso, {listed(published, 'pt')} {'tem' if len(published) == 1 else 'têm'} porta publicada: não sobra nada no "
            f"meio.",
        )
    yield Finding(
        rule="datastore-without-authentication",
        severity=Severity.HIGH if published else Severity.MEDIUM,
        subject=names[0] if len(names) == 1 else "stores and brokers",
        components=names,
        title=Text(
            f"{listed(names, 'en', most=4)} {'accepts' if len(names) == 1 else 'accept'} everybody",
            f"{listed(names, 'pt', most=4)} {'aceita' if len(names) == 1 else 'aceitam'} qualquer um",
        ),
        why=Text(
            f"{listed(settings, 'en', most=4)} switches authentication off. One process that is taken over, or one container too "
            f"many in the same network, then reads and changes everything.{outside.en}",
            f"{listed(settings, 'pt', most=4)} desliga a autenticação. Um processo tomado, ou um contêiner a mais na mesma rede, "
            f"passa a ler e mudar tudo.{outside.pt}",
        ),
        evidence=distinct(place for component, door in open_ones for place in (door.evidence or place_of(component))),
        confidence=0.95,
    )


def _doors(component: Component) -> tuple[Setting, ...]:
    return tuple(
        setting
        for setting in component.settings
        if setting.value.strip().lower() in OPEN_DOORS.get(setting.name.upper(), frozenset())
    )


def _reachable(component: Component) -> bool:
    ports = component.deployment.ports if component.deployment is not None else ()
    return any(port.published is not None and not port.address.startswith("127.") for port in ports)

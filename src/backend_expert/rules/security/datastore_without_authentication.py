"""Stores and brokers that are told to let everybody in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import Component, Evidence, Finding, Setting, Severity, System, Text, call_sites
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import container_of, distinct, place_of, users_of
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

OPEN_BY_DEFAULT = frozenset({"memcached", "mongodb", "redis", "valkey"})
"""Technologies whose images ask for no login until they are told to (Docker Hub, `mongo`, `redis`: protected mode is off in the image)."""

CREDENTIAL = re.compile(r"PASS|AUTH|SECRET|ROOT_USERNAME|ACL|REQUIREPASS|EXTRA_FLAGS|ARGS", re.IGNORECASE)
"""Settings that give a store its credentials, or the arguments in which they may stand."""


@rule(
    "datastore-without-authentication",
    code="BE-SEC-018",
    family="security",
    severity=Severity.MEDIUM,
    en="Store without authentication",
    pt="Banco sem autenticação",
)
def datastore_without_authentication(system: System) -> Iterator[Finding]:
    """Yield one finding for all stores with a setting that lets everybody in, and one question for those open unless told otherwise."""
    open_ones = [(component, door) for component in system.components if component.stateful for door in _doors(component)]
    if open_ones:
        yield _switched_off(open_ones)
    silent = [component for component in system.components if _open_unless_told(system, component)]
    if silent:
        yield _question(system, silent)


def _switched_off(open_ones: list[tuple[Component, Setting]]) -> Finding:
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
    return Finding(
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


def _open_unless_told(system: System, component: Component) -> bool:
    """Tell whether a store lets everybody in by default, and neither it nor anybody who uses it is given a credential for it."""
    deployment = component.deployment
    if component.technology not in OPEN_BY_DEFAULT or deployment is None or not deployment.complete or _doors(component):
        return False
    names = {component.technology, component.name, *component.aliases}
    users = {each.caller for each in users_of(system, component.name)}
    told = any(CREDENTIAL.search(setting.name) for setting in component.settings)
    for user in system.components:
        if user.name in users and not told:
            told = any(setting.secret and _speaks_of(setting, names) for setting in user.settings)
    return bool(users) and not told


def _speaks_of(setting: Setting, names: set[str]) -> bool:
    text = f"{setting.name} {setting.value}".lower().replace("_", "-")
    return any(name.lower().replace("_", "-") in text for name in names) or "database" in text or "db" in text.split("-")


def _question(system: System, silent: list[Component]) -> Finding:
    names = [component.name for component in silent]
    technologies = sorted({component.technology for component in silent})
    published = [component.name for component in silent if _reachable(component)]
    outside = Text("", "")
    if published:
        outside = Text(
            f" {listed(published, 'en')} can be reached from outside besides.",
            f" Além disso, {listed(published, 'pt')} tem porta publicada.",
        )
    return Finding(
        rule="datastore-without-authentication",
        severity=Severity.HIGH if published else Severity.MEDIUM,
        subject=f"{names[0]} credentials" if len(names) == 1 else "credentials of stores",
        components=tuple(names),
        title=Text(
            f"No credentials found for {listed(names, 'en', most=4)}",
            f"Nenhuma credencial encontrada para {listed(names, 'pt', most=4)}",
        ),
        why=Text(
            f"The images of {listed(technologies, 'en')} let everybody in until they are given a password, and neither the stores nor "
            f"those who use them were seen to have one. If it stands in a command or a mounted file, say so in `system.yaml`; if not, "
            f"any process in the network reads and changes everything.{outside.en}",
            f"As imagens de {listed(technologies, 'pt')} deixam qualquer um entrar até receberem uma senha, e nem os bancos nem quem os "
            f"usa parecem ter uma. Se ela está em um comando ou em um arquivo montado, diga isso no `system.yaml`; se não, qualquer "
            f"processo na rede lê e muda tudo.{outside.pt}",
        ),
        evidence=distinct(
            place for component in silent for place in (*container_of(component), *_connections(system, component.name))
        ),
        confidence=0.6,
        asked=True,
    )


def _connections(system: System, name: str) -> tuple[Evidence, ...]:
    """Return where each user of a store connects to it: the last of the places that lead from a step to the store."""
    places: dict[str, Evidence] = {}
    for site in call_sites(system):
        if site.callee == name and site.step.evidence:
            places.setdefault(site.caller, site.step.evidence[-1])
    return tuple(places[caller] for caller in sorted(places))


def _doors(component: Component) -> tuple[Setting, ...]:
    return tuple(
        setting
        for setting in component.settings
        if setting.value.strip().lower() in OPEN_DOORS.get(setting.name.upper(), frozenset())
    )


def _reachable(component: Component) -> bool:
    ports = component.deployment.ports if component.deployment is not None else ()
    return any(port.published is not None and not port.address.startswith("127.") for port in ports)

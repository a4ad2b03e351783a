"""Stores, brokers and their consoles that can be reached from outside."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Component, Finding, Kind, Port, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import distinct, place_of
from backend_expert.rules.wording import counted, listed

CONSOLES = frozenset(
    {
        "adminer", "akhq", "kafdrop", "kafka-ui", "kibana", "mongo-express", "opensearch-dashboards", "pgadmin", "phpmyadmin",
        "redis-commander", "redisinsight",
    }
)  # fmt: skip
"""Technologies whose only use is to look into and change a store or a broker."""

CONSOLE_PORTS = {"rabbitmq": frozenset({15671, 15672}), "activemq": frozenset({8161}), "neo4j": frozenset({7473, 7474})}
"""Ports of a management console beside the protocol's own (RabbitMQ manual, Networking; ActiveMQ, Web Console; Neo4j, Ports)."""


class Opening(Struct, frozen=True):
    """One published port of a component."""

    component: Component
    port: Port

    @property
    def console(self) -> bool:
        """Tell whether the port is a management console."""
        technology = self.component.technology
        return technology in CONSOLES or self.port.number in CONSOLE_PORTS.get(technology, frozenset())


@rule(
    "datastore-port-published",
    code="BE-SEC-017",
    family="security",
    severity=Severity.HIGH,
    en="Port of a store or broker published",
    pt="Porta de banco ou broker publicada",
)
def datastore_port_published(system: System) -> Iterator[Finding]:
    """Yield one finding for the stores and brokers that are open to the outside, and one for their consoles."""
    openings = [
        Opening(component, port)
        for component in system.components
        if component.deployment is not None and (component.stateful or component.technology in CONSOLES)
        for port in component.deployment.ports
        if port.published is not None and not _loopback(port.address)
    ]
    data = [each for each in openings if not each.console]
    consoles = [each for each in openings if each.console]
    if data:
        yield _data(data)
    if consoles:
        yield _consoles(consoles)


def _loopback(address: str) -> bool:
    return address.startswith("127.") or address in {"localhost", "::1", "[::1]"}


def _named(openings: list[Opening]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.component.name for each in openings))


def _ports(openings: list[Opening]) -> list[str]:
    shown = (each.port.published or each.port.number for each in openings)
    return [f"{each.component.name}:{number}" for each, number in zip(openings, shown, strict=True)]


def _data(openings: list[Opening]) -> Finding:
    names = _named(openings)
    brokers = {each.component.kind is Kind.BROKER for each in openings}
    what = Text("store or broker", "banco ou broker")
    if len(brokers) == 1:
        what = Text("broker", "broker") if True in brokers else Text("store", "banco")
    return Finding(
        rule="datastore-port-published",
        severity=Severity.HIGH,
        subject=names[0] if len(names) == 1 else "stores and brokers",
        components=names,
        title=Text(
            f"{listed(names, 'en', most=4)} {'is' if len(names) == 1 else 'are'} reachable from outside",
            f"{listed(names, 'pt', most=4)} {'está acessível' if len(names) == 1 else 'estão acessíveis'} de fora",
        ),
        why=Text(
            f"{listed(_ports(openings), 'en')} {'is' if len(openings) == 1 else 'are'} published beyond the private network, past "
            f"every check that the services make: whoever reaches the port talks to the {what.en} itself and needs one password, "
            f"or a default one, or none. The services do not need it, they reach it by name inside. (Docker's published ports "
            f"also pass by `ufw` rules.)",
            f"{listed(_ports(openings), 'pt')} {'está publicada' if len(openings) == 1 else 'estão publicadas'} além da rede "
            f"privada, por fora de todas as verificações que os serviços fazem: quem alcança a porta fala direto com o {what.pt} "
            f"e só precisa de uma senha, ou da senha padrão, ou de nenhuma. Os serviços não precisam disso, eles chegam pelo "
            f"nome, por dentro. (Portas publicadas pelo Docker também passam por fora das regras do `ufw`.)",
        ),
        evidence=distinct(place for each in openings for place in (each.port.evidence or place_of(each.component))),
        confidence=0.95,
    )


def _consoles(openings: list[Opening]) -> Finding:
    names = _named(openings)
    return Finding(
        rule="datastore-port-published",
        severity=Severity.MEDIUM,
        subject=f"{names[0]} console" if len(names) == 1 else "management consoles",
        components=names,
        title=Text(
            f"{counted(len(openings), 'management console', 'management consoles')} reachable from outside: "
            f"{listed(names, 'en', most=4)}",
            f"{counted(len(openings), 'console de administração acessível', 'consoles de administração acessíveis')} de fora: "
            f"{listed(names, 'pt', most=4)}",
        ),
        why=Text(
            f"{listed(_ports(openings), 'en')}: a console can read, purge and delete everything behind it, and one login stands "
            f"in between.",
            f"{listed(_ports(openings), 'pt')}: um console pode ler, esvaziar e apagar tudo o que está atrás dele, e só há um "
            f"login no meio.",
        ),
        evidence=distinct(place for each in openings for place in (each.port.evidence or place_of(each.component))),
        confidence=0.9,
    )

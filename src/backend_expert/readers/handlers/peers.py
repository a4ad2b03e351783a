"""Which component a target of code is: by its address, by the one product of its kind, by the name of its variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from backend_expert.model import Certainty, Component, Evidence, Kind
from backend_expert.readers.addresses import LOCAL_HOSTS, Peer, peers
from backend_expert.readers.code import Code, Piece, Target
from backend_expert.readers.descriptions import plain_name
from backend_expert.readers.directory import Directory
from backend_expert.readers.edges import Edge
from backend_expert.readers.settings import name_words, words

FAMILIES = {
    "postgresql": words("postgresql cockroachdb yugabyte"),
    "mysql": words("mysql mariadb"),
    "sqlserver": words("sqlserver"),
    "mongodb": words("mongodb"),
    "redis": words("redis valkey dragonfly"),
    "amqp": words("rabbitmq activemq"),
    "kafka": words("kafka redpanda"),
    "nats": words("nats"),
    "mqtt": words("mosquitto emqx"),
    "sqs": words("sqs elasticmq localstack"),
    "sns": words("sns localstack"),
}
"""Products that answer to a protocol."""

_HOLE = "{"
_ADDRESS_ENDING = re.compile(r"(url|uri|host|hostname|addr|address|endpoint|base|server|service|svc|api|http)+$")


CALLERS_CHOICE = "address-from-request"
"""The component that stands for whatever host the sender of a request names."""

KINDS = {
    "redis": Kind.CACHE,
    "amqp": Kind.BROKER,
    "kafka": Kind.BROKER,
    "nats": Kind.BROKER,
    "mqtt": Kind.BROKER,
    "sqs": Kind.BROKER,
    "sns": Kind.BROKER,
}
PRODUCT = {"amqp": "rabbitmq", "mqtt": "mosquitto"}
"""The product that most often answers to a protocol, where it is not called after it."""


def undescribed(owner: Component, targets: Sequence[Target], components: Mapping[str, Component]) -> Iterator[Component]:
    """Yield what a program connects to and nothing describes: stores and brokers of whose kind there is none, hosts that requests name.

    Programs share a broker, or their messages would reach nobody; that two of them share a database, nothing says.
    """
    present = {component.technology for component in components.values()}
    chosen = tuple(dict.fromkeys(line for target in targets if target.from_caller for line in target.evidence[:1]))
    if chosen:
        yield Component(name=CALLERS_CHOICE, kind=Kind.EXTERNAL, certainty=Certainty.RECOVERED, evidence=chosen[:3])
    for protocol in sorted({target.protocol for target in targets} & set(FAMILIES)):
        if FAMILIES[protocol] & present:
            continue
        kind = KINDS.get(protocol, Kind.DATABASE)
        technology = PRODUCT.get(protocol, protocol)
        evidence = tuple(dict.fromkeys(line for target in targets if target.protocol == protocol for line in target.evidence[:1]))
        yield Component(
            name=technology if kind is Kind.BROKER else f"{owner.name}-{technology}",
            kind=kind,
            technology=technology,
            certainty=Certainty.RECOVERED,
            evidence=evidence[:3],
        )


ANY_HOST = "0.0.0.0"  # noqa: S104 - it is compared with what is read; nothing is bound here
"""What a server says that listens on every address; a client that says it means its own machine."""


class Found(Struct, frozen=True):
    """Where a target leads: the component, with the port, database and path that its address names."""

    component: Component
    protocol: str = ""
    database: str = ""
    path: str = ""
    evidence: tuple[Evidence, ...] = ()


class Placed(Struct, frozen=True):
    """A program at the component that runs it, with where each of its targets leads."""

    component: Component
    code: Code
    found: Mapping[str, Found]


class Peers:
    """Answer for the targets of one component."""

    def __init__(self, owner: Component, components: Mapping[str, Component], edges: Iterable[Edge]) -> None:
        self.owner = owner
        self._components = components
        self._directory = Directory(components)
        self._settings = {setting.name: setting.value for setting in owner.settings}
        self._used = [edge for edge in edges if edge.caller == owner.name]

    def text(self, pieces: tuple[Piece, ...]) -> str:
        """Return a text with the settings of the component in it; what only a request knows stands in braces."""
        return "".join(self._piece(piece, 0) for piece in pieces)

    def _piece(self, piece: Piece, depth: int) -> str:
        if piece.hole:
            return f"{{{piece.hole}}}"
        if not piece.variable:
            return piece.text
        value = self._settings.get(piece.variable, "")
        if value:
            return value
        if piece.default is None or depth > 4:
            return f"{{{piece.variable}}}"
        return "".join(self._piece(inner, depth + 1) for inner in piece.default)

    def find(self, target: Target) -> Found | None:
        """Return where a target leads; nothing when no file tells."""
        if target.from_caller:
            named = self._components.get(CALLERS_CHOICE)
            return Found(named) if named is not None and named.kind is Kind.EXTERNAL else None
        text = self.text(target.address).strip()
        found = self._by_address(target, text) if text else None
        if found is None and target.protocol in {"http", "tcp", "grpc"}:
            return self._by_variable(target, text)
        return found or self._by_product(target, text)

    def _by_address(self, target: Target, text: str) -> Found | None:
        text = text.replace(ANY_HOST, "localhost", 1)
        url = text if "://" in text else _url(target.protocol, text, self.text(target.port), self.text(target.database))
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        if _HOLE in authority.rpartition("@")[2].partition(":")[0] or not authority:
            return None
        # A port that only a request knows leaves the host.
        authority = re.sub(r":\{[^}]*\}$", "", authority)
        key = next((piece.variable for piece in target.address if piece.variable), "") or "call url"
        for peer in peers("call url", f"{scheme}://{authority}/{_without_holes(path)}"):
            for component in self._directory.find(peer, key, self.owner, self._settings):
                if component.name != self.owner.name:
                    database = self._database(peer, target, component)
                    return Found(component, peer.protocol, database, slash + path if slash else "", self._stated(target))
        return None

    def _stated(self, target: Target) -> tuple[Evidence, ...]:
        """Return the line of the setting that an address comes from."""
        names = {piece.variable for piece in target.address if piece.variable}
        return tuple(
            line for setting in self.owner.settings if setting.name in names and setting.value for line in setting.evidence[:1]
        )

    def _database(self, peer: Peer, target: Target, component: Component) -> str:
        named = self.text(target.database)
        if named and _HOLE not in named:
            return named
        if peer.database and _HOLE not in peer.database:
            return peer.database
        known = {edge.database for edge in self._used if edge.callee == component.name and edge.database}
        return known.pop() if len(known) == 1 else ""

    def _by_variable(self, target: Target, text: str) -> Found | None:
        """Return the component that the unset variable of an address is called after: `CATALOGUE_URL` without a value."""
        first = next(iter(target.address), None)
        host = text.partition("://")[2] or text
        variable = next((piece.variable for piece in target.address[:2] if piece.variable), "")
        if first is None or not variable or not host.startswith(_HOLE):
            return None
        name = _ADDRESS_ENDING.sub("", "".join(name_words(variable)))
        same = [each for each in self._components.values() if plain_name(each.name) in {name, f"{name}service"} and name]
        if len(same) != 1 or same[0].name == self.owner.name or same[0].stateful:
            return None
        path = re.sub(r"^[^/]*", "", host.partition("}")[2])
        return Found(same[0], "", "", path)

    def _by_product(self, target: Target, text: str) -> Found | None:
        """Return the one store or broker of the kind that the component uses, or that there is, where the address says nothing."""
        host = (text.partition("://")[2] or text).rpartition("@")[2].partition(":")[0].partition("/")[0].lower()
        if text and host and _HOLE not in host and host not in LOCAL_HOSTS:
            return None
        kinds = {Kind.DATABASE, Kind.CACHE, Kind.BROKER}
        family = FAMILIES.get(target.protocol)
        if family is None:
            kinds = {Kind.DATABASE}
        candidates = [
            each for each in self._components.values() if each.kind in kinds and (family is None or each.technology in family)
        ]
        named = next(iter(peers("call url", text)), Peer(host="")) if "://" in text else Peer(host="")
        own = [each for each in candidates if each.name == f"{self.owner.name}-{each.technology}" and each.deployment is None]
        if own:
            return Found(own[0], "", self._database(named, target, own[0]), "")
        used = {edge.callee for edge in self._used}
        mine = [each for each in candidates if each.name in used]
        chosen = mine if len(mine) == 1 else candidates if not mine else []
        if len(chosen) != 1:
            return None
        return Found(chosen[0], "", self._database(named, target, chosen[0]), "")


def _url(protocol: str, text: str, port: str, database: str) -> str:
    """Return the URL of a host with its port and database beside it."""
    host, slash, rest = text.partition("/")
    if port and _HOLE not in port and ":" not in host:
        host = f"{host}:{port}"
    if database and not rest and _HOLE not in database:
        return f"{protocol or 'tcp'}://{host}/{database}"
    return f"{protocol or 'tcp'}://{host}{slash}{rest}"


def _without_holes(path: str) -> str:
    return path.partition("{")[0]

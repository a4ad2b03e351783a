"""From addresses and start orders to edges: who uses whom, over what, how surely, and from which lines."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, structs

from backend_expert.model import STATEFUL, Certainty, Component, Evidence, Kind, Text
from backend_expert.model.facts import SUREST_FIRST
from backend_expert.readers.addresses import LOCAL_HOSTS, Peer, filled, is_address_key, peers
from backend_expert.readers.fragment import Address, StartOrder
from backend_expert.readers.settings import name_words, words

SILENT = STATEFUL | {Kind.PLATFORM, Kind.EXTERNAL}
"""Kinds whose addresses are no calls on a path of requests: replicas that name each other, collectors, registries."""

_FOR_BROWSERS = words("frontend ui webapp site public external portal")
"""Words of names whose URL is shown to people (links in mails, redirects); a service does not call it."""

_OWN_URL = words("base app root server site public self home web domain issuer audience canonical")
_NEVER_EXTERNAL = words(
    "docs doc help terms privacy logo image images avatar assets cdn static telemetry metrics otel tracing sentry analytics badge "
    "repository repo registry download proxy mirror schema"
)
_RESERVED_DOMAINS = re.compile(
    r"(^|\.)(example|test|invalid|localhost|local|internal|lan|home|corp|svc|example\.(com|org|net)|your-?domain.*|mydomain.*)$"
)
_NOT_CALLED = re.compile(
    r"(^|\.)(github(usercontent)?\.com|gitlab\.com|bitbucket\.org|docker\.io|docker\.com|quay\.io|ghcr\.io|gcr\.io|npmjs\.(org|com)|"
    r"pypi\.org|maven\.org|apache\.org|w3\.org|mozilla\.org|schema\.org|json-schema\.org|jsdelivr\.net|unpkg\.com|cloudfront\.net|"
    r"gravatar\.com|sentry\.io|datadoghq\.com|newrelic\.com|honeycomb\.io|instana\.io|grafana\.(com|net)|google-analytics\.com|"
    r"elastic\.co|readthedocs\.io|wikipedia\.org)$"
)
_STORE_PROTOCOLS = {
    **dict.fromkeys(("postgresql", "mysql", "sqlserver", "oracle", "mongodb", "cassandra", "neo4j", "clickhouse"), Kind.DATABASE),
    **dict.fromkeys(("redis", "memcached"), Kind.CACHE),
    **dict.fromkeys(("amqp", "kafka", "nats", "mqtt"), Kind.BROKER),
}


class Edge(Struct, frozen=True, kw_only=True):
    """One component uses another. `choice` joins edges of which one request takes only one (several components behind one name)."""

    caller: str
    callee: str
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    protocol: str = ""
    database: str = ""
    paths: tuple[str, ...] = ()
    timeout_ms: float | None = None
    choice: str = ""


class Resolved(Struct, frozen=True):
    """The edges of a system, the components outside that they lead to, and notes on hosts that are nowhere."""

    edges: tuple[Edge, ...]
    outside: tuple[Component, ...]
    notes: tuple[Text, ...]


def resolve(components: Mapping[str, Component], addresses: Iterable[Address], orders: Iterable[StartOrder]) -> Resolved:
    """Return the edges that addresses and start orders give among the components, each pair and protocol once."""
    directory = _Directory(components)
    found: list[Edge] = []
    outside: dict[str, Component] = {}
    missing: dict[str, Address] = {}
    for address in addresses:
        owner = components.get(address.owner)
        if owner is None or owner.kind in SILENT:
            continue
        settings = {setting.name: setting.value for setting in owner.settings}
        for peer in peers(address.key, filled(address.text, settings.get)):
            targets = directory.find(peer, address, owner, settings)
            for target in targets:
                found.extend(_edge(owner, target, peer, address, settings, len(targets) > 1))
            if not targets:
                target_outside = _outside(peer, address, owner)
                if target_outside is not None:
                    outside.setdefault(target_outside.name, target_outside)
                    found.extend(_edge(owner, target_outside, peer, address, settings, False))
                elif _is_missing(peer, address):
                    missing.setdefault(peer.host.lower(), address)
    edges = _merged(found)
    edges = _merged([*edges, *_ordered(components, orders, edges)])
    return Resolved(edges, tuple(outside[name] for name in sorted(outside)), tuple(_missing_notes(missing)))


class _Directory:
    """The names under which components answer."""

    def __init__(self, components: Mapping[str, Component]) -> None:
        self._names: dict[str, list[Component]] = {}
        for name in sorted(components):
            component = components[name]
            for answer in dict.fromkeys((component.name.lower(), *(alias.lower() for alias in component.aliases))):
                self._names.setdefault(answer, []).append(component)
        # A component that has the name itself hides the aliases of others.
        for name, component in components.items():
            self._names[name.lower()] = [component]
        self._all = tuple(components[name] for name in sorted(components))

    def find(self, peer: Peer, address: Address, owner: Component, settings: Mapping[str, str]) -> list[Component]:
        """Return the components that answer for a peer: none, one, or several behind one name."""
        host = peer.host.lower().rstrip(".")
        if host in LOCAL_HOSTS:
            return self._local(peer.port or _sibling_port(address.key, settings), owner)
        for name in _dns_names(host):
            if name in self._names:
                return self._names[name]
        return []

    def _local(self, port: int | None, owner: Component) -> list[Component]:
        """Return the one component that publishes the port on the machine, unless the owner listens on it itself."""
        if port is None or _listens(owner, port, inside=True):
            return []
        found = [component for component in self._all if component.name != owner.name and _listens(component, port, inside=False)]
        return found if len(found) == 1 else []


def _dns_names(host: str) -> Iterator[str]:
    """Yield the names to look for: the host, and of `a.ns.svc.cluster.local` or `a-0.a.ns.svc` the name of the Kubernetes Service."""
    yield host
    labels = host.split(".")
    if "svc" in labels[1:] or len(labels) == 2:
        service = labels[: labels.index("svc")] if "svc" in labels else labels
        if "svc" in labels:
            yield ".".join(service)
            yield service[0]
        if len(service) > 1 and re.fullmatch(re.escape(service[1]) + r"-\d+", service[0]):
            yield service[1]


def _listens(component: Component, port: int, inside: bool) -> bool:
    """Tell whether a component listens on a port: inside its container, or as the machine sees it."""
    ports = component.deployment.ports if component.deployment is not None else ()
    if any(each.published == port for each in ports):
        return True
    stated = any(
        setting.name.upper() in {"PORT", "SERVER_PORT", "HTTP_PORT"} and setting.value == str(port)
        for setting in component.settings
    )
    return stated or (inside and any(each.number == port for each in ports))


def _sibling_port(key: str, settings: Mapping[str, str]) -> int | None:
    """Return `REDIS_PORT` for `REDIS_HOST`."""
    value = settings.get(re.sub(r"[A-Za-z]+$", "PORT", key), "")
    return int(value) if re.fullmatch(r"\d{2,5}", value) else None


def _edge(
    owner: Component, target: Component, peer: Peer, address: Address, settings: Mapping[str, str], shared: bool
) -> Iterator[Edge]:
    if target.name == owner.name or target.kind in {Kind.PLATFORM, Kind.CLIENT}:
        return
    key = set(name_words(address.key))
    if key & _FOR_BROWSERS and owner.kind in {Kind.SERVICE, Kind.WORKER} and target.kind not in STATEFUL:
        return
    local = peer.host.lower() in LOCAL_HOSTS
    yield Edge(
        caller=owner.name,
        callee=target.name,
        certainty=Certainty.RECOVERED if local else Certainty.DECLARED,
        evidence=address.evidence,
        protocol=_protocol(peer, address, target),
        database=_database(peer, address, settings) if target.kind in STATEFUL else "",
        paths=(address.path,) if address.path else (),
        timeout_ms=address.timeout_ms,
        choice=peer.host.lower() if shared else "",
    )


def _protocol(peer: Peer, address: Address, target: Component) -> str:
    """Return the protocol of a call: from the scheme, else from the port and the probes of the target, else HTTP."""
    if target.kind in STATEFUL:
        return ""
    if peer.protocol:
        return peer.protocol
    if "grpc" in name_words(address.key):
        return "grpc"
    return "grpc" if speaks_grpc(target, peer.port) else "http"


def speaks_grpc(component: Component, port: int | None = None) -> bool:
    """Tell whether a component serves gRPC: on the given port by its name, or on every named port, or by its probes."""
    deployment = component.deployment
    if deployment is None:
        return False
    named = [each for each in deployment.ports if each.name]
    same = [each for each in named if each.number == port or each.published == port]
    relevant = same or named
    if relevant:
        return all("grpc" in each.name.lower() for each in relevant)
    return any(probe.mechanism == "grpc" for probe in deployment.probes)


def _database(peer: Peer, address: Address, settings: Mapping[str, str]) -> str:
    """Return the database of a store: from the address, else from a setting beside it (`DB_NAME` beside `DB_HOST`)."""
    if peer.database:
        return peer.database
    prefix = re.sub(r"[A-Za-z0-9]+$", "", address.key)
    for name in ("NAME", "DATABASE", "DB", "DBNAME", "DB_NAME", "DATABASE_NAME", "SCHEMA", "KEYSPACE"):
        for candidate in dict.fromkeys((prefix + name, prefix + name.lower(), prefix.rstrip("_") + name)):
            value = settings.get(candidate, "")
            if prefix and re.fullmatch(r"[\w-]+", value):
                return value
    return ""


def _outside(peer: Peer, address: Address, owner: Component) -> Component | None:
    """Return a component for a host on the internet, where an address key of a service holds it as URL; else nothing."""
    host = peer.host.lower().rstrip(".")
    key = set(name_words(address.key))
    if (
        not _is_public(host)
        or not peer.protocol
        or not is_address_key(address.key)
        or owner.kind not in {Kind.SERVICE, Kind.WORKER}
    ):
        return None
    kind = _STORE_PROTOCOLS.get(peer.protocol)
    if kind is not None:
        return Component(
            name=host, kind=kind, technology=_TECHNOLOGIES.get(peer.protocol, peer.protocol), evidence=address.evidence
        )
    before_last = set(name_words(address.key)[:-1])
    if not before_last or before_last <= _OWN_URL or key & (_NEVER_EXTERNAL | _FOR_BROWSERS) or _NOT_CALLED.search(host):
        return None
    return Component(name=host, kind=Kind.EXTERNAL, evidence=address.evidence)


_TECHNOLOGIES = {"amqp": "rabbitmq"}


def _is_public(host: str) -> bool:
    return bool(re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,24}", host)) and not _RESERVED_DOMAINS.search(host)


def _is_missing(peer: Peer, address: Address) -> bool:
    """Tell whether a host should have been there: an inside name under an address key, that no deployment has."""
    host = peer.host.lower()
    if host in LOCAL_HOSTS or _is_public(host) or _is_address(host) or "$" in host or not re.search("[a-z]", host):
        return False
    return is_address_key(address.key) and (not peer.bare or not re.fullmatch(r"true|false|none|null|auto|default", host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _missing_notes(missing: Mapping[str, Address]) -> Iterator[Text]:
    for host in sorted(missing)[:20]:
        address = missing[host]
        place = f"{address.evidence[0]}" if address.evidence else address.key
        yield Text(
            f"{address.owner} expects {host} ({address.key}, {place}), which no deployment file that was read describes.",
            f"{address.owner} espera {host} ({address.key}, {place}), que nenhum arquivo de implantação lido descreve.",
        )


def _ordered(components: Mapping[str, Component], orders: Iterable[StartOrder], known: tuple[Edge, ...]) -> Iterator[Edge]:
    """Yield an assumed edge for a start order: declared is the order, the use is not confirmed.

    Nothing for what serves no requests (platform, workers), for two processes of one code base (they wait for migrations), and where
    the target is known to call the component.
    """
    calls = {(edge.caller, edge.callee) for edge in known}
    for order in orders:
        caller, target = components.get(order.component), components.get(order.target)
        if caller is None or target is None or caller.kind in SILENT or caller.name == target.name:
            continue
        if target.kind in {Kind.PLATFORM, Kind.CLIENT, Kind.WORKER} or (target.name, caller.name) in calls:
            continue
        if caller.source and caller.source == target.source and (caller.name, target.name) not in calls:
            continue
        protocol = "" if target.kind in STATEFUL else "grpc" if speaks_grpc(target) else "http"
        yield Edge(caller=caller.name, callee=target.name, certainty=Certainty.ASSUMED, evidence=order.evidence, protocol=protocol)


def _merged(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Return each use once, with all its evidence. A start order and an unknown database join what is known better."""
    found: dict[tuple[str, str, str, str], Edge] = {}
    for edge in sorted(edges, key=lambda edge: (SUREST_FIRST.index(edge.certainty), not edge.database)):
        key = (edge.caller, edge.callee, edge.protocol, edge.database)
        if key not in found and (edge.certainty is Certainty.ASSUMED or not edge.database):
            key = next(
                (each for each in found if each[:2] == key[:2] and (edge.certainty is Certainty.ASSUMED or each[2] == key[2])), key
            )
        before = found.get(key)
        if before is not None:
            edge = structs.replace(
                before,
                evidence=tuple(dict.fromkeys(before.evidence + edge.evidence)),
                paths=tuple(sorted({*before.paths, *edge.paths})),
                timeout_ms=before.timeout_ms if before.timeout_ms is not None else edge.timeout_ms,
                choice=before.choice and edge.choice,
            )
        found[key] = edge
    return tuple(found[key] for key in sorted(found))

"""From addresses and start orders to edges: who uses whom, over what, how surely, and from which lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, structs

from backend_expert.model import STATEFUL, STORES, UNKNOWN_POLICY, Attachment, Certainty, Component, Evidence, Kind, Policy, Text
from backend_expert.model.facts import SUREST_FIRST
from backend_expert.readers.addresses import LOCAL_HOSTS, Peer, filled, is_address_key, peers
from backend_expert.readers.attachments import Tie, attachments
from backend_expert.readers.directory import Directory
from backend_expert.readers.fragment import Address, StartOrder
from backend_expert.readers.outside import FOR_BROWSERS, STORE_IDENTITIES, TELEMETRY
from backend_expert.readers.outside import outside as outside_of
from backend_expert.readers.settings import name_words, words
from backend_expert.readers.shared import blocks

SILENT = STATEFUL | {Kind.PLATFORM, Kind.EXTERNAL}
"""Kinds whose addresses are no calls on a path of requests: replicas that name each other, collectors, registries."""


class Edge(Struct, frozen=True, kw_only=True):
    """One component uses another.

    `policy` is what the code at the call says. `guessed` tells that nothing names the protocol and HTTP was taken.
    `choice` joins edges of which one request takes only one (several components behind one name); `block` names the block of settings
    that the address came with, where several components import it.
    """

    caller: str
    callee: str
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    protocol: str = ""
    database: str = ""
    paths: tuple[str, ...] = ()
    timeout_ms: float | None = None
    policy: Policy = UNKNOWN_POLICY
    guessed: bool = False
    choice: str = ""
    block: str = ""


class Resolved(Struct, frozen=True):
    """The edges of a system, its ties beside them by component, the components outside that they lead to, and notes on hosts nowhere."""

    edges: tuple[Edge, ...]
    attachments: Mapping[str, tuple[Attachment, ...]]
    outside: tuple[Component, ...]
    notes: tuple[Text, ...]


def resolve(
    components: Mapping[str, Component],
    addresses: Iterable[Address],
    orders: Iterable[StartOrder],
    elsewhere: frozenset[str] = frozenset(),
) -> Resolved:
    """Return the edges that addresses and start orders give among the components, each pair and protocol once.

    `elsewhere` are names that other descriptions know: a host of that name is not missing.
    """
    addresses = tuple(addresses)
    directory = Directory(components)
    imported = blocks(addresses)
    orders = tuple(orders)
    found: list[Edge] = []
    beside: list[Tie] = []
    outside: dict[str, Component] = {}
    missing: dict[str, Address] = {}
    named: dict[tuple[str, str], set[str]] = {}
    for address in addresses:
        owner = components.get(address.owner)
        if owner is None:
            continue
        settings = {setting.name: setting.value for setting in owner.settings}
        block = imported.get((address.owner, address.key), "")
        for peer in peers(address.key, filled(address.text, settings.get)):
            named.setdefault((address.owner, block), set()).add(peer.host)
            targets = directory.find(peer, address.key, owner, settings)
            beside.extend((owner, target, address.certainty, address.evidence) for target in targets)
            if owner.kind in SILENT:
                continue
            for target in targets:
                found.extend(_edge(owner, target, peer, address, settings, block, choice=len(targets) > 1))
            if not targets:
                target_outside = outside_of(peer, address, owner)
                if target_outside is not None:
                    outside.setdefault(target_outside.name, target_outside)
                    found.extend(_edge(owner, target_outside, peer, address, settings, block))
                elif _is_missing(peer, address) and peer.host.lower() not in elsewhere:
                    missing.setdefault(peer.host.lower(), address)
    edges = _merged(_without_guesses(found, named, {**components, **outside}))
    edges = _merged([*edges, *_ordered({**components, **outside}, orders, edges)])
    beside.extend(
        (components[order.component], components[order.target], Certainty.ASSUMED, order.evidence)
        for order in orders
        if order.component in components and order.target in components
    )
    return Resolved(edges, attachments(beside), tuple(outside[name] for name in sorted(outside)), tuple(_missing_notes(missing)))


def _edge(
    owner: Component,
    target: Component,
    peer: Peer,
    address: Address,
    settings: Mapping[str, str],
    block: str,
    *,
    choice: bool = False,
) -> Iterator[Edge]:
    if target.name == owner.name or target.kind in {Kind.PLATFORM, Kind.CLIENT}:
        return
    if target.kind not in STATEFUL and (TELEMETRY & set(name_words(address.key)) or _is_for_browsers(address.key, owner)):
        return
    yield Edge(
        caller=owner.name,
        callee=target.name,
        certainty=Certainty.RECOVERED if peer.host.lower() in LOCAL_HOSTS else address.certainty,
        evidence=address.evidence,
        protocol=_protocol(peer, address, target),
        database=_database(peer, address, settings, target.kind) if target.kind in STORES else "",
        paths=(address.path,) if address.path else (),
        timeout_ms=address.timeout_ms,
        policy=address.policy,
        guessed=target.kind not in STATEFUL
        and not (peer.protocol or "grpc" in name_words(address.key) or speaks_grpc(target, peer.port)),
        choice=peer.host.lower() if choice else "",
        block=block,
    )


def _without_guesses(
    edges: Iterable[Edge], named: Mapping[tuple[str, str], set[str]], components: Mapping[str, Component]
) -> Iterator[Edge]:
    """Yield the edges with those of shared blocks put right; `named` are the hosts by owner and block.

    A block about one host is imported by who uses it. Of a block about several, each use is only assumed; and where two components
    import each other's address, the block says what there is and nothing of who calls whom.
    """
    edges = tuple(edges)
    pairs = {(edge.caller, edge.callee) for edge in edges if edge.block}
    for edge in edges:
        mutual = (edge.callee, edge.caller) in pairs and components[edge.callee].kind not in STATEFUL
        if not edge.block or len(named[edge.caller, edge.block]) == 1:
            yield edge
        elif not mutual:
            yield structs.replace(edge, certainty=Certainty.ASSUMED)


def _is_for_browsers(key: str, owner: Component) -> bool:
    """Tell whether a key names what a person's browser opens: `FRONTEND_URL`, `UI_BASE_URL`; a proxy does pass requests to it."""
    parts = [part for part in name_words(key)[:-1] if part not in {"base", "app"}]
    return bool(parts) and parts[-1] in FOR_BROWSERS and owner.kind in {Kind.SERVICE, Kind.WORKER}


def told_by_callers(components: Mapping[str, Component], edges: Iterable[Edge]) -> dict[str, Component]:
    """Return the components with those made stores and brokers that callers address as such (`mongodb://documents`).

    Only what has no sources and no known technology: a service may speak a protocol of its own on top of another.
    """
    result = dict(components)
    for edge in edges:
        told = STORE_IDENTITIES.get(edge.protocol)
        component = result.get(edge.callee)
        if told is None or component is None or component.kind is not Kind.SERVICE or component.source or component.technology:
            continue
        result[edge.callee] = structs.replace(component, kind=told[0], technology=told[1])
    return result


def _protocol(peer: Peer, address: Address, target: Component) -> str:
    """Return the protocol of a call: from the scheme, else from the port and the probes of the target, else HTTP."""
    if target.kind in STATEFUL:
        return ""
    if "grpc" in name_words(address.key) and peer.protocol in {"", "http", "https"}:
        return "grpc"
    if peer.protocol:
        return peer.protocol
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


def _database(peer: Peer, address: Address, settings: Mapping[str, str], kind: Kind) -> str:
    """Return the database of a store: from the address, else from a setting beside it (`DB_NAME` beside `DB_HOST`).

    Where no name begins like the key, a database server gets the one database that the settings name at all.
    """
    if peer.database:
        return peer.database
    prefix = _stem(name_words(address.key))
    named = {name: value for name, value in settings.items() if re.fullmatch(r"[\w-]{1,63}", value) and _names_a_database(name)}
    for name in sorted(named):
        if _stem(name_words(name)) == prefix:
            return named[name]
    values = set(named.values())
    return values.pop() if len(values) == 1 and kind is Kind.DATABASE else ""


_DATABASE_ENDINGS = words("database db dbname dbase keyspace")


def _names_a_database(name: str) -> bool:
    parts = name_words(name)
    if not parts:
        return False
    return parts[-1].removeprefix("pg") in _DATABASE_ENDINGS or parts[-2:] in {("db", "name"), ("database", "name")}


def _stem(parts: tuple[str, ...]) -> str:
    """Return what the names of one connection have in common: `db` of `DB_HOST` and `DB_NAME`, `pg` of `PGHOST`."""
    joined = "".join(parts)
    return (
        re.sub(r"(hostname|host|url|uri|addr|address|endpoint|server|dsn|database|dbname|db|name|keyspace)+$", "", joined) or joined
    )


def _is_missing(peer: Peer, address: Address) -> bool:
    """Tell whether a host should have been there: a name inside the deployment under an address key, that nothing answers to."""
    host = peer.host.lower()
    inside = "." not in host or ".svc" in host
    if host in LOCAL_HOSTS or not inside or not re.search("[a-z]", host) or not is_address_key(address.key):
        return False
    if TELEMETRY & set(name_words(address.key)):
        return False
    if peer.bare and address.certainty is not Certainty.DECLARED:
        return False
    return not peer.bare or not re.fullmatch(r"true|false|none|null|auto|default|yes|no", host)


def _missing_notes(missing: Mapping[str, Address]) -> Iterator[Text]:
    for host in sorted(missing)[:20]:
        address = missing[host]
        place = f"{address.evidence[0]}" if address.evidence else address.key
        yield Text(
            f"{address.owner} expects {host} ({address.key}, {place}), which no deployment file that was read describes.",
            f"{address.owner} espera {host} ({address.key}, {place}), que nenhum arquivo de implantação lido descreve.",
        )


def _ordered(components: Mapping[str, Component], orders: Iterable[StartOrder], known: tuple[Edge, ...]) -> Iterator[Edge]:
    """Yield an assumed edge for a start order: the order is declared, the use is not confirmed.

    Nothing for what serves no requests (platform, workers), for two processes of one code base (they wait for migrations), where
    the target is known to call the component, and where the component states the address of other services but not of this one: on
    two public systems all five start orders of that last kind were no calls, on a third none was lost by leaving them out.
    """
    pairs = {(edge.caller, edge.callee) for edge in known}
    configured = {edge.caller for edge in known if components[edge.callee].kind in {Kind.SERVICE, Kind.GATEWAY}}
    for order in orders:
        caller, target = components.get(order.component), components.get(order.target)
        if caller is None or target is None or caller.kind in SILENT or caller.name == target.name:
            continue
        if target.kind in {Kind.PLATFORM, Kind.CLIENT, Kind.WORKER} or (target.name, caller.name) in pairs:
            continue
        stated = (caller.name, target.name) in pairs
        same_code = bool(caller.source) and caller.source == target.source
        if not stated and (same_code or (caller.name in configured and target.kind not in STATEFUL)):
            continue
        protocol = "" if target.kind in STATEFUL else "grpc" if speaks_grpc(target) else "http"
        yield Edge(caller=caller.name, callee=target.name, certainty=Certainty.ASSUMED, evidence=order.evidence, protocol=protocol)


def _merged(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Return each use once, with all its evidence. A start order, a guess and an unknown database join what is known better."""
    found: dict[tuple[str, str], dict[tuple[str, str], Edge]] = {}
    for edge in sorted(edges, key=_knowing_most):
        between = found.setdefault((edge.caller, edge.callee), {})
        key = (edge.protocol, edge.database)
        unsure = edge.certainty is Certainty.ASSUMED or edge.guessed
        if key not in between and (unsure or not edge.database):
            key = next((each for each in between if unsure or each[0] == key[0]), key)
        before = between.get(key)
        if before is not None:
            edge = structs.replace(
                before,
                certainty=min(before.certainty, edge.certainty, key=SUREST_FIRST.index),
                policy=joined_policy(before.policy, edge.policy),
                evidence=tuple(dict.fromkeys(before.evidence + edge.evidence)),
                paths=tuple(sorted({*before.paths, *edge.paths})),
                timeout_ms=before.timeout_ms if before.timeout_ms is not None else edge.timeout_ms,
                choice=before.choice and edge.choice,
            )
        between[key] = edge
    return tuple(found[pair][key] for pair in sorted(found) for key in sorted(found[pair]))


def _knowing_most(edge: Edge) -> tuple[bool, bool, bool, int]:
    """Sort the edges that others join first: not guessed or assumed, with a database; then the surest."""
    surest = SUREST_FIRST.index(edge.certainty)
    return edge.guessed, edge.certainty is Certainty.ASSUMED, not edge.database, surest


def joined_policy(one: Policy, other: Policy) -> Policy:
    """Return what holds for two calls of one pair: one without a timeout is enough to wait for ever, else the longest counts."""
    if UNKNOWN_POLICY in {one, other} or one == other:
        return other if one == UNKNOWN_POLICY else one
    absent = tuple(sorted({*one.absent, *other.absent}))
    if absent:
        bare = [policy for policy in (one, other) if policy.absent]
        return Policy(absent=absent, evidence=tuple(dict.fromkeys(line for policy in bare for line in policy.evidence)))
    waits = [policy for policy in (one, other) if policy.timeout_ms is not None]
    return max(waits, key=lambda policy: policy.timeout_ms.value if policy.timeout_ms is not None else 0.0, default=one)

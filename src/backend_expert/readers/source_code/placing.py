"""Give what code says an owner: the component that is built from its directory, under the names that it registers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import structs

from backend_expert.model import STATEFUL, Certainty, Component, Deployment, Kind, Port
from backend_expert.readers.addresses import filled
from backend_expert.readers.descriptions import plain_name
from backend_expert.readers.fragment import Address
from backend_expert.readers.settings import without_credentials
from backend_expert.readers.shared import blocks
from backend_expert.readers.source_code.facts import EVERYBODY, Fact, Library, Listens, Mention, Module, Registration, Role, Use

_BY_ITSELF = frozenset({"Health", "ServerReflection", "Reflection", "Greeter", "Channelz"})
"""gRPC services that every server may have beside its own: they tell nobody from another."""

_FAMILIES = {
    "redis": frozenset({"redis", "valkey", "dragonfly"}),
    "mysql": frozenset({"mysql", "mariadb"}),
    "kafka": frozenset({"kafka", "redpanda"}),
    "postgresql": frozenset({"postgresql", "cockroachdb"}),
    "elasticsearch": frozenset({"elasticsearch", "opensearch"}),
    "eureka": frozenset({"eureka", "registry"}),
    "consul": frozenset({"consul", "registry"}),
}
"""Products that answer to the client of another one."""

_SERVED_BY_NAME = STATEFUL | {Kind.PLATFORM}
"""Kinds of products, of which a client library says enough where there is one of them."""

SHARED_LIMIT = 3
"""Most components that one code base is taken to speak for: a web process, its worker and its scheduler."""

_PASSES = 3
"""Rounds of filling: a default may hold a variable, and that one more."""


def as_code_says(components: Mapping[str, Component], facts: Iterable[Fact]) -> dict[str, Component]:
    """Return the components with their names of service discovery among the aliases and the kind that a dependency makes them.

    A name that is a component's own stays its own.
    """
    result = dict(components)
    taken = {name.lower() for component in components.values() for name in (component.name, *component.aliases)}
    for fact in facts:
        if not isinstance(fact, Registration | Role):
            continue
        for owner in owners(fact.directory, components):
            component = result[owner]
            if isinstance(fact, Role):
                technology = fact.technology or component.technology
                if component.kind in {Kind.SERVICE, Kind.GATEWAY, Kind.WORKER, fact.kind} and fact.directory == component.source:
                    result[owner] = structs.replace(component, kind=fact.kind, technology=technology)
            elif fact.kind == "discovery" and fact.name.lower() not in taken and fact.name not in component.aliases:
                result[owner] = structs.replace(component, aliases=(*component.aliases, fact.name))
    return result


def of_modules(facts: Sequence[Fact], root: str) -> tuple[Component, ...]:
    """Return one component for each program that build files describe, named as it registers itself, else after its directory."""
    found: dict[str, Component] = {}
    modules = {fact.directory: fact for fact in facts if isinstance(fact, Module)}
    names = {fact.directory: fact.name for fact in facts if isinstance(fact, Registration) and fact.kind == "discovery"}
    for directory in sorted(modules):
        if any(other != directory and (directory == "." or other.startswith(f"{directory}/")) for other in modules):
            continue  # The parent of other modules holds what they have in common.
        own = sorted(name for place, name in names.items() if directory == "." or f"{place}/".startswith(f"{directory}/"))
        name = own[0] if len(own) == 1 else root if directory == "." else directory.rpartition("/")[2]
        module = modules[directory]
        ports = tuple(
            Port(number=fact.port, published=fact.port, evidence=fact.evidence)
            for fact in facts
            if isinstance(fact, Listens)
            and (fact.application.lower() == name.lower() if fact.application else f"{fact.directory}/".startswith(f"{directory}/"))
        )
        found.setdefault(
            name,
            Component(
                name=name,
                kind=Kind.SERVICE,
                technology=module.language,
                source=directory,
                deployment=Deployment(ports=ports[:1], complete=False) if ports else None,
                certainty=Certainty.RECOVERED,
                evidence=module.evidence,
            ),
        )
    return tuple(found[name] for name in sorted(found))


def of_code(components: Mapping[str, Component], facts: Sequence[Fact]) -> Iterator[Address]:
    """Yield what the facts come to as addresses with owners; facts of directories that no component is built from give nothing."""
    placed = _placed(facts, components)
    applications = _applications(components, facts)
    servers = _servers(components, facts, placed)
    for fact in facts:
        match fact:
            case Mention():
                for owner in applications.get(fact.application.lower(), ()) if fact.application else placed[fact.directory]:
                    yield _address(fact, components[owner])
            case Use():
                targets = servers.get((fact.kind, fact.name.lower()), frozenset())
                if len(targets) == 1 or fact.name == EVERYBODY:
                    holders = applications.get(fact.application.lower(), ()) if fact.application else placed[fact.directory]
                    for owner in holders:
                        yield from (_use(fact, owner, target) for target in sorted(targets) if target != owner)
            case Library():
                family = _FAMILIES.get(fact.technology, frozenset({fact.technology}))
                candidates = [
                    each.name for each in components.values() if each.technology in family and each.kind in _SERVED_BY_NAME
                ]
                for owner in placed[fact.directory]:
                    if len(candidates) == 1:
                        yield _library(fact, owner, candidates[0])
            case _:
                pass


def without_unread(addresses: Sequence[Address], components: Mapping[str, Component], facts: Sequence[Fact]) -> tuple[Address, ...]:
    """Return the addresses without those of a shared block that the owner's code does not read while it reads others of the block.

    Nothing is left out where the code reads none of them: then it is of a language, or of a kind, that was not understood.
    """
    reads: dict[str, set[str]] = {}
    placed = _placed(facts, components)
    for fact in facts:
        if isinstance(fact, Mention) and not fact.application:
            names = re.findall(r"\$\{([\w.-]+)", fact.text)
            for owner in placed[fact.directory]:
                reads.setdefault(owner, set()).update(names)
    block_of = blocks(addresses)
    read_blocks = {(owner, block) for (owner, key), block in block_of.items() if key in reads.get(owner, ())}
    return tuple(
        address
        for address in addresses
        if (address.owner, block_of.get((address.owner, address.key), "")) not in read_blocks or address.key in reads[address.owner]
    )


def owners(directory: str, components: Mapping[str, Component]) -> tuple[str, ...]:
    """Return the components built from the nearest directory at or above one; those built from the root own what nobody else does.

    Products (stores, brokers) have no code of their own, whatever stands beside their Dockerfile.
    """
    built = [
        (0 if component.source == "." else len(component.source), name)
        for name, component in sorted(components.items())
        if component.source
        and component.kind not in STATEFUL
        and (component.source == "." or f"{directory}/".startswith(f"{component.source}/"))
    ]
    nearest = max((length for length, _ in built), default=0)
    found = tuple(name for length, name in built if length == nearest)
    if len(found) < 2:
        return found
    # One directory is built into several components (`cmd/geo`, `services/rate`): a part of the path may be the name of one.
    parts = [plain_name(part) for part in directory.split("/")]
    named = tuple(name for name in found if plain_name(name) in parts)
    return named or (found if len(found) <= SHARED_LIMIT else ())


def _placed(facts: Iterable[Fact], components: Mapping[str, Component]) -> dict[str, tuple[str, ...]]:
    """Return the owners of each directory that something is said of."""
    return {directory: owners(directory, components) for directory in sorted({fact.directory for fact in facts})}


def _address(fact: Mention, owner: Component) -> Address:
    settings = {setting.name: setting.value for setting in owner.settings}
    text = fact.text
    for _ in range(_PASSES):
        text = filled(text, lambda name: _setting(name, settings))
    return Address(
        key=fact.key,
        text=without_credentials(text),
        evidence=fact.evidence,
        owner=owner.name,
        policy=fact.policy,
        certainty=Certainty.RECOVERED,
    )


def _setting(name: str, settings: Mapping[str, str]) -> str | None:
    """Return the value of a variable, also under the names that Spring and .NET bind (`a.b-c` as `A_BC`, `A:B` as `A__B`)."""
    relaxed = re.sub(r"[.\[\]]+", "_", name.replace("-", "")).upper().strip("_")
    return settings.get(name) or settings.get(relaxed) or settings.get(re.sub(r"[.-]", "_", name).upper())


def _applications(components: Mapping[str, Component], facts: Iterable[Fact]) -> dict[str, tuple[str, ...]]:
    """Return the components by the name of their application."""
    found: dict[str, set[str]] = {}
    for fact in facts:
        if isinstance(fact, Registration) and fact.kind == "discovery":
            found.setdefault(fact.name.lower(), set()).update(owners(fact.directory, components))
    for name in components:
        found.setdefault(name.lower(), {name})
    return {name: tuple(sorted(each)) for name, each in found.items()}


def _servers(
    components: Mapping[str, Component], facts: Iterable[Fact], placed: Mapping[str, tuple[str, ...]]
) -> dict[tuple[str, str], frozenset[str]]:
    """Return who answers under a registered name; a name of discovery may also be that of a component."""
    found: dict[tuple[str, str], set[str]] = {}
    for name, component in components.items():
        if component.kind in {Kind.SERVICE, Kind.GATEWAY, Kind.WORKER}:
            for each in (name, *component.aliases):
                found.setdefault(("discovery", each.lower()), set()).add(name)
    for fact in facts:
        if isinstance(fact, Registration) and fact.name not in _BY_ITSELF:
            answering = placed[fact.directory]
            found.setdefault((fact.kind, fact.name.lower()), set()).update(answering)
            if fact.kind == "discovery":
                services = (name for name in answering if components[name].kind is Kind.SERVICE)
                found.setdefault((fact.kind, EVERYBODY), set()).update(services)
    return {key: frozenset(names) for key, names in found.items()}


def _use(fact: Use, owner: str, target: str) -> Address:
    scheme = "grpc" if fact.kind == "grpc" else "http"
    return Address(
        key=f"{fact.kind} client",
        text=f"{scheme}://{target}",
        evidence=fact.evidence,
        owner=owner,
        policy=fact.policy,
        certainty=Certainty.RECOVERED,
    )


def _library(fact: Library, owner: str, target: str) -> Address:
    return Address(key=f"{fact.technology} host", text=target, evidence=fact.evidence, owner=owner, certainty=Certainty.ASSUMED)

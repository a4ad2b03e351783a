"""Who waits for whom along a request, seen from every root of the system and not only from the declared traffic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from msgspec import structs

from backend_expert.model import (
    Call,
    CallSite,
    Certainty,
    Component,
    Dependency,
    Evidence,
    Kind,
    Operation,
    System,
    call_sites,
    dependencies,
    entries,
    reached_from_entries,
)

T = TypeVar("T")

BESIDE_REQUESTS = frozenset({Kind.PLATFORM, Kind.CLIENT})
"""Kinds that no request of a user waits for."""


@lru_cache(maxsize=16)
def roots(system: System) -> tuple[Operation, ...]:
    """Return the operations where work begins: the entries, and everything that no other operation calls."""
    called = {site.step.operation for site in call_sites(system) if isinstance(site.step, Call)}
    first = entries(system)
    kinds = {component.name: component.kind for component in system.components}
    rest = (
        operation
        for operation in system.operations
        if operation.name not in called and operation not in first and kinds.get(operation.component) not in BESIDE_REQUESTS
    )
    return (*first, *rest)


def chains(system: System, limit: int = 10_000) -> Iterator[tuple[CallSite, ...]]:
    """Yield every synchronous chain of call sites from a root to a leaf, depth first; at most `limit`, shared evenly by the roots.

    Calls that are only assumed (from a start order) end a chain, and so does an operation that is already on it. Without known
    handlers the chains are an upper bound of what real requests do.
    """
    sites: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        if site.synchronous and site.step.certainty is not Certainty.ASSUMED:
            sites.setdefault(site.operation, []).append(site)
    beginnings = roots(system)
    for operation in beginnings:
        yield from islice(_chains_from(operation.name, sites), max(1, limit // len(beginnings)))


def _chains_from(start: str, sites: dict[str, list[CallSite]]) -> Iterator[tuple[CallSite, ...]]:
    stack: list[tuple[str, tuple[CallSite, ...], frozenset[str]]] = [(start, (), frozenset({start}))]
    while stack:
        name, path, seen = stack.pop()
        onward = []
        for site in sites.get(name, ()):
            target = site.step.operation if isinstance(site.step, Call) else None
            if target is None or target in seen or target not in sites:
                yield (*path, site)
            else:
                onward.append((target, (*path, site), seen | {target}))
        stack.extend(reversed(onward))


@lru_cache(maxsize=16)
def on_request_path(system: System) -> frozenset[str]:
    """Return the components that some request from outside waits for, and the brokers that it hands messages to.

    Declared workloads add to what the deployment shows; they never hide the rest of it.
    """
    shown = reached_from_entries(structs.replace(system, workloads=()))
    reached = set(reached_from_entries(system) | shown)
    reached |= {site.callee for site in call_sites(system) if site.caller in reached}
    return frozenset(reached)


@lru_cache(maxsize=16)
def dependents(system: System) -> dict[str, frozenset[str]]:
    """Return, for each component, those that stop or degrade with it: its callers, their callers, and so on."""
    kinds = {component.name: component.kind for component in system.components}
    direct: dict[str, set[str]] = {name: set() for name in kinds}
    for each in dependencies(system):
        if each.synchronous and kinds.get(each.caller) not in BESIDE_REQUESTS:
            direct.setdefault(each.callee, set()).add(each.caller)
    found = {}
    for name in direct:
        reached: set[str] = set()
        waiting = [name]
        while waiting:
            for caller in direct.get(waiting.pop(), ()):
                if caller not in reached and caller != name:
                    reached.add(caller)
                    waiting.append(caller)
        found[name] = frozenset(reached)
    return found


def users_of(system: System, name: str) -> tuple[Dependency, ...]:
    """Return the dependencies on a component, those of telemetry, consoles and load generators left out."""
    kinds = {component.name: component.kind for component in system.components}
    return tuple(each for each in dependencies(system) if each.callee == name and kinds.get(each.caller) not in BESIDE_REQUESTS)


def serves_only_telemetry(system: System, name: str) -> bool:
    """Tell whether a component is used, and by nothing but telemetry, consoles or load generators."""
    return any(each.callee == name for each in dependencies(system)) and not users_of(system, name)


def carries_messages(component: Component) -> bool:
    """Tell whether a cache is named as a channel between services (`redis-queue`), so that sharing it is what it is for."""
    words = re.split(r"[^a-z0-9]+", component.name.lower())
    return component.kind is Kind.CACHE and not {"queue", "queues", "broker", "bus", "events", "pubsub", "stream"}.isdisjoint(words)


def most_needed_first(system: System, components: list[Component]) -> tuple[Component, ...]:
    """Return components so that the doors of the system come first, then those that the most others depend on."""
    doors = {operation.component for operation in entries(structs.replace(system, workloads=()))}
    behind = dependents(system)
    return tuple(sorted(components, key=lambda each: (each.name not in doors, -len(behind.get(each.name, ())), each.name)))


def place_of(component: Component) -> tuple[Evidence, ...]:
    """Return the line to point at for a component: the first of its evidence."""
    return component.evidence[:1]


def container_of(component: Component) -> tuple[Evidence, ...]:
    """Return the line to point at for what is said of one container: its own, else that of the component."""
    deployment = component.deployment
    return (deployment.evidence[:1] if deployment is not None else ()) or place_of(component)


def distinct(items: Iterable[T]) -> tuple[T, ...]:
    """Return places, names or links without repetition, in order."""
    return tuple(dict.fromkeys(items))

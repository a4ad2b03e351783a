"""Derived views of a system: its call sites, its dependencies, its paths; and how to change steps in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from msgspec import Struct, structs

from backend_expert.model.facts import SUREST_FIRST, Certainty, Evidence
from backend_expert.model.finding import Link
from backend_expert.model.policy import UNKNOWN_POLICY, Policy
from backend_expert.model.steps import (
    Branch,
    CacheGet,
    CachePut,
    Call,
    Compensate,
    Lock,
    Parallel,
    Publish,
    Query,
    Repeat,
    Step,
    Transaction,
)
from backend_expert.model.system import Component, Kind, Operation, System

Remote = Call | Query | CacheGet | CachePut | Publish


class CallSite(Struct, frozen=True):
    """One step that leaves its component: who, from which operation, to whom."""

    caller: str
    callee: str
    operation: str
    step: Remote

    @property
    def link(self) -> Link:
        """Return the direction of the call."""
        return Link(self.caller, self.callee)

    @property
    def synchronous(self) -> bool:
        """Tell whether the caller waits for the work of the callee (it waits for a broker only to take the message)."""
        return not isinstance(self.step, Publish)


class Dependency(Struct, frozen=True):
    """Everything that one component asks of another over one protocol.

    `consumes` marks a consumer's subscription: it opens the connection, the messages come the other way.
    """

    caller: str
    callee: str
    protocol: str
    synchronous: bool
    certainty: Certainty
    evidence: tuple[Evidence, ...] = ()
    consumes: bool = False

    @property
    def link(self) -> Link:
        """Return the direction of the call."""
        return Link(self.caller, self.callee)


def children(step: Step) -> tuple[tuple[Step, ...], ...]:
    """Return the blocks of steps inside a step, in the order in which they would run."""
    match step:
        case Transaction() | Lock() | Repeat():
            return (step.steps,)
        case Parallel():
            return step.branches
        case Branch():
            return (step.then, step.otherwise)
        case Compensate():
            return (step.steps, step.undo)
        case CacheGet():
            return (step.on_miss,)
        case _:
            return ()


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield every step, outer before inner, in the order of the program."""
    for step in steps:
        yield step
        for block in children(step):
            yield from walk(block)


def rewrite(steps: tuple[Step, ...], change: Callable[[Step], Step | tuple[Step, ...]]) -> tuple[Step, ...]:
    """Return the steps with `change` applied to each, inner before outer; a tuple takes the place of one step."""
    result: list[Step] = []
    for step in steps:
        match step:
            case Transaction() | Lock() | Repeat():
                step = structs.replace(step, steps=rewrite(step.steps, change))
            case Parallel():
                step = structs.replace(step, branches=tuple(rewrite(branch, change) for branch in step.branches))
            case Branch():
                step = structs.replace(step, then=rewrite(step.then, change), otherwise=rewrite(step.otherwise, change))
            case Compensate():
                step = structs.replace(step, steps=rewrite(step.steps, change), undo=rewrite(step.undo, change))
            case CacheGet():
                step = structs.replace(step, on_miss=rewrite(step.on_miss, change))
            case _:
                pass
        changed = change(step)
        result.extend(changed if isinstance(changed, tuple) else (changed,))
    return tuple(result)


def rewrite_system(system: System, change: Callable[[Operation, Step], Step | tuple[Step, ...]]) -> System:
    """Return the system with `change` applied to every step of every operation."""
    return structs.replace(
        system,
        operations=tuple(
            structs.replace(operation, steps=rewrite(operation.steps, lambda step, operation=operation: change(operation, step)))  # type: ignore[misc]
            for operation in system.operations
        ),
    )


def replace_component(system: System, component: Component) -> System:
    """Return the system with the component of the same name replaced."""
    return structs.replace(
        system, components=tuple(component if each.name == component.name else each for each in system.components)
    )


def policy_of(step: Step) -> Policy:
    """Return the policy of a step that leaves its component, and the unknown policy for any other."""
    return step.policy if isinstance(step, Remote) else UNKNOWN_POLICY


def callee(system: System, step: Remote) -> str:
    """Return the name of the component that a step goes to; raise `KeyError` when the system has no such target."""
    match step:
        case Call():
            return system.operation(step.operation).component
        case Publish():
            return system.topic(step.topic).broker
        case _:
            return system.dataset(step.dataset).store


@lru_cache(maxsize=64)
def call_sites(system: System) -> tuple[CallSite, ...]:
    """Return every step that leaves its component, in the order of operations and steps."""
    homes = {operation.name: operation.component for operation in system.operations}
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    brokers = {topic.name: topic.broker for topic in system.topics}
    sites = []
    for operation in system.operations:
        for step in walk(operation.steps):
            match step:
                case Call():
                    target = homes.get(step.operation)
                case Publish():
                    target = brokers.get(step.topic)
                case Query() | CacheGet() | CachePut():
                    target = stores.get(step.dataset)
                case _:
                    continue
            if target is not None and target != operation.component:
                sites.append(CallSite(operation.component, target, operation.name, step))
    return tuple(sites)


@lru_cache(maxsize=64)
def dependencies(system: System) -> tuple[Dependency, ...]:
    """Return who depends on whom: one entry for each caller, callee and protocol, with the evidence of every step behind it."""
    found: dict[tuple[str, str, str, bool], Dependency] = {}

    def add(entry: Dependency) -> None:
        key = (entry.caller, entry.callee, entry.protocol, entry.consumes)
        before = found.get(key)
        if before is not None:
            surest = min(before.certainty, entry.certainty, key=SUREST_FIRST.index)
            evidence = tuple(dict.fromkeys(before.evidence + entry.evidence))
            entry = structs.replace(entry, certainty=surest, evidence=evidence, synchronous=before.synchronous or entry.synchronous)
        found[key] = entry

    technology = {component.name: component.technology for component in system.components}
    for site in call_sites(system):
        protocol = site.step.protocol if isinstance(site.step, Call) else protocol_of(technology.get(site.callee, ""))
        add(Dependency(site.caller, site.callee, protocol, site.synchronous, site.step.certainty, site.step.evidence))
    brokers = {topic.name: topic.broker for topic in system.topics}
    for operation in system.operations:
        broker = brokers.get(operation.trigger.name) if operation.trigger.kind == "message" else None
        if broker is not None:
            protocol = protocol_of(technology.get(broker, ""))
            add(Dependency(operation.component, broker, protocol, False, operation.certainty, operation.evidence, consumes=True))
    return tuple(found[key] for key in sorted(found))


def protocol_of(technology: str) -> str:
    """Return the wire protocol of a store's or broker's technology; the technology itself when it has no other name."""
    return {"rabbitmq": "amqp", "postgresql": "postgresql", "mariadb": "mysql", "valkey": "redis"}.get(technology, technology)


def callers_of(system: System, name: str) -> tuple[str, ...]:
    """Return the components that depend on the named one, in order."""
    return tuple(sorted({each.caller for each in dependencies(system) if each.callee == name}))


_PROBED = re.compile(
    r"health-?(z|check)?|livez|readyz|live(ness)?|ready|readiness|alive|ping|heartbeat|metrics|actuator", re.IGNORECASE
)


@lru_cache(maxsize=64)
def entries(system: System) -> tuple[Operation, ...]:
    """Return the operations where traffic enters.

    Those that a workload names; without workloads, those that nothing but a client calls, of the components that are gateways or
    publish a port; and if there are none, every HTTP or RPC operation that nothing calls. What only machines ask to see whether the
    component lives is no entry, where there is another.
    """
    named = {workload.operation for workload in system.workloads}
    if named:
        return tuple(operation for operation in system.operations if operation.name in named)
    kinds = {component.name: component for component in system.components}
    clients = {component.name for component in system.components if component.kind is Kind.CLIENT}
    called = {site.step.operation for site in call_sites(system) if isinstance(site.step, Call) and site.caller not in clients}
    roots = tuple(
        operation
        for operation in system.operations
        if operation.name not in called
        and operation.trigger.kind in {"http", "rpc", "graphql"}
        and operation.component in kinds
        and kinds[operation.component].kind in {Kind.SERVICE, Kind.GATEWAY, Kind.WORKER}
    )
    asked = tuple(operation for operation in roots if not _is_probed(operation)) or roots
    return tuple(operation for operation in asked if _faces_outside(kinds[operation.component])) or asked


def _is_probed(operation: Operation) -> bool:
    """Tell whether an operation answers probes or collectors of metrics, by the names that frameworks and Kubernetes give such paths."""
    method, _, path = operation.trigger.name.partition(" ")
    parts = [part for part in path.split("/") if part]
    named = any(_PROBED.fullmatch(part) for part in (*parts[:1], *parts[-1:]))
    return operation.trigger.kind == "http" and method in {"GET", "HEAD"} and named


def _faces_outside(component: Component) -> bool:
    ports = component.deployment.ports if component.deployment is not None else ()
    return component.kind is Kind.GATEWAY or any(port.published is not None for port in ports)


def request_paths(system: System, limit: int = 10_000) -> Iterator[tuple[CallSite, ...]]:
    """Yield every synchronous chain of call sites from an entry to a leaf, depth first; at most `limit` of them.

    An operation that is already on the chain ends it, so cycles do not run for ever. Without known handlers the chains are an upper
    bound of what real requests do.
    """
    sites: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        if site.synchronous:
            sites.setdefault(site.operation, []).append(site)
    given = 0
    stack: list[tuple[str, tuple[CallSite, ...], frozenset[str]]] = [
        (operation.name, (), frozenset({operation.name})) for operation in reversed(entries(system))
    ]
    while stack and given < limit:
        name, path, seen = stack.pop()
        onward = []
        for site in sites.get(name, ()):
            target = site.step.operation if isinstance(site.step, Call) else None
            if target is None or target in seen or not sites.get(target):
                given += 1
                yield (*path, site)
            else:
                onward.append((target, (*path, site), seen | {target}))
        stack.extend(reversed(onward))


def reached_from_entries(system: System) -> frozenset[str]:
    """Return the components on a synchronous path from an entry, the entries' own components included."""
    reached = {operation.component for operation in entries(system)}
    for path in request_paths(system):
        reached.update(site.callee for site in path)
    return frozenset(reached)


def without_superseded(system: System) -> System:
    """Return the system without the guesses that somebody has told better since.

    An operation that is only assumed (no handler was read) stands for everything its component may do. Where another operation of
    the same component is known to use the same peer, the guess about that peer goes; a guess that has nothing left to say, that
    nobody calls and that no workload names goes as a whole.
    """
    guessed = {operation.name for operation in system.operations if operation.certainty is Certainty.ASSUMED}
    known = {operation.component for operation in system.operations if operation.name not in guessed}
    told = {(site.caller, site.callee) for site in call_sites(system) if site.operation not in guessed}
    peers = {operation.name: operation.component for operation in system.operations}
    peers |= {dataset.name: dataset.store for dataset in system.datasets} | {topic.name: topic.broker for topic in system.topics}

    def slim(operation: Operation, step: Step) -> Step | tuple[Step, ...]:
        if operation.name not in guessed or not isinstance(step, Remote):
            return step
        match step:
            case Call():
                peer = peers.get(step.operation)
            case Publish():
                peer = peers.get(step.topic)
            case _:
                peer = peers.get(step.dataset)
        return () if (operation.component, peer) in told else step

    kept = rewrite_system(system, slim)
    busy = {site.operation for site in call_sites(kept)}
    wanted = {step.operation for operation in kept.operations for step in walk(operation.steps) if isinstance(step, Call)}
    wanted |= {workload.operation for workload in system.workloads} | {objective.operation for objective in system.objectives}
    return structs.replace(
        kept,
        operations=tuple(
            operation
            for operation in kept.operations
            if operation.certainty is not Certainty.ASSUMED
            or operation.component not in known
            or operation.name in busy
            or operation.name in wanted
        ),
    )

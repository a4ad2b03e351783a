"""Assumed operations: what components do for a request as far as deployment files tell, with the datasets and topics they use.

Without the handlers, a service is taken to use its stores for every request and each of the services it depends on, where there
are several, for about every second one: no request needs them all. Stores come first, then calls, then messages. A proxy passes a
request on to one of its targets, each as likely as the others, in one operation: whoever calls a proxy knows its address and not
the path. A gateway with code of its own may put an answer together from several services and is taken as a service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from backend_expert.model import (
    STORES,
    UNKNOWN_POLICY,
    Branch,
    Call,
    Certainty,
    Component,
    Dataset,
    Estimate,
    Kind,
    Operation,
    Policy,
    Publish,
    Query,
    Step,
    Topic,
    Trigger,
    Work,
)
from backend_expert.readers import nginx
from backend_expert.readers.edges import Edge, speaks_grpc
from backend_expert.readers.products import PRODUCTS

USED = Estimate(0.5, 2, Certainty.ASSUMED)
"""Share of the requests that call one of several services: from a quarter to all of them; nobody can tell without the handlers."""


NGINX_TIMEOUT_MS = 60_000
"""What holds where a configuration sets none: ngx_http_proxy_module, proxy_read_timeout, default 60s."""


class Programs(Struct, frozen=True):
    """The operations, datasets and topics of a system, each by name."""

    operations: tuple[Operation, ...]
    datasets: tuple[Dataset, ...]
    topics: tuple[Topic, ...]


def programs(components: Mapping[str, Component], edges: Iterable[Edge]) -> Programs:
    """Return one operation for each protocol that a component serves, with one step for each of its dependencies."""
    edges = tuple(edges)
    outgoing: dict[str, list[Edge]] = {}
    served: dict[str, set[str]] = {}
    for edge in edges:
        outgoing.setdefault(edge.caller, []).append(edge)
        if _is_call(components[edge.callee]):
            served.setdefault(edge.callee, set()).add(_served(edge.protocol))
    operations = [
        operation
        for name in sorted(components)
        for operation in _operations(components[name], outgoing.get(name, []), served.get(name, set()), components)
    ]
    return Programs(
        tuple(sorted(operations, key=lambda operation: operation.name)),
        _datasets(components, edges),
        _topics(components, edges),
    )


def consumes(component: Component, edges: Iterable[Edge], components: Mapping[str, Component], called: bool) -> bool:
    """Tell whether a component waits for messages, not for requests: it uses a broker, has no port, and nobody calls it."""
    ports = component.deployment.ports if component.deployment is not None else ()
    uses_broker = any(components[edge.callee].kind is Kind.BROKER for edge in edges if edge.caller == component.name)
    return component.kind in {Kind.SERVICE, Kind.WORKER} and uses_broker and not ports and not called


def _operations(component: Component, edges: list[Edge], served: set[str], components: Mapping[str, Component]) -> list[Operation]:
    match component.kind:
        case Kind.SERVICE | Kind.GATEWAY:
            protocols = served or {"grpc" if speaks_grpc(component) else "http"}
        case Kind.EXTERNAL:
            protocols = served
        case Kind.WORKER if served:
            protocols = served
        case Kind.WORKER | Kind.CLIENT:
            return _started(component, edges, components)
        case _:
            return []
    steps = () if component.kind is Kind.EXTERNAL else _steps(component, edges, components)
    return [
        Operation(
            name=operation_name(component.name, protocol),
            component=component.name,
            trigger=Trigger(kind="rpc" if protocol == "grpc" else "http"),
            steps=steps,
            certainty=Certainty.ASSUMED,
            evidence=component.evidence[:1],
        )
        for protocol in sorted(protocols)
    ]


def _started(component: Component, edges: list[Edge], components: Mapping[str, Component]) -> list[Operation]:
    """Return what a worker does for a message of each broker it uses, or what it does by itself where it uses none."""
    brokers = [edge for edge in edges if components[edge.callee].kind is Kind.BROKER]
    if component.kind is Kind.CLIENT or not brokers:
        if not edges:
            return []
        steps = _steps(component, edges, components)
        name = f"{component.name} start"
        return [_assumed(name, component, Trigger(kind="start"), steps, component)]
    rest = [edge for edge in edges if edge not in brokers]
    return [
        structs.replace(
            _assumed(
                f"{component.name} messages" + (f" of {edge.callee}" if len(brokers) > 1 else ""),
                component,
                Trigger(kind="message", name=topic_name(edge.callee)),
                _steps(component, rest, components),
                component,
            ),
            evidence=edge.evidence,
        )
        for edge in brokers
    ]


def _assumed(name: str, component: Component, trigger: Trigger, steps: tuple[Step, ...], source: Component) -> Operation:
    return Operation(
        name=name,
        component=component.name,
        trigger=trigger,
        steps=steps,
        certainty=Certainty.ASSUMED,
        evidence=source.evidence[:1],
    )


def _steps(component: Component, edges: list[Edge], components: Mapping[str, Component]) -> tuple[Step, ...]:
    ordered = sorted(edges, key=lambda edge: (_place(components[edge.callee]), edge.callee, edge.protocol, edge.database))
    steps: list[Step] = [Work(certainty=Certainty.ASSUMED)]
    if component.kind is Kind.GATEWAY and component.technology in PRODUCTS[Kind.GATEWAY]:
        passed = [edge for edge in ordered if _is_call(components[edge.callee])]
        steps.extend(_step(edge, components[edge.callee]) for edge in ordered if edge not in passed)
        return (*steps, *_one_of(passed, components))
    done: set[str] = set()
    several = sum(_is_call(components[edge.callee]) and not edge.choice for edge in ordered) > 1
    for edge in ordered:
        if not edge.choice:
            step = _step(edge, components[edge.callee])
            steps.append(_sometimes(step, edge) if several and _is_call(components[edge.callee]) else step)
        elif edge.choice not in done:
            done.add(edge.choice)
            steps.extend(_one_of([each for each in ordered if each.choice == edge.choice], components))
    return tuple(steps)


def _one_of(edges: list[Edge], components: Mapping[str, Component]) -> tuple[Step, ...]:
    """Return steps that take one of the edges, each with the same probability."""
    if not edges:
        return ()
    first, *rest = edges
    step = _step(first, components[first.callee])
    if not rest:
        return (step,)
    return (
        Branch(
            probability=Estimate(1 / len(edges), 1.5, Certainty.ASSUMED),
            then=(step,),
            otherwise=_one_of(rest, components),
            condition=", ".join(first.paths) or first.callee,
            certainty=Certainty.ASSUMED,
            evidence=first.evidence[:1],
        ),
    )


def _sometimes(step: Step, edge: Edge) -> Step:
    return Branch(probability=USED, then=(step,), condition=edge.callee, certainty=Certainty.ASSUMED, evidence=edge.evidence[:1])


def _step(edge: Edge, callee: Component) -> Step:
    policy = _policy(edge)
    if callee.kind is Kind.BROKER:
        # No deployment file says whether messages go in or out: the use is sure, the direction is not.
        return Publish(topic=topic_name(callee.name), certainty=Certainty.ASSUMED, evidence=edge.evidence, policy=policy)
    if callee.kind in STORES:
        return Query(dataset=dataset_name(edge), certainty=edge.certainty, evidence=edge.evidence, policy=policy)
    return Call(
        operation=operation_name(callee.name, _served(edge.protocol)),
        protocol=edge.protocol or "http",
        certainty=edge.certainty,
        evidence=edge.evidence,
        policy=policy,
    )


def _policy(edge: Edge) -> Policy:
    if edge.policy != UNKNOWN_POLICY:
        return edge.policy
    passed = next((evidence for evidence in edge.evidence if evidence.reader == nginx.READER), None)
    if edge.timeout_ms is not None:
        return Policy(timeout_ms=Estimate(edge.timeout_ms, evidence=edge.evidence[:1]), evidence=edge.evidence[:1])
    if passed is not None:
        timeout_ms = Estimate(NGINX_TIMEOUT_MS, certainty=Certainty.RECOVERED, evidence=(passed,))
        return Policy(timeout_ms=timeout_ms, evidence=(passed,))
    return Policy()


def operation_name(component: str, protocol: str) -> str:
    """Return the name of the assumed operation of a component for a protocol."""
    return f"{component} {protocol}"


def dataset_name(edge: Edge) -> str:
    """Return the name of the data behind an edge to a store; `*` stands for a database that nothing names."""
    return f"{edge.callee}/{edge.database or '*'}"


def topic_name(broker: str) -> str:
    """Return the name that stands for all channels of a broker: only code names them one by one."""
    return f"{broker}/*"


def _datasets(components: Mapping[str, Component], edges: Iterable[Edge]) -> tuple[Dataset, ...]:
    found: dict[str, Dataset] = {}
    for edge in edges:
        if components[edge.callee].kind in STORES:
            name = dataset_name(edge)
            before = found.get(name)
            evidence = tuple(dict.fromkeys((*(before.evidence if before else ()), *edge.evidence)))
            known = Certainty.DECLARED if edge.database else Certainty.ASSUMED
            found[name] = Dataset(name=name, store=edge.callee, database=edge.database, certainty=known, evidence=evidence)
    return tuple(found[name] for name in sorted(found))


def _topics(components: Mapping[str, Component], edges: Iterable[Edge]) -> tuple[Topic, ...]:
    found: dict[str, Topic] = {}
    for edge in edges:
        if components[edge.callee].kind is Kind.BROKER:
            name = topic_name(edge.callee)
            before = found.get(name)
            evidence = tuple(dict.fromkeys((*(before.evidence if before else ()), *edge.evidence)))
            found[name] = Topic(name=name, broker=edge.callee, certainty=Certainty.ASSUMED, evidence=evidence)
    return tuple(found[name] for name in sorted(found))


def _is_call(callee: Component) -> bool:
    return callee.kind not in STORES and callee.kind is not Kind.BROKER


def _served(protocol: str) -> str:
    """Return the protocol as the callee sees it: TLS ends before the handler."""
    return "http" if protocol in {"", "https"} else protocol


def _place(callee: Component) -> int:
    return 0 if callee.kind in STORES else 2 if callee.kind is Kind.BROKER else 1

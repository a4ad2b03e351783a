"""Small systems that show one thing each, and findings about them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from backend_expert.model import (
    Action,
    Call,
    Component,
    Dataset,
    Deployment,
    Estimate,
    Finding,
    Kind,
    Link,
    Mechanism,
    Objective,
    Operation,
    Policy,
    Pool,
    Query,
    Severity,
    Step,
    System,
    Text,
    Trigger,
    Work,
    Workload,
)

FindingOf = Callable[..., Finding]
Builder = Callable[..., System]


def number(value: float) -> Estimate:
    return Estimate(value)


def service(name: str, workers: float = 10, replicas: float = 1, **deployment: object) -> Component:
    return Component(
        name=name,
        kind=Kind.SERVICE,
        deployment=Deployment(  # type: ignore[arg-type]
            replicas=number(replicas), workers=number(workers), cpu_cores=number(8), event_loop=False, **deployment
        ),
    )


def operation(name: str, component: str, *steps: Step) -> Operation:
    return Operation(name=name, component=component, trigger=Trigger(kind="http", name=name), steps=steps)


@pytest.fixture
def finding_of() -> FindingOf:
    """Make a finding of a rule about a path of links (`"a>b>c"`) or about components."""

    def make(rule: str, path: str = "", components: tuple[str, ...] = (), asked: bool = False) -> Finding:
        names = tuple(path.split(">")) if path else ()
        links = tuple(Link(caller, callee) for caller, callee in pairwise(names))
        return Finding(
            rule=rule,
            severity=Severity.HIGH,
            subject=path or " ".join(components),
            components=components or names,
            title=Text("t", "t"),
            why=Text("w", "p"),
            evidence=(),
            links=links,
            asked=asked,
        )

    return make


@pytest.fixture
def two_callees() -> Builder:
    """Build a front with two operations: one needs `risky`, the other only `steady`; both share the front's workers."""

    def build(risky: Policy | None = None, rate: float = 40, workers: float = 20, risky_ms: float = 20) -> System:
        missing = Policy(absent=(Mechanism.TIMEOUT, Mechanism.RETRY, Mechanism.BREAKER))
        return System(
            name="two-callees",
            components=(service("front", workers), service("risky", 50), service("steady", 50)),
            operations=(
                operation("GET /risky", "front", Call(operation="risky work", policy=missing if risky is None else risky)),
                operation("GET /steady", "front", Call(operation="steady work")),
                operation("risky work", "risky", Work(cpu_ms=number(risky_ms))),
                operation("steady work", "steady", Work(cpu_ms=number(20))),
            ),
            workloads=(
                Workload(name="risky", operation="GET /risky", rate_per_s=number(rate / 2)),
                Workload(name="steady", operation="GET /steady", rate_per_s=number(rate / 2)),
            ),
            objectives=(Objective(name="fast", latency_p99_ms=500),),
            network_ms=number(0.5),
        )

    return build


@pytest.fixture
def with_store() -> Builder:
    """Build a service in front of a database, with one connection pool between them."""

    def build(
        rate: float = 50,
        workers: float = 50,
        pool: float = 10,
        query_ms: float = 20,
        store_workers: float = 16,
        action: Action = Action.READ,
        **deployment: object,
    ) -> System:
        policy = Policy(pool=Pool(size=number(pool)), absent=(Mechanism.TIMEOUT,))
        query = Query(dataset="db/product", action=action, time_ms=number(query_ms), policy=policy)
        return System(
            name="with-store",
            components=(
                Component(
                    name="db",
                    kind=Kind.DATABASE,
                    technology="postgresql",
                    deployment=Deployment(
                        replicas=number(1), workers=number(store_workers), cpu_cores=number(64), event_loop=False
                    ),
                ),
                service("shop", workers, **deployment),
            ),
            operations=(operation("GET /products", "shop", Work(cpu_ms=number(1)), query),),
            datasets=(Dataset(name="db/product", store="db"),),
            workloads=(Workload(name="users", operation="GET /products", rate_per_s=number(rate)),),
            objectives=(Objective(name="fast", latency_p99_ms=500),),
            network_ms=number(0.5),
        )

    return build

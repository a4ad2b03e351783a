"""A system in ten lines: short ways to write the values of the model with exact numbers.

from backend_expert.lab import load
from backend_expert.lab.load import sketch

shop = sketch.system(
    [sketch.component("web", workers=16), sketch.component("db", workers=8)],
    [
        sketch.operation("GET /", "web", sketch.work(1), sketch.call("select", timeout_ms=60, attempts=2)),
        sketch.operation("select", "db", sketch.work(10)),
    ],
    {"GET /": 400},
)
print(load.run(shop, load.Scenario(60)).p99_ms)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from backend_expert.model import (
    Call,
    Component,
    Dataset,
    Deployment,
    Estimate,
    Hedge,
    Kind,
    Operation,
    Policy,
    Pool,
    Query,
    Retry,
    Step,
    System,
    Topic,
    Trigger,
    Wait,
    Work,
    Workload,
)


def component(
    name: str,
    *,
    kind: Kind = Kind.SERVICE,
    workers: int | None = None,
    replicas: int = 1,
    cores: float | None = None,
    queue_limit: int | None = None,
    event_loop: bool = False,
) -> Component:
    """Return a component; without `cores` every worker has one, without `workers` there is no limit to them."""
    return Component(
        name=name,
        kind=kind,
        deployment=Deployment(
            replicas=Estimate(replicas),
            workers=Estimate(workers if workers is not None else 1_000_000),
            cpu_cores=Estimate(cores if cores is not None else workers or 1_000_000),
            queue_limit=None if queue_limit is None else Estimate(queue_limit),
            event_loop=event_loop,
        ),
    )


def operation(name: str, home: str, *steps: Step) -> Operation:
    """Return an operation of the component `home` that something calls."""
    return Operation(name=name, component=home, trigger=Trigger(kind="rpc", name=name), steps=steps)


def consumer(name: str, home: str, topic: str, *steps: Step, concurrency: int = 1, deliveries: int | None = None) -> Operation:
    """Return an operation that runs for each message of a topic; without `deliveries` a failed one comes again without end."""
    trigger = Trigger(
        kind="message", name=topic, concurrency=Estimate(concurrency), acknowledge="after", maximum_deliveries=deliveries
    )
    return Operation(name=name, component=home, trigger=trigger, steps=steps)


def work(mean_ms: float) -> Work:
    """Return a step that uses a processor for `mean_ms` on average."""
    return Work(cpu_ms=Estimate(mean_ms))


def wait(mean_ms: float) -> Wait:
    """Return a step that lets `mean_ms` pass on average."""
    return Wait(time_ms=Estimate(mean_ms))


def query(dataset: str, mean_ms: float, *, pool: int | None = None, timeout_ms: float | None = None) -> Query:
    """Return a statement on a dataset that takes `mean_ms` on average."""
    return Query(dataset=dataset, time_ms=Estimate(mean_ms), policy=policy(pool=pool, timeout_ms=timeout_ms))


def call(
    target: str,
    *,
    timeout_ms: float | None = None,
    attempts: int = 1,
    backoff_ms: float | None = None,
    jitter: Literal["none", "full", "decorrelated"] = "none",
    budget: float | None = None,
    pool: int | None = None,
    hedge_ms: float | None = None,
    optional: bool = False,
) -> Call:
    """Return a call of an operation with its policy."""
    return Call(
        operation=target,
        policy=policy(
            timeout_ms=timeout_ms,
            attempts=attempts,
            backoff_ms=backoff_ms,
            jitter=jitter,
            budget=budget,
            pool=pool,
            hedge_ms=hedge_ms,
            optional=optional,
        ),
    )


def policy(
    *,
    timeout_ms: float | None = None,
    attempts: int = 1,
    backoff_ms: float | None = None,
    jitter: Literal["none", "full", "decorrelated"] = "none",
    budget: float | None = None,
    pool: int | None = None,
    hedge_ms: float | None = None,
    optional: bool = False,
) -> Policy:
    """Return what protects a call."""
    retry = Retry(_estimate(attempts), _maybe(backoff_ms), None, jitter, _maybe(budget)) if attempts > 1 else None
    return Policy(
        timeout_ms=_maybe(timeout_ms),
        retry=retry,
        pool=Pool(_estimate(pool)) if pool is not None else None,
        hedge=Hedge(_estimate(hedge_ms)) if hedge_ms is not None else None,
        optional=optional or None,
    )


def system(
    components: Sequence[Component],
    operations: Sequence[Operation],
    rates_per_s: Mapping[str, float],
    *,
    datasets: Sequence[str] = (),
    topics: Sequence[str] = (),
    network_ms: float = 0.0,
) -> System:
    """Return a system; a dataset is named `store/dataset`, a topic `broker/topic`, a rate by the operation where it arrives."""
    return System(
        name="sketch",
        components=tuple(sorted(components, key=lambda each: each.name)),
        operations=tuple(sorted(operations, key=lambda each: each.name)),
        datasets=tuple(Dataset(name=name, store=name.partition("/")[0]) for name in sorted(datasets)),
        topics=tuple(Topic(name=name, broker=name.partition("/")[0]) for name in sorted(topics)),
        workloads=tuple(
            Workload(name=f"load of {name}", operation=name, rate_per_s=Estimate(rate))
            for name, rate in sorted(rates_per_s.items())
        ),
        network_ms=Estimate(network_ms),
    )


def _estimate(value: float) -> Estimate:
    return Estimate(float(value))


def _maybe(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(float(value))

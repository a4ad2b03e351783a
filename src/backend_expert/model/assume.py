"""What is assumed where nobody said: one table of defaults by technology, and the list of every number that came from it.

A number from here has the certainty *assumed* and a spread; experiments draw it from its spread instead of trusting it, and the
report lists it with the place in `system.yaml` where a known number goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from msgspec import Struct, structs

from backend_expert.model.facts import Certainty, Estimate, Evidence, Text
from backend_expert.model.graph import entries, rewrite_system, walk
from backend_expert.model.policy import Breaker, Policy, Pool
from backend_expert.model.steps import Action, CacheGet, CachePut, Query, Step, Wait, Work
from backend_expert.model.system import (
    STORES,
    Component,
    Dataset,
    Deployment,
    Kind,
    Objective,
    Operation,
    OutlierEjection,
    RateLimit,
    System,
    Workload,
)


class Assumed(Struct, frozen=True):
    """A number that nobody stated: where it stands, what was taken, and where that comes from."""

    path: str
    estimate: Estimate
    reason: Text


class Runtime(Struct, frozen=True):
    """What is typical of a service in a technology: places for requests in one instance, processor time of one request."""

    workers: float
    workers_spread: float
    cpu_ms: float
    cpu_spread: float
    event_loop: bool = False


RUNTIMES: Mapping[str, Runtime] = {
    # No limit on requests in flight unless the code sets one; 1,000 stands for "not the first limit that is met".
    **dict.fromkeys(("node", "nodejs", "nestjs", "express", "fastify"), Runtime(1000, 1, 2, 2.5, event_loop=True)),
    "go": Runtime(1000, 1, 1, 2.5),
    "dotnet": Runtime(1000, 1, 1.5, 2.5),
    "rust": Runtime(1000, 1, 0.5, 2.5),
    # Spring Boot reference, server.tomcat.threads.max: 200.
    **dict.fromkeys(("java", "spring", "spring-boot", "kotlin"), Runtime(200, 1.5, 2, 2.5)),
    # gunicorn settings: (2 x cores) + 1 workers are suggested, the default is 1; gRPC examples use 10 threads.
    **dict.fromkeys(("python", "flask", "django", "fastapi"), Runtime(8, 2.5, 5, 2.5)),
    # PHP manual, pm.max_children: the shipped pool has 5; Apache's MaxRequestWorkers is 256.
    **dict.fromkeys(("php", "symfony", "laravel"), Runtime(20, 3, 5, 2.5)),
    # Puma README: 5 threads in each worker.
    **dict.fromkeys(("ruby", "rails"), Runtime(5, 2, 5, 2.5)),
    # nginx documentation, worker_connections: 512 in each worker process.
    **dict.fromkeys(("nginx", "envoy", "haproxy", "traefik", "kong", "caddy", "apache"), Runtime(1024, 1.5, 0.2, 2.5)),
}
OTHER_RUNTIME = Runtime(100, 3, 2, 3)


class Storage(Struct, frozen=True):
    """What is typical of a store: queries that advance at the same time, and the time of one read and one write on a warm cache."""

    workers: float
    read_ms: float
    write_ms: float
    time_spread: float = 3
    pool: float | None = None


STORAGES: Mapping[str, Storage] = {
    # PostgreSQL wiki, Number Of Database Connections: about cores x 2 + disks are active, here of 8 cores.
    # node-postgres and HikariCP: pools of 10.
    **dict.fromkeys(("postgresql", "mysql", "mariadb", "sqlserver", "oracle", "cockroachdb"), Storage(16, 3, 5, pool=10)),
    # MongoDB manual, maxPoolSize: 100.
    "mongodb": Storage(32, 3, 4, pool=100),
    # Redis documentation, latency: one thread executes commands.
    **dict.fromkeys(("redis", "valkey"), Storage(1, 0.2, 0.2, 2)),
    "memcached": Storage(4, 0.2, 0.2, 2),
    **dict.fromkeys(("elasticsearch", "opensearch"), Storage(16, 15, 10)),
    "cassandra": Storage(32, 5, 2),
}
OTHER_STORAGE = Storage(16, 3, 5, pool=10)

NETWORK_MS = Estimate(0.5, 2, Certainty.ASSUMED)
"""One way between two containers of one data centre: twice the half of Dean's 0.5 ms round trip (2009), for serialisation."""

RATE_PER_S = Estimate(20, 4, Certainty.ASSUMED)
"""All entries together: 1.7 million requests a day. It says little, so its spread is wide."""

EXTERNAL_MS = Estimate(150, 2, Certainty.ASSUMED)
CONCURRENT_MESSAGES = Estimate(10, 3, Certainty.ASSUMED)
HIT_RATIO = Estimate(0.8, 1.15, Certainty.ASSUMED)
POPULARITY = Estimate(0.9, 1.2, Certainty.ASSUMED)
"""Between the pages of six web proxies, 0.64 to 0.83 (Breslau et al., INFOCOM 1999), and the 0.99 of YCSB (Cooper et al., SoCC 2010)."""

SERVICE_CORES = Estimate(2, 2, Certainty.ASSUMED)
STORE_CORES = Estimate(8, 2, Certainty.ASSUMED)
ONE = Estimate(1, 1, Certainty.ASSUMED)
OBJECTIVE = Objective(name="assumed", latency_p99_ms=500, success_ratio=0.99)
"""A web request that a person waits for: 0.1 s feels instant, 1 s keeps the flow of thought (Nielsen 1993, ch. 5)."""

RATIOS = frozenset(
    {"hit_ratio", "probability", "failure_ratio", "budget", "expiry_jitter", "reserved", "error_ratio", "maximum_share"}
)

BREAKER_WINDOW_S, BREAKER_CALLS, BREAKER_OPEN_S = 10, 10, 30
"""opossum's defaults for rollingCountTimeout and resetTimeout; ten calls before a ratio means anything."""


REPLICATION_LAG_MS = Estimate(30, 3, Certainty.ASSUMED)
"""The user guide of Amazon Aurora: usually much less than 100 ms after the primary."""

REPLICATED_ROWS = Estimate(100_000, 10, Certainty.ASSUMED)

OUTLIER_PERIOD_S, OUTLIER_EJECTED_S, OUTLIER_SHARE, OUTLIER_ERRORS = 10, 30, 0.1, 0.85
"""Envoy's outlier detection: interval, base_ejection_time, max_ejection_percent, failure_percentage_threshold."""


def complete(system: System) -> System:
    """Return the system with every number that the labs need; what was unknown is filled from the table, certainty *assumed*."""
    kinds = {component.name: component for component in system.components}
    stores = {dataset.name: kinds[dataset.store] for dataset in system.datasets if dataset.store in kinds}
    filled = rewrite_system(system, lambda operation, step: _step(step, kinds.get(operation.component), stores))
    filled = structs.replace(
        filled,
        components=tuple(_component(component) for component in filled.components),
        operations=tuple(_operation(operation, kinds.get(operation.component)) for operation in filled.operations),
        network_ms=system.network_ms or NETWORK_MS,
    )
    return structs.replace(
        filled, datasets=_datasets(filled), workloads=_workloads(filled), objectives=filled.objectives or (OBJECTIVE,)
    )


def assumptions(system: System) -> tuple[Assumed, ...]:
    """Return every assumed number of a completed system, in the order of the file form."""
    return tuple(
        Assumed(path, estimate, _reason(path.rpartition("/")[2])) for path, estimate in estimates(system) if estimate.assumed
    )


def estimates(system: System) -> tuple[tuple[str, Estimate], ...]:
    """Return every number of a system with its path: the keys of `system.yaml` and the positions in lists, joined by slashes."""
    return tuple(_estimates(system, ""))


def with_values(system: System, values: Mapping[str, float]) -> System:
    """Return the system with the numbers at the given paths replaced; the certainty and the spread stay."""

    def number(path: str, estimate: Estimate) -> Estimate:
        value = values.get(path)
        return estimate if value is None else structs.replace(estimate, value=value)

    return mapped(system, number)


def mapped(system: System, number: Callable[[str, Estimate], Estimate]) -> System:
    """Return the system with every number replaced by what `number` makes of its path and itself."""
    return _mapped(system, "", number)  # type: ignore[no-any-return]


def _estimates(value: Any, path: str) -> Iterator[tuple[str, Estimate]]:
    for name, inner in _parts(value):
        if isinstance(inner, Estimate):
            yield path + name, inner
        else:
            yield from _estimates(inner, f"{path}{name}/")


def _mapped(value: Any, path: str, number: Callable[[str, Estimate], Estimate]) -> Any:
    """Return the value with every number replaced by what `number` makes of it; what does not change stays the same object."""
    changed = {}
    for name, inner in _parts(value):
        new = number(path + name, inner) if isinstance(inner, Estimate) else _mapped(inner, f"{path}{name}/", number)
        if new is not inner:
            changed[name] = new
    if not changed:
        return value
    if isinstance(value, tuple):
        return tuple(changed.get(name, inner) for name, inner in _named(value))
    return structs.replace(value, **changed)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a value that may hold numbers: fields by name, entries by their name, other items by position."""
    if isinstance(value, tuple):
        yield from _named(value)
        return
    for field in _fields(value.__class__):
        inner = getattr(value, field)
        if inner is not None and inner != ():
            yield field, inner


def _named(items: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for position, item in enumerate(items):
        yield getattr(item, "name", "") or str(position), item


@cache
def _fields(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of a type that can hold numbers: worlds are drawn by the thousand, and most fields are words."""
    if issubclass(kind, Evidence) or not issubclass(kind, Struct):
        return ()
    return tuple(name for name, hint in get_type_hints(kind).items() if name in kind.__struct_fields__ and _holds_numbers(hint))


def _holds_numbers(hint: Any) -> bool:
    if isinstance(hint, type) and not get_args(hint):
        return issubclass(hint, Struct) and not issubclass(hint, Evidence)
    return any(_holds_numbers(inner) for inner in get_args(hint))


def _assumed(value: float, spread: float = 1) -> Estimate:
    return Estimate(value, spread, Certainty.ASSUMED)


def _runtime(component: Component | None) -> Runtime:
    return RUNTIMES.get(component.technology if component else "", OTHER_RUNTIME)


def _storage(component: Component | None) -> Storage:
    return STORAGES.get(component.technology if component else "", OTHER_STORAGE)


def _component(component: Component) -> Component:
    deployment = component.deployment or Deployment(complete=False)
    runtime = _runtime(component)
    if component.kind in STORES:
        workers = _assumed(_storage(component).workers, 2 if _storage(component).workers > 1 else 1)
    elif component.kind is Kind.EXTERNAL:
        workers = _assumed(1000)
    else:
        workers = _assumed(runtime.workers, runtime.workers_spread)
    return structs.replace(
        component,
        deployment=structs.replace(
            deployment,
            replicas=deployment.replicas or ONE,
            workers=deployment.workers or workers,
            cpu_cores=deployment.cpu_cores or (STORE_CORES if component.stateful else SERVICE_CORES),
            event_loop=runtime.event_loop if deployment.event_loop is None else deployment.event_loop,
            rate_limit=_rate_limit(deployment.rate_limit),
            outliers=_outliers(deployment.outliers),
            replication_lag_ms=deployment.replication_lag_ms or (REPLICATION_LAG_MS if deployment.reads == "replicas" else None),
        ),
    )


def _rate_limit(limit: RateLimit | None) -> RateLimit | None:
    """Return a limit with a burst of one second's requests, as in the example of Envoy's local rate limit."""
    if limit is None or limit.burst is not None:
        return limit
    return structs.replace(limit, burst=_assumed(max(1.0, limit.rate_per_s.value)))


def _outliers(ejection: OutlierEjection | None) -> OutlierEjection | None:
    if ejection is None:
        return None
    neither = ejection.error_ratio is None and ejection.slower is None
    return structs.replace(
        ejection,
        error_ratio=_assumed(OUTLIER_ERRORS) if neither else ejection.error_ratio,
        period_s=ejection.period_s or _assumed(OUTLIER_PERIOD_S),
        ejected_s=ejection.ejected_s or _assumed(OUTLIER_EJECTED_S),
        maximum_share=ejection.maximum_share or _assumed(OUTLIER_SHARE),
    )


def _operation(operation: Operation, component: Component | None) -> Operation:
    trigger = operation.trigger
    if trigger.kind == "message" and trigger.concurrency is None:
        operation = structs.replace(operation, trigger=structs.replace(trigger, concurrency=CONCURRENT_MESSAGES))
    if component is not None and component.kind is Kind.EXTERNAL and not operation.steps:
        operation = structs.replace(operation, steps=(Wait(time_ms=EXTERNAL_MS, certainty=Certainty.ASSUMED),))
    return operation


def _step(step: Step, component: Component | None, stores: Mapping[str, Component]) -> Step:
    match step:
        case Work(cpu_ms=None):
            runtime = _runtime(component)
            return structs.replace(step, cpu_ms=_assumed(runtime.cpu_ms, runtime.cpu_spread))
        case Query() | CacheGet() | CachePut():
            storage = _storage(stores.get(step.dataset))
            writes = isinstance(step, CachePut) or (isinstance(step, Query) and step.action is not Action.READ)
            time_ms = step.time_ms or _assumed(storage.write_ms if writes else storage.read_ms, storage.time_spread)
            step = structs.replace(step, time_ms=time_ms, policy=_policy(step.policy, storage.pool))
            return structs.replace(step, hit_ratio=step.hit_ratio or HIT_RATIO) if isinstance(step, CacheGet) else step
        case _ if hasattr(step, "policy"):
            return structs.replace(step, policy=_policy(step.policy, None))
        case _:
            return step


def _policy(policy: Policy, pool: float | None) -> Policy:
    if policy.pool is None and pool is not None:
        policy = structs.replace(policy, pool=Pool(size=_assumed(pool, 2)))
    if policy.breaker is not None:
        policy = structs.replace(policy, breaker=_breaker(policy.breaker))
    return policy


def _breaker(breaker: Breaker) -> Breaker:
    return structs.replace(
        breaker,
        window_s=breaker.window_s or _assumed(BREAKER_WINDOW_S),
        minimum_calls=breaker.minimum_calls or _assumed(BREAKER_CALLS),
        open_s=breaker.open_s or _assumed(BREAKER_OPEN_S),
        probes=breaker.probes or ONE,
    )


def _datasets(system: System) -> tuple[Dataset, ...]:
    """Return the datasets; keys that expire and rows that are read from replicas are simulated one by one, by their popularity."""
    expiring = {
        step.dataset
        for operation in system.operations
        for step in walk(operation.steps)
        if isinstance(step, CachePut) and step.expiry_s is not None
    }
    replicated = {
        component.name
        for component in system.components
        if component.deployment is not None and component.deployment.reads == "replicas"
    }

    def filled(dataset: Dataset) -> Dataset:
        if dataset.store in replicated:
            rows = dataset.rows or REPLICATED_ROWS
            return structs.replace(dataset, rows=rows, popularity=dataset.popularity or POPULARITY)
        if dataset.name in expiring:
            return structs.replace(dataset, popularity=dataset.popularity or POPULARITY)
        return dataset

    return tuple(map(filled, system.datasets))


def _workloads(system: System) -> tuple[Workload, ...]:
    if system.workloads:
        return system.workloads
    doors = entries(system)
    return tuple(
        Workload(
            name=f"assumed {operation.name}",
            operation=operation.name,
            rate_per_s=structs.replace(RATE_PER_S, value=RATE_PER_S.value / len(doors)),
        )
        for operation in doors
    )


_REASONS = {
    "replicas": Text("no file says how many; one is what an engine starts", "nenhum arquivo diz quantas; um motor inicia uma"),
    "workers": Text("the default of the technology", "o padrão da tecnologia"),
    "cpu_cores": Text("no limit was found in the files read", "nenhum limite foi encontrado nos arquivos lidos"),
    "cpu_ms": Text("typical of the technology; not measured here", "típico da tecnologia; não medido aqui"),
    "time_ms": Text("typical of the store or service on a warm cache", "típico do armazenamento ou serviço com cache quente"),
    "size": Text("the default pool of common drivers", "o pool padrão dos drivers comuns"),
    "network_ms": Text("one way inside one data centre", "uma ida dentro de um data center"),
    "rate_per_s": Text("nobody stated the traffic", "ninguém informou o tráfego"),
    "hit_ratio": Text("nobody stated how often the cache answers", "ninguém informou a taxa de acerto do cache"),
    "replication_lag_ms": Text("typical inside one region", "típico dentro de uma região"),
    "rows": Text("nobody stated how many rows there are", "ninguém informou quantas linhas existem"),
    "popularity": Text("how unevenly keys are asked for in web caches", "quão desigual é o acesso às chaves em caches da web"),
    "concurrency": Text("typical prefetch of a consumer", "prefetch típico de um consumidor"),
}


def _reason(field: str) -> Text:
    return _REASONS.get(field, Text("the default of a common library", "o padrão de uma biblioteca comum"))

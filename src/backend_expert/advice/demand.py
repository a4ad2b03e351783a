"""The arithmetic behind the numbers that remedies write: how often, how long, how many at once.

Everything here is a mean of the model without queues, by hand, in microseconds of computing. The lab says afterwards whether the
numbers were good ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Call,
    Certainty,
    Compensate,
    Estimate,
    Lock,
    Parallel,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Transaction,
    Wait,
    Work,
)
from backend_expert.model.demand import MEAN, executions, rates_per_s

mean = MEAN.of

TAIL = math.log(1000)
"""The 99.9th percentile of an exponential law in units of its mean (6.9).

Service times vary less than that or about as much, so a timeout at `TAIL` means cuts about one good answer in a thousand, the rate
that "Timeouts, retries and backoff with jitter" (Amazon Builders' Library) proposes to accept.
"""


def chosen(value: float) -> Estimate:
    """Return a number that the remedy sets: exact, and never drawn as if it were a guess."""
    return Estimate(value, 1.0, Certainty.DECLARED)


def tidy(value: float) -> float:
    """Round up to two significant digits, as a person would write a setting (317.2 gives 320)."""
    if value <= 0:
        return 0.0
    unit: float = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(round(math.ceil(value / unit - 1e-9) * unit, 9))


@lru_cache(maxsize=64)
def residence_ms(system: System) -> Mapping[str, float]:
    """Return the mean time of each operation without any queue, by name, in ms; a call back into a cycle counts nothing."""
    operations = {operation.name: operation for operation in system.operations}
    round_trip = 2 * mean(system.network_ms)
    known: dict[str, float] = {}
    open_calls: set[str] = set()

    def called_ms(name: str) -> float:
        if name in known or name not in operations or name in open_calls:
            return known.get(name, 0.0)
        open_calls.add(name)
        known[name] = steps_ms(operations[name].steps, called_ms, round_trip)
        open_calls.discard(name)
        return known[name]

    return {name: called_ms(name) for name in operations}


def steps_ms(steps: tuple[Step, ...], called_ms: Callable[[str], float], round_trip_ms: float) -> float:
    """Return the mean time of steps that run one after another, in ms, given that of each operation they call."""

    def block(inner: tuple[Step, ...]) -> float:
        return steps_ms(inner, called_ms, round_trip_ms)

    total = 0.0
    for step in steps:
        match step:
            case Work():
                total += mean(step.cpu_ms)
            case Wait():
                total += step.time_ms.value
            case Query() | CachePut():
                total += mean(step.time_ms) + round_trip_ms
            case Publish():
                total += round_trip_ms
            case CacheGet():
                total += mean(step.time_ms) + round_trip_ms + (1 - mean(step.hit_ratio)) * block(step.on_miss)
            case Call():
                total += called_ms(step.operation) + round_trip_ms
            case Transaction() | Lock() | Compensate():
                total += block(step.steps)
            case Repeat():
                total += step.count.value * block(step.steps)
            case Parallel():
                total += max((block(branch) for branch in step.branches), default=0.0)
            case Branch():
                share = step.probability.value
                total += share * block(step.then) + (1 - share) * block(step.otherwise)
            case _:
                pass
    return total


def step_ms(system: System, step: Step) -> float:
    """Return the mean time that one step takes, network included and queues not, in ms."""
    known = residence_ms(system)
    return steps_ms((step,), lambda name: known.get(name, 0.0), 2 * mean(system.network_ms))


@lru_cache(maxsize=64)
def concurrency(system: System, peak: float = 1.0) -> Mapping[str, float]:
    """Return how many requests each component works on at once, and how many statements each store, by Little's law.

    L = rate x time (J. D. C. Little 1961); queues are not counted.
    """
    rates, times = rates_per_s(system, peak), residence_ms(system)
    held: dict[str, float] = {component.name: 0.0 for component in system.components}
    for operation in system.operations:
        if operation.component in held:
            held[operation.component] += rates[operation.name] * times[operation.name] / 1000
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    for operation in system.operations:
        for step, count in executions(operation.steps):
            if isinstance(step, Query | CacheGet | CachePut) and stores.get(step.dataset) in held:
                held[stores[step.dataset]] += rates[operation.name] * count * mean(step.time_ms) / 1000
    return held


@lru_cache(maxsize=64)
def processor_demand(system: System, peak: float = 1.0) -> Mapping[str, float]:
    """Return how many cores each component keeps busy, by the same law."""
    rates = rates_per_s(system, peak)
    busy: dict[str, float] = {component.name: 0.0 for component in system.components}
    for operation in system.operations:
        for step, count in executions(operation.steps):
            if isinstance(step, Work) and operation.component in busy:
                busy[operation.component] += rates[operation.name] * count * mean(step.cpu_ms) / 1000
    return busy


@lru_cache(maxsize=64)
def connections_held(system: System, peak: float = 1.0) -> Mapping[tuple[str, str], float]:
    """Return how many connections each component holds to each store at once, by (component, store).

    A transaction holds its connection from begin to commit, whatever happens in between.
    """
    rates, times = rates_per_s(system, peak), residence_ms(system)
    round_trip = 2 * mean(system.network_ms)
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    held: dict[tuple[str, str], float] = {}
    for operation in system.operations:
        inside: set[int] = set()
        for step, count in executions(operation.steps):
            if isinstance(step, Transaction):
                inside.update(id(each) for each, _ in executions(step.steps))
                store, time = step.store, steps_ms(step.steps, lambda name: times.get(name, 0.0), round_trip)
            elif isinstance(step, Query | CacheGet | CachePut) and step.dataset in stores and id(step) not in inside:
                store, time = stores[step.dataset], mean(step.time_ms) + round_trip
            else:
                continue
            key = (operation.component, store)
            held[key] = held.get(key, 0.0) + rates[operation.name] * count * time / 1000
    return held


def erlang_c(offered: float, servers: int) -> float:
    """Return the share of requests that wait for one of the servers; 1 when they are too few.

    `offered` is the mean number of busy servers (rate x service time). Erlang B is built up by B_k = aB_(k-1) / (k + aB_(k-1)),
    B_0 = 1, and C = B / (1 - (a/k)(1 - B)): A. K. Erlang 1917, in any textbook of queues.
    """
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked)) if servers > offered else 1.0


def places_for(offered: float, waiting: float = 0.01) -> int:
    """Return the fewest places of a pool with which at most the given share of requests waits: a place costs little."""
    places = max(1, math.ceil(offered))
    while erlang_c(offered, places) > waiting:
        places += 1
    return places


def servers_for(offered: float, added: float = 0.1) -> int:
    """Return the fewest servers whose queue adds at most the given share to the service time: a server costs money.

    The mean wait in units of the service time is C / (k - a).
    """
    servers = max(1, math.floor(offered) + 1)
    while erlang_c(offered, servers) > added * (servers - offered):
        servers += 1
    return servers

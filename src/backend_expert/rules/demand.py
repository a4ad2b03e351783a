"""How much of a limited thing the stated traffic keeps busy: rates along the calls, and Little's law.

Only what somebody stated or measured counts here. A number that is unknown or assumed adds nothing, so every demand is a lower
bound and a limit that is too small for it is too small for certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct, structs

from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Call,
    Certainty,
    Compensate,
    Estimate,
    Lock,
    Operation,
    Parallel,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Transaction,
    Wait,
    Work,
    policy_of,
)


def stated(estimate: Estimate | None) -> float:
    """Return a number that somebody stated, and 0 for one that is unknown or assumed."""
    return 0.0 if estimate is None or estimate.assumed else estimate.value


@lru_cache(maxsize=4)
def granted(system: System) -> System:
    """Return the system as it would be if every assumed number were true, for findings that begin with *if*."""
    return _granted(system)  # type: ignore[no-any-return]


def _granted(value: Any) -> Any:
    if isinstance(value, Estimate):
        return structs.replace(value, certainty=Certainty.DECLARED) if value.assumed else value
    if isinstance(value, tuple):
        return tuple(_granted(item) for item in value)
    if isinstance(value, Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        changed = {name: new for name, old in fields.items() if (new := _granted(old)) is not old and new != old}
        return structs.replace(value, **changed) if changed else value
    return value


def executions(steps: tuple[Step, ...], times: float = 1.0) -> Iterator[tuple[Step, float]]:
    """Yield every step, outer before inner, with how often one run of the operation executes it at least."""
    for step in steps:
        yield step, times
        match step:
            case Transaction() | Lock() | Compensate():
                yield from executions(step.steps, times)
            case Repeat():
                yield from executions(step.steps, times * stated(step.count))
            case Parallel():
                for branch in step.branches:
                    yield from executions(branch, times)
            case Branch():
                share = stated(step.probability)
                yield from executions(step.then, times * share)
                yield from executions(step.otherwise, times * (0.0 if step.probability.assumed else 1 - share))
            case CacheGet():
                missed = 0.0 if step.hit_ratio is None or step.hit_ratio.assumed else 1 - step.hit_ratio.value
                yield from executions(step.on_miss, times * missed)
            case _:
                pass


@lru_cache(maxsize=16)
def rates_per_s(system: System) -> dict[str, float]:
    """Return how often each operation starts, a second, under the stated workloads and without retries."""
    consumers: dict[str, list[str]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "message":
            consumers.setdefault(operation.trigger.name, []).append(operation.name)
    started: dict[str, list[tuple[str, float]]] = {}
    for operation in system.operations:
        onward = started.setdefault(operation.name, [])
        for step, times in executions(operation.steps):
            match step:
                case Call():
                    onward.append((step.operation, times))
                case Publish():
                    onward += [(name, times) for name in consumers.get(step.topic, ())]
                case _:
                    pass
    rates = dict.fromkeys(started, 0.0)
    for workload in system.workloads:
        if workload.operation in rates:
            rates[workload.operation] += stated(workload.rate_per_s)
    done: set[str] = set()
    for name in _callers_first({name: tuple(target for target, _ in onward) for name, onward in started.items()}):
        done.add(name)
        for target, times in started[name]:
            if target in rates and target not in done:
                rates[target] += rates[name] * times
    return rates


def _callers_first(onward: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names so that each stands after all that lead to it; a way back into a cycle is ignored."""
    finished: dict[str, None] = {}
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in onward and name not in seen:
            seen.add(name)
            for target in onward[name]:
                visit(target)
            finished[name] = None

    called = {target for targets in onward.values() for target in targets}
    for name in [*(name for name in onward if name not in called), *onward]:
        visit(name)
    return tuple(reversed(finished))


@lru_cache(maxsize=16)
def residence_ms(system: System) -> dict[str, float]:
    """Return how long one run of each operation takes at least, in ms, without any queue."""
    operations = {operation.name: operation for operation in system.operations}
    known: dict[str, float] = {}

    def of(name: str, above: frozenset[str]) -> float:
        if name not in operations or name in above:
            return 0.0
        if name not in known:
            known[name] = block(operations[name].steps, above | {name})
        return known[name]

    def block(steps: tuple[Step, ...], above: frozenset[str]) -> float:
        return sum(one(step, above) for step in steps)

    def one(step: Step, above: frozenset[str]) -> float:
        match step:
            case Work():
                return stated(step.cpu_ms)
            case Wait():
                return stated(step.time_ms)
            case Query() | CachePut():
                return capped(step, stated(step.time_ms))
            case CacheGet():
                missed = 0.0 if step.hit_ratio is None or step.hit_ratio.assumed else 1 - step.hit_ratio.value
                return capped(step, stated(step.time_ms)) + missed * block(step.on_miss, above)
            case Call():
                return capped(step, of(step.operation, above) + stated(system.network_ms))
            case Transaction() | Lock() | Compensate():
                return block(step.steps, above)
            case Repeat():
                return stated(step.count) * block(step.steps, above)
            case Parallel():
                return max((block(branch, above) for branch in step.branches), default=0.0) if step.first == 0 else 0.0
            case Branch():
                share = stated(step.probability)
                rest = 0.0 if step.probability.assumed else 1 - share
                return share * block(step.then, above) + rest * block(step.otherwise, above)
            case _:
                return 0.0

    return {name: of(name, frozenset()) for name in operations}


def step_ms(system: System, step: Step) -> float:
    """Return how long one execution of a step that leaves its component takes at least, in ms."""
    match step:
        case Call():
            return capped(step, residence_ms(system).get(step.operation, 0.0) + stated(system.network_ms))
        case Query() | CacheGet() | CachePut():
            return capped(step, stated(step.time_ms))
        case _:
            return 0.0


def block_ms(system: System, operation: Operation, steps: tuple[Step, ...]) -> float:
    """Return how long a block of an operation's steps takes at least, in ms."""
    alone = Operation(name=operation.name, component=operation.component, trigger=operation.trigger, steps=steps)
    others = tuple(each for each in system.operations if each.name != operation.name)
    return residence_ms(System(name="", operations=(*others, alone), network_ms=system.network_ms))[operation.name]


def capped(step: Step, milliseconds: float) -> float:
    """Return a time cut at the timeout of the step, for all its attempts."""
    policy = policy_of(step)
    if policy.timeout_ms is None:
        return milliseconds
    attempts = 1.0 if policy.retry is None else max(1.0, policy.retry.attempts.value)
    return min(milliseconds, policy.timeout_ms.value * attempts)


def instances(replicas: Estimate | None) -> int | None:
    """Return a stated number of replicas, or `None` where it is unknown or assumed."""
    return None if replicas is None or replicas.assumed else int(replicas.value)

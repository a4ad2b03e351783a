"""How much of a limited thing the stated traffic keeps busy: rates along the calls, and Little's law.

Only what somebody stated or measured counts here. A number that is unknown or assumed adds nothing, so every demand is a lower
bound and a limit that is too small for it is too small for certain.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import structs

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
    Query,
    Repeat,
    Step,
    System,
    Transaction,
    Wait,
    Work,
    policy_of,
)
from backend_expert.model.assume import mapped
from backend_expert.model.demand import STATED

stated = STATED.of


@lru_cache(maxsize=4)
def granted(system: System) -> System:
    """Return the system as it would be if every assumed number were true, for findings that begin with *if*."""
    return mapped(system, lambda _, number: structs.replace(number, certainty=Certainty.DECLARED) if number.assumed else number)


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

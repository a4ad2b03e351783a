"""How often things happen: rates along the calls, without queues and retries, from the workloads and the step programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from backend_expert.model.facts import Estimate
from backend_expert.model.steps import Branch, CacheGet, Call, Compensate, Lock, Parallel, Publish, Repeat, Step, Transaction
from backend_expert.model.system import Operation, System


class Counting(Struct, frozen=True):
    """Say what an unknown or assumed number counts: its middle value, or nothing, which makes every sum a lower bound."""

    assumed: bool

    def of(self, estimate: Estimate | None) -> float:
        """Return the value of a number; 0 where it does not count."""
        return 0.0 if estimate is None or (estimate.assumed and not self.assumed) else estimate.value

    def rest(self, ratio: Estimate | None) -> float:
        """Return what a ratio leaves of 1; 0 where it does not count."""
        if ratio is None or ratio.assumed:
            return 1.0 - self.of(ratio) if self.assumed else 0.0
        return 1.0 - ratio.value


MEAN = Counting(assumed=True)
"""Every number at its middle value: for a completed system."""

STATED = Counting(assumed=False)
"""Only what somebody stated or measured: a limit that is too small for it is too small for certain."""


def executions(steps: tuple[Step, ...], times: float = 1.0, counting: Counting = MEAN) -> Iterator[tuple[Step, float]]:
    """Yield every step, outer before inner, with how often it runs in one run of the operation."""
    for step in steps:
        yield step, times
        match step:
            case Transaction() | Lock() | Compensate():
                yield from executions(step.steps, times, counting)
            case Repeat():
                yield from executions(step.steps, times * counting.of(step.count), counting)
            case Parallel():
                for branch in step.branches:
                    yield from executions(branch, times, counting)
            case Branch():
                yield from executions(step.then, times * counting.of(step.probability), counting)
                yield from executions(step.otherwise, times * counting.rest(step.probability), counting)
            case CacheGet():
                yield from executions(step.on_miss, times * counting.rest(step.hit_ratio), counting)
            case _:
                pass


def callers_first(system: System, counting: Counting = MEAN) -> tuple[Operation, ...]:
    """Return the operations so that each stands after everything that calls or triggers it; cycles are cut at the call back."""
    operations = {operation.name: operation for operation in system.operations}
    onward = {name: sorted(targets) for name, targets in _targets(system, counting).items()}
    finished: list[Operation] = []
    seen: set[str] = set()
    called = {target for targets in onward.values() for target in targets}
    roots = [name for name in operations if name not in called] + list(operations)
    for root in roots:
        stack: list[tuple[str, int]] = [(root, 0)]
        while stack:
            name, at = stack.pop()
            if at == 0:
                if name in seen:
                    continue
                seen.add(name)
            if at < len(onward[name]):
                stack += [(name, at + 1), (onward[name][at], 0)]
            else:
                finished.append(operations[name])
    return tuple(reversed(finished))


def _targets(system: System, counting: Counting) -> dict[str, dict[str, float]]:
    """Return, for each operation, the operations it starts and how often in one run."""
    consumers: dict[str, list[str]] = {}
    names = {operation.name for operation in system.operations}
    for operation in system.operations:
        if operation.trigger.kind == "message":
            consumers.setdefault(operation.trigger.name, []).append(operation.name)
    started: dict[str, dict[str, float]] = {}
    for operation in system.operations:
        counts: dict[str, float] = {}
        for step, times in executions(operation.steps, counting=counting):
            reached = (
                [step.operation] if isinstance(step, Call) else consumers.get(step.topic, []) if isinstance(step, Publish) else []
            )
            for name in reached:
                if name in names:
                    counts[name] = counts.get(name, 0.0) + times
        started[operation.name] = counts
    return started


@lru_cache(maxsize=64)
def rates_per_s(system: System, peak: float = 1.0, counting: Counting = MEAN) -> Mapping[str, float]:
    """Return how often each operation starts, a second, when the workloads are `peak` times as heavy and nothing is retried."""
    targets = _targets(system, counting)
    rates = dict.fromkeys(targets, 0.0)
    for workload in system.workloads:
        if workload.operation in rates:
            rates[workload.operation] += peak * counting.of(workload.rate_per_s)
    done: set[str] = set()
    for operation in callers_first(system, counting):
        done.add(operation.name)
        for name, times in targets[operation.name].items():
            if name not in done:
                rates[name] += rates[operation.name] * times
    return rates

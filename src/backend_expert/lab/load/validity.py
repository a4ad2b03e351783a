"""Refuse what cannot be simulated, in one sentence that names the place."""

from __future__ import annotations

import math

from backend_expert.lab.load.scenario import Flush, Loss, ModelError, Partition, Scenario, Slow, Steal
from backend_expert.model import (
    Branch,
    CacheGet,
    Call,
    Compensate,
    Estimate,
    Lock,
    Operation,
    Parallel,
    Repeat,
    Step,
    System,
    Transaction,
)
from backend_expert.model.assume import RATIOS, estimates

MEMORY_LIMIT_BYTES = 2 << 30
SLICE_BYTES = 17_000
"""One slice: its histogram of 4,096 buckets of four bytes, and some counts."""

CELL_BYTES = 40
"""The counts of one operation in one slice."""


SHARES = RATIOS - {"budget"}
"""Fields that are shares of a whole; a retry budget may let each first attempt pay for several retries."""


MOST_USERS = 100_000


def check_numbers(system: System) -> None:
    """Refuse numbers that are not finite or negative, and capacities of zero."""
    for path, estimate in estimates(system):
        if not math.isfinite(estimate.value):
            raise ModelError(f"{path} is {estimate.value}, which is not a number to simulate with.")
        if estimate.value < 0:
            raise ModelError(f"{path} is {estimate.value:g}; it cannot be negative.")
        field = path.rpartition("/")[2]
        if estimate.value == 0 and field in {"replicas", "workers", "cpu_cores", "size", "attempts", "timeout_ms", "period_s"}:
            raise ModelError(f"{path} is 0: nothing would ever be served there; state at least 1, or leave it out.")
        if estimate.value > 1 and field in {
            "hit_ratio",
            "probability",
            "failure_ratio",
            "expiry_jitter",
            "reserved",
            "error_ratio",
            "maximum_share",
        }:
            raise ModelError(f"{path} is {estimate.value:g}; a share is between 0 and 1.")


def check_scenario(system: System, scenario: Scenario) -> None:
    """Refuse a scenario with impossible times, rates or targets, or with a series that does not fit in memory."""
    for name, number in (("duration_s", scenario.duration_s), ("slice_s", scenario.slice_s)):
        if not (math.isfinite(number) and number > 0):
            raise ModelError(f"{name} of the scenario is {number}; it must be above 0.")
    if not (math.isfinite(scenario.warmup_s) and scenario.warmup_s >= 0):
        raise ModelError(f"warmup_s of the scenario is {scenario.warmup_s}; it must be 0 or more.")
    entries = len(scenario.arrivals.rates_per_s) or len(system.workloads)
    if scenario.leaving != "never" and scenario.patience_s is None:
        raise ModelError("Nobody leaves who waits for ever: state patience_s, or let nobody leave.")
    needed = scenario.duration_s / scenario.slice_s * (SLICE_BYTES + CELL_BYTES * entries)
    if needed > MEMORY_LIMIT_BYTES:
        raise ModelError(
            f"{scenario.duration_s:g} s in slices of {scenario.slice_s:g} s need {needed / 2**30:.1f} GB; make the slices longer."
        )
    _check_arrivals(system, scenario)
    _check_faults(system, scenario)


def _check_arrivals(system: System, scenario: Scenario) -> None:
    arrivals = scenario.arrivals
    names = {operation.name for operation in system.operations}
    for operation, rate in arrivals.rates_per_s:
        if not (math.isfinite(rate) and rate >= 0):
            raise ModelError(f"The rate of {operation} is {rate}; it must be 0 or more requests a second.")
    named = [name for name, _ in arrivals.rates_per_s] + [each.operation for each in arrivals.users]
    streams = named or [workload.operation for workload in system.workloads]
    for each in arrivals.users:
        if not (0 < each.count <= MOST_USERS and 0 <= each.think_s < math.inf and named.count(each.operation) == 1):
            raise ModelError(
                f"{each.count} users of {each.operation} that think for {each.think_s} s: state 1 to {MOST_USERS:,} users, 0 s or more, "
                "and no other traffic to the same operation."
            )
    if not streams:
        raise ModelError("No traffic: the system has no workload and the scenario names no rates; state one of them.")
    for operation in streams:
        if operation not in names:
            raise ModelError(f"Traffic arrives at {operation!r}, which is no operation of the system.")
    if not arrivals.segments:
        raise ModelError("The arrivals of the scenario have no segment; use load.constant() for steady traffic.")
    last = -math.inf
    for segment in arrivals.segments:
        for factor in (segment.factor, segment.end_factor or 0.0):
            if not (math.isfinite(factor) and factor >= 0):
                raise ModelError(f"The traffic factor at {segment.start_s:g} s is {factor}; it must be 0 or more.")
        if not segment.start_s > last:
            raise ModelError(f"The segments of the arrivals are not in the order of time at {segment.start_s:g} s.")
        last = segment.start_s
    bursts = arrivals.bursts
    if bursts is not None and not (
        bursts.mean_busy_s > 0 and bursts.mean_calm_s > 0 and min(bursts.busy_factor, bursts.calm_factor) >= 0
    ):
        raise ModelError("Bursts need mean stays above 0 s and factors of 0 or more.")


def _check_faults(system: System, scenario: Scenario) -> None:
    known = {component.name for component in system.components}
    for fault in scenario.faults:
        names = [fault.component, fault.other] if isinstance(fault, Partition | Loss) else [fault.component]
        for name in names:
            if name not in known:
                raise ModelError(f"A fault hits {name!r}, which is no component of the system.")
        if not (0 <= fault.at_s < math.inf and 0 <= fault.lasting_s < math.inf):
            raise ModelError(
                f"The fault of {fault.component} starts at {fault.at_s} s for {fault.lasting_s} s; both must be 0 or more."
            )
        if fault.at_s >= scenario.duration_s:
            raise ModelError(
                f"The fault of {fault.component} starts at {fault.at_s:g} s, after the end at {scenario.duration_s:g} s."
            )
        if isinstance(fault, Steal) and not 0 <= fault.share < 1:
            raise ModelError(
                f"Others cannot take {fault.share} of the processors of {fault.component}; the share is at least 0, below 1."
            )
        if isinstance(fault, Slow) and not (0 < fault.by < math.inf):
            raise ModelError(f"{fault.component} cannot be slowed down by {fault.by}; the factor must be above 0.")
        ratio = getattr(fault, "ratio", 0.0)
        if not 0 <= ratio <= 1:
            raise ModelError(f"The ratio of the fault of {fault.component} is {ratio}; it must be between 0 and 1.")
        if isinstance(fault, Flush) and not any(dataset.store == fault.component for dataset in system.datasets):
            raise ModelError(f"{fault.component} holds no dataset that could be flushed.")


def check_cycles(system: System) -> None:
    """Refuse operations that call each other on every path: such a request would never end."""
    operations = {operation.name: operation for operation in system.operations}
    done: set[str] = set()
    for operation in system.operations:
        path: list[str] = []
        _follow(operation, operations, path, done)


def _follow(operation: Operation, operations: dict[str, Operation], path: list[str], done: set[str]) -> None:
    if operation.name in done:
        return
    if operation.name in path:
        cycle = " → ".join([*path[path.index(operation.name) :], operation.name])
        raise ModelError(f"Every request to {operation.name} calls itself again and never ends: {cycle}.")
    path.append(operation.name)
    for name in sorted(_certain_calls(operation.steps)):
        if name in operations:
            _follow(operations[name], operations, path, done)
    path.pop()
    done.add(operation.name)


def _certain_calls(steps: tuple[Step, ...]) -> set[str]:
    """Return the operations that these steps call whatever happens."""
    names: set[str] = set()
    for step in steps:
        match step:
            case Call():
                names.add(step.operation)
            case Transaction() | Lock() | Compensate():
                names |= _certain_calls(step.steps)
            case Repeat() if step.count.value >= 1:
                names |= _certain_calls(step.steps)
            case Parallel():
                for branch in step.branches:
                    names |= _certain_calls(branch)
            case Branch():
                names |= _branch_calls(step)
            case CacheGet() if _number(step.hit_ratio) <= 0:
                names |= _certain_calls(step.on_miss)
            case _:
                pass
    return names


def _branch_calls(step: Branch) -> set[str]:
    then, otherwise = _certain_calls(step.then), _certain_calls(step.otherwise)
    if step.probability.value >= 1:
        return then
    return otherwise if step.probability.value <= 0 else then & otherwise


def _number(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None else estimate.value

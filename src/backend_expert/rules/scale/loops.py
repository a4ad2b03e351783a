"""Steps that run once for each item: what stands in a loop, through calls inside the same component too."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

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

FEW = 3
"""Repetitions in a row that are not worth a batch: below that, a loop is as quick to read and to run."""


class Repeated(Struct, frozen=True):
    """A step that an operation runs in a loop: `times` is the product of the loops around it."""

    operation: Operation
    loop: Repeat
    step: Step
    times: float
    certain: bool


def repeated(system: System, operation: Operation) -> Iterator[Repeated]:
    """Yield the steps of an operation that stand in a loop, calls to operations of the same component followed."""
    operations = {each.name: each for each in system.operations}

    def inside(
        steps: tuple[Step, ...], loop: Repeat | None, times: float, certain: bool, above: frozenset[str]
    ) -> Iterator[Repeated]:
        for step in steps:
            if isinstance(step, Repeat):
                yield from inside(step.steps, loop or step, times * _count(step.count), certain and not step.count.assumed, above)
                continue
            if loop is not None:
                yield Repeated(operation, loop, step, times, certain)
            callee = operations.get(step.operation) if isinstance(step, Call) else None
            if callee is not None and callee.component == operation.component and callee.name not in above:
                yield from inside(callee.steps, loop, times, certain, above | {callee.name})
            for block in _blocks(step):
                yield from inside(block, loop, times, certain, above)

    yield from inside(operation.steps, None, 1.0, True, frozenset({operation.name}))


def _count(count: Estimate) -> float:
    return max(1.0, count.value)


def _blocks(step: Step) -> tuple[tuple[Step, ...], ...]:
    match step:
        case Transaction() | Lock():
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

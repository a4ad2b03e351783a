"""Steps that stand one after another and need nothing of each other, and what becomes of them when they run at once."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from backend_expert.model.graph import children
from backend_expert.model.steps import (
    Action,
    Branch,
    CacheGet,
    Call,
    Compensate,
    Lock,
    Parallel,
    Query,
    Repeat,
    Step,
    Transaction,
)

Run = tuple[Step, ...]


def independent_runs(steps: tuple[Step, ...]) -> Iterator[Run]:
    """Yield the longest runs of two or more calls and reads of one block that are known to be independent of each other.

    Writes end a run: which of two writes happens when the other fails is a decision of its own. Nothing inside a transaction is a run,
    for its statements share one connection.
    """
    run: list[Step] = []
    for step in steps:
        if not (run and _asks(step) and getattr(step, "independent", None)):
            yield from _finished(run)
            run = []
        if _asks(step):
            run.append(step)
        elif not isinstance(step, Transaction):
            for block in children(step):
                yield from independent_runs(block)
    yield from _finished(run)


def at_once(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with each independent run made one parallel step."""
    runs = {id(run[0]): run for run in independent_runs(steps)}
    skipped = {id(step) for run in runs.values() for step in run[1:]}

    def block(inner: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(one(step) for step in inner if id(step) not in skipped)

    def one(step: Step) -> Step:
        if id(step) in runs:
            run = runs[id(step)]
            return Parallel(branches=tuple((each,) for each in run), certainty=step.certainty, evidence=step.evidence)
        match step:
            case Lock() | Repeat():
                return structs.replace(step, steps=block(step.steps))
            case Parallel():
                return structs.replace(step, branches=tuple(block(branch) for branch in step.branches))
            case Branch():
                return structs.replace(step, then=block(step.then), otherwise=block(step.otherwise))
            case Compensate():
                return structs.replace(step, steps=block(step.steps), undo=block(step.undo))
            case _:
                return step

    return block(steps)


def _asks(step: Step) -> bool:
    return isinstance(step, Call | CacheGet) or (isinstance(step, Query) and step.action is Action.READ)


def _finished(run: list[Step]) -> Iterator[Run]:
    if len(run) > 1:
        yield tuple(run)

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
    for part in _parts(steps):
        if len(part) > 1:
            yield part
        elif not isinstance(part[0], Transaction):
            for block in children(part[0]):
                yield from independent_runs(block)


def at_once(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps with each independent run made one parallel step."""
    return tuple(_together(part) if len(part) > 1 else _inside(part[0]) for part in _parts(steps))


def _parts(steps: tuple[Step, ...]) -> Iterator[Run]:
    """Yield the steps in order, those of a run together and every other one alone."""
    run: Run = ()
    for step in steps:
        joins = bool(run) and _asks(run[0]) and _asks(step) and bool(getattr(step, "independent", None))
        if run and not joins:
            yield run
        run = (*run, step) if joins else (step,)
    if run:
        yield run


def _together(run: Run) -> Step:
    return Parallel(branches=tuple((each,) for each in run), certainty=run[0].certainty, evidence=run[0].evidence)


def _inside(step: Step) -> Step:
    match step:
        case Lock() | Repeat():
            return structs.replace(step, steps=at_once(step.steps))
        case Parallel():
            return structs.replace(step, branches=tuple(at_once(branch) for branch in step.branches))
        case Branch():
            return structs.replace(step, then=at_once(step.then), otherwise=at_once(step.otherwise))
        case Compensate():
            return structs.replace(step, steps=at_once(step.steps), undo=at_once(step.undo))
        case CacheGet():
            return structs.replace(step, on_miss=at_once(step.on_miss))
        case _:
            return step


def _asks(step: Step) -> bool:
    return isinstance(step, Call | CacheGet) or (isinstance(step, Query) and step.action is Action.READ)

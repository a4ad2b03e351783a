"""Put the check into the statement that writes."""

from __future__ import annotations

import re

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_blocks, change_handlers
from backend_expert.advice.place import with_steps
from backend_expert.lab import states
from backend_expert.lab.states.flow import rewrite
from backend_expert.lab.states.flow import walk as walk_flow
from backend_expert.model import Action, Finding, Lock, Operation, Query, Step, System, walk


def in_flow(flow: states.Flow, invariant: states.Invariant) -> states.Flow:
    """Turn read-modify-write of the column, or blind writes of its status, into conditional updates."""
    table, _, name = invariant.of.rpartition(".")
    column = next((c for t in flow.tables if t.name == table for c in t.columns if c.name == name), None)
    if column is None:
        return flow
    if column.values:
        return change_handlers(flow, lambda handler: structs.replace(handler, steps=_moved(handler.steps, table, column)))
    return change_handlers(flow, lambda handler: _relative(handler, invariant.of))


def _moved(steps: tuple[states.Step, ...], table: str, column: states.Column) -> tuple[states.Step, ...]:
    def change(step: states.Step) -> states.Step:
        if not isinstance(step, states.Write) or step.column != f"{table}.{column.name}":
            return step
        allowed = [before for before, after in column.moves if after == step.value]
        if not allowed:
            return step
        where = " or ".join(f"{column.name} = {before}" for before in allowed)
        return states.UpdateWhere(table, where, ((column.name, step.value),), (), evidence=step.evidence)

    return rewrite(steps, change)


def _relative(handler: states.Handler, source: str) -> states.Handler:
    locals_ = {step.into for step in walk_flow(handler.steps) if isinstance(step, states.Read) and step.source == source}
    steps = _updates(handler.steps, source, locals_)
    table = source.rpartition(".")[0]
    others = (step for step in walk_flow(steps) if not (isinstance(step, states.UpdateWhere) and step.table == table))
    used = " ".join(text for step in others for text in _texts(step))
    unused = {name for name in locals_ if not re.search(rf"\b{re.escape(name)}\b", used)}
    if not unused:
        return handler
    kept = change_blocks(
        steps, lambda block: tuple(s for s in block if not (isinstance(s, states.Read) and s.source == source and s.into in unused))
    )
    return structs.replace(handler, steps=kept)


def _updates(steps: tuple[states.Step, ...], source: str, locals_: set[str]) -> tuple[states.Step, ...]:
    """Change outer steps before inner ones: a choice and the write in it become one statement."""
    result = []
    for step in steps:
        changed = _update(step, source, locals_)
        match changed:
            case states.Branch():
                then, otherwise = _updates(changed.then, source, locals_), _updates(changed.otherwise, source, locals_)
                changed = structs.replace(changed, then=then, otherwise=otherwise)
            case states.Transaction() | states.Lock() | states.Repeat() | states.Compensate():
                changed = structs.replace(changed, steps=_updates(changed.steps, source, locals_))
            case _:
                pass
        result.append(changed)
    return tuple(result)


def _update(step: states.Step, source: str, locals_: set[str]) -> states.Step:
    """Return `UPDATE ... SET qty = qty - 1 WHERE qty > 0` for a choice that leads to one write of what was read."""
    table, _, name = source.rpartition(".")
    condition, write = "0 = 0", step
    missed: tuple[states.Step, ...] = ()
    if isinstance(step, states.Branch) and len(step.then) == 1:
        condition, write, missed = step.condition, step.then[0], step.otherwise
    if not isinstance(write, states.Write) or write.column != source or not any(_names(write.value, each) for each in locals_):
        return step
    for each in sorted(locals_):
        condition = re.sub(rf"\b{re.escape(each)}\b", name, condition)
    value = write.value
    for each in sorted(locals_):
        value = re.sub(rf"\b{re.escape(each)}\b", name, value)
    return states.UpdateWhere(table, condition, ((name, value),), missed, evidence=write.evidence)


def _names(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _texts(step: states.Step) -> tuple[str, ...]:
    match step:
        case states.Branch():
            return (step.condition,)
        case states.Write():
            return (step.value,)
        case states.UpdateWhere():
            return (step.where, *(value for _, value in step.set))
        case _:
            return (getattr(step, "expected", ""), getattr(step, "value", ""))


@remedy(
    "guarded-update",
    en="Check and change in one statement",
    pt="Verifique e altere em uma única instrução",
    addresses=("read-modify-write-race",),
    considers=("consistency",),
    effort="hours",
    in_flow=in_flow,
    closes=("oversell", "not-conserved", "illegal-transition"),
)
def guarded_update(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - two requests are enough for a race
    """Return the system in which the finding's updates carry the condition that was read before, and so refuse when it is gone.

    The read stays, for the answer may need it; nothing is decided on it any more. What a lock guards is left alone.
    """
    racing = {each.name: _racing(each) for each in system.operations if each.component in finding.components}

    def guarded(operation: Operation, step: Step) -> Step:
        concerned = isinstance(step, Query) and finding.subject == f"{operation.component} {step.dataset}"
        if isinstance(step, Query) and concerned and step in racing.get(operation.name, ()):
            return structs.replace(step, action=Action.GUARDED_UPDATE)
        return step

    return with_steps(system, guarded)


def _racing(operation: Operation) -> frozenset[Query]:
    """Return the updates that follow from a read before them, or that are by the same columns as one."""
    steps = tuple(walk(operation.steps))
    locked = {id(inner) for step in steps if isinstance(step, Lock) for inner in walk(step.steps)}
    queries = [step for step in steps if isinstance(step, Query) and id(step) not in locked]
    found = set()
    for position, write in enumerate(queries):
        reads = [each for each in queries[:position] if each.action is Action.READ and each.dataset == write.dataset]
        follows = write.computed
        if follows is None:
            follows = any(write.filter_columns and set(each.filter_columns) == set(write.filter_columns) for each in reads)
        if write.action is Action.UPDATE and reads and follows:
            found.add(write)
    return frozenset(found)

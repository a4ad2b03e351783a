"""Put the check into the statement: one atomic update with a condition instead of read, decide, write."""

from __future__ import annotations

import re

from msgspec import structs

from backend_expert.lab.states.flow import (
    Branch,
    Column,
    Compensate,
    Flow,
    Handler,
    Invariant,
    Lock,
    Read,
    Repeat,
    Step,
    Transaction,
    UpdateWhere,
    Write,
    rewrite,
    walk,
)
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_blocks, change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Turn read-modify-write of the column, or blind writes of its status, into conditional updates."""
    table, _, name = invariant.of.rpartition(".")
    column = next((c for t in flow.tables if t.name == table for c in t.columns if c.name == name), None)
    if column is None:
        return flow
    if column.values:
        return change_handlers(flow, lambda handler: structs.replace(handler, steps=_guarded(handler.steps, table, column)))
    return change_handlers(flow, lambda handler: _relative(handler, invariant.of))


def _guarded(steps: tuple[Step, ...], table: str, column: Column) -> tuple[Step, ...]:
    def change(step: Step) -> Step:
        if not isinstance(step, Write) or step.column != f"{table}.{column.name}":
            return step
        allowed = [before for before, after in column.moves if after == step.value]
        if not allowed:
            return step
        where = " or ".join(f"{column.name} = {before}" for before in allowed)
        return UpdateWhere(table, where, ((column.name, step.value),), (), evidence=step.evidence)

    return rewrite(steps, change)


def _relative(handler: Handler, source: str) -> Handler:
    locals_ = {step.into for step in walk(handler.steps) if isinstance(step, Read) and step.source == source}
    steps = _updates(handler.steps, source, locals_)
    table = source.rpartition(".")[0]
    others = (step for step in walk(steps) if not (isinstance(step, UpdateWhere) and step.table == table))
    used = " ".join(text for step in others for text in _texts(step))
    unused = {name for name in locals_ if not re.search(rf"\b{re.escape(name)}\b", used)}
    if not unused:
        return handler
    kept = change_blocks(
        steps, lambda block: tuple(s for s in block if not (isinstance(s, Read) and s.source == source and s.into in unused))
    )
    return structs.replace(handler, steps=kept)


def _updates(steps: tuple[Step, ...], source: str, locals_: set[str]) -> tuple[Step, ...]:
    """Change outer steps before inner ones: a choice and the write in it become one statement."""
    result = []
    for step in steps:
        changed = _update(step, source, locals_)
        match changed:
            case Branch():
                then, otherwise = _updates(changed.then, source, locals_), _updates(changed.otherwise, source, locals_)
                changed = structs.replace(changed, then=then, otherwise=otherwise)
            case Transaction() | Lock() | Repeat() | Compensate():
                changed = structs.replace(changed, steps=_updates(changed.steps, source, locals_))
            case _:
                pass
        result.append(changed)
    return tuple(result)


def _update(step: Step, source: str, locals_: set[str]) -> Step:
    """Return `UPDATE ... SET qty = qty - 1 WHERE qty > 0` for a choice that leads to one write of what was read."""
    table, _, name = source.rpartition(".")
    condition, write = "0 = 0", step
    missed: tuple[Step, ...] = ()
    if isinstance(step, Branch) and len(step.then) == 1:
        condition, write, missed = step.condition, step.then[0], step.otherwise
    if not isinstance(write, Write) or write.column != source or not any(_names(write.value, each) for each in locals_):
        return step
    for each in sorted(locals_):
        condition = re.sub(rf"\b{re.escape(each)}\b", name, condition)
    value = write.value
    for each in sorted(locals_):
        value = re.sub(rf"\b{re.escape(each)}\b", name, value)
    return UpdateWhere(table, condition, ((name, value),), missed, evidence=write.evidence)


def _names(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _texts(step: Step) -> tuple[str, ...]:
    match step:
        case Branch():
            return (step.condition,)
        case Write():
            return (step.value,)
        case UpdateWhere():
            return (step.where, *(value for _, value in step.set))
        case _:
            return (getattr(step, "expected", ""), getattr(step, "value", ""))


REMEDY = Remedy(
    id="conditional-update",
    title=Text("Conditional update", "Atualização condicional"),
    closes=("oversell", "not-conserved", "illegal-transition"),
    cost=1,
    does_not_fix=Text(
        "A message handled twice still takes twice. A rule over several rows still breaks.",
        "Uma mensagem tratada duas vezes ainda retira duas vezes. Uma regra sobre várias linhas ainda quebra.",
    ),
    when_not=Text(
        "Leave it where the decision needs more than the row itself; then lock the row or use serializable isolation.",
        "Dispense onde a decisão depende de mais do que a própria linha; aí bloqueie a linha ou use isolamento serializável.",
    ),
    apply=apply,
)

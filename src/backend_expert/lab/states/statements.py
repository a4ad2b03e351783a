"""What statements do to the store, followed on paths: each path has a condition and the values it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Union

from msgspec import Struct

from backend_expert.lab.states.expression import (
    TRUE,
    ExpressionError,
    Guard,
    Linear,
    both,
    compare,
    either,
    is_value,
    number,
    opposite,
    parse_condition,
    parse_sum,
    substitute,
    variable,
)
from backend_expert.lab.states.flow import (
    Branch,
    Delete,
    FlowError,
    Insert,
    Publish,
    Read,
    Sets,
    Step,
    Stop,
    Table,
    UpdateWhere,
    Write,
)
from backend_expert.lab.states.program import Situation, silent
from backend_expert.lab.states.world import Instance, World

Exit = Union[str, Step]
"""`next`, `error` (thrown), or the step whose special outcome was met (a duplicate key, no row)."""


class Path(Struct, frozen=True):
    """A way through statements: when it is taken, and the new values in terms of the old ones."""

    guard: Guard = TRUE
    values: Mapping[str, Linear] = {}

    def where(self, guard: Guard) -> Path:
        """Return the path narrowed by a condition on the values as they are at its end."""
        return Path(both(self.guard, substitute(guard, self.values)), self.values)

    def assign(self, name: str, value: Linear) -> Path:
        """Return the path with a variable set to a sum over the values as they are at its end."""
        return Path(self.guard, {**self.values, name: value.substitute(self.values)})

    @property
    def possible(self) -> bool:
        """Tell whether the condition can hold at all."""
        return bool(self.guard)


class Outcome(Struct, frozen=True):
    """Where a path leaves the statements."""

    path: Path
    exit: Exit = "next"


class Context(Struct, frozen=True):
    """Who runs the statements: the instance, its locals and situation, its number as a holder of locks, the quantities to count."""

    world: World
    instance: Instance
    local: Callable[[str], str | None]
    situation: Situation
    holder: int
    counted: frozenset[str]

    def resolve(self, table: Table | None = None) -> Callable[[str], Linear]:
        """Return what names mean here: a local value, a column of the row, a status word."""

        def meaning(name: str) -> Linear:
            local = self.local(name)
            if local is not None:
                return variable(local)
            if table is not None and (name == "rows" or any(column.name == name for column in table.columns)):
                return self.world.one(table, name, self.instance)
            if name in self.world.words:
                return number(self.world.words[name])
            raise ExpressionError(f"{name!r} is neither a local value, a column of the row nor a status")

        return meaning

    def condition(self, text: str, table: Table | None = None) -> Guard:
        """Return the guard of a text; raise `FlowError` when it cannot be read."""
        try:
            return parse_condition(text, self.resolve(table))
        except ExpressionError as error:
            raise FlowError(f"The condition {text!r} cannot be read: {error}.") from None

    def sum(self, text: str, table: Table | None = None) -> Linear:
        """Return the sum of a text; raise `FlowError` when it cannot be read."""
        try:
            return parse_sum(text, self.resolve(table))
        except ExpressionError as error:
            raise FlowError(f"The value {text!r} cannot be read: {error}.") from None


def run(context: Context, steps: Iterable[Step], start: Path) -> list[Outcome]:
    """Return every way through the steps from a path."""
    outcomes = [Outcome(start)]
    for step in steps:
        following: list[Outcome] = []
        for outcome in outcomes:
            following += _one(context, step, outcome.path) if outcome.exit == "next" else [outcome]
        outcomes = [outcome for outcome in following if outcome.path.possible]
    return outcomes


def _one(context: Context, step: Step, path: Path) -> list[Outcome]:
    match step:
        case Insert():
            return _insert(context, step, path)
        case Write():
            table, column = context.world.split(step.column)
            context.world.column_of(table, column)
            return _with_lease(context, path, blind=True, then=lambda p: _change(context, step, table, ((column, step.value),), p))
        case UpdateWhere():
            return _with_lease(context, path, blind=False, then=lambda p: _update_where(context, step, p))
        case Delete():
            return _delete(context, step, path)
        case Read():
            local = context.local(step.into)
            assert local is not None
            return [Outcome(path.assign(local, context.world.source(step.source, context.instance)))]
        case Publish():
            name = context.world.outbox(context.world.flow.topic(step.topic), context.instance)
            return [Outcome(path.assign(name, variable(name) + number(1)))]
        case Branch():
            condition = context.condition(step.condition)
            return run(context, step.then, path.where(condition)) + run(context, step.otherwise, path.where(opposite(condition)))
        case Stop():
            return [Outcome(path, step)]
        case _:
            return [Outcome(path, "error")]


def _free(context: Context, table: Table, path: Path) -> Path:
    """Wait for the row lock, where some transaction can hold one that is not ours."""
    if table.name not in context.world.locked or table.name in context.situation.locked:
        return path
    return path.where(is_value(context.world.row_lock(table, context.instance), 0))


def touched(context: Context, table: Table, path: Path) -> Path:
    """Return the path on which the row of the instance counts one commit more, where some level watches it."""
    if table.name not in context.world.versioned:
        return path
    name = context.world.commits(table, context.instance)
    return Path(path.guard, {**path.values, name: variable(name) + number(1)})


def _insert(context: Context, step: Insert, path: Path) -> list[Outcome]:
    table = context.world.flow.table(step.table)
    path = _free(context, table, path)
    rows = context.world.has_row(table, context.instance)
    existing = number(0)
    for each in context.world.same_key(table, context.instance):
        existing = existing + context.world.has_row(table, each)
    free = compare(existing, "<=", number(0)) if table.unique else TRUE
    fine = path.where(free)
    fine = fine.assign(rows.terms[0][0], rows + number(1))
    given = dict(step.set)
    for name in given:
        context.world.column_of(table, name)
    for column in table.columns:
        value = context.sum(given[column.name]) if column.name in given else number(context.world.initial(column))
        fine = fine.assign(context.world.column(table, column.name, context.instance), value)
    outcomes = [Outcome(touched(context, table, fine))]
    if table.unique:
        outcomes.append(Outcome(path.where(opposite(free)), "error" if step.on_duplicate is None else step))
    return outcomes


def _delete(context: Context, step: Delete, path: Path) -> list[Outcome]:
    table = context.world.flow.table(step.table)
    path = _free(context, table, path)
    path = path.assign(context.world.has_row(table, context.instance).terms[0][0], number(0))
    for column in table.columns:
        path = path.assign(context.world.column(table, column.name, context.instance), number(0))
    return [Outcome(touched(context, table, path))]


def _update_where(context: Context, step: UpdateWhere, path: Path) -> list[Outcome]:
    table = context.world.flow.table(step.table)
    path = _free(context, table, path)
    there = compare(context.world.has_row(table, context.instance), ">=", number(1))
    condition = both(there, context.condition(step.where, table))
    outcomes = _set(context, table, step.set, path.where(condition))
    missed = path.where(opposite(condition))
    if not missed.possible:
        return outcomes
    if step.on_none is None:
        return [*outcomes, Outcome(missed)]
    if silent(step.on_none):
        return outcomes + run(context, step.on_none, missed)
    return [*outcomes, Outcome(missed, step)]


def _change(context: Context, step: Write, table: Table, values: Sets, path: Path) -> list[Outcome]:
    path = _free(context, table, path)
    rows = context.world.has_row(table, context.instance)
    if rows == number(0):
        raise FlowError(
            f"{step.column} is written, but nothing inserts a row into {table.name!r}; insert one or say that rows exist."
        )
    there = compare(rows, ">=", number(1))
    return [*_set(context, table, values, path.where(there)), Outcome(path.where(opposite(there)))]


def _set(context: Context, table: Table, values: Sets, path: Path) -> list[Outcome]:
    """Assign columns at once; a status that moves where it may not raises its flag."""
    paths = [path]
    new = {name: context.sum(text, table) for name, text in values}
    for name, value in new.items():
        column = context.world.column_of(table, name)
        source = f"{table.name}.{name}"
        if column.moves and not value.terms:
            paths = [each for old in paths for each in _moved(context, source, value.constant, old)]
        if source in context.counted and len(value.terms) == 1 and value.terms[0][1] == 1:
            counter = context.world.taken(source, context.instance)
            paths = [each.assign(counter, variable(counter) - number(value.constant)) for each in paths]
    before = [each.values for each in paths]
    for name, value in new.items():
        target = context.world.column(table, name, context.instance)
        paths = [Path(each.guard, {**each.values, target: value.substitute(old)}) for each, old in zip(paths, before, strict=True)]
    return [Outcome(touched(context, table, each)) for each in paths if each.possible]


def _moved(context: Context, source: str, new: int, path: Path) -> list[Path]:
    table, name = context.world.split(source)
    column = context.world.column_of(table, name)
    words = context.world.words
    allowed = {new} | {words[before] for before, after in column.moves if words[after] == new}
    current = context.world.column(table, name, context.instance)
    legal = either(*(is_value(current, value) for value in sorted(allowed)))
    flag = context.world.flag(f"illegal move of {source}")
    return [path.where(legal), path.where(opposite(legal)).assign(flag, number(1))]


def _with_lease(context: Context, path: Path, *, blind: bool, then: Callable[[Path], list[Outcome]]) -> list[Outcome]:
    """Split by whether the lock is still ours: a former holder writes all the same, or a fenced store refuses it."""
    leases = [lock for lock in context.situation.leases if lock.lease]
    if not leases:
        return then(path)
    ours = both(*(is_value(context.world.holder(lock, context.instance), context.holder) for lock in leases))
    held, lost = path.where(ours), path.where(opposite(ours))
    if any(lock.fenced for lock in leases):
        return [*then(held), Outcome(lost, "error")]
    if blind:
        lost = lost.assign(context.world.flag("write by a former holder"), number(1))
    return then(held) + then(lost)

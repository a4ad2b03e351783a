"""Small changes of flows that several remedies share."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from backend_expert.lab.states.flow import (
    Branch,
    Compensate,
    Delete,
    Flow,
    Handler,
    Insert,
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


def change_handlers(flow: Flow, change: Callable[[Handler], Handler]) -> Flow:
    """Return the flow with every handler changed, the same object when none was."""
    handlers = tuple(change(handler) for handler in flow.handlers)
    return flow if handlers == flow.handlers else structs.replace(flow, handlers=handlers)


def change_steps(flow: Flow, change: Callable[[Step], Step | tuple[Step, ...]]) -> Flow:
    """Return the flow with every step changed, inner before outer; the same object when none was."""
    return change_handlers(flow, lambda handler: structs.replace(handler, steps=rewrite(handler.steps, change)))


def change_blocks(steps: tuple[Step, ...], change: Callable[[tuple[Step, ...]], tuple[Step, ...]]) -> tuple[Step, ...]:
    """Return the steps with every block of a handler's main line changed, inner blocks first."""
    inside: list[Step] = []
    for step in steps:
        match step:
            case Transaction() | Lock() | Repeat():
                inside.append(structs.replace(step, steps=change_blocks(step.steps, change)))
            case Branch():
                then, otherwise = change_blocks(step.then, change), change_blocks(step.otherwise, change)
                inside.append(structs.replace(step, then=then, otherwise=otherwise))
            case Compensate():
                inside.append(structs.replace(step, steps=change_blocks(step.steps, change)))
            case _:
                inside.append(step)
    return change(tuple(inside))


def only_store(step: Step) -> bool:
    """Tell whether a step talks to nothing but the store, so that it can stand in a transaction."""
    return all(isinstance(each, Read | Write | UpdateWhere | Insert | Delete | Branch) for each in walk((step,)))


def written(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the tables that steps write, in the order in which they are met."""
    found: dict[str, None] = {}
    for each in walk(steps):
        match each:
            case Insert() | UpdateWhere() | Delete():
                found[each.table] = None
            case Write():
                found[each.column.rpartition(".")[0]] = None
            case _:
                pass
    return tuple(found)


def table_named(flow: Flow, reference: str) -> str:
    """Return the table that a reference to a table or to one of its columns names, or the empty text."""
    names = {table.name for table in flow.tables}
    return reference if reference in names else reference.rpartition(".")[0] if reference.rpartition(".")[0] in names else ""

"""Write down the duty to take effects back before they happen, so that a crash cannot lose it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import structs

from backend_expert import model
from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_handlers, written
from backend_expert.advice.place import added, with_operations
from backend_expert.lab.states import Call, Compensate, Delete, Effect, Flow, Insert, Invariant, Step
from backend_expert.lab.states.flow import walk


def _in_flow(flow: Flow, invariant: Invariant) -> Flow:
    """Guard the steps from the first to the last of what belongs together by a durable compensation.

    It stands in the handler that does all of it, itself or through those it calls. A consumer needs none: its message comes again.
    """
    effect = next((step for step in _effects(flow) if step.external in " ".join(invariant.conditions)), None)
    if effect is None:
        return flow
    leading = _leading(flow, effect)
    tables = {table.name for table in flow.tables if any(f"{table.name}." in condition for condition in invariant.conditions)}
    able = [handler for handler in flow.handlers if handler.name in leading and not handler.consumes]
    chosen = next((handler for handler in able if tables & set(written(handler.steps))), able[-1] if able else None)
    if chosen is None:
        return flow
    undo = Effect(
        f"{effect.external.partition('.')[0]}.reversal", 1 + flow.bounds.timeout, effect.external, evidence=effect.evidence
    )
    guarded = structs.replace(chosen, steps=_guarded(chosen.steps, undo, leading, tables))
    return change_handlers(flow, lambda handler: guarded if handler is chosen else handler)


@remedy(
    "durable-saga",
    en="Write down how to take an effect back before it happens",
    pt="Registre como desfazer um efeito antes que ele aconteça",
    addresses=("flow-without-compensation",),
    considers=("consistency", "resilience"),
    effort="weeks",
    in_flow=_in_flow,
    closes=("half-compensated",),
)
def durable_saga(system: model.System, finding: model.Finding, peak: float) -> model.System:  # noqa: ARG001 - one crash is enough
    """Return the system in which the finding's operation undoes its first change elsewhere when one of the steps after it fails."""
    homes = {operation.name: operation.component for operation in system.operations}
    undone: dict[str, model.Operation] = {}

    def guarded(operation: model.Operation) -> model.Operation:
        place = next((at for at, step in enumerate(operation.steps) if _changes(step, homes, finding)), None)
        if place is None:
            return operation
        first = operation.steps[place]
        called = system.operation(first.operation) if isinstance(first, model.Call) else operation
        undo = structs.replace(called, name=f"undo {called.name}", steps=())
        undone[undo.name] = undo
        back = model.Call(operation=undo.name, evidence=first.evidence)
        return structs.replace(
            operation, steps=(*operation.steps[:place], model.Compensate(steps=operation.steps[place:], undo=(back,)))
        )

    changed = with_operations(system, {finding.subject}, guarded)
    for operation in undone.values():
        changed = structs.replace(changed, operations=added(changed.operations, operation))
    return changed


def _changes(step: model.Step, homes: dict[str, str], finding: model.Finding) -> bool:
    """Tell whether a step is the call of the finding that is left behind: the one whose place the finding shows."""
    return (
        isinstance(step, model.Call)
        and homes.get(step.operation) in finding.components[1:2]
        and not {*step.evidence}.isdisjoint(finding.evidence)
    )


def _effects(flow: Flow) -> Iterator[Effect]:
    for handler in flow.handlers:
        for step in walk(handler.steps):
            if isinstance(step, Effect) and not step.undoes:
                yield step


def _leading(flow: Flow, effect: Effect) -> frozenset[str]:
    """Return the handlers that have the effect themselves or through those they call."""
    found = {handler.name for handler in flow.handlers if effect in walk(handler.steps)}
    growing = True
    while growing:
        more = {handler.name for handler in flow.handlers if any(_calls(step, found) for step in walk(handler.steps))} - found
        found |= more
        growing = bool(more)
    return frozenset(found)


def _calls(step: Step, handlers: Collection[str]) -> bool:
    return isinstance(step, Call) and step.handler in handlers


def _guarded(steps: tuple[Step, ...], undo: Effect, leading: frozenset[str], tables: set[str]) -> tuple[Step, ...]:
    """Return the steps of a handler with what belongs together in one durable compensation, which takes rows back, too."""

    def belongs(step: Step) -> bool:
        inside = tuple(walk((step,)))
        return bool(tables & set(written((step,)))) or any(
            _calls(each, leading) or (isinstance(each, Effect) and each.external == undo.undoes) for each in inside
        )

    places = [index for index, step in enumerate(steps) if belongs(step)]
    start, end = places[0], places[-1] + 1
    first = steps[start]
    if isinstance(first, Compensate) and end == start + 1:
        known = any(isinstance(step, Effect) and step.undoes == undo.undoes for step in first.undo)
        return (
            *steps[:start],
            structs.replace(first, undo=first.undo if known else (*first.undo, undo), durable=True),
            *steps[end:],
        )
    rows = tuple(Delete(step.table, evidence=step.evidence) for step in steps[start : end - 1] if isinstance(step, Insert))
    whole = Compensate(steps[start:end], (undo, *rows), durable=True, evidence=undo.evidence)
    return (*steps[:start], whole, *steps[end:])
